"""What an adapter is: one page per platform, pure, that builds a request and reads the reply.

An adapter is made from the destination's settings and holds nothing else. It has no client, no clock, no token and
no `async`: the courier sends what `build` returns, hands the answer to `interpret`, and zips the verdicts with the
events strictly, so an adapter that answers for the wrong number of events fails loudly. Counterpart: `delivery/sending.py`.
"""

import re
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from enum import unique
from typing import Annotated, ClassVar, Final, Literal, Protocol

import msgspec
from pydantic import BaseModel, Field

from gateway.model.event import ClickIds, Minimised
from gateway.model.texts import PlatformCode, Receipt
from gateway.model.verdict import Pause, Retry, Throttle, Verdict
from gateway.model.words import Destination, Kind, Processing, Refusal, Word
from gateway.secret import Secret


class Request(msgspec.Struct, frozen=True, gc=False):
    """One HTTP request, nearly always a POST of JSON. `path` begins with `/` (query included) and is relative to the base URL.

    `headers` are the platform's own beside the usual ones (an account to act for). It holds no credential: what proves who
    is asking is `Access`, and the transport alone brings the two together.
    """

    path: str
    body: bytes
    method: Literal["POST", "GET"] = "POST"
    headers: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        """Say how much it is, not what."""
        return f"<Request of {len(self.body)} bytes>"


class Access(msgspec.Struct, frozen=True):
    """What proves to a platform who is asking: the bearer token, and what a platform wants beside it.

    `headers` and `query` are pairs of a name and a secret or what was derived from one; names are not secret.
    """

    token: Secret
    headers: tuple[tuple[str, Secret], ...] = ()
    query: tuple[tuple[str, Secret], ...] = ()


class TokenEndpoint(msgspec.Struct, frozen=True):
    """Where a platform gives out access tokens for a key document, and what those must be good for (OAuth 2.0, RFC 6749).

    `audience` is the endpoint's own address, which assertions are made out to; `url` differs from it in tests only.
    """

    url: str
    audience: str
    scope: str


LONGEST_WAIT: Final = 3600.0
"""Seconds. A platform that names a longer wait is asked again after this."""

SECONDS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


class Reply(msgspec.Struct, frozen=True, gc=False):
    """A platform's answer: status, headers with lower-case names, body bounded by the transport and not yet parsed."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        """Say the status; a platform's text can repeat what it was sent."""
        return f"<Reply {self.status} of {len(self.body)} bytes>"

    @property
    def retry_after(self) -> float | None:
        """How long the header `Retry-After` asks to wait, in seconds from 0 to an hour; None when it says nothing usable.

        It holds seconds or a date; a date is held against the reply's own `Date`, never against a clock.
        https://www.rfc-editor.org/rfc/rfc9110#field.retry-after (read 2026-11-22)
        """
        text = self.headers.get("retry-after", "").strip()
        if SECONDS.fullmatch(text):
            return min(float(text), LONGEST_WAIT)
        try:
            wait = parsedate_to_datetime(text) - parsedate_to_datetime(self.headers.get("date", ""))
        except (ValueError, TypeError, OverflowError):
            return None
        return min(wait.total_seconds(), LONGEST_WAIT) if wait.total_seconds() >= 0 else None


class Processed(msgspec.Struct, frozen=True, gc=False):
    """What a platform says became of a request that it had taken for processing.

    `final`: it will say no more. `counts` holds what became of how many events (1 or more) and the platform's reason for
    it, if it gave one; together they are the request's events, each counted once, as far as the platform tells.
    """

    final: bool
    counts: tuple[tuple[Processing, PlatformCode | None, int], ...] = ()


NOTHING_MORE: Final = Processed(final=True)
"""The word of a platform whose first answer is its last."""


class Quota(msgspec.Struct, frozen=True, gc=False):
    """How many requests a platform takes of one credential; None where there is no limit."""

    requests_per_minute: int | None = None
    requests_per_day: int | None = None


class Limits(msgspec.Struct, frozen=True, gc=False):
    """What the platform takes. Seconds and counts.

    `max_age`: older events are never sent. `resend_window`: how long after a first try whose outcome is unknown the
    event may be sent again (None: always, repeats merge). `resend_age`: how old the event itself may be then (None: as old as
    any). `min_age`: an event is held until it is this old, if it has one
    of the click ids named in `held_clicks` (fields of `ClickIds`; None: every event is held). `quota` is the published one,
    which the settings may lower or raise.
    """

    batch_events: int
    batch_bytes: int
    max_age: int
    resend_window: int | None
    min_age: int = 0
    held_clicks: frozenset[str] | None = None
    timeout: float = 15.0
    quota: Quota = Quota()
    resend_age: int | None = None


