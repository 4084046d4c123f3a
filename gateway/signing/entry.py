"""What can stand in the log: a closed set of entries, and the one way of writing each as bytes. Pure.

An entry has no place for free text: names from the configuration, digests, numbers and words of closed sets. Whoever a thing
was done by or to is a keyed hash (`keyed`) or a register's number, so the log can be kept whole when a person's data must go.
A line is JSON with sorted keys and no blanks, `{"at":…,"entry":{"kind":…,…},"n":…,"prev":…}`: the entry, when it was written
(Unix seconds, by the host's clock), its number from 0, and half the hash of the line before, so that a changed line is found
by its number. Those bytes, without the line break, are the leaf of the tree.

What is written is read again under the same rules before it counts (`encode`). A reader takes lines of kinds and fields that it
does not know (`read`): they were written by another version. New fields get a default here, and none is ever taken away.
"""

import hmac
import re
from collections.abc import Mapping
from enum import StrEnum, unique
from typing import Annotated, Any, Final, get_args

import msgspec

from gateway.model.words import Destination, Reason

LONGEST: Final = 64 * 1024
"""Bytes of a line; what is longer is refused, and is no line of this log."""


@unique
class EntryKind(StrEnum):
    """All that is recorded."""

    STARTED = "started"
    STOPPED = "stopped"
    STORE_FAILED = "store_failed"
    CONFIGURATION = "configuration"
    CONTRACT = "contract"
    DECISION_TABLE = "decision_table"
    SIGNING_KEY = "signing_key"
    SEALING_KEY = "sealing_key"
    API_KEY = "api_key"
    COUNTS = "counts"
    LOGIN = "login"
    LOGIN_REFUSED = "login_refused"
    ROLE_CHANGED = "role_changed"
    PAUSED = "paused"
    RESUMED = "resumed"
    REPLAY = "replay"
    EXPORT = "export"
    SHAPES_APPROVED = "shapes_approved"
    RIGHTS_REQUEST = "rights_request"
    RETENTION_SWEPT = "retention_swept"
    CHECKPOINT_EXPORTED = "checkpoint_exported"


@unique
class Change(StrEnum):
    """What became of a key."""

    ADDED = "added"
    REMOVED = "removed"


@unique
class Role(StrEnum):
    """What somebody may do; `none` for nothing any more."""

    MARKETER = "marketer"
    PRIVACY = "privacy"
    OPERATOR = "operator"
    NONE = "none"


@unique
class Right(StrEnum):
    """What a person asked for."""

    WITHDRAW = "withdraw"
    ERASE = "erase"
    ACCESS = "access"


@unique
class Exported(StrEnum):
    """What was given out."""

    LOG = "log"
    SHAPES = "shapes"
    CONTRACTS = "contracts"
    ACCOUNTS = "accounts"
    EVENTS = "events"
    REPORT = "report"
    RECONCILIATION = "reconciliation"
    FUNNEL = "funnel"
    DEAD_LETTERS = "dead_letters"
    HEALTH = "health"


@unique
class Counted(StrEnum):
    """How an event fared at the door, or at a destination."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    INVALID = "invalid"
    DELIVERED = "delivered"
    DEAD = "dead"
    WITHDRAWN = "withdrawn"
    RETRIED = "retried"
    REPLAYED = "replayed"


@unique
class Outlet(StrEnum):
    """Where a checkpoint was handed to."""

    FILE = "file"
    STDOUT = "stdout"
    WEBHOOK = "webhook"


@unique
class KeyUse(StrEnum):
    """Which kind of API key."""

    SECRET = "secret"  # noqa: S105 - the name of a kind
    PUBLISHABLE = "publishable"


Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
"""SHA-256, in lower-case hex."""
Storefront = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}\Z")]
KeyName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}\Z")]
Version = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,39}\Z")]
Link = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
Hash32 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}\Z")]
By = Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9a-f]{64}|private_listener|command|server|browser|shopify)\Z")]
"""Who did it: an account or a program's token as `keyed`, else the private listener before it had a login, a command on the
host, a shop's server by its key, somebody's own browser, or Shopify by its signature.
"""
PRIVATE_LISTENER: Final = "private_listener"
COMMAND: Final = "command"

MOST_ROWS: Final = 500
"""Rows of one entry of counts."""

NOTHING_BEFORE: Final = "0" * 32
"""`prev` of the first entry."""


def link(leaf: bytes) -> str:
    """Give what the next line says of this one, by its leaf hash."""
    return leaf[:16].hex()


class Started(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="started"):
    """The process began. `cut`: bytes of a half-written end that were taken off the file; nobody was told that they stood."""

    version: Version
    cut: Count = 0


class Stopped(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="stopped"):
    """The process ended as it was told to. A start with no stop before it was a crash."""


class StoreFailed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="store_failed"):
    """The store of events failed, and the process ends for it."""


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="configuration"):
    """The configuration in force from here on. `digest` is of what the file says, which refers to secrets and holds none."""

    digest: Digest


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="contract"):
    """The contract of what may leave to a destination, in force from here on."""

    destination: Destination
    version: Count
    digest: Digest


class DecisionTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="decision_table"):
    """The table by which consent is decided, in force from here on."""

    version: Version


class SigningKeyUsed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="signing_key"):
    """The key that signs checkpoints from here on, by the hash in its text form."""

    key: Hash32


class SealingKeyUsed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="sealing_key"):
    """The key that seals the store from here on, by its name in the key file."""

    name: KeyName


class ApiKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="api_key"):
    """A storefront's key was put into the configuration, or taken out of it."""

    storefront: Storefront
    use: KeyUse
    key: KeyName
    change: Change


