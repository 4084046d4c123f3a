"""The line with the real adapters: one raw event in, one entry out, narrowed to those who can use it."""

import json
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.adapter import Adapter
from gateway.consent.evidence import Evidence
from gateway.consent.policy import Policy
from gateway.consent.table import ADVERTISING_YES
from gateway.line import Line
from gateway.minimise import wanted
from gateway.model.event import Trace
from gateway.model.money import Money
from gateway.model.texts import EventId, EvidenceId, StorefrontId
from gateway.model.words import Destination, Fault, Kind, Refusal, Remark, Signal, Source, State, Status
from gateway.outbox.entries import Accept, Entry, Refuse, Reject
from gateway.persons import Identifier, Persons
from gateway.raw import Malformed, Unfit
from gateway.sources.fields import CLIENT_FIELDS
from gateway.sources.native import CLICK_FIELDS, CUSTOMER_FIELDS, EVENT_FIELDS, ORDER_FIELDS, decode
from gateway.sources.typed import MAX_TEXT
from tests.adapters.cases import ALL_ALLOWED, made
from tests.effort import effort
from tests.strategies import EVENTS, JSON, NOW, good_event, read_one

SHOP: Final = StorefrontId("shop")
META, PINTEREST, GOOGLE = ALL = tuple(Destination)
ADAPTERS: Final[dict[Destination, Adapter]] = {d: made(d) for d in ALL}
GENEROUS: Final[dict[Destination, Adapter]] = {d: made(d, **ALL_ALLOWED[d]) for d in ALL}
PERSONS: Final = Persons(bytes(32))
LINE: Final = Line(SHOP, Policy(), ADAPTERS, frozenset(), PERSONS)


def run(line: Line = LINE, **changes: Any) -> Entry:
    """A good event with changes, carried down the line."""
    return line.run(read_one(good_event(**changes)), Source.EVENTS, NOW)


def accepted(line: Line = LINE, **changes: Any) -> Accept:
    """The same, when it must be accepted."""
    entry = run(line, **changes)
    assert isinstance(entry, Accept), entry
    return entry


def refused(line: Line = LINE, **changes: Any) -> Refuse:
    """The same, when it must be refused."""
    entry = run(line, **changes)
    assert isinstance(entry, Refuse), entry
    return entry


def test_a_good_event_goes_to_everybody() -> None:
    """A consented event with an address is accepted for each destination, with a trace that says why."""
    entry = accepted()
    assert (entry.storefront, entry.source, entry.at) == (SHOP, Source.EVENTS, NOW)
    assert entry.event.destinations == entry.trace.allowed == ALL
    assert (entry.trace.status, entry.trace.rule, entry.trace.refused) == (Status.ACCEPTED, Policy().rule, ())
    assert entry.trace.signals == ((Signal.ADVERTISING, State.GRANTED),)
    assert entry.trace.remarks >> Remark.EMAIL_HASHED & 1


def test_a_malformed_event_is_only_counted() -> None:
    """Of an event that broke a rule, its kind and the rule are left."""
    malformed = Malformed("order.value", Fault.MISSING, Kind.PURCHASE, EventId("1"))
    assert LINE.run(malformed, Source.COLLECT, NOW) == Reject(SHOP, Source.COLLECT, Kind.PURCHASE, Fault.MISSING, NOW)


def test_a_refused_event_leaves_its_decision_alone() -> None:
    """Of an event without consent, its name and the decision are left, its order value for the sums, and nothing else."""
    entry = refused(consent={"advertising": False})
    why = tuple((d, Refusal.ADVERTISING_DENIED) for d in ALL)
    trace = Trace(Status.REFUSED, Policy().rule, ((Signal.ADVERTISING, State.DENIED),), (), why, 0)
    reason, money = Refusal.ADVERTISING_DENIED, Money(12_990, "EUR")
    assert entry == Refuse(SHOP, Source.EVENTS, Kind.PURCHASE, EventId("1001"), trace, reason, NOW, money)


def test_consent_for_some_reaches_only_those() -> None:
    """A destination that consent leaves out is not in the event, has no digest in it, and its reason is told."""
    entry = accepted(consent={"vendors": {"meta": True, "pinterest": False}})
    assert entry.event.destinations == (META,)
    assert entry.trace.refused == ((PINTEREST, Refusal.VENDOR_DENIED), (GOOGLE, Refusal.NO_EXPLICIT_GRANT))
    assert entry.event.email is not None
    assert (entry.event.email.pinterest, entry.event.email.google_ads) == (None, None)


