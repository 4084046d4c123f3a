"""Events, entries and engines for the outbox's tests."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from hypothesis import strategies as st

from gateway.model.event import ClickIds, EmailDigests, Minimised, Trace
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
from gateway.model.words import Destination, Fault, Kind, Reason, Refusal, Signal, Source, State, Status, UsState
from gateway.outbox import Outbox
from gateway.outbox.engine.sqlite import SqliteOutbox
from gateway.outbox.engine.store import Options
from gateway.outbox.entries import Accept, Refuse, Reject
from gateway.outbox.work import Claim, Done, Lane
from gateway.persons import Persons
from tests.disk import Place

NOW: Final = 1_795_342_500
DAY: Final = 86_400
SHOP: Final = StorefrontId("shop1")
OTHER: Final = StorefrontId("shop2")
META, PINTEREST, GOOGLE = Destination.META, Destination.PINTEREST, Destination.GOOGLE_ADS
ALL: Final = (META, PINTEREST, GOOGLE)
LANES: Final = tuple(Lane(SHOP, destination) for destination in ALL)
FIRST: Final = LANES[0]

GRANTED: Final = Trace(Status.ACCEPTED, "1", ((Signal.ADVERTISING, State.GRANTED),), ALL, (), 3)
PARTLY: Final = Trace(Status.ACCEPTED, "1", ((Signal.VENDORS, State.DENIED),), (META,), ((GOOGLE, Refusal.VENDOR_DENIED),), 1)
DENIED: Final = Trace(
    Status.REFUSED, "1", ((Signal.GPC, State.DENIED),), (), tuple((destination, Refusal.GPC) for destination in ALL), 0
)


def key(of: int) -> PersonKey:
    """A person's key that differs for each argument."""
    return PersonKey(f"{of:016x}")


def digest(of: int | str) -> EmailDigest:
    """A digest that differs for each argument."""
    return EmailDigest(f"{of:0>64}" if isinstance(of, str) else f"{of:064x}")


def event(number: int | str, **changes: Any) -> Minimised:
    """A purchase with this event id; `changes` replace fields."""
    usual: dict[str, Any] = {
        "kind": Kind.PURCHASE,
        "event_id": EventId(f"e{number}"),
        "occurred_at": NOW - 60,
        "destinations": ALL,
        "consent_at": NOW - DAY,
        "money": Money(1250, "EUR"),
    }
    return Minimised(**{**usual, **changes})


def accept(
    number: int | str,
    at: int = NOW,
    storefront: StorefrontId = SHOP,
    trace: Trace = GRANTED,
    granted_at: int | None = None,
    **changes: Any,
) -> Accept:
    """An entry that accepts `event(number, **changes)`."""
    return Accept(storefront, Source.EVENTS, event(number, **changes), trace, at, granted_at)


def refuse(number: int | str, at: int = NOW, storefront: StorefrontId = SHOP) -> Refuse:
    """An entry that refuses the purchase with this event id."""
    return Refuse(storefront, Source.COLLECT, Kind.PURCHASE, EventId(f"e{number}"), DENIED, Refusal.GPC, at)


def reject(at: int = NOW, kind: Kind | None = None) -> Reject:
    """An entry for an event that broke a rule of the format."""
    return Reject(SHOP, Source.COLLECT, kind, Fault.BAD_FORMAT, at)


def ids(claim: Claim | None) -> list[str]:
    """The event ids of a claim's records, without their `e`."""
    return [] if claim is None else [record.event.event_id[1:] for record in claim.records]


def done(claim: Claim, **changes: Any) -> list[Done]:
    """A delivered settlement for each of a claim's records."""
    return [Done(record.seq, Reason.CONFIRMED, **changes) for record in claim.records]


async def claim_all(outbox: Outbox, lane: Lane, now: int = NOW, limit: int = 1000) -> Claim:
    """Claim what there is; fails when there is nothing."""
    claim = await outbox.claim(lane, limit, now)
    assert claim is not None
    return claim


