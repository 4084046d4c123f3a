"""What Stape's Data Tag sends: read as its own container reads it where that is plain, otherwise in the way that sends less."""

import base64
import json
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.decision import decide
from gateway.consent.policy import Policy
from gateway.model import Destination, Fault, Kind
from gateway.raw import Malformed, RawEvent
from gateway.sources.native import MAX_CONTENT_IDS, Connection
from gateway.sources.stape import MAX_EVENTS, PASSED_OVER, Wire, decode, digest_of
from gateway.sources.typed import MAX_TEXT
from tests.effort import seconds
from tests.strategies import NOW

RECORDED: Final = json.loads((Path(__file__).parents[2] / "data/stape/requests.json").read_text())
BROWSER: Final = Connection("203.0.113.7", "agent", gpc=False)
GET, POST, FORM = Wire(by_get=True, form=False), Wire(by_get=False, form=False), Wire(by_get=False, form=True)
GOOGLE: Final = Destination.GOOGLE_ADS
JANE: Final = "86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d"
GOOD: Final[dict[str, Any]] = {
    "event_name": "purchase",
    "v": 2,
    "transaction_id": "1001",
    "value": 129.9,
    "currency": "EUR",
    "page_location": "https://shop.example/thanks?token=x",
    "_dcid_temp": "dcid.1.1795000000123.123456789",
    "consent_state": {"ad_storage": True, "ad_user_data": True, "ad_personalization": True},
}
GRANTED: Final = {"ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "granted"}


def said(**changes: Any) -> dict[str, Any]:
    """A good purchase with some members replaced, or left out where None."""
    return {name: value for name, value in {**GOOD, **changes}.items() if value is not None}


def events(body: Any, query: str = "v=2&event=purchase", wire: Wire = POST, now: int = NOW) -> list[RawEvent | Malformed]:
    """The events of a request; a body that is no text is written as JSON."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode(query, text, wire, now, BROWSER).events


def read(body: Any, query: str = "v=2&event=purchase", wire: Wire = POST, now: int = NOW) -> RawEvent:
    """The one event of a request, which must be readable."""
    (event,) = events(body, query, wire, now)
    assert isinstance(event, RawEvent), event
    return event


def fault(body: Any, query: str = "v=2", wire: Wire = POST) -> tuple[str, Fault]:
    """What is wrong with the one event of a request."""
    (event,) = events(body, query, wire)
    assert isinstance(event, Malformed), event
    return event.field, event.fault


def packed(value: Any) -> str:
    """What stands behind `dtdc`."""
    return quote(base64.b64encode(json.dumps(value).encode()).decode(), safe="")


def told(event: RawEvent | Malformed) -> dict[str, Any]:
    """An event in the words of the recorded ones."""
    if isinstance(event, Malformed):
        return {"fault": event.fault}
    words = {
        "kind": event.kind,
        "page_url": event.page_url,
        "email": event.email,
        "digests": event.email_sha256 and {str(who): digest for who, digest in event.email_sha256.items()},
        "money": event.money and f"{event.money.text} {event.money.currency}",
        "content_ids": list(event.content_ids),
        "click": event.click,
        "consent": event.consent,
    }
    return {name: value for name, value in words.items() if value} | (
        {"event_id": event.event_id} if len(event.event_id) < 32 else {}
    )


# ── encodings ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("shape", RECORDED, ids=lambda shape: shape["name"])
def test_what_the_tag_sends_is_read(shape: dict[str, Any]) -> None:
    """Recorded from the tag's own code, to the last field that is kept; all else is known to be the tag's own."""
    wire = Wire(by_get=shape["method"] == "GET", form=False)
    batch = decode(shape["query"], shape["body"].encode(), wire, NOW, BROWSER)
    assert [told(event) for event in batch.events] == shape["events"]
    assert set(batch.unknown) <= {f"stape.{name}" for name in (*PASSED_OVER, *shape.get("shops_own", ()))}


FLAT: Final = {name: str(value) for name, value in GOOD.items() if name != "consent_state"}
"""A purchase of texts alone, as every encoding can have it."""
PLAIN: Final = "&".join(f"{name}={quote(value, safe='')}" for name, value in FLAT.items())


@pytest.mark.parametrize(
    ("query", "body", "wire"),
    [
        ("v=2&event=purchase", json.dumps(FLAT), POST),
        ("v=2&event=purchase", json.dumps([FLAT]), POST),
        ("v=2&event=purchase", PLAIN, FORM),
        (PLAIN, "", GET),
        (PLAIN, "", POST),
        (f"v=2&event=purchase&dtdc={packed(FLAT)}", "", GET),
        (f"v=2&event=purchase&dtdc={packed(FLAT).removesuffix('%3D').removesuffix('%3D')}", "", GET),
        (f"v=2&event=purchase&dtcd={quote(json.dumps(FLAT))}", "", GET),
        (f"event=page_view&dtcd={quote(json.dumps(FLAT))}", "", GET),
        ("v=2&event=page_view&value=1&transaction_id=7", json.dumps(FLAT), GET),
    ],
    ids=("json", "array", "form", "query", "query-by-post", "base64", "unfilled", "json-in-query", "over-query", "body-over-all"),
)
def test_every_encoding_says_the_same(query: str, body: str, wire: Wire) -> None:
    """To the last field."""
    (event,) = decode(query, body.encode(), wire, NOW, BROWSER).events
    assert event == read(FLAT)


def test_what_is_packed_counts_by_get_alone() -> None:
    """As the receiving client has it; by POST it is one more name that nobody knows."""
    batch = decode(f"v=2&dtdc={packed(GOOD)}", b"", POST, NOW, BROWSER)
    assert batch.events == [Malformed("event_name", Fault.MISSING)]
    assert batch.unknown == {"stape.other": 1}


def test_an_array_has_an_event_in_each_place() -> None:
    """What they share stands in the query; what is wrong with one is nothing to its neighbours."""
    shared, broken = "v=2&currency=EUR", [said(currency=None), {"event_name": "scroll"}, 7, said(value="x")]
    first, *rest = events(broken, shared)
    assert first == read(GOOD)
    assert rest == [
        Malformed("event_name", Fault.NOT_ONE_OF),
        Malformed("event", Fault.WRONG_TYPE),
        Malformed("order.value", Fault.BAD_FORMAT, Kind.PURCHASE),
    ]


def test_a_form_leads_deeper_by_dots() -> None:
    """Flags are flags, numbers keep their digits, and products are told by number."""
    form = (
        "event_name=purchase&transaction_id=00123456789012345678901&value=9.99&currency=EUR&client_id=315691213.1760240992"
        "&items.0.item_id=SKU+7&items.0.price=5&items.1.item_id=SKU-8&user_data.email_address=jane.doe%40example.com"
        "&consent_state.ad_storage=true&consent_state.ad_user_data=false&gateway_consent=%7B%22advertising%22%3Atrue%7D"
    )
    event = read(form.encode(), "", FORM)
    assert (event.event_id, event.money and event.money.text) == ("00123456789012345678901", "9.99")
    assert (event.content_ids, event.email) == (("SKU 7", "SKU-8"), "jane.doe@example.com")
    assert event.consent == {
        "advertising": True,
        "google": {"ad_storage": "granted", "ad_user_data": "denied"},
        "join": {"client_id": "315691213.1760240992"},
    }


@pytest.mark.parametrize(
    ("body", "query", "wire", "found"),
    [
        (b"{", "v=2", POST, ("event", Fault.BAD_FORMAT)),
        (b"null", "v=2", POST, ("event", Fault.WRONG_TYPE)),
        (b"[]", "v=2", POST, ("event", Fault.MISSING)),
        (b'{"value":1,"value":2}', "v=2", POST, ("event", Fault.DUPLICATE_KEY)),
        (b'{"consent_state":{"ad_storage":false,"ad_storage":true}}', "v=2", POST, ("event", Fault.DUPLICATE_KEY)),
        (b'{"value":NaN}', "v=2", POST, ("event", Fault.NOT_FINITE)),
        (b'{"value":"\\ud800"}', "v=2", POST, ("event", Fault.LONE_SURROGATE)),
        (b'{"a":' * 17 + b"1" + b"}" * 17, "v=2", POST, ("event", Fault.TOO_DEEP)),
        (b"a=1&a=2", "v=2", FORM, ("event", Fault.DUPLICATE_KEY)),
        (b"a=1&a.b=2", "v=2", FORM, ("event", Fault.DUPLICATE_KEY)),
        (b"a.b=2&a=1", "v=2", FORM, ("event", Fault.DUPLICATE_KEY)),
        (b".".join([b"a"] * 18) + b"=1", "v=2", FORM, ("event", Fault.TOO_DEEP)),
        (b"&".join(b"a%d=1" % number for number in range(501)), "v=2", FORM, ("event", Fault.TOO_MANY_KEYS)),
        (b"", "event=purchase&event=page_view", GET, ("query", Fault.DUPLICATE_KEY)),
        (b"", "dtcd=%5B1%5D", GET, ("dtcd", Fault.WRONG_TYPE)),
        (b"", "dtcd=%7B", GET, ("dtcd", Fault.BAD_FORMAT)),
        (b"", "dtdc=!!!!", GET, ("dtdc", Fault.BAD_FORMAT)),
        (b"", "dtdc=%7B", GET, ("dtdc", Fault.BAD_FORMAT)),
        (b"", 'dtcd={"a":1,"a":2}', GET, ("dtcd", Fault.WRONG_TYPE)),
        (b"", 'dtcd={"b":{"a":1,"a":2}}', GET, ("event", Fault.DUPLICATE_KEY)),
    ],
)
def test_what_two_readers_could_read_differently_is_invalid(
    body: bytes, query: str, wire: Wire, found: tuple[str, Fault]
) -> None:
    """It is one invalid event in the books."""
    assert fault(body, query, wire) == found


def test_an_array_has_its_limit() -> None:
    """Longer ones are nobody's tag."""
    assert len(events([GOOD] * MAX_EVENTS)) == MAX_EVENTS
    assert fault([GOOD] * (MAX_EVENTS + 1)) == ("event", Fault.TOO_LONG)


# ── consent ──────────────────────────────────────────────────────────────────────────────────────────────────────


def allowed(event: RawEvent, *, attested: bool) -> tuple[Destination, ...]:
    """To whom it may go by what it says itself, where a banner asks or where nobody says that one does."""
    policy = Policy(banner_regions=frozenset({"*"}) if attested else frozenset())
    return decide(event, policy, tuple(Destination), NOW).allowed


@pytest.mark.parametrize(("attested", "whom"), [(True, (GOOGLE,)), (False, ())])
def test_a_state_of_consent_mode_is_no_choice(attested: bool, whom: tuple[Destination, ...]) -> None:
    """It grants to Google where the shop attests a banner, and to nobody anywhere else."""
    event = read(GOOD)
    assert event.consent == {"google": GRANTED}
    assert allowed(event, attested=attested) == whom


@pytest.mark.parametrize(
    "state",
    [
        {"ad_storage": False, "ad_user_data": True},
        {"ad_storage": True, "ad_user_data": False},
        {"ad_storage": "false", "ad_user_data": True},
        {"ad_storage": 1, "ad_user_data": 1},
        {"ad_storage": "granted", "ad_user_data": "granted"},
        {"ad_storage": None, "ad_user_data": True},
        {"ad_storage": [True], "ad_user_data": True},
        {},
        "[object Object]",
        True,
        [],
    ],
)
def test_a_state_that_is_no_plain_yes_sends_nothing(state: Any) -> None:
    """Whatever stands in it, and wherever the shop attests a banner."""
    assert allowed(read(said(consent_state=state)), attested=True) == ()


def test_what_the_page_says_itself_counts_as_in_our_own_format() -> None:
    """Beside the state, so that a refusal in either place wins."""
    chosen = {"advertising": True, "vendors": {"meta": True, "pinterest": True, "google_ads": True}}
    event = read(said(gateway_consent=chosen))
    assert event.consent == {**chosen, "google": GRANTED}
    assert allowed(event, attested=False) == tuple(Destination)
    refused = {"ad_storage": False, "ad_user_data": True}
    assert allowed(read(said(gateway_consent=chosen, consent_state=refused)), attested=False) == ()
    for unreadable in ("[object Object]", True, 7, ["advertising"]):
        assert allowed(read(said(gateway_consent=unreadable)), attested=True) == ()


@pytest.mark.parametrize("name", ["consent_state", "gateway_consent"])
def test_no_later_place_overrules_a_refusal(name: str) -> None:
    """Where two speak of consent they must say the same."""
    no, yes = {"ad_storage": False}, {"ad_storage": True}
    query = f"dtcd={quote(json.dumps({name: no}))}"
    assert fault(said(**{name: yes}), query, GET) == (name, Fault.CONFLICT)
    assert isinstance(read(said(**{name: no}), query, GET), RawEvent)


def test_consent_mode_is_said_once() -> None:
    """The page's own word for it must be the tag's."""
    assert fault(said(gateway_consent={"google": {"ad_storage": "denied"}})) == ("consent_state", Fault.CONFLICT)
    assert read(said(gateway_consent={"google": GRANTED})).consent == {"google": GRANTED}


@pytest.mark.parametrize("name", ["client_id", "data_client_id", "_dcid"])
def test_a_record_is_found_by_the_clients_id(name: str) -> None:
    """Which never goes on; the number that the tag makes up for a page finds none."""
    event = read(said(**{name: "315691213.1760240992"}))
    assert event.consent == {"google": GRANTED, "join": {"client_id": "315691213.1760240992"}}


def test_two_clients_are_a_conflict() -> None:
    """Of two people one may have refused; what else a record is found by stays."""
    join = {"client_id": "a", "cart_token": "c"}
    assert fault(said(client_id="b", gateway_consent={"join": join})) == ("client_id", Fault.CONFLICT)
    both = read(said(client_id="a", gateway_consent={"join": join}))
    assert both.consent == {"google": GRANTED, "join": join}
    assert read(said(client_id="a", gateway_consent={"join": "x"})).consent == {"google": GRANTED, "join": "x"}


# ── who ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "where",
    [
        {"user_data": {"email_address": "jane.doe@example.com"}},
        {"user_data": {"email": "jane.doe@example.com"}},
        {"user_data": {"email_address": ["jane.doe@example.com"]}},
        {"email_address": "jane.doe@example.com"},
        {"email": "jane.doe@example.com"},
        {"userEmail": "jane.doe@example.com"},
        {"mail": "jane.doe@example.com"},
        {"email": "jane.doe@example.com", "sha256_email_address": "0" * 64},
    ],
)
def test_an_address_is_found_wherever_the_client_finds_it(where: dict[str, Any]) -> None:
    """It is hashed at the boundary, as any other's."""
    event = read(said(**where))
    assert (event.email, event.email_sha256) == ("jane.doe@example.com", None)


