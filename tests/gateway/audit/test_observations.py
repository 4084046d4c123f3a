"""What requests held, without a value: events by interface, fields by name and kind, names that could be somebody's masked."""

import json
from typing import Any, Final
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.observations import (
    DATA_TAG,
    EVERY_KIND,
    FORM,
    INTERFACES,
    MASKED,
    NATIVE,
    TAG,
    Elsewhere,
    Field,
    Form,
    Sent,
    Unread,
    fields_said,
    ids_said,
    interface_of,
    kind_of,
    named,
    said_in,
    sent_in,
)
from gateway.audit.recordings import Recorded
from gateway.delivery.contract import Contract
from gateway.delivery.contract_body import Number
from gateway.model.words import Destination, Fault, Kind
from gateway.sources.strict import Tainted
from tests.adapters.cases import SHIPPED

CONTRACTS: Final = {destination: Contract(file) for destination, file in SHIPPED.items()}
META: Final = ("graph.facebook.com", "/v23.0/123/events")
HASH: Final = "ab" * 32
EVENT: Final = {"event_name": "Purchase", "event_id": "5001", "user_data": {"em": [HASH]}}


def posted(body: object, where: tuple[str, str] = META, query: str = "", **headers: str) -> Recorded:
    """Make a request that was sent out."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {name.replace("_", "-"): (value,) for name, value in headers.items()}
    return Recorded(1, "POST", *where, query=query, headers=told, body=text)


def only(request: Recorded) -> Sent:
    """Give the one event that a request held."""
    found = sent_in(request, CONTRACTS)
    assert isinstance(found, list)
    (one,) = found
    return one


def fields(sent: Sent) -> set[tuple[str, str, bool]]:
    """Give its fields as they are easily written."""
    return {(field.path, field.kind, field.allowed) for field in sent.fields}


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("host", "path", "name"),
    [
        (*META, "Conversions API"),
        ("graph.facebook.com", "/123/events", "Conversions API"),
        ("api.pinterest.com", "/v5/ad_accounts/123/events", "API for Conversions"),
        ("datamanager.googleapis.com", "/v1/events:ingest", "Data Manager"),
        ("googleads.googleapis.com", "/v21/customers/123:uploadClickConversions", "Google Ads API"),
        ("www.google-analytics.com", "/mp/collect", "Measurement Protocol"),
        ("region1.google-analytics.com", "/g/collect", "Google Analytics"),
        ("graph.facebook.com", "/v23.0/me", None),
        ("graph.facebook.com.evil.example", "/v23.0/123/events", None),
        ("api.pinterest.com", "/v23.0/123/events", None),
    ],
)
def test_an_interface_is_known_by_host_and_path(host: str, path: str, name: str | None) -> None:
    """Both whole."""
    found = interface_of(host, path)
    assert (None if found is None else found.name) == name


def test_the_fields_of_the_whole_request_are_those_of_each_event() -> None:
    """What is said once goes with every event."""
    found = sent_in(
        posted({"data": [EVENT, EVENT | {"event_id": "2"}], "partner_agent": "x"}, query="access_token=t"), CONTRACTS
    )
    assert isinstance(found, list)
    assert [sent.keys for sent in found] == [{"5001"}, {"2"}]
    assert all({Field("partner_agent", "text"), Field("?access_token", "text")} <= sent.fields for sent in found)


def test_the_contract_says_what_of_it_is_allowed() -> None:
    """By path and by kind of value: the same path with a whole address is another field."""
    event = EVENT | {"event_time": 1_795_514_400, "user_data": {"em": [HASH], "client_ip_address": "198.51.100.77"}}
    assert fields(only(posted({"data": [event]}))) == {
        ("data[].event_name", "one_of", True),
        ("data[].event_id", "event_id", True),
        ("data[].event_time", "unix_seconds", True),
        ("data[].user_data.em[]", "sha256", True),
        ("data[].user_data.client_ip_address", "ip_address", False),
    }


def test_a_lone_value_in_place_of_a_list_is_a_list_of_one() -> None:
    """Platforms take both, and it is the same field."""
    event = EVENT | {"user_data": {"em": HASH}}
    assert ("data[].user_data.em[]", "sha256", True) in fields(only(posted({"data": [event]})))


def test_a_form_is_read_as_its_json() -> None:
    """Meta's own libraries may post one."""
    form = f"data={quote(json.dumps([EVENT]))}&access_token=t&empty="
    found = only(posted(form.encode(), content_type=FORM))
    assert found.keys == {"5001"}
    assert ("access_token", "text", False) in fields(found)
    assert only(posted(b"data=" + quote(json.dumps([EVENT])).encode(), content_type=FORM)).keys


