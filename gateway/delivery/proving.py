"""Before anything is sent: whether adapter and contract mean the same, and whether the contract would notice if not.

The adapter writes made-up events in which everything is present that its settings could let out. The contract has to
allow the request; with any one of the fields in it taken out of the contract, it has to refuse the very same bytes. Pure.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import product
from typing import Final

from gateway.adapter import Adapter
from gateway.delivery.contract import Cleared, Contract, Outgoing, Violation
from gateway.delivery.contract_body import Place
from gateway.delivery.contract_file import Entry
from gateway.delivery.outgoing import compose
from gateway.model.event import ClickIds, EmailDigests, Minimised
from gateway.model.money import Money
from gateway.model.texts import (
    ContentId,
    EmailDigest,
    EventId,
    GoogleClickId,
    MetaBrowserId,
    MetaClickId,
    PageOrigin,
    PagePath,
    PinterestClickId,
    Receipt,
    TruncatedIp,
    UserAgent,
)
from gateway.model.words import Destination, Kind, UsState
from gateway.secret import Secret

DIGEST: Final = EmailDigest("0123456789abcdef" * 4)
ADDRESSES: Final = (TruncatedIp("203.0.113.0"), TruncatedIp("2001:db8:1::"))
CLICK: Final = GoogleClickId("EAIaIQobChMI0123456789")
CLICKS: Final = (
    ClickIds(
        gclid=CLICK,
        fbc=MetaClickId("fb.1.1795339000123.IwAR2F4-dbP0l7"),
        fbp=MetaBrowserId("fb.1.1795339000123.1098115397"),
        epik=PinterestClickId("dj0yJnU9MTIzNDU2Nzg5"),
    ),
    ClickIds(wbraid=CLICK),
    ClickIds(gbraid=CLICK),
)
PATHS: Final = (None, PagePath("/collections/summer/linen-shirt"))
SECRET: Final = Secret("rehearsal")
WHEN: Final = 1_795_339_000
"""Any moment; what is written here is never sent."""


@cache
def samples() -> tuple[Minimised, ...]:
    """Make events of every kind, with everything in them that an event can hold, in each of its forms; always the same ones."""
    return tuple(_samples())


def _samples() -> Iterator[Minimised]:
    for number, (kind, ip, click) in enumerate(product(Kind, ADDRESSES, CLICKS)):
        yield Minimised(
            kind=kind,
            event_id=EventId(f"sample-{number}"),
            occurred_at=WHEN,
            destinations=tuple(Destination),
            consent_at=WHEN,
            ads_personalisation=number % 2 == 0,
            email=EmailDigests(DIGEST, DIGEST, DIGEST),
            ip=ip,
            user_agent=UserAgent("Mozilla/5.0 (X11; Linux x86_64) Firefox/144.0"),
            page_origin=PageOrigin("https://shop.example"),
            page_path=PATHS[number % 4 // 2],
            money=Money(12_990, "EUR"),
            click=click,
            content_ids=(ContentId("SKU-1001"), ContentId("SKU-1002")),
            restricted=UsState.CA if number % 5 == 4 else None,
        )


def written_out(
    adapter: Adapter, base_url: str, secrets: Iterable[str], most: int | None = None
) -> Iterator[tuple[Outgoing, int]]:
    """Write the samples that the adapter takes out as requests, and what it asks after one, with secrets of these names.

    The secrets are made up. Gives each request with its number of events: `most`, or as many as the adapter takes.
    """
    access = adapter.access(SECRET, dict.fromkeys(secrets, SECRET))
    events = [event for event in samples() if adapter.refuses(event) is None]
    most = most or adapter.limits.batch_events
    for start in range(0, len(events), most):
        batch = events[start : start + most]
        yield compose(base_url, adapter.build(batch), access), len(batch)
    question = adapter.ask_after(Receipt("Cg9rZWVwLXNhbXBsZS0x"))
    if question is not None:
        yield compose(base_url, question, access), 0


def disagreements(requests: Iterable[tuple[Outgoing, int]], contract: Contract) -> list[Place]:
    """Name what the adapter would send and the contract does not allow."""
    checked = [contract.check(outgoing, count) for outgoing, count in requests]
    return sorted({place for one in checked if isinstance(one, Violation) for place in one.places})


def unnoticed(
    requests: Iterable[tuple[Outgoing, int]],
    contract: Contract,
    without: Callable[[Contract, Entry], Contract] = Contract.without,
    small: Iterable[tuple[Outgoing, int]] = (),
) -> list[str]:
    """Name the entries that these requests use and that the contract would not miss, as `path=kind`. There should be none.

    `without` gives a contract without an entry; for many storefronts with the same contract it may remember. `small` are the
    same events, one a request: what is refused for one value is refused with others around it, so the whole request is read
    only where a small one is let through. That takes a fifth of the time.
    """
    shortest: dict[str, tuple[Outgoing, int]] = {}
    for outgoing, count in small:
        for place in places_of(contract.check(outgoing, count)):
            shortest.setdefault(place, (outgoing, count))
    return [
        entry.place
        for whole in requests
        for places in (places_of(contract.check(*whole)),)
        for entry in contract.entries_for(whole[0])
        if entry.place in places and not _misses(without(contract, entry), shortest.get(entry.place, whole), whole)
    ]


def _misses(contract: Contract, *requests: tuple[Outgoing, int]) -> bool:
    """Say whether a contract refuses one of these requests."""
    return any(isinstance(contract.check(outgoing, count), Violation) for outgoing, count in requests)


def places_of(checked: Cleared | Violation) -> frozenset[str]:
    """Name the entries that a request uses, none for one that may not leave."""
    shapes = checked.shapes if isinstance(checked, Cleared) else ()
    return frozenset(place for shape in shapes for place in shape.split())