@pytest.mark.parametrize("written", [JANE, JANE.upper(), base64.b64encode(bytes.fromhex(JANE)).decode()])
def test_what_the_tag_hashed_serves_whom_it_was_made_for(written: str) -> None:
    """The tag trims and lowers, which is what Meta and Pinterest want; the field of Google's own is Google's."""
    trimmed = {Destination.META: JANE, Destination.PINTEREST: JANE}
    assert read(said(email_address=written)).email_sha256 == trimmed
    assert read(said(user_data={"sha256_email_address": written})).email_sha256 == {GOOGLE: JANE}
    assert read(said(email_address=written, user_data={"sha256_email_address": [written]})).email_sha256 == {
        **trimmed,
        GOOGLE: JANE,
    }


@pytest.mark.parametrize(
    "where",
    [
        {"email": "5f4dcc3b5aa765d61d8327deb882cf99"},
        {"email": base64.b64encode(b"jane.doe@example.com").decode()},
        {"email": 7},
        {"email": "x@" + "y" * MAX_TEXT},
        {"user_data": {"sha256_email_address": "jane.doe@example.com"}},
    ],
)
def test_what_is_no_address_and_no_digest_is_dropped(where: dict[str, Any]) -> None:
    """And counted; the event goes on without."""
    batch = decode("v=2", json.dumps(said(**where)).encode(), POST, NOW, BROWSER)
    (event,) = batch.events
    assert isinstance(event, RawEvent)
    assert (event.email, event.email_sha256) == (None, None)
    assert batch.unknown["stape.email"] == 1


