"""Minimised events to bytes and back: a group of events becomes one compressed, sealed blob, and only that.

What is stored is written out here field by field, so the stored form is as reviewable as a platform's payload.
E-mail digests are random bits: they ride beside the compressed part as 32 raw bytes each instead of through it.
The place of a blob (which table, which storefront, which numbers) is authenticated with it, so a blob that was moved,
swapped or cut does not open. Pure: keys and nonces are handed in. Counterpart: `vault.py` keeps the keys.
"""

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

import msgspec
import orjson
import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.model.event import ClickIds, EmailDigests, Minimised
from gateway.model.money import Money
from gateway.model.texts import (
    ContentId,
    EmailDigest,
    EventId,
    EvidenceId,
    GoogleClickId,
    MetaBrowserId,
    MetaClickId,
    PageOrigin,
    PagePath,
    PersonKey,
    PinterestClickId,
    StorefrontId,
    TruncatedIp,
    UserAgent,
)
from gateway.model.words import Destination, Kind, UsState
from gateway.storage import NONCE_BYTES, Unreadable

VERSION: Final = 1
"""Of the stored form; the first byte of every blob, and authenticated."""

DIGEST_BYTES: Final = 32
DIGEST_HEX: Final = 2 * DIGEST_BYTES

_LENGTH_BYTES: Final = 4
_HEAD: Final = VERSION.to_bytes(1, "big")

