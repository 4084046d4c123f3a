"""Receipts and disclosures: every count in its place, every field that is held told, nothing that is not."""

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pytest

from gateway.audit.trace import moment
from gateway.consent.evidence import Record
from gateway.consent.table import ADVERTISING_YES
from gateway.ledger import Deposit, Kept, Proof, Request, Right, Version
from gateway.model.event import ClickIds, EmailDigests, Minimised
from gateway.model.money import Money
from gateway.model.texts import (
    ContentId,
    EmailDigest,
    EventId,
    EvidenceId,
    GoogleClickId,
    PageOrigin,
    PagePath,
    PersonKey,
    StorefrontId,
    TruncatedIp,
    UserAgent,
)
from gateway.model.words import Destination, Kind, Refusal, UsState
from gateway.outbox.holdings import Holding, Holdings, Removal, Sending
from gateway.rights.answers import Disclosure, Found, Receipt, Removed, counted, disclosure, fields, line, receipt
from gateway.rights.retention import Keeping

NOW: Final = 1_795_342_500
META, PINTEREST, GOOGLE = Destination
KEY: Final = PersonKey("0123456789abcdef")
RECORD: Final = EvidenceId("0123456789abcdef01234567")
KEEPING: Final = Keeping("outbox", "dead letters", "14 days", "1 to 90 days")

FULL: Final = Minimised(
    kind=Kind.PURCHASE,
    event_id=EventId("1001"),
    occurred_at=NOW - 60,
    destinations=(META, GOOGLE),
    consent_at=NOW - 90,
    ads_personalisation=True,
    email=EmailDigests(meta=EmailDigest("ab" * 32)),
    ip=TruncatedIp("203.0.113.0"),
    user_agent=UserAgent("Mozilla/5.0 (X11) Firefox/140.0"),
    page_origin=PageOrigin("https://shop.example"),
    money=Money(12990, "EUR"),
    click=ClickIds(gclid=GoogleClickId("abcdefghijklmnopqrstuvwxyz")),
    restricted=UsState("CA"),
    content_ids=(ContentId("sku1"),),
    page_path=PagePath("/thanks"),
    persons=(KEY,),
    evidence=RECORD,
)
"""An event with every field there is."""


def request(right: Right = Right.WITHDRAW, *counts: tuple[str, int], done_at: int | None = NOW + 1) -> Request:
    """A line of the register."""
    return Request(7, StorefrontId("shop"), right, (KEY,), NOW, NOW + 30 * 86_400, done_at, counts)


def sending(destination: Destination = META, **changes: Any) -> Sending:
    """An event that left."""
    usual: dict[str, Any] = {
        "destination": destination,
        "kind": Kind.PURCHASE,
        "event_id": EventId("1001"),
        "at": NOW,
        "fields": ("data[].user_data.em[]",),
        "evidence": RECORD,
        "confirmed": True,
    }
    return Sending(**usual | changes)


def kept(withdrawn_at: int | None = None) -> Kept:
    """A consent record."""
    record = Record(RECORD, KEY, NOW - 100, NOW - 120, ADVERTISING_YES, place=("FR", None), keys=(KEY,))
    deposit = Deposit(
        storefront=StorefrontId("shop"),
        record=record,
        proofs=(Proof("advertising", "true", None), Proof("cookies.X", None, "cd" * 32)),
        decided=((META, None), (GOOGLE, Refusal.VENDOR_DENIED)),
        rule="opt_in_everywhere-2",
        banner_version=Version("7"),
    )
    return Kept(deposit, withdrawn_at)


def as_json(told: Receipt | Disclosure) -> Any:
    """Read what is answered."""
    return json.loads(msgspec.json.encode(told))


def test_a_removal_is_counted_by_name() -> None:
    """For the register: per destination what waited, what of that was on the wire and what was dead; noughts are left out."""
    removal = Removal(waiting={META: 2}, dead={GOOGLE: 1}, on_the_wire={META: 1, GOOGLE: 0}, sent=3, traces=4)
    assert counted(removal, 5, 6) == (
        ("meta.waiting", 2),
        ("meta.on_the_wire", 1),
        ("google_ads.dead", 1),
        ("consent_records", 5),
        ("held_orders", 6),
        ("sent", 3),
        ("traces", 4),
    )
    assert counted(Removal({}, {}, {}), 0, 0) == ()


def test_a_receipt_says_what_its_line_says() -> None:
    """Both are made of the same counts; a destination from which nothing was taken is left out."""
    counts = counted(Removal({META: 2}, {GOOGLE: 1}, {META: 1}, 3, 4), 5, 6)
    told = receipt(request(Right.ERASE, *counts), [sending()])
    assert told.removed == {"meta": Removed(2, 1, 0), "google_ads": Removed(0, 0, 1)}
    assert (told.consent_records, told.held_orders, told.sent, told.traces) == (5, 6, 3, 4)
    assert [task.destination for task in told.follow_up] == ["meta"]
    assert as_json(told)["request"] == {
        "number": 7,
        "storefront": "shop",
        "right": "erase",
        "asked_at": moment(NOW),
        "due_at": moment(NOW + 30 * 86_400),
        "done_at": moment(NOW + 1),
        "counts": dict(counts),
    }