def test_a_digest_has_one_form_of_base64() -> None:
    """Bits that say nothing must be none."""
    assert digest_of("A" * 43 + "=") == "0" * 64
    assert digest_of("A" * 42 + "B=") is None


def test_connection_and_arrival_are_not_the_bodys_to_tell() -> None:
    """Address, agent and time are what the gateway sees."""
    event = read(said(ip="198.51.100.9", ip_override="198.51.100.9", user_agent="x", timestamp=1))
    assert (event.ip, event.user_agent, event.occurred_at) == ("203.0.113.7", "agent", NOW)


def test_click_ids_come_from_cookies_and_address() -> None:
    """Each platform's own; other cookies that the tag copies are not looked at."""
    cookies = {"_fbp": "fb.1.1.2", "_fbc": "fb.1.1.x", "_epik": "dj0y", "_gcl_aw": "GCL.1.x", "ttclid": "t"}
    event = read(said(common_cookie=cookies, page_location="https://shop.example/?gclid=CjwK"))
    assert event.click == {"fbp": "fb.1.1.2", "fbc": "fb.1.1.x", "epik": "dj0y", "gclid": "CjwK"}
    others: tuple[object, ...] = ({"_fbp": 7, "_fbc": "x" * (MAX_TEXT + 1), "_epik": ""}, "x", [])
    for other in others:
        assert read(said(common_cookie=other)).click is None