SHARINGS: Final[tuple[tuple[int | None, int | None, int | None], ...]] = (
    (0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (0, 1, 2),
    (0, 0, None), (0, 1, None), (0, None, 0), (0, None, 1), (None, 0, 0), (None, 0, 1),
    (0, None, None), (None, 0, None), (None, None, 0), (None, None, None),
)  # fmt: skip
"""Which platforms share a digest: for Meta, Pinterest and Google Ads the number of its digest among the distinct ones.

A stored record names the line of this table, so lines are only ever added at the end.
"""

_SHARING_NUMBERS: Final = {sharing: number for number, sharing in enumerate(SHARINGS)}
_SHARING_SIZES: Final = tuple(len({i for i in sharing if i is not None}) for sharing in SHARINGS)


class Sort(NamedTuple):
    """What is kept in the clear about a record: its kind and where it goes. Few distinct ones exist."""

    kind: Kind
    destinations: tuple[Destination, ...]


class Row(msgspec.Struct, frozen=True, gc=False):
    """One event written out: all but its sort as JSON, and its distinct e-mail digests."""

    json: bytes
    digests: tuple[EmailDigest, ...]


class Opened(NamedTuple):
    """A group read back: the times of receipt and the events, in the order of their numbers."""

    ats: Sequence[int]
    events: Sequence[Minimised]


def write_row(event: Minimised) -> Row:
    """Write one event out. Equal content gives equal bytes, so the row also serves as its canonical form."""
    sharing, digests = _share(event.email)
    money, click = event.money, event.click
    row: tuple[object, ...] = (
        event.event_id,
        event.occurred_at,
        event.consent_at,
        event.ads_personalisation,
        sharing,
        event.ip,
        event.user_agent,
        event.page_origin,
        None if money is None else (money.minor, money.currency),
        None if click is None else (click.gclid, click.gbraid, click.wbraid, click.fbc, click.fbp, click.epik),
    )
    known = event.persons or event.evidence is not None
    if known or event.restricted is not None or event.content_ids or event.page_path is not None:
        row = (*row, event.restricted, event.content_ids, event.page_path)
    if known:
        row = (*row, event.persons, event.evidence)
    return Row(orjson.dumps(row), digests)


def group_place(storefront: StorefrontId, first: int, sorts: bytes) -> bytes:
    """Name the place of a group: its storefront, its first number, how many it holds and their sorts."""
    return b"%d|group|%s|%d|%d|%s" % (VERSION, storefront.encode(), first, len(sorts), sorts)


def evidence_place(seq: int) -> bytes:
    """Bind the sealed name of a consent record to the event that it is about."""
    return b"evidence|%d" % seq


def single_place(storefront: StorefrontId, destination: Destination, seq: int) -> bytes:
    """Name the place of an exception's own copy: its lane and its number."""
    return b"%d|exception|%s|%s|%d" % (VERSION, storefront.encode(), destination.encode(), seq)


def sending_place(place: int) -> bytes:
    """Name the place of a row that says what was sent: its storefront and number in one."""
    return b"%d|sending|%d" % (VERSION, place)


class Codec:
    """Seals and opens groups. Holds a compressor, which must not be shared: one codec per thread."""

    def __init__(self) -> None:
        """Make the compressor (level 1: it saves more writing than it costs) and the decompressor."""
        self._compress = zstandard.ZstdCompressor(level=1).compress
        self._decompress = zstandard.ZstdDecompressor().decompress

    def seal(self, cipher: AESGCM, nonce: bytes, place: bytes, rows: Sequence[Row], ats: Sequence[int]) -> bytes:
        """Compress and seal rows with their times of receipt, for this place. `nonce` is 12 fresh random bytes."""
        packed = self._compress(b"[%s,%s]" % (orjson.dumps(_fold(ats)), b",".join([row.json for row in rows])))
        digests = bytes.fromhex("".join(["".join(row.digests) for row in rows]))
        clear = b"".join((len(packed).to_bytes(_LENGTH_BYTES, "big"), packed, digests))
        return b"".join((_HEAD, nonce, cipher.encrypt(nonce, clear, place)))

    def seal_plain(self, cipher: AESGCM, nonce: bytes, place: bytes, clear: bytes) -> bytes:
        """Compress and seal bytes of whatever meaning, for this place. `nonce` is 12 fresh random bytes."""
        return b"".join((_HEAD, nonce, cipher.encrypt(nonce, self._compress(clear), place)))

    def open_plain(self, cipher: AESGCM, place: bytes, blob: bytes) -> bytes:
        """Give such bytes back. Raises Unreadable, whatever is wrong with them."""
        start = 1 + NONCE_BYTES
        if blob[:1] != _HEAD:
            raise Unreadable
        try:
            return self._decompress(cipher.decrypt(blob[1:start], blob[start:], place))
        except (InvalidTag, zstandard.ZstdError, ValueError):
            raise Unreadable from None

    def open(self, cipher: AESGCM, place: bytes, blob: bytes, sorts: Sequence[Sort]) -> Opened:
        """Read a group back; `sorts` has one for each record. Raises Unreadable, whatever is wrong with it."""
        if blob[:1] != _HEAD:
            raise Unreadable
        start = 1 + NONCE_BYTES
        try:
            clear = cipher.decrypt(blob[1:start], blob[start:], place)
            end = _LENGTH_BYTES + int.from_bytes(clear[:_LENGTH_BYTES], "big")
            ats, *rows = orjson.loads(self._decompress(clear[_LENGTH_BYTES:end]))
            return Opened(_unfold(ats, len(rows)), _read_rows(rows, clear[end:].hex(), sorts))
        except (InvalidTag, zstandard.ZstdError, ValueError, TypeError, IndexError):
            raise Unreadable from None


def _share(email: EmailDigests | None) -> tuple[int | None, tuple[EmailDigest, ...]]:
    """Say which line of the table holds, and the distinct digests. The two common lines are not looked up."""
    if email is None:
        return None, ()
    meta, pinterest, google_ads = email.meta, email.pinterest, email.google_ads
    if meta is not None and google_ads is not None and meta == pinterest:
        return (0, (meta,)) if meta == google_ads else (1, (meta, google_ads))
    digests = email.distinct()
    places = [None if digest is None else digests.index(digest) for digest in (meta, pinterest, google_ads)]
    return _SHARING_NUMBERS[places[0], places[1], places[2]], digests


def _fold(ats: Sequence[int]) -> list[int]:
    """Nearly always all of a group came in the same second: then say it once."""
    first = ats[0]
    return [first] if ats.count(first) == len(ats) else list(ats)


def _unfold(ats: list[int], count: int) -> list[int]:
    return ats * count if len(ats) == 1 else ats


_money = lru_cache(maxsize=4096)(Money)
_origin = lru_cache(maxsize=1024)(PageOrigin.unsealed)
_event_id = partial(str.__new__, EventId)
_digest = partial(str.__new__, EmailDigest)
_ip = partial(str.__new__, TruncatedIp)
"""What `unsealed` does, for the three strings that nearly every event has, at half its cost."""

USUAL_PLACES: Final = 10
"""Of a row. Three more follow where an event has what few have, and two more where its person is known by more than an
e-mail address; earlier versions wrote the ten alone, or the thirteen."""

_StoredRow = list[Any]


def _read_rows(rows: list[_StoredRow], digests: str, sorts: Sequence[Sort]) -> list[Minimised]:
    """Rebuild the events. The strings were checked at birth and authenticated since, so they are only wrapped."""
    events: list[Minimised] = []
    add, place = events.append, 0
    for row, sort in zip(rows, sorts, strict=True):
        usual = row if len(row) == USUAL_PLACES else row[:USUAL_PLACES]
        event_id, occurred_at, consent_at, personalisation, sharing, ip, agent, origin, money, click = usual
        email = None
        if sharing is not None:
            end = place + DIGEST_HEX * _SHARING_SIZES[sharing]
            email = _read_digests(sharing, digests[place:end])
            place = end
        event = Minimised(
            kind=sort.kind,
            event_id=_event_id(event_id),
            occurred_at=occurred_at,
            destinations=sort.destinations,
            consent_at=consent_at,
            ads_personalisation=personalisation,
            email=email,
            ip=None if ip is None else _ip(ip),
            user_agent=None if agent is None else UserAgent.unsealed(agent),
            page_origin=None if origin is None else _origin(origin),
            money=None if money is None else _money(*money),
            click=None if click is None else _read_click(click),
        )
        add(event if usual is row else _with_rare(event, *row[USUAL_PLACES:]))
    return events


def _with_rare(  # noqa: PLR0913, PLR0917 - a row's further places, in their order
    event: Minimised,
    restricted: str | None,
    content_ids: Sequence[str],
    path: str | None,
    persons: Sequence[str] = (),
    evidence: str | None = None,
) -> Minimised:
    return msgspec.structs.replace(
        event,
        restricted=None if restricted is None else UsState(restricted),
        content_ids=tuple(map(ContentId.unsealed, content_ids)),
        page_path=None if path is None else PagePath.unsealed(path),
        persons=tuple(map(PersonKey.unsealed, persons)),
        evidence=None if evidence is None else EvidenceId.unsealed(evidence),
    )


def _read_digests(sharing: int, text: str) -> EmailDigests:
    if sharing == 0:
        one = _digest(text)
        return EmailDigests(one, one, one)
    found = [_digest(text[i : i + DIGEST_HEX]) for i in range(0, len(text), DIGEST_HEX)]
    meta, pinterest, google_ads = SHARINGS[sharing]
    return EmailDigests(
        None if meta is None else found[meta],
        None if pinterest is None else found[pinterest],
        None if google_ads is None else found[google_ads],
    )


def _read_click(click: list[str | None]) -> ClickIds:
    gclid, gbraid, wbraid, fbc, fbp, epik = click
    return ClickIds(
        None if gclid is None else GoogleClickId.unsealed(gclid),
        None if gbraid is None else GoogleClickId.unsealed(gbraid),
        None if wbraid is None else GoogleClickId.unsealed(wbraid),
        None if fbc is None else MetaClickId.unsealed(fbc),
        None if fbp is None else MetaBrowserId.unsealed(fbp),
        None if epik is None else PinterestClickId.unsealed(epik),
    )