async def claim_fresh(outbox: Outbox, lane: Lane, now: int = NOW, limit: int = 1000) -> Claim:
    """The same, fresh first."""
    claim = await outbox.claim(lane, limit, now, fresh_first=True)
    assert claim is not None
    return claim


async def deliver_all(outbox: Outbox, lane: Lane, now: int = NOW, limit: int = 1000) -> list[str]:
    """Claim and settle as delivered until nothing is left; gives the event ids."""
    delivered: list[str] = []
    while (claim := await outbox.claim(lane, limit, now)) is not None:
        await outbox.mark_sent(claim, [record.seq for record in claim.records], now)
        await outbox.settle(claim, done(claim), now)
        delivered += ids(claim)
    return delivered


class Engine(Protocol):
    """What the suite of promises needs of an engine: opening what is there, and dying."""

    async def open(self, lanes: Sequence[Lane] = LANES) -> Outbox:
        """Open the store, which is empty at first and later what the last one left."""

    @property
    def persons(self) -> Persons:
        """What the door of this store's gateway makes person keys with."""

    async def crash(self, outbox: Outbox) -> None:
        """Let the process die: what was not flushed by now is gone, and nothing is closed."""


class SqliteEngine(Place):
    """The embedded engine in a folder of its own."""

    def __init__(self, folder: Path, generation: int = 8) -> None:
        """Make the keys. A small generation lets the index merge all the time."""
        super().__init__(folder)
        self._generation = generation

    @property
    def file(self) -> Path:
        """The store's file."""
        return self.directory / "outbox.db"

    @property
    def persons(self) -> Persons:
        """What the door makes person keys with."""
        return Persons(self.keyring.pepper)

    async def open(
        self, lanes: Sequence[Lane] = LANES, *, max_bytes: int = 64 << 20, min_free_bytes: int = 0, vfs: str | None = None
    ) -> SqliteOutbox:
        """Open the store."""
        options = Options(max_bytes, min_free_bytes, self._generation, vfs)
        return await SqliteOutbox.open(self.directory, self.keyring, lanes, options)


# ── any event ────────────────────────────────────────────────────────────────────────────────────────────────────


def matching(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Any value of a checked string."""
    return st.from_regex(kind.PATTERN, fullmatch=True).map(kind)


DIGESTS: Final = st.none() | st.integers(0, 4).map(digest)
IPS: Final = st.builds("{}.{}.{}.0".format, st.integers(1, 223), st.integers(0, 255), st.integers(0, 255)) | st.sampled_from(
    ("2001:db8:1::", "2001:db8::")
)

EVENTS: Final[st.SearchStrategy[Minimised]] = st.builds(
    Minimised,
    kind=st.sampled_from(Kind),
    event_id=matching(EventId),
    occurred_at=st.integers(0, 2**32),
    destinations=st.lists(st.sampled_from(ALL), min_size=1, unique=True).map(tuple),
    consent_at=st.integers(0, 2**32),
    ads_personalisation=st.booleans(),
    email=st.none() | st.builds(EmailDigests, DIGESTS, DIGESTS, DIGESTS),
    ip=st.none() | IPS.map(TruncatedIp),
    user_agent=st.none() | matching(UserAgent),
    page_origin=st.none() | st.sampled_from(("https://shop.example", "http://a.example:8080")).map(PageOrigin),
    money=st.none() | st.builds(Money, st.integers(0, 10**7), st.sampled_from(("EUR", "JPY", "KWD"))),
    click=st.none()
    | st.builds(
        ClickIds,
        gclid=st.none() | matching(GoogleClickId),
        wbraid=st.none() | matching(GoogleClickId),
        fbc=st.none() | matching(MetaClickId),
        fbp=st.none() | matching(MetaBrowserId),
        epik=st.none() | matching(PinterestClickId),
    ),
    restricted=st.none() | st.sampled_from(UsState),
    content_ids=st.just(()) | st.lists(matching(ContentId), max_size=3).map(tuple),
    page_path=st.none() | st.sampled_from(("/thanks", "/a/summer-2026.html")).map(PagePath),
    persons=st.just(()) | st.lists(matching(PersonKey), max_size=3).map(tuple),
    evidence=st.none() | matching(EvidenceId),
)