# ── which event, and what it is worth ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["event_name", "eventName", "event", "e_n"])
@pytest.mark.parametrize("kind", list(Kind))
def test_an_event_has_its_name_under_four(name: str, kind: Kind) -> None:
    """In the order in which the client looks."""
    assert read({**said(event_name=None), name: kind.value}, "v=2").kind is kind


@pytest.mark.parametrize("name", ["Purchase", "begin_checkout", "gtm.js", 7, ["purchase"], True])
def test_other_events_are_none_of_ours(name: Any) -> None:
    """A name is what it is, to the letter."""
    assert fault(said(event_name=name)) == ("event_name", Fault.NOT_ONE_OF)


@pytest.mark.parametrize(
    "order",
    [
        {"transaction_id": "1001", "event_id": "e-7"},
        {"transaction_id": 1001},
        {"transaction_id": None, "ecommerce": {"transaction_id": "1001"}},
        {"transaction_id": None, "ecommerce": {"purchase": {"actionField": {"id": "1001"}}}},
        {"transaction_id": None, "event_id": "1001"},
    ],
)
def test_a_purchase_is_its_order(order: dict[str, Any]) -> None:
    """So that the tag and the shop's server are one conversion; only without a number it is the event's own id."""
    assert read(said(**order)).event_id == "1001"


