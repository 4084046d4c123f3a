"""What a rented container's data tag sends: read as its client reads it where that is plain, else so that less is sent."""

import base64
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.decision import decide
from gateway.consent.policy import Policy, Profile
from gateway.model.money import Money
from gateway.model.words import Destination, Fault, Kind
from gateway.raw import Malformed, RawEvent
from gateway.sources.native import MAX_CONTENT_IDS, Batch, Connection
from gateway.sources.stape import MAX_EVENTS, MAX_STEPS, OWN, PASSED_OVER, consent_of, decode
from gateway.sources.strict import MAX_DEPTH
from gateway.sources.typed import MAX_TEXT
from tests.effort import seconds
from tests.strategies import NOW

RECORDED: Final = json.loads((Path(__file__).parents[2] / "data/stape.json").read_text())
BROWSER: Final = Connection("203.0.113.7", "agent", gpc=False)
GOOD: Final[dict[str, Any]] = {
    "event_name": "purchase",
    "transaction_id": "1001",
    "value": 129.9,
    "currency": "EUR",
    "user_data": {"email_address": "jane.doe@example.com"},
    OWN: {"advertising": True},
}
ATTESTED: Final = tuple(Policy(profile=profile, banner_regions=frozenset({"*"})) for profile in Profile)
STATES: Final = ("ad_storage", "ad_user_data", "ad_personalization")
JANE: Final = "86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d"


def read(said: object, query: str = "v=2&event=purchase") -> RawEvent | Malformed:
    """Read the one event of a POST."""
    (event,) = decode(query, json.dumps(said).encode(), NOW, BROWSER).events
    return event


def good(**changes: object) -> RawEvent:
    """Read a good purchase with some fields replaced, or left out where None."""
    event = read({name: value for name, value in {**GOOD, **changes}.items() if value is not None})
    assert isinstance(event, RawEvent), event
    return event


def fault_of(said: object, query: str = "") -> tuple[str, Fault]:
    """Say what is wrong with an event that cannot be read."""
    event = read(said, query)
    assert isinstance(event, Malformed), event
    return event.field, event.fault


def allowed(event: RawEvent) -> set[Destination]:
    """Name whom anything at all allows an event to, wherever banners are attested."""
    decisions = [decide(event, policy, tuple(Destination), NOW) for policy in ATTESTED]
    return {destination for decision in decisions for destination in decision.allowed}


# ── the tag's own requests ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda one: one["name"])
def test_what_the_tag_sends_is_read(recorded: Any) -> None:
    """In each of its forms."""
    (event,) = decode(recorded["query"], recorded["body"].encode(), NOW, BROWSER).events
    expected = recorded["event"]
    if "fault" in expected:
        assert isinstance(event, Malformed)
        assert event.fault == expected["fault"]
        return
    assert isinstance(event, RawEvent)
    money = event.money and f"{event.money.text} {event.money.currency}"
    digests = {destination.value: digest for destination, digest in (event.email_sha256 or {}).items()}
    found = {"money": money, "digests": digests, "content_ids": list(event.content_ids)}
    assert {name: found.get(name, getattr(event, name, None)) for name in expected} == expected


def test_each_packing_says_the_same() -> None:
    """JSON in a POST, JSON and base64 of it in a GET, a list of one, and a form."""
    text = json.dumps(GOOD)
    packed = base64.b64encode(text.encode()).decode()
    form = (
        "event_name=purchase&transaction_id=%221001%22&value=129.9&currency=EUR&user_data.email_address=jane.doe%40example.com"
        "&gateway_consent.advertising=true"
    )
    batches = [
        decode("", text.encode(), NOW, BROWSER),
        decode("", f"[{text}]".encode(), NOW, BROWSER),
        decode(f"v=2&dtcd={quote(text)}", b"", NOW, BROWSER),
        decode(f"v=2&dtdc={quote(packed)}", b"", NOW, BROWSER),
        decode(f"v=2&dtdc={packed.rstrip('=').replace('+', '-').replace('/', '_')}", b"", NOW, BROWSER),
        decode("", form.encode(), NOW, BROWSER, form=True),
    ]
    assert [batch.events for batch in batches] == [[good()]] * len(batches)