def test_an_event_without_identity_for_some_is_narrowed_to_the_others() -> None:
    """A destination that cannot tell who it was is refused before anything is stored, and the others go on without it."""
    entry = accepted(customer=None)
    assert entry.event.destinations == (META,)
    assert entry.trace.refused == ((PINTEREST, Refusal.NO_IDENTITY), (GOOGLE, Refusal.NO_IDENTITY))
    digest = {"meta": "1" * 64}
    entry = accepted(customer={"email_sha256": digest}, client=None)
    assert entry.event.destinations == (META,)


def test_an_event_without_identity_for_anybody_is_refused() -> None:
    """Where nobody can use what is left, the event is refused and its reasons are told per destination."""
    entry = refused(customer={"email": "nobody"}, client={"ip": "192.168.1.1", "user_agent": "x"}, click=None)
    why = tuple((d, Refusal.NO_IDENTITY) for d in ALL)
    trace = Trace(Status.REFUSED, Policy().rule, ((Signal.ADVERTISING, State.GRANTED),), (), why, 0)
    reason, money = Refusal.NO_IDENTITY, Money(12_990, "EUR")
    assert entry == Refuse(SHOP, Source.EVENTS, Kind.PURCHASE, EventId("1001"), trace, reason, NOW, money)


def test_whoever_cannot_use_an_event_is_told_beside_whom_consent_leaves_out() -> None:
    """The trace has all of them, each with its own reason."""
    entry = accepted(customer=None, consent={"vendors": {"meta": True, "pinterest": True, "google_ads": False}})
    assert entry.event.destinations == entry.trace.allowed == (META,)
    assert dict(entry.trace.refused) == {GOOGLE: Refusal.VENDOR_DENIED, PINTEREST: Refusal.NO_IDENTITY}


def test_who_is_left_gets_the_event_that_it_would_have_got_alone() -> None:
    """That others could not use it changes nothing: its page, its name and what it cites are the same."""
    origins = frozenset({"https://shop.example"})
    said: dict[str, Any] = {"customer": None, "consent": {"advertising": True, "receipt": "r-1"}}
    alone = accepted(Line(SHOP, Policy(), {META: ADAPTERS[META]}, origins, PERSONS), **said)
    assert accepted(Line(SHOP, Policy(), ADAPTERS, origins, PERSONS), **said).event == alone.event
    assert alone.event.page_origin == "https://shop.example"
    assert alone.event.persons == (PERSONS.key(SHOP, Identifier.RECEIPT, "r-1"),)


def test_what_only_a_refused_destination_needed_does_not_stay() -> None:
    """When a destination drops out, what was kept for its sake alone is dropped with it, its digest too."""
    click = {"fbc": "fb.1.1795339000123.abc", "epik": "dj0yJnU9abc"}
    meta = made(META, events=["page_view"], **ALL_ALLOWED[META])
    line = Line(
        SHOP, Policy(), {META: meta, PINTEREST: made(PINTEREST, send_ip=False, send_click_id=True)}, frozenset(), PERSONS
    )
    entry = accepted(line, click=click)
    assert entry.event.destinations == (PINTEREST,)
    assert entry.event.click is not None
    assert entry.event.email is not None
    assert (entry.event.click.fbc, entry.event.click.epik) == (None, click["epik"])
    assert (entry.event.email.meta, entry.event.ip, entry.event.user_agent) == (None, None, None)
    assert entry.trace.remarks >> Remark.IP_NOT_NEEDED & 1


def test_an_identity_of_two_parts_needs_both() -> None:
    """Where a platform knows a person by address and agent together, one of them alone is no identity."""
    line = Line(SHOP, Policy(), {META: made(META), PINTEREST: made(PINTEREST, client_user_agent="full")}, frozenset(), PERSONS)
    assert accepted(line, customer=None).event.destinations == (META, PINTEREST)
    strange = {"ip": "203.0.113.77", "user_agent": "jane@example.com"}
    assert accepted(line, customer=None, client=strange).event.destinations == (META,)