def test_another_event_is_its_own_id() -> None:
    """Which the platform's pixel on the page can share."""
    assert read(said(event_name="add_to_cart", event_id="e-7")).event_id == "e-7"


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ({"transaction_id": None}, ("transaction_id", Fault.MISSING)),
        ({"transaction_id": "a b"}, ("transaction_id", Fault.BAD_FORMAT)),
        ({"transaction_id": "x" * 65}, ("transaction_id", Fault.TOO_LONG)),
        ({"transaction_id": 1.5}, ("transaction_id", Fault.WRONG_TYPE)),
        ({"transaction_id": None, "event_id": "jane@example.com"}, ("event_id", Fault.BAD_FORMAT)),
        ({"value": None}, ("order.value", Fault.MISSING)),
        ({"value": True}, ("order.value", Fault.WRONG_TYPE)),
        ({"value": "1,5"}, ("order.value", Fault.BAD_FORMAT)),
        ({"value": 1e13}, ("order.value", Fault.OUT_OF_RANGE)),
        ({"value": -1}, ("order.value", Fault.OUT_OF_RANGE)),
        ({"currency": None}, ("order.currency", Fault.MISSING)),
        ({"currency": 7}, ("order.currency", Fault.WRONG_TYPE)),
        ({"currency": "XYZ"}, ("order.currency", Fault.NOT_ONE_OF)),
    ],
)
def test_a_purchase_that_breaks_a_rule_is_named(order: dict[str, Any], found: tuple[str, Fault]) -> None:
    """By field and rule."""
    assert fault(said(**order)) == found


