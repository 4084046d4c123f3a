"""What is written of an order that waits for its record: no more than the boundary keeps, and all that it needs."""

import json
from hashlib import sha256
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings

from gateway.adapter import Adapter
from gateway.consent.evidence import Evidence
from gateway.consent.policy import Policy
from gateway.consent.table import ADVERTISING_YES
from gateway.intake.holding import may_wait, read, written
from gateway.line import Line
from gateway.model.texts import EvidenceId, StorefrontId
from gateway.model.words import Destination, Source
from gateway.outbox.entries import Accept
from gateway.persons import Persons
from gateway.raw import RawEvent
from tests.adapters.cases import ALL_ALLOWED, made
from tests.strategies import EVENTS, NOW, good_event, read_one

SHOP: Final = StorefrontId("shop")
OWN: Final = frozenset({"https://shop.example"})
CITES: Final = {"receipt": "page-receipt-0123456789"}
EVIDENCE: Final = Evidence(EvidenceId("0" * 24), ADVERTISING_YES, NOW - 60)
PLAIN: Final[dict[Destination, Adapter]] = {d: made(d) for d in Destination}
GENEROUS: Final[dict[Destination, Adapter]] = {d: made(d, **ALL_ALLOWED[d]) for d in Destination}
REDUCED: Final[dict[Destination, Adapter]] = {
    Destination.META: made(Destination.META, client_user_agent="reduced"),
    Destination.PINTEREST: made(Destination.PINTEREST, send_ip=False),
}
LINES: Final = tuple(
    Line(SHOP, Policy(), adapters, own, Persons(bytes(32)))
    for adapters in (PLAIN, GENEROUS, REDUCED)
    for own in (OWN, frozenset())
)


def order(**changes: Any) -> RawEvent:
    """An order that does nothing but cite."""
    found = read_one(good_event(consent=CITES) | changes)
    assert isinstance(found, RawEvent)
    return found


def again(line: Line, raw: RawEvent) -> RawEvent:
    """An order that was written down and read back."""
    found = read(written(raw, line.want, line.origins))
    assert found is not None
    return found


def accepted(line: Line, raw: RawEvent) -> Accept | None:
    """What the line makes of an order that a record allows."""
    entry = line.run(raw, Source.HELD, NOW, EVIDENCE, ())
    return entry if isinstance(entry, Accept) else None


@pytest.mark.parametrize(
    ("consent", "waits"),
    [
        (CITES, True),
        ({"join": {"order_id": "1"}, "banner_version": "7", "advertising": None}, True),
        (None, False),
        ("yes", False),
        ({}, False),
        ({"banner_version": "7"}, False),
        ({**CITES, "advertising": True}, False),
        ({**CITES, "google": {"ad_personalization": "denied"}}, False),
        ({**CITES, "given_at": NOW}, False),
        ({**CITES, "elsewhere": 1}, False),
    ],
)
def test_only_an_order_that_does_nothing_but_cite_may_wait(consent: object, waits: bool) -> None:
    """Whatever else its consent says would have to be kept to be decided upon."""
    assert may_wait(msgspec.structs.replace(order(), consent=consent)) is waits


@pytest.mark.parametrize("line", LINES)
def test_the_boundary_makes_the_same_of_an_order_that_waited(line: Line) -> None:
    """Everything that a destination wants is there again, and as it would have been."""
    now, later = accepted(line, order()), accepted(line, again(line, order()))
    assert now is not None
    assert later is not None
    assert later.event == now.event


@pytest.mark.parametrize("line", LINES)
@settings(max_examples=150)
@given(said=EVENTS)
def test_any_order_is_the_same_after_waiting(line: Line, said: dict[str, Any]) -> None:
    """Held against the order itself, over generated ones; where consent restricts, too."""
    found = read_one({**said, "consent": CITES})
    if isinstance(found, RawEvent) and not found.minor:
        now, later = accepted(line, found), accepted(line, again(line, found))
        assert (now is None) is (later is None)
        assert now is None or later is None or now.event == later.event


AWKWARD: Final[tuple[dict[str, Any], ...]] = (
    {"customer": {"email": "nobody"}},
    {"customer": {"email_sha256": {"meta": "1" * 64, "google_ads": "2" * 64}}},
    {"customer": {"email_sha256": {"meta": sha256(b"").hexdigest()}}},
    {"customer": {"email_sha256": {"meta": sha256(b"null").hexdigest()}}},
    {"client": {"ip": "192.168.1.1", "user_agent": "jane@example.com"}},
    {
        "client": {
            "ip": "2a00:1450:4007:80c::77",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0.0.0 Safari/537.36",
        }
    },
    {"page_url": "https://elsewhere.example/a/b"},
    {"page_url": "javascript:alert(1)"},
    {"order": {"value": "12.34", "currency": "EUR", "content_ids": ["SKU-7", "jane@example.com"]}},
    {"click": {"gclid": "x", "fbp": "jane@example.com", "epik": "dj0yJnU9abc"}},
    {"unknown_field": 1},
)


@pytest.mark.parametrize("changes", AWKWARD)
@pytest.mark.parametrize("line", LINES)
def test_what_is_of_no_use_is_of_no_use_after_waiting(line: Line, changes: dict[str, Any]) -> None:
    """Addresses, agents, pages, ids and clicks that the boundary leaves out are not written, and nothing else is lost."""
    raw = order(**changes)
    now, later = accepted(line, raw), accepted(line, again(line, raw))
    assert (now is None) is (later is None)
    assert now is None or later is None or now.event == later.event


MARKS: Final = {
    "customer": {"email": "Canary-7F3A@Example.com"},
    "client": {"ip": "203.0.113.77", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) canary-agent", "region": "canary-region"},
    "page_url": "https://canary-user:pw@shop.example/canary-path?canary=query",
    "click": {"gclid": "canary-click-0123456789"},
    "order": {"value": "12.34", "currency": "EUR", "content_ids": ["canary-sku"]},
    "consent": {"receipt": "canary-receipt-0123456789", "join": {"order_id": "canary-order", "cart_token": "canary-cart"}},
}


def test_nothing_in_the_clear_is_written() -> None:
    """With what is on by default: no address, no host, no agent, no click, no path, nothing that was cited."""
    raw = order(**json.loads(json.dumps(MARKS)))
    for line in LINES[:2]:
        said = written(raw, line.want, line.origins).lower()
        assert b"canary" not in said
        assert b"203.0.113.77" not in said
        assert b"203.0.113.0" in said


@pytest.mark.parametrize("event", [b"", b"\x90", b"jane", msgspec.msgpack.encode([1, 2, 3])])
def test_what_is_not_of_this_versions_form_is_not_read(event: bytes) -> None:
    """After an update an order of before may be lost; it was refused when it came."""
    assert read(event) is None


def test_what_is_read_is_checked_again() -> None:
    """An id or an amount that is none makes the order unreadable."""
    fields = msgspec.msgpack.decode(written(order(), LINES[0].want, OWN))
    for place, value in ((1, "jane@example.com"), (10, [-1, "EUR"]), (10, [1, "XXX"])):
        assert read(msgspec.msgpack.encode([*fields[:place], value, *fields[place + 1 :]])) is None