def test_an_event_that_may_go_nowhere_is_refused_for_everybody() -> None:
    """Under its own reason, without a look at consent; it cites nothing."""
    event = Unfit(Kind.PURCHASE, EventId("1001"), Refusal.TEST_ORDER)
    entry = LINE.run(event, Source.SHOPIFY, NOW)
    assert isinstance(entry, Refuse)
    assert (entry.kind, entry.event_id, entry.reason, entry.source) == (*msgspec.structs.astuple(event), Source.SHOPIFY)
    assert (entry.trace.status, entry.trace.signals, entry.trace.allowed) == (Status.REFUSED, (), ())
    assert entry.trace.refused == tuple((destination, Refusal.TEST_ORDER) for destination in ALL)
    assert LINE.keys_of(event) == ()


def test_a_kind_that_a_destination_does_not_take_is_not_enabled() -> None:
    """An event of a kind that the destination was not configured for is refused for it alone."""
    line = Line(SHOP, Policy(), {META: made(META, events=["purchase"]), PINTEREST: ADAPTERS[PINTEREST]}, frozenset(), PERSONS)
    entry = accepted(line, event="page_view", order=None)
    assert entry.event.destinations == (PINTEREST,)
    assert entry.trace.refused == ((META, Refusal.NOT_ENABLED),)


def test_a_storefront_without_destinations_accepts_nothing() -> None:
    """Where no destination is enabled, a consented event is refused and not kept."""
    line = Line(SHOP, Policy(), {}, frozenset(), PERSONS)
    assert refused(line).reason is Refusal.NOT_ENABLED
    assert line.enabled == ()


def test_destinations_stand_in_one_order() -> None:
    """However a storefront lists them, destinations are decided and told in the same order."""
    line = Line(SHOP, Policy(), dict(reversed(ADAPTERS.items())), frozenset(), PERSONS)
    assert line.enabled == ALL
    assert accepted(line).event.destinations == ALL


def test_the_storefronts_policy_and_origins_are_used() -> None:
    """Consent is judged by the storefront's own policy, and pages by its own origins."""
    line = Line(SHOP, Policy(banner_regions=frozenset({"FR"})), ADAPTERS, frozenset({"https://other.example"}), PERSONS)
    entry = accepted(line, consent={"shopify": {"marketingAllowed": True, "saleOfDataAllowed": True}})
    assert entry.event.page_origin is None
    assert accepted().event.page_origin == "https://shop.example"


UNKNOWN_NAMES: Final = st.text(min_size=1, max_size=12).map(lambda name: f"x_{name}") | st.sampled_from(
    ("advertising", "ad_consent", "marketing", "buyer_accepts_marketing", "opted_in", "items", "email", "tcf")
)


@settings(max_examples=150)
@given(
    EVENTS,
    st.sampled_from((None, "customer", "client", "order", "click")),
    st.dictionaries(UNKNOWN_NAMES, JSON, min_size=1, max_size=4),
)
def test_unknown_fields_never_matter(event: dict[str, Any], place: str | None, more: dict[str, Any]) -> None:
    """Whatever else an event carries, outside of its consent, what becomes of it is the same."""
    known = {
        None: EVENT_FIELDS,
        "customer": CUSTOMER_FIELDS,
        "client": CLIENT_FIELDS,
        "order": ORDER_FIELDS,
        "click": CLICK_FIELDS,
    }
    added = {name: value for name, value in more.items() if name not in known[place]}
    inner = event if place is None else event.get(place)
    if not isinstance(inner, dict):
        return
    larger = {**inner, **added}
    plain, carrying = (
        LINE.run(read_one(one), Source.EVENTS, NOW) for one in (event, larger if place is None else {**event, place: larger})
    )
    assert type(plain) is type(carrying)
    if isinstance(plain, Accept) and isinstance(carrying, Accept):
        assert plain.event == carrying.event
        assert plain.trace.refused == carrying.trace.refused
    if isinstance(plain, Refuse) and isinstance(carrying, Refuse):
        assert plain.trace == carrying.trace


# ── what an event cites ──────────────────────────────────────────────────────────────────────────────────────────