def test_without_an_id_a_page_view_is_told_by_its_moment() -> None:
    """The tag repeats no request: two in a second of one page are one, and no two visitors' ever are."""
    view = said(event_name="page_view")
    first = read(view).event_id
    assert len(first) == 32
    assert read(view).event_id == first
    others = [
        read(view, now=NOW + 1),
        read({**view, "_dcid_temp": "other"}),
        read({**view, "page_location": "https://shop.example/"}),
    ]
    assert len({first, *(other.event_id for other in others)}) == 4
    one, two = events([view, view])
    assert one.event_id != two.event_id


def test_with_tag_managers_number_it_is_told_by_that() -> None:
    """Then a repeat is known whenever it comes."""
    view = said(event_name="page_view", **{"gtm.uniqueEventId": 17})
    assert read(view).event_id == read(view, now=NOW + 9).event_id
    assert read(view).event_id != read({**view, "gtm.uniqueEventId": 18}).event_id


@pytest.mark.parametrize(
    ("order", "worth"),
    [
        ({"value": 42.330000000000005}, "42.33 EUR"),
        ({"value": "129.9"}, "129.90 EUR"),
        ({"value": 0}, "0.00 EUR"),
        ({"value": 0, "ecommerce": {"value": 7}}, "0.00 EUR"),
        ({"value": None, "e_v": "5"}, "5.00 EUR"),
        ({"value": None, "ecommerce": {"value": 7, "currency": "USD"}}, "7.00 EUR"),
        ({"value": None, "currency": None, "ecommerce": {"value": 7, "currency": "USD"}}, "7.00 USD"),
        ({"value": None, "ecommerce": {"currencyCode": "USD", "purchase": {"actionField": {"revenue": "35.43"}}}}, "35.43 EUR"),
        ({"currency": None, "items": [{"item_id": "a", "currency": "jpy"}]}, "130 JPY"),
    ],
)
def test_a_value_is_found_wherever_the_client_finds_it(order: dict[str, Any], worth: str) -> None:
    """The order's own, in the places of the currency; never a sum of products."""
    money = read(said(**order)).money
    assert money is not None
    assert f"{money.text} {money.currency}" == worth


def test_products_are_never_summed() -> None:
    """An order has postage and discounts."""
    assert fault(said(value=None, items=[{"item_id": "a", "price": 5, "quantity": 2}])) == ("order.value", Fault.MISSING)
    assert read(said(event_name="page_view", value=None)).money is None