def test_the_body_goes_before_the_query() -> None:
    """As at the container's client."""
    event = read(GOOD, "v=2&event=page_view&transaction_id=7&value=1&currency=USD")
    assert isinstance(event, RawEvent)
    assert (event.kind, event.event_id, event.money and event.money.text) == (Kind.PURCHASE, "1001", "129.90")


def test_several_events_come_in_a_list() -> None:
    """Each is read by itself; a bad one does not take the others along."""
    said = [GOOD, {**GOOD, "value": "x"}, 7, {**GOOD, "transaction_id": "1002"}]
    events = decode("", json.dumps(said).encode(), NOW, BROWSER).events
    ids = [event.event_id if isinstance(event, RawEvent) else event.fault for event in events]
    assert ids == ["1001", Fault.BAD_FORMAT, Fault.WRONG_TYPE, "1002"]


@pytest.mark.parametrize(
    ("query", "body", "field", "fault"),
    [
        ("", b"{", "event", Fault.BAD_FORMAT),
        ("", b"[]", "event", Fault.MISSING),
        ("", b"[{}" + b",{}" * MAX_EVENTS + b"]", "event", Fault.TOO_LONG),
        ("", b'{"gateway_consent":{"advertising":false},"gateway_consent":{"advertising":true}}', "event", Fault.DUPLICATE_KEY),
        ("a=1&a=2", b"", "query", Fault.DUPLICATE_KEY),
        ("dtdc=%25", b"", "dtdc", Fault.BAD_FORMAT),
        ("dtcd=7", b"", "dtcd", Fault.WRONG_TYPE),
        ("dtcd=%7B%7D&dtdc=e30", b"", "dtdc", Fault.CONFLICT),
    ],
)
def test_what_cannot_be_taken_apart_is_one_fault(query: str, body: bytes, field: str, fault: Fault) -> None:
    """It names the field and the rule."""
    assert decode(query, body, NOW, BROWSER).events == [Malformed(field, fault)]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"a=1&a=2", Fault.DUPLICATE_KEY),
        (b"a=1&a.b=2", Fault.CONFLICT),
        (b"a.b=1&a=2", Fault.CONFLICT),
        (b"a" + b".b" * MAX_STEPS + b"=1", Fault.TOO_DEEP),
    ],
)
def test_a_form_that_two_readers_could_read_differently_is_none(body: bytes, fault: Fault) -> None:
    """A name twice, a value that is a box too, a path without end."""
    (event,) = decode("", body, NOW, BROWSER, form=True).events
    assert isinstance(event, Malformed)
    assert event.fault == fault


@pytest.mark.parametrize("number", ["1001.10", "1e3", "12345678901234567890123", "0017", "1001"])
def test_a_number_in_a_form_keeps_its_digits(number: str) -> None:
    """An order's and a client's are names, however much they look like numbers."""
    body = f"event_name=purchase&transaction_id={number}&value=9.99&currency=EUR&client_id={number}".encode()
    (event,) = decode("", body, NOW, BROWSER, form=True).events
    assert isinstance(event, RawEvent), event
    assert (event.event_id, event.money and event.money.text) == (number, "9.99")
    assert event.consent == {"join": {"client_id": number}}


def test_one_of_a_list_that_breaks_json_spoils_no_other() -> None:
    """Each is named by itself."""
    body = json.dumps([GOOD, GOOD])[:-1].encode() + b',{"value":1,"value":2}]'
    first, second, third = decode("", body, NOW, BROWSER).events
    assert first == second == read(GOOD, "")
    assert third == Malformed("event", Fault.DUPLICATE_KEY)


@pytest.mark.parametrize("name", ["items", OWN, "loyalty"])
def test_what_is_too_deep_is_invalid(name: str) -> None:
    """Deeper than sixteen, as everywhere; in a list its own depth does not count."""
    deep: object = {}
    for _ in range(MAX_DEPTH):
        deep = {"a": deep}
    assert fault_of({**GOOD, name: deep}) == ("event", Fault.TOO_DEEP)
    (event,) = decode(f"dtcd={quote(json.dumps({**GOOD, name: deep}))}", b"", NOW, BROWSER).events
    assert isinstance(event, Malformed)
    assert event.fault is Fault.TOO_DEEP