class Row(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One count: whose events, to which destination (none at the door), how they fared, how many."""

    storefront: Storefront
    destination: Destination | None
    counted: Counted
    n: Count


class Counts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="counts"):
    """What became of events since the entry of counts before, or the start."""

    rows: Annotated[tuple[Row, ...], msgspec.Meta(min_length=1, max_length=MOST_ROWS)]


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="login"):
    """Somebody signed in. `role` is the widest that they have: the operator's, then the privacy team's."""

    account: Digest
    role: Role


class LoginRefused(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="login_refused"):
    """Somebody tried to sign in as this account, which may not exist."""

    account: Digest


class RoleChanged(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="role_changed"):
    """An account got a role (`before` none) or lost one (`after` none): one entry for each role."""

    account: Digest
    before: Role
    after: Role
    by: By


class Paused(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="paused"):
    """Somebody had a storefront's deliveries to a destination stopped."""

    storefront: Storefront
    destination: Destination
    by: By


class Resumed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="resumed"):
    """Somebody had them go on."""

    storefront: Storefront
    destination: Destination
    by: By


class Replay(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="replay"):
    """Somebody had a slice of a lane's dead letters sent again; no reasons means all. How many went, the counts say."""

    storefront: Storefront
    destination: Destination
    reasons: Annotated[tuple[Reason, ...], msgspec.Meta(max_length=50)]
    by: By


class Export(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="export"):
    """Somebody had something written out, of the time from `since` up to `until` (Unix seconds)."""

    what: Exported
    by: By
    since: Count = 0
    until: Count = 0


class ShapesApproved(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="shapes_approved"):
    """What left so far, up to a row's number, was acknowledged. `decision` is the SHA-256 of the decision's name."""

    storefront: Storefront
    decision: Digest
    up_to: Count
    by: By


class RightsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="rights_request"):
    """A person's request was carried out: its number in the storefront's register, and nothing of the person."""

    storefront: Storefront
    right: Right
    number: Count
    by: By


class RetentionSwept(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="retention_swept"):
    """What was beyond its time was deleted: how much, by kind of store."""

    deleted: Annotated[dict[KeyName, Count], msgspec.Meta(min_length=1, max_length=20)]


class CheckpointExported(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="checkpoint_exported"):
    """A checkpoint of the first `size` entries was handed out, and taken."""

    size: Count
    outlet: Outlet


Entry = (
    Started | Stopped | StoreFailed | Configuration | Contract | DecisionTable | SigningKeyUsed | SealingKeyUsed | ApiKey
    | Counts | Login | LoginRefused | RoleChanged | Paused | Resumed | Replay | Export | ShapesApproved | RightsRequest
    | RetentionSwept | CheckpointExported
)  # fmt: skip

KINDS: Final[Mapping[EntryKind, type[msgspec.Struct]]] = {
    EntryKind(str(kind.__struct_config__.tag)): kind for kind in get_args(Entry)
}
"""Every kind, with its fields."""


class BadEntry(ValueError):
    """Something cannot stand in the log; the message says which rule it breaks, and nothing of what it held."""


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry with its number and its time."""

    at: Count
    entry: Entry
    n: Count
    prev: Link


class Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of any version: the entry is what it says, whether or not this version knows it."""

    at: Count
    entry: dict[str, Any]
    n: Count
    prev: Link


_ENCODER: Final = msgspec.json.Encoder(order="sorted", enc_hook=str)
"""`enc_hook` for checked texts, which are strings of their own type."""
_LINES: Final = msgspec.json.Decoder(Line)
_FRAMES: Final = msgspec.json.Decoder(Frame)
_KIND: Final = re.compile(r"[a-z_]{1,40}", re.ASCII)


def kind_of(entry: Entry) -> EntryKind:
    """Name an entry's kind."""
    return EntryKind(str(entry.__struct_config__.tag))


def encode(entry: Entry, n: int, at: int, prev: str = NOTHING_BEFORE) -> bytes:
    """Write the `n`th line (from 0), written at `at` (Unix seconds), without a line break; `prev` is `link` of the line before.

    Raises BadEntry.

    The bytes are read again: only what keeps the rules is written, whatever somebody managed to put together.
    """
    try:
        line = _ENCODER.encode(Line(at, entry, n, prev))
        sound = _ENCODER.encode(_LINES.decode(line)) == line
    except (msgspec.MsgspecError, TypeError, ValueError):
        sound, line = False, b""
    if not sound or len(line) > LONGEST:
        raise BadEntry("an entry breaks the rules of its kind")
    return line


def read(line: bytes) -> Frame:
    """Read a line of any version. Raises BadEntry unless it is the one way of writing what it says."""
    if len(line) > LONGEST:
        raise BadEntry("it is too long")
    try:
        frame = _FRAMES.decode(line)
        again = _ENCODER.encode(frame)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadEntry("it is no JSON of a line's form") from None
    if again != line:
        raise BadEntry("it is not written in the log's one way")
    kind = frame.entry.get("kind")
    if not isinstance(kind, str) or _KIND.fullmatch(kind) is None:
        raise BadEntry("it has no kind")
    return frame


def known(line: bytes) -> Entry | None:
    """Give the entry of a line that `read` has taken; None if it is of another version's making."""
    try:
        return _LINES.decode(line).entry
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def keyed(pepper: bytes, what: str, text: str) -> str:
    """Hash an account's or a person's name for the log: 64 hex digits that say nothing without the pepper.

    `what` keeps names of different things apart, such as `account`.
    """
    return hmac.digest(pepper, b"signed log\0" + what.encode() + b"\0" + text.encode(), "sha256").hex()