def test_what_an_event_cites_goes_with_it_as_keyed_hashes() -> None:
    """Whatever allows it, and without being asked: it can be found again when consent is withdrawn."""
    said = {"advertising": True, "receipt": "r-1", "join": {"order_id": 1001, "client_id": " c-1 ", "other": "x"}}
    named = {Identifier.RECEIPT: "r-1", Identifier.ORDER_ID: "1001", Identifier.CLIENT_ID: "c-1"}
    keys = {PERSONS.key(SHOP, kind, text) for kind, text in named.items()}
    assert set(accepted(consent=said).event.persons) == keys
    assert set(LINE.keys_of(read_one(good_event(consent=said)))) == keys


@pytest.mark.parametrize("consent", [None, "yes", {"advertising": True}, {"receipt": None}, {"receipt": 7.5}, {"join": [1]}])
def test_what_cites_nothing_that_can_be_read_has_no_keys(consent: object) -> None:
    """Nor has what is no event."""
    assert LINE.keys_of(read_one(good_event(consent=consent))) == ()
    assert LINE.keys_of(Malformed("event", Fault.WRONG_TYPE)) == ()


def test_keys_that_are_known_are_not_made_again() -> None:
    """Whoever has looked for the record has them."""
    raw = read_one(good_event(consent={"advertising": True, "receipt": "r-1"}))
    keys = (PERSONS.key(SHOP, Identifier.ORDER_ID, "7"),)
    entry = LINE.run(raw, Source.EVENTS, NOW, None, keys)
    assert isinstance(entry, Accept)
    assert entry.event.persons == keys


def test_an_event_that_goes_by_records_is_known_by_all_that_finds_them() -> None:
    """Beside what it cites itself, once each: consent may be taken back by a receipt, and the order had cited its number."""
    order, receipt = PERSONS.key(SHOP, Identifier.ORDER_ID, "7"), PERSONS.key(SHOP, Identifier.RECEIPT, "r-1")
    evidence = Evidence(EvidenceId("0" * 24), ADVERTISING_YES, NOW - 60, persons=(receipt, order))
    raw = read_one(good_event(consent={"join": {"order_id": 7}}))
    entry = LINE.run(raw, Source.EVENTS, NOW, evidence)
    assert isinstance(entry, Accept)
    assert sorted(entry.event.persons) == sorted((order, receipt))
    assert (entry.event.evidence, entry.granted_at) == (evidence.id, NOW - 60)


def test_the_line_says_what_all_its_destinations_want() -> None:
    """What an event that goes to all of them is reduced to, and which pages are its own."""
    line = Line(SHOP, Policy(), GENEROUS, frozenset({"https://shop.example"}), PERSONS)
    assert line.want == line.want == wanted({d: adapter.needs for d, adapter in GENEROUS.items()})
    assert line.origins == {"https://shop.example"}


# ── rules for every event ────────────────────────────────────────────────────────────────────────────────────────

LINES: Final = (LINE, Line(SHOP, Policy(banner_regions=frozenset("*")), GENEROUS, frozenset(), PERSONS))


@settings(max_examples=200)
@given(EVENTS, st.sampled_from(LINES), st.sampled_from(Source))
def test_every_event_has_one_honest_end(event: dict[str, Any], line: Line, source: Source) -> None:
    """Any event is accepted, refused or rejected, never an exception, and the trace agrees with the entry."""
    entry = line.run(read_one(event), source, NOW)
    match entry:
        case Accept():
            trace = entry.trace
            assert trace.status is Status.ACCEPTED
            assert entry.event.destinations
            assert trace.allowed == entry.event.destinations
            assert sorted([*trace.allowed, *(d for d, _ in trace.refused)]) == sorted(ALL)
            assert not any(line._adapters[d].refuses(entry.event) for d in entry.event.destinations)
            assert NOW - 8 * 86_400 < entry.event.occurred_at <= NOW
            assert entry.event.consent_at <= NOW
        case Refuse():
            assert (entry.trace.status, entry.trace.allowed) == (Status.REFUSED, ())
            assert entry.reason is entry.trace.refused[0][1]
            assert {d for d, _ in entry.trace.refused} == set(ALL)
        case Reject():
            assert isinstance(entry.fault, Fault)


FOR_SOMEBODY: Final = {name: good_event()[name] for name in ("event_id", "occurred_at", "customer", "order", "consent")}