# ── what is read ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "field", "fault"),
    [
        ({**GOOD, "event_name": "refund"}, "event_name", Fault.NOT_ONE_OF),
        ({**GOOD, "event_name": 7.5}, "event_name", Fault.WRONG_TYPE),
        ({}, "event_name", Fault.MISSING),
        ({"event_name": "purchase"}, "transaction_id", Fault.MISSING),
        ({**GOOD, "order_id": "1002"}, "transaction_id", Fault.CONFLICT),
        ({**GOOD, "transaction_id": "a b"}, "transaction_id", Fault.BAD_FORMAT),
        ({**GOOD, "transaction_id": "a" * 65}, "transaction_id", Fault.TOO_LONG),
        ({**GOOD, "value": None}, "order.value", Fault.MISSING),
        ({**GOOD, "currency": None}, "order.currency", Fault.MISSING),
        ({**GOOD, "ecommerce": {"value": 5}}, "order.value", Fault.CONFLICT),
        ({**GOOD, "ecommerce": {"currency": "USD"}}, "order.currency", Fault.CONFLICT),
        ({**GOOD, "value": True}, "order.value", Fault.WRONG_TYPE),
        ({**GOOD, "email": "other@example.com"}, "email", Fault.CONFLICT),
        ({**GOOD, "email": {"a": 1}}, "email", Fault.WRONG_TYPE),
        ({**GOOD, "event_name": "page_view", "event_id": "a b"}, "event_id", Fault.BAD_FORMAT),
        ({**GOOD, **{f"k{n}": n for n in range(501)}}, "event", Fault.TOO_MANY_KEYS),
    ],
)
def test_what_is_wrong_is_named(said: object, field: str, fault: Fault) -> None:
    """By field and rule."""
    assert fault_of(said) == (field, fault)


def test_an_order_is_found_where_shops_put_it() -> None:
    """In GA4's form under `ecommerce`, and in the older one."""
    newer = {"transaction_id": 1001, "value": "129.9", "currency": "EUR", "items": [{"item_id": "7"}]}
    older = {"currencyCode": "EUR", "purchase": {"actionField": {"id": "1001", "revenue": "129.90"}, "products": [{"id": 7}]}}
    for ecommerce in (newer, older):
        event = good(transaction_id=None, value=None, currency=None, ecommerce=ecommerce)
        assert (event.event_id, event.money and event.money.text, event.content_ids) == ("1001", "129.90", ("7",))


def test_an_event_without_an_id_gets_one_of_its_own() -> None:
    """No two events of a request have the same, and neither does the next second's."""
    view = {"event_name": "page_view"}
    body = json.dumps([view, view]).encode()
    events = [*decode("", body, NOW, BROWSER).events, *decode("", body, NOW + 1, BROWSER).events]
    assert len({event.event_id for event in events if isinstance(event, RawEvent)}) == 4
    assert events[:2] == decode("", body, NOW, BROWSER).events


def test_a_digest_serves_whom_it_was_made_for() -> None:
    """What the tag hashes is good for Meta and Pinterest, what is named as GA4's for Google; an address goes before both."""
    hashed = good(user_data={"email_address": JANE.upper(), "sha256_email_address": ["a" * 64]})
    assert (hashed.email, hashed.email_sha256) == (
        None,
        {Destination.META: JANE, Destination.PINTEREST: JANE, Destination.GOOGLE_ADS: "a" * 64},
    )
    plain = good(user_data={"email_address": "jane.doe@example.com", "sha256_email_address": "a" * 64})
    assert (plain.email, plain.email_sha256) == ("jane.doe@example.com", None)
    assert good(user_data={"sha256_email_address": ["a" * 64, "b" * 64]}).email_sha256 is None


def test_a_digest_in_base64_is_one_too() -> None:
    """The tag offers both forms (`sha256base64`); bits that say nothing must be none."""
    assert good(user_data={"email_address": base64.b64encode(bytes.fromhex(JANE)).decode()}).email_sha256 == {
        Destination.META: JANE,
        Destination.PINTEREST: JANE,
    }
    assert good(user_data={"email_address": "A" * 42 + "B="}).email_sha256 is None


def test_what_the_page_says_of_the_browser_is_not_believed() -> None:
    """Address and agent are the connection's."""
    event = good(ip="198.51.100.1", ip_override="198.51.100.2", user_agent="other")
    assert (event.ip, event.user_agent) == (BROWSER.ip, BROWSER.user_agent)