def test_an_event_is_known_by_every_id_that_it_has() -> None:
    """The order's number as well as the event's own id; a number is as good as text."""
    assert only(posted({"data": [EVENT | {"event_id": "web-1", "custom_data": {"order_id": 5001}}]})).keys == {"web-1", "5001"}


@pytest.mark.parametrize(
    ("where", "body", "kinds"),
    [
        (META, {"data": [EVENT]}, {Kind.PURCHASE}),
        (META, {"data": [EVENT | {"event_name": "ViewContent"}]}, set()),
        (("api.pinterest.com", "/v5/ad_accounts/1/events"), {"data": [{"event_name": "page_visit"}]}, {Kind.PAGE_VIEW}),
        (("datamanager.googleapis.com", "/v1/events:ingest"), {"events": [{"transactionId": "1"}]}, set(EVERY_KIND)),
        (("www.google-analytics.com", "/mp/collect"), {"events": [{"name": "add_to_cart"}]}, {Kind.ADD_TO_CART}),
    ],
)
def test_what_happened_is_read_by_the_platforms_own_names(where: tuple[str, str], body: object, kinds: set[Kind]) -> None:
    """One kind, none that is known here, or any where the request does not say."""
    assert only(posted(body, where)).kinds == kinds


def test_what_googles_tag_passes_on_is_read_event_by_event() -> None:
    """Query and lines; items under one name; headers that carry a person's data."""
    request = posted(
        b"en=purchase&ep.transaction_id=5001&pr1=idA~nmB&pr2=idC\r\nen=page_view&uip=198.51.100.77",
        ("www.google-analytics.com", "/g/collect"),
        "v=2&cid=1129698125.1691607592",
        cookie="a=b", user_agent="x",
    )  # fmt: skip
    found = sent_in(request, CONTRACTS)
    assert isinstance(found, list)
    assert [(sent.keys, sent.kinds) for sent in found] == [
        (frozenset({"5001"}), frozenset({Kind.PURCHASE})),
        (frozenset(), frozenset({Kind.PAGE_VIEW})),
    ]
    assert {field.path for field in found[0].fields} == {"?v", "?cid", "?en", "?ep.transaction_id", "?pr[]", "header:cookie"}
    assert Field("?uip", "ip_address") in found[1].fields


def test_another_place_is_named_by_its_host() -> None:
    """One that could be somebody's is masked."""
    assert sent_in(posted(b"", ("analytics.example", "/x")), CONTRACTS) == Elsewhere("analytics.example")
    assert sent_in(posted(b"", ("jane.doe1970@x.example", "/x")), CONTRACTS) == Elsewhere(MASKED)


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"\xff", b'{"data":' + b"[" * 100_000, b"1"])
def test_a_body_that_cannot_be_read_is_said_to_be_so(body: bytes) -> None:
    """Rather than to hold nothing."""
    assert sent_in(posted(body), CONTRACTS) == Unread(Destination.META, "Conversions API")


def test_events_print_nothing_of_what_is_inside() -> None:
    """Ids are somebody's."""
    assert repr(only(posted({"data": [EVENT]}))) == "<Sent>"


# ── fields ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("jane@example.com", "email"),
        ("198.51.100.77", "ip_address"),
        ("2001:db8::7", "ip_address"),
        ("198.51.100.0", "ipv4_24"),
        ("+33 6 12 34 56 78", "phone"),
        ("06 12 34 56 78", "phone"),
        ("12.5", "text"),
        ("Mozilla/5.0 (X11)", "user_agent"),
        ("https://shop.example/thanks", "web_address"),
        ("https://shop.example", "origin"),
        ("1129698125.1691607592", "browser_id"),
        ("GA1.1.1129698125.1691607592", "browser_id"),
        ("fb.1.1700000000000.1234567890", "browser_id"),
        (HASH, "sha256"),
        (HASH[:32], "hash"),
        (HASH.upper(), "hash"),
        ("EUR", "currency"),
        ("0612345678", "number_id"),
        ("Jane Doe", "text"),
        (Number("1.50"), "number"),
        (3, "number"),
        (True, "boolean"),
        (Tainted(Fault.NOT_FINITE), "unreadable"),
    ],
)
def test_a_value_is_told_by_its_kind(value: object, kind: str) -> None:
    """Closed words, whatever stands there."""
    assert kind_of(value) == kind