@settings(max_examples=150)
@given(EVENTS)
def test_what_was_accepted_can_be_sent(event: dict[str, Any]) -> None:
    """Every adapter can write out what the line accepted for it, and no other platform's digest is in it."""
    entry = LINES[1].run(read_one({**event, **FOR_SOMEBODY}), Source.EVENTS, NOW)
    assert isinstance(entry, Accept | Reject)
    if isinstance(entry, Accept):
        for destination in entry.event.destinations:
            assert json.loads(GENEROUS[destination].build([entry.event]).body)


@given(EVENTS, st.sampled_from(["jane.canary@example.com", "Jane.Canary+x@gmail.com"]), st.integers(1, 254))
def test_clear_identity_is_in_no_entry(event: dict[str, Any], email: str, host: int) -> None:
    """Neither the address nor the whole IP of a consented event is in any form in what goes to the outbox."""
    sent = {**event, "customer": {"email": email}, "client": {"ip": f"203.0.113.{host}"}, "consent": {"advertising": True}}
    sent |= {name: good_event()[name] for name in ("event", "event_id", "occurred_at", "order")}
    sent["page_url"] = f"https://{email}@shop.example/{email}?ip=203.0.113.{host}"
    sent.pop("click", None)
    entry = LINES[1].run(read_one(sent), Source.EVENTS, NOW)
    assert isinstance(entry, Accept | Reject)
    written = msgspec.json.encode(entry, enc_hook=str).lower()
    assert b"canary" not in written
    assert f'203.0.113.{host}"'.encode() not in written
    assert "canary" not in repr(entry)


# ── the clock ────────────────────────────────────────────────────────────────────────────────────────────────────

WORST: Final = 7.0
"""Multiples of `effort`, some tens of milliseconds; what grows with the square of its input takes hundreds."""

HOSTILE: Final = (
    "a", ".", "@", "a.", "a@", "@a.", "-", "+", "1.", ":", "[", "%", "/", "https://", "https://a.", "https://a@", "1", "0x",
    "Version/1", "Version/17 ",
    "Version/17 Safari/", "Firefox/", "Chrome/1", "Windows ", "fb.1.", "é", "İ", "\u200b", " ", "😀", "\\", '"',
)  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("before", ["", "a@b", "https://", "Windows Version/17 ", "fb.1.1795339000123.", "1"])
def test_no_text_makes_the_line_slow(piece: str, before: str) -> None:
    """An event with 4 KiB of the worst text in every field costs little more than parsing as many numbers."""
    worst = (before + piece * MAX_TEXT)[:MAX_TEXT]
    consent = {"advertising": True, "given_at": None, "banner_version": worst, "receipt": worst, "join": {"order_id": worst}}
    sent = good_event(
        page_url=worst,
        customer={"email": worst, worst: worst},
        client=dict.fromkeys(("ip", "user_agent", "country", "region"), worst),
        click=dict.fromkeys(("gclid", "gbraid", "wbraid", "fbc", "fbp", "epik"), worst),
        consent=consent,
    )
    body = json.dumps(sent).encode()
    assert isinstance(LINES[1].run(decode(body, NOW).events[0], Source.EVENTS, NOW), Refuse)
    assert effort(lambda: LINES[1].run(decode(body, NOW).events[0], Source.EVENTS, NOW)) < WORST


@pytest.mark.parametrize("field", ["event", "event_id", "occurred_at", "value", "currency", "given_at", "email_sha256"])
@pytest.mark.parametrize("piece", ["0", "a", "1.", "2026-11-22T10:15:00", "\u0663", "-"])
def test_no_text_makes_a_checked_field_slow(field: str, piece: str) -> None:
    """A field with a form of its own refuses 64 KiB of nearly that form at little more than the cost of parsing numbers."""
    worst = piece * (65_536 // len(piece))
    nested: dict[str, dict[str, Any]] = {
        "value": {"order": {"value": worst, "currency": "EUR"}},
        "currency": {"order": {"value": "1", "currency": worst}},
        "given_at": {"consent": {"advertising": True, "given_at": worst}},
        "email_sha256": {"customer": {"email_sha256": {"meta": worst}}},
    }
    body = json.dumps(good_event(**nested.get(field, {field: worst}))).encode()
    assert isinstance(LINE.run(decode(body, NOW).events[0], Source.EVENTS, NOW), Reject | Refuse)
    assert effort(lambda: LINE.run(decode(body, NOW).events[0], Source.EVENTS, NOW)) < WORST