def test_what_is_too_much_is_dropped_and_counted() -> None:
    """A long address of a page, more articles than are taken, and every name that has no place here, from a closed list."""
    said = {
        **GOOD,
        "event_name": "page_view",
        "page_location": "https://shop.example/" + "a" * MAX_TEXT,
        "items": [{"item_id": str(n)} for n in range(MAX_CONTENT_IDS + 1)] + [7, {}, {"item_id": [1]}],
        "page_title": "x",
        "x-ga-mp2-seg": 1,
        "jane@example.com": 1,
    }
    batch = decode("", json.dumps(said).encode(), NOW, BROWSER)
    (event,) = batch.events
    assert isinstance(event, RawEvent)
    assert (event.page_url, len(event.content_ids), event.unknown) == (None, MAX_CONTENT_IDS, True)
    labels = ("page_location", "items", "page_title", "x-ga", "other")
    assert batch.unknown == {f"stape.{label}": 1 for label in labels}


def test_ids_of_ads_come_from_cookies_and_address() -> None:
    """Nothing of an address that says something twice, and nothing that is no text."""
    cookies = {"_fbc": "fb.1.2.x", "_fbp": 7, "_epik": "dj0y", "_scid": "s"}
    event = good(common_cookie=cookies, page_location="https://shop.example/?gclid=A&wbraid=B#gbraid=C")
    assert event.click == {"fbc": "fb.1.2.x", "epik": "dj0y", "gclid": "A", "wbraid": "B"}
    assert good(page_location="https://shop.example/?gclid=A&gclid=B").click is None


def test_one_thing_in_two_spellings_is_one_thing() -> None:
    """An address that a shop has cleaned in one place and not in another, and a currency in small letters, are no conflict."""
    both = good(email=" Jane@Example.com ", user_data={"email_address": "jane@example.com"})
    assert (both.email or "").strip().lower() == "jane@example.com"
    money = good(currency="eur", value="129.90", ecommerce={"currency": "EUR", "value": 129.9}).money
    assert money == Money(12990, "EUR")


# ── consent ──────────────────────────────────────────────────────────────────────────────────────────────────────


def states() -> Iterator[dict[str, bool]]:
    """Every answer of Tag Manager to the three types."""
    for number in range(8):
        yield {name: bool(number >> place & 1) for place, name in enumerate(STATES)}


@pytest.mark.parametrize("state", [*states()], ids=str)
def test_a_state_grants_nothing(state: dict[str, bool]) -> None:
    """Tag Manager says yes where nobody set a default, so its yes is nobody's."""
    assert allowed(good(gateway_consent=None, consent_state=state)) == set()


@pytest.mark.parametrize("state", [*states()], ids=str)
def test_a_state_refuses(state: dict[str, bool]) -> None:
    """Everybody where storage or user data are denied, whatever the banner is said to have said."""
    expected = set(Destination) if state["ad_storage"] and state["ad_user_data"] else set()
    assert allowed(good(consent_state=state)) == expected


def test_personal_ads_are_googles_alone() -> None:
    """Denied, Google is told; others stay as they were."""
    assert consent_of({OWN: {"advertising": True}, "consent_state": {"adPersonalization": False}}) == "unreadable"
    no_words: list[dict[str, object]] = [{}, {"google": None}, {"google": {}}]
    for nothing in no_words:
        said = consent_of({OWN: {"advertising": True, **nothing}, "consent_state": {"ad_personalization": False}})
        assert said == {"advertising": True, "google": {"ad_personalization": "denied"}}


@pytest.mark.parametrize("wrong", ["yes", 1, [True], True])
@pytest.mark.parametrize("name", [OWN, "consent_state"])
def test_what_is_no_object_refuses(name: str, wrong: object) -> None:
    """Whoever cannot be read has not said yes."""
    assert allowed(good(**{name: wrong})) == set()


@pytest.mark.parametrize("wrong", ["granted", 1, "true", {}, []])
def test_a_state_that_is_no_answer_refuses(wrong: object) -> None:
    """Only a plain true says nothing against it."""
    assert allowed(good(consent_state={"ad_storage": wrong})) == set()


def test_query_and_body_say_the_same_of_consent() -> None:
    """A later word does not overrule a refusal."""
    assert fault_of(GOOD, f"{OWN}=no") == (OWN, Fault.CONFLICT)
    batch = decode(f"{OWN}=no&dtcd={quote(json.dumps(GOOD))}", b"", NOW, BROWSER)
    assert batch.events == [Malformed(OWN, Fault.CONFLICT)]