@pytest.mark.parametrize(
    "name", ["event_name", "em", "ep.customer_phone", "x-ga-page_id", "_fbp", "user_data[em]", "k0", "EUR"]
)
def test_an_ordinary_name_is_told(name: str) -> None:
    """As it stands."""
    assert named(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "jane@example.com",
        "198.51.100.77",
        "customer-1129698",
        "a" * 41,
        "Jane Doe",
        "é",
        HASH,
        "",
        "<b>",
        "24-12-1970-x",
        "https://x.example/jane",
        "\n",
    ],
)
def test_a_name_that_could_be_somebodys_is_masked(name: str) -> None:
    """So is one that is long, or has other signs than names have."""
    assert named(name) == MASKED


@given(st.text())
def test_a_told_name_is_short_and_plain(name: str) -> None:
    """Whatever a stranger wrote."""
    told = named(name)
    assert len(told) <= 40
    assert told == MASKED or (told.isascii() and not set(told) & set("<>&\"'@ "))


def test_nesting_is_followed_to_a_depth() -> None:
    """And then told as what is deeper."""
    deep: Any = "x"
    for _ in range(30):
        deep = {"a": deep}
    (path,) = {field.path for field in only(posted({"data": [deep]})).fields}
    assert path.endswith(".(deeper)")
    assert path.count(".a") < 20


def test_what_is_empty_is_no_field() -> None:
    """Null, empty text, empty lists and objects leak nothing."""
    assert only(posted({"data": [{"a": None, "b": "", "c": [], "d": {}, "e": 0}]})).fields == {Field("data[].e", "number")}


@given(st.dictionaries(st.text(max_size=8), st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=5)))
def test_no_value_is_in_what_is_told(event: dict[str, Any]) -> None:
    """Only names and kinds."""
    marked = json.loads(json.dumps(event), parse_int=lambda _: "MARK-1") | {"name": "MARK-2"}
    assert "MARK" not in str(fields(only(posted({"data": [marked]}))))


# ── what came in ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("form", "request_", "read", "dropped", "ids"),
    [
        (
            TAG,
            Recorded(1, "GET", "t", "/g/collect", "v=2&en=purchase&uid=7&ep.event_id=web-1&ep.transaction_id=5001&pr1=idA"),
            {"v", "en", "ep.transaction_id", "pr[]"},
            {"uid", "ep.event_id"},
            ["web-1", "5001"],
        ),
        (
            NATIVE,
            posted({"events": [{"event_id": "1", "client": {"ip": 1}, "customer": {"phone": 1}, "consent": {"a": 1}, "a": 1}]}),
            {"event_id", "client.ip", "consent.a"},
            {"customer.phone", "a"},
            ["1"],
        ),
        (NATIVE, posted({"event_id": "1", "order": {"content_ids": ["x"]}}), {"event_id", "order.content_ids[]"}, set(), ["1"]),
        (
            DATA_TAG,
            posted({"event_id": "1", "user_data": {"email": "x", "phone": "x"}, "common_cookie": {"_ga": "x"}}, query="v=2"),
            {"event_id", "user_data.email", "v"},
            {"user_data.phone", "common_cookie._ga"},
            ["1"],
        ),
        (
            DATA_TAG,
            posted(b"transaction_id=5001&user_data.phone=x", content_type=f"{FORM}; charset=utf-8"),
            {"transaction_id"},
            {"user_data.phone"},
            ["5001"],
        ),
    ],
)  # fmt: skip
def test_a_source_knows_what_it_reads(
    form: Form, request_: Recorded, read: set[str], dropped: set[str], ids: list[str]
) -> None:
    """By the names that its reader has, and which ids an event may be passed on by."""
    said = said_in(request_, form)
    found = fields_said(said, form)
    assert {field.path for field in found if field.allowed} == read
    assert {field.path for field in found if not field.allowed} == dropped
    assert ids_said(said[0], form) == ids


@pytest.mark.parametrize(("form", "body"), [(TAG, b"a=1&a=2"), (NATIVE, b"{"), (DATA_TAG, b"{"), (NATIVE, b"[" * 100_000)])
def test_what_cannot_be_read_has_no_fields(form: Form, body: bytes) -> None:
    """Its events are invalid, which is counted elsewhere."""
    assert said_in(posted(body), form) == ()


def test_every_platform_has_an_interface() -> None:
    """A new platform's is not forgotten."""
    assert {interface.destination for interface in INTERFACES} == set(Destination)