def test_products_are_told_by_id() -> None:
    """At most as many as anybody keeps; what is none is left out."""
    items = [{"item_id": "SKU-7"}, {"id": 8}, {"item_id": ["x"]}, {}, 7, {"item_id": "x" * (MAX_TEXT + 1)}]
    assert read(said(items=items)).content_ids == ("SKU-7", "8")
    assert read(said(ecommerce={"items": items})).content_ids == ("SKU-7", "8")
    many = decode("v=2", json.dumps(said(items=[{"item_id": "a"}] * 101)).encode(), POST, NOW, BROWSER)
    (event,) = many.events
    assert isinstance(event, RawEvent)
    assert len(event.content_ids) == MAX_CONTENT_IDS
    assert many.unknown == {"stape.items": 1}


def test_what_is_dropped_is_counted_by_names_that_are_the_tags() -> None:
    """A shop's own name may be anything."""
    extra = {"page_title": "x", "jane.doe@example.com": 1, "loyalty": {"level": 7}, "phone_number": "+33"}
    batch = decode("v=2&event=x&utm=1", json.dumps(said(**extra)).encode(), POST, NOW, BROWSER)
    assert batch.unknown == {"stape.page_title": 1, "stape.phone_number": 1, "stape.other": 3}
    (event,) = batch.events
    assert isinstance(event, RawEvent)
    assert event.unknown
    assert not read(said(page_title="x")).unknown


def test_a_long_address_is_left_out() -> None:
    """And so is what is none."""
    for page in ("https://shop.example/" + "x" * MAX_TEXT, 7, ["https://shop.example/"]):
        assert read(said(page_location=page)).page_url is None


# ── whatever comes ───────────────────────────────────────────────────────────────────────────────────────────────

ANYTHING: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(
    st.sampled_from(sorted({*GOOD, "gateway_consent", "user_data", "ecommerce", "items", "common_cookie", "client_id"})),
    ANYTHING,
)
def test_no_value_of_any_member_is_too_much(name: str, value: object) -> None:
    """It is read or refused."""
    assert len(events({**GOOD, name: value})) == 1


@given(st.binary(max_size=300), st.binary(max_size=300), st.sampled_from([GET, POST, FORM]))
def test_no_bytes_are_too_much(query: bytes, body: bytes, wire: Wire) -> None:
    """A request gives at least one event, readable or not."""
    assert decode(query.decode("latin-1"), body, wire, NOW, BROWSER).events


@pytest.mark.parametrize(
    ("query", "body", "wire"),
    [
        ("v=2", b"[" + b",".join([b"{}"] * 100) + b"]", POST),
        ("&".join(f"a{number}=1" for number in range(499)), b"[" + b",".join([b'{"event":"page_view"}'] * 100) + b"]", POST),
        ("v=2", b"&".join(b"a%d=[1]" % number for number in range(500)), FORM),
        ("v=2", b"&".join(b".".join([b"%d" % number] * 15) + b"=%5B1" for number in range(500)), FORM),
        ("v=2", b"a=" + b"[" * 60_000, FORM),
        ("v=2", b"a=" + b"%5B" * 20_000, FORM),
        ("v=2", b"[" * 64_000, POST),
        ("v=2&dtdc=" + "A" * 60_000, b"", GET),
        ("v=2&dtcd=" + "%7B" * 20_000, b"", GET),
        ("v=2", json.dumps({"event": "purchase", "items": [{"item_id": "a"}] * 3500}).encode(), POST),
        ("v=2", json.dumps({f"a{number}": [[]] for number in range(400)}).encode(), POST),
    ],
)
def test_nothing_takes_long(query: str, body: bytes, wire: Wire) -> None:
    """50 ms for the worst that a page may send."""
    assert seconds(lambda: decode(query, body, wire, NOW, BROWSER)) < 0.05