def test_a_client_that_is_a_number_is_found_too() -> None:
    """Or is invalid: without it a withdrawal would not be heard."""
    assert good(client_id=315691213).consent == {**GOOD[OWN], "join": {"client_id": "315691213"}}
    assert fault_of({**GOOD, "client_id": 315691213.17}) == ("client_id", Fault.WRONG_TYPE)


def test_a_client_is_what_records_are_found_by() -> None:
    """Beside what the shop's own object says, unless that names a client itself: whoever withdraws by the client is heard."""
    assert good(client_id="dcid.1.2.3", _dcid_temp="x").consent == {"advertising": True, "join": {"client_id": "dcid.1.2.3"}}
    for own, both in [
        ({"cart_token": "c"}, {"cart_token": "c", "client_id": "dcid.1.2.3"}),
        ({"cart_token": "c", "client_id": None}, {"cart_token": "c", "client_id": "dcid.1.2.3"}),
        ({"client_id": "shops-own"}, {"client_id": "shops-own"}),
        ({"client_id": 0}, {"client_id": 0}),
        ({"client_id": ""}, {"client_id": ""}),
    ]:
        said = good(client_id="dcid.1.2.3", gateway_consent={"advertising": True, "join": own})
        assert said.consent == {"advertising": True, "join": both}


@pytest.mark.parametrize("nothing", [None, {}])
def test_a_shop_that_joins_by_nothing_leaves_the_client(nothing: object) -> None:
    """Null and an empty object cite nothing: a refusal on record under the client is heard all the same."""
    own = {"advertising": True, "join": nothing}
    assert good(client_id="dcid.1.2.3", gateway_consent=own).consent == {
        "advertising": True,
        "join": {"client_id": "dcid.1.2.3"},
    }


@pytest.mark.parametrize("wrong", [[], "", 0, False, "x"])
def test_a_join_that_cannot_be_read_still_refuses(wrong: object) -> None:
    """Nothing is put in its place."""
    assert allowed(good(client_id="dcid.1.2.3", gateway_consent={"advertising": True, "join": wrong})) == set()


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "items", "x"]) | st.text(max_size=5), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "items", "consent_state", "common_cookie", "ecommerce", "x"]), JSON))
def test_anything_is_read_or_named(said: dict[str, object]) -> None:
    """Nothing is raised, and what is dropped is counted under names from a closed list."""
    batch = decode("v=2&event=purchase", json.dumps(said).encode(), NOW, BROWSER)
    assert len(batch.events) == 1
    assert set(batch.unknown) <= {f"stape.{name}" for name in (*PASSED_OVER, "x-ga", "other", "page_location", "items")}


@given(st.text(max_size=60), st.binary(max_size=60), st.booleans())
def test_any_bytes_are_read_or_named(query: str, body: bytes, form: bool) -> None:
    """Whatever the packing."""
    assert isinstance(decode(query, body, NOW, BROWSER, form=form), Batch)


@given(st.dictionaries(st.sampled_from([*GOOD, "client_id", "x"]), JSON))
def test_nothing_that_is_added_turns_a_refusal_into_a_permission(more: dict[str, object]) -> None:
    """Whatever stands beside a state that refuses."""
    event = read({**GOOD, **more, "consent_state": {"ad_storage": False}})
    assert isinstance(event, Malformed) or allowed(event) == set()


@pytest.mark.parametrize("piece", ["{", '{"a":', '"a",', "7,", '{"item_id":"x"},', "a.b=1&", "%25", "a=b&", "+"])
def test_a_body_of_any_one_thing_costs_little(piece: str) -> None:
    """64 KiB of it are read within 50 ms of the processor's time, in each packing."""
    text = (piece * (1 << 16))[: 1 << 16]
    items = f'{{"event_name":"purchase","items":[{text.rstrip(",")}]}}'
    for body, form in ((text, False), (text, True), (items, False)):
        assert seconds(partial(decode, "", body.encode(), NOW, BROWSER, form=form)) < 0.05
    assert seconds(partial(decode, f"dtdc={base64.b64encode(items.encode()).decode()}", b"", NOW, BROWSER)) < 0.05