class Needs(msgspec.Struct, frozen=True, gc=False):
    """Which optional values the storefront's policy lets this destination have; the boundary keeps nothing else."""

    email: bool = True
    ip: bool = False
    user_agent: str = "none"
    """`none`, `reduced` or `full`."""
    page_origin: bool = False
    money: bool = True
    click_ids: frozenset[str] = frozenset()
    """Names of `ClickIds` fields."""
    content_ids: bool = False
    page_path: bool = False
    """Beside the origin, which must be needed as well."""


@unique
class Way(Word):
    """How a platform is tried out; each has its words in `audit.rehearsals`."""

    VALIDATED = "validated"
    """The platform checks the events and takes none."""
    TEST_MODE = "test_mode"
    """The platform answers as always and records nothing."""
    TEST_EVENT = "test_event"
    """The platform shows the event as a test, and counts it all the same."""
    TOO_OLD = "too_old"
    """The event is older than the platform takes: it refuses the request whole and records nothing."""


class Rehearsal(msgspec.Struct, frozen=True):
    """How one harmless request shows whether a destination would take events.

    `adapter` is the same with the platform's own test switch on: what it builds goes out, and it reads the reply. One event
    of each of `kinds` is sent, as it would have been `age` seconds ago. `proof` is the code with which the platform is
    expected to refuse it; None where it is expected to be taken. `click` is one that nobody made, for a destination that may
    know people by nothing else.
    """

    adapter: "Adapter"
    way: Way
    kinds: tuple[Kind, ...]
    age: int = 0
    proof: PlatformCode | None = None
    click: ClickIds | None = None


class DestinationSettings(BaseModel, frozen=True, extra="forbid"):
    """What every destination's block of the configuration has; an adapter's own settings extend it."""

    base_url: str
    """Scheme and host, no trailing slash. Another host than the platform's own needs `allow_test_endpoints`."""
    credential: str
    """Reference to the access token, or to a key document that tokens are got with: `env:NAME` or `file:path`."""
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    requests_per_day: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    """In place of `Limits.quota`, where the account was granted another one or shares it with other programs."""


class Adapter(Protocol):
    """A platform. Instances are frozen and made by `cls(settings)`."""

    destination: ClassVar[Destination]
    Settings: ClassVar[type[DestinationSettings]]
    hosts: ClassVar[frozenset[str]]
    """The platform's own hosts: where events go unless test endpoints are allowed."""
    secrets: ClassVar[frozenset[str]]
    """Names of those settings, beside `credential`, that are references to secrets. They are optional."""
    token_url: ClassVar[str | None]
    """The platform's own token endpoint, where its key documents are good for; None: its tokens are made by hand."""

    def __init__(self, settings: DestinationSettings) -> None:
        """Take checked settings of the class's own `Settings` type."""

    @property
    def limits(self) -> Limits:
        """What the platform takes in one request, and for how long."""

    @property
    def needs(self) -> Needs:
        """Which optional values may be kept for this destination."""

    @property
    def test_mode(self) -> str | None:
        """Name of a platform test switch that is on (`test_event_code`, `test`, `validateOnly`), else None."""

    @property
    def token_endpoint(self) -> TokenEndpoint | None:
        """Where access tokens are got with a key document, and the scope that they need; None if `token_url` is None."""

    def refuses(self, event: Minimised) -> Refusal | None:
        """Say why this destination cannot take the event (identity rule, kind not configured), else None."""

    def access(self, token: Secret, secrets: Mapping[str, Secret]) -> Access:
        """Say what a request has to carry to be let in, from the token and those of `cls.secrets` that are set."""

    def build(self, events: Sequence[Minimised]) -> Request:
        """Write 1 … `limits.batch_events` events out as one request."""

    def interpret(self, reply: Reply, count: int) -> tuple[Verdict, ...]:
        """Say what the reply means for each of the `count` events sent, in their order."""

    def rehearsal(self, test_code: str | None) -> Rehearsal:
        """Say how this destination is tried out. `test_code` is for a platform whose tests need one; others ignore it."""

    def ask_after(self, receipt: Receipt) -> Request | None:
        """Write the request that asks what became of one that was taken; None: this platform never tells more."""

    def read_processed(self, reply: Reply, count: int) -> Processed | Retry | Throttle | Pause:
        """Say what the answer to that means for the `count` events of the request that was asked after.

        Asking changes nothing at the platform, so a reply that cannot be read is a Retry: ask again.
        """

    def warnings(self, reply: Reply) -> int:
        """Count the remarks that the reply makes on what was taken: a number to watch, never a reason to act."""