def test_an_open_line_is_not_done() -> None:
    """Whoever reads the register sees which is still to be finished; the keyed hashes are not told."""
    told = line(request(done_at=None))
    assert told.done_at is None
    assert KEY not in repr(told)


def test_every_field_of_an_event_is_told() -> None:
    """With its value as it is held: times as times, money as money, what is not there left out."""
    assert set(fields(FULL)) == set(FULL.__struct_fields__)
    told = json.loads(msgspec.json.encode(fields(FULL)))
    assert told == {
        "kind": "purchase",
        "event_id": "1001",
        "occurred_at": moment(NOW - 60),
        "destinations": ["meta", "google_ads"],
        "consent_at": moment(NOW - 90),
        "ads_personalisation": True,
        "email": {"meta": "ab" * 32, "pinterest": None, "google_ads": None},
        "ip": "203.0.113.0",
        "user_agent": "Mozilla/5.0 (X11) Firefox/140.0",
        "page_origin": "https://shop.example",
        "money": {"value": "129.90", "currency": "EUR"},
        "click": dict.fromkeys(ClickIds.__struct_fields__) | {"gclid": "abcdefghijklmnopqrstuvwxyz"},
        "restricted": "CA",
        "content_ids": ["sku1"],
        "page_path": "/thanks",
        "persons": [KEY],
        "evidence": RECORD,
    }
    least = Minimised(kind=Kind.PAGE_VIEW, event_id=EventId("1"), occurred_at=0, destinations=(META,), consent_at=0)
    assert set(fields(least)) == {"kind", "event_id", "occurred_at", "destinations", "consent_at"}


@pytest.fixture
def told() -> Mapping[str, Any]:
    """A disclosure with one of everything."""
    holdings = Holdings(
        held=(Holding(META, "waiting", NOW, FULL),),
        sent=(sending(PINTEREST, at=NOW + 1, evidence=None, confirmed=None), sending()),
        withdrawn_at=NOW - 7,
    )
    found = Found(holdings, [kept(), kept(NOW - 5)], 2, [request(Right.ERASE, ("consent_records", 1))])
    answered: Mapping[str, Any] = as_json(disclosure(request(Right.ACCESS), found, (META, GOOGLE), (KEEPING,)))
    return answered


def test_all_that_is_held_is_told(told: Mapping[str, Any]) -> None:
    """Where it waits, and every field."""
    (held,) = told["held"]
    assert (held["destination"], held["state"], held["accepted_at"]) == ("meta", "waiting", moment(NOW))
    assert held["fields"]["ip"] == "203.0.113.0"
    assert (told["held_orders"], told["withdrawn_at"]) == (2, moment(NOW - 7))


def test_all_that_was_sent_is_told(told: Mapping[str, Any]) -> None:
    """To whom, when, in which fields, on which evidence; the first first."""
    assert told["sent"][0] == {
        "destination": "meta",
        "event": "purchase",
        "event_id": "1001",
        "at": moment(NOW),
        "fields": ["data[].user_data.em[]"],
        "evidence": RECORD,
        "confirmed": True,
    }
    assert (told["sent"][1]["evidence"], told["sent"][1]["confirmed"]) == (None, None)
    assert [task["destination"] for task in told["follow_up"]] == ["meta", "pinterest"]


def test_consent_records_are_told_with_their_proofs(told: Mapping[str, Any]) -> None:
    """What was said, what was decided, by which version of the table, and whether it was taken back."""
    first, second = told["consent_records"]
    assert first["signals"] == [
        {"signal": "advertising", "text": "true", "sha256": None},
        {"signal": "cookies.X", "text": None, "sha256": "cd" * 32},
    ]
    assert first["decided"] == {"meta": "allowed", "google_ads": "vendor_denied"}
    assert (first["rule"], first["banner_version"], first["policy_version"]) == ("opt_in_everywhere-2", "7", None)
    assert (first["country"], first["region"], first["withdrawn_at"]) == ("FR", None, None)
    assert second["withdrawn_at"] == moment(NOW - 5)


def test_recipients_purposes_and_periods_are_told(told: Mapping[str, Any]) -> None:
    """Whoever is sent events now, and whoever was once (art. 15(1) GDPR); how long everything is kept; requests so far."""
    assert [one["name"] for one in told["recipients"]] == ["Meta", "Pinterest", "Google Ads"]
    assert all(one["purpose"] for one in told["recipients"])
    assert told["retention"] == [msgspec.to_builtins(KEEPING)]
    assert [one["right"] for one in told["earlier_requests"]] == ["erase"]
