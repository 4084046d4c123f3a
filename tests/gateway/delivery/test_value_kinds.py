"""Each kind of value takes what it is and nothing that could be somebody's clear data."""

import json
import re
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.delivery.value_kinds import KINDS, ValueKind, looks_like
from gateway.model.money import CURRENCIES, Money
from gateway.model.texts import (
    ContentId,
    EmailDigest,
    EventId,
    GoogleClickId,
    MetaBrowserId,
    MetaClickId,
    PagePath,
    PinterestClickId,
    UserAgent,
)

TAKES: dict[str, list[str]] = {
    "sha256": ["0" * 64],
    "ipv4_24": ["203.0.113.0", "0.0.0.0", "255.255.255.0"],  # noqa: S104 - a value
    "ipv6_48": ["2001:db8:1::", "2001:db8::", "2001::", "0:1:2::"],
    "event_id": [
        "1001",
        "a",
        "A_b.c:d-9",
        "1.2.3",
        "10:15:00",
        "2026.11.22.1",
        "2026.11.22.10.15.30",
        "x" * 64,
        "x" * 62 + ".y",
    ],
    "content_id": ["SKU-1", "gid:1"],
    "currency": sorted(CURRENCIES),
    "money_number": ["0.0", "129.9", "10000000.0", "1.234", "7"],
    "money_text": ["0.00", "129.90", "1500", "1.234", "10000000.00"],
    "unix_seconds": ["1600000000", "1795339000", "2399999999"],
    "rfc3339": ["2026-11-22T10:15:00Z"],
    "google_ads_time": ["2026-11-22 10:15:00+00:00"],
    "origin": ["https://shop.example", "http://localhost:8080"],
    "page_address": ["https://shop.example/", "https://shop.example/collections/summer-2026/linen-shirt.html"],
    "user_agent": ["Mozilla/5.0 (X11; Linux x86_64) Firefox/144.0", 'A/1 "quoted" \\', "Visitor/1.0"],
    "google_click_id": ["Cj0KCQiA-synthetic_1"],
    "meta_click_id": ["fb.1.1795339000123.IwAR2F4-dbP0l7", "fb.1.1795339000123.IwAR2F4.AQ"],
    "meta_browser_id": ["fb.1.1795339000123.1098115397"],
    "pinterest_click_id": ["dj0yJnU9MTIzNDU2Nzg5"],
    "number_id": ["1", "1" * 20],
    "customer_id": ["1234567890"],
    "conversion_action": ["customers/1234567890/conversionActions/7"],
    "graph_version": ["v26.0"],
    "ads_version": ["v26"],
    "test_code": ["TEST12345"],
    "receipt": ["Cg9rZWVw+/=.:-_"],
    "project_id": ["my-project-1", "123456789012"],
    "hmac_sha256": ["f" * 64],
    "bearer_token": ["Bearer abc.DEF-123"],
    "secret": ["abc"],
}

CLEAR = [
    "jane.doe@example.com", "203.0.113.77", "203.0.113.77:443", "2001:db8:1:2:3:4:5:6", "2001:db8::1", "::ffff:203.0.113.77",
    "0:0:0:0:0:ffff:203.0.113.77", "64:ff9b:0:0:0:0:203.0.113.77",
    "Jane Doe", "12 rue de la Paix", "+33 6 12 34 56 78", "été", "漢字", "", " ", "a\n", "a\x00b", "x" * 9000,
    "https://shop.example/reset/4f9d1c2b8a7e6d5c4b3a", "https://shop.example/orders/1234567", "https://shop.example/?q=jane",
    "https://jane@shop.example", "https://shop.example/#x",
]  # fmt: skip
"""What must fit no kind, wherever it stands."""


def takes(kind: ValueKind, text: str) -> bool:
    """Ask a kind's pattern as the careful reader does."""
    return re.fullmatch(kind.pattern, text, re.ASCII) is not None


def test_every_kind_is_tried() -> None:
    """A new kind needs examples here."""
    assert set(TAKES) == set(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_takes_what_it_is(name: str) -> None:
    """As text, and as bytes in the way JSON writes them."""
    kind = KINDS[name]
    for text in TAKES[name]:
        assert takes(kind, text), text
        written = json.dumps(text).encode() if kind.type == "string" else text.encode()
        assert re.fullmatch(kind.json_text.encode(), written), text


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_takes_no_clear_data(name: str) -> None:
    """Addresses of people and machines, sentences, names, telephone numbers, letters beyond ASCII, line breaks."""
    assert [text for text in CLEAR if takes(KINDS[name], text)] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sha256", "F" * 64), ("sha256", "0" * 63), ("sha256", "0" * 65),
        ("ipv4_24", "203.0.113.1"), ("ipv4_24", "256.0.0.0"), ("ipv4_24", "01.2.3.0"), ("ipv4_24", "1.2.0"),
        ("ipv6_48", "::"), ("ipv6_48", "2001:db8:1:2::"), ("ipv6_48", "2002:cb00:714d::"), ("ipv6_48", "2001:DB8::"),
        ("ipv6_48", "2001:db8:1::5"), ("ipv6_48", "02001::"),
        ("event_id", "1.2.3.4"), ("event_id", "1.2.3.4:80"), ("event_id", "fe80::1"), ("event_id", "x" * 65),
        ("event_id", "a@b"), ("event_id", "x" * 63 + ".y"), ("event_id", "1.2.3.4-x"), ("event_id", "order-203.0.113.7"),
        ("event_id", "203.0.113.7.1700000000"), ("event_id", "1:2001:db8::7"), ("event_id", "x.2001:db8:1:2:3:4:5:6.y"),
        ("page_address", "https://shop.example/u/8.8.8.8"), ("pinterest_click_id", "dj0y-203.0.113.7"),
        ("currency", "EURO"), ("currency", "eur"), ("currency", "XXX"),
        ("money_number", "-1"), ("money_number", "1e7"), ("money_number", "100000000"), ("money_number", "1.2345"),
        ("money_number", "01"), ("money_number", "NaN"), ("money_text", "1,50"), ("money_text", "1.5"),
        ("unix_seconds", "1795339000000"), ("unix_seconds", "1500000000"), ("unix_seconds", "179533900"),
        ("rfc3339", "2026-11-22T10:15:00+01:00"), ("rfc3339", "2026-13-22T10:15:00Z"), ("rfc3339", "2026-11-22T10:15:00.5Z"),
        ("google_ads_time", "2026-11-22T10:15:00Z"), ("google_ads_time", "2026-11-22 24:00:00+00:00"),
        ("origin", "https://shop.example/"), ("origin", "ftp://shop.example"), ("origin", "https://SHOP.example"),
        ("page_address", "https://shop.example"), ("page_address", "https://shop.example/" + "a" * 202),
        ("page_address", "https://shop.example/a%20b"), ("page_address", "https://shop.example/orders/123456"),
        ("user_agent", "Jane"), ("user_agent", "Mozilla/5.0 jane@example.com"), ("user_agent", "A/1" + "x" * 600),
        ("number_id", "1" * 21), ("customer_id", "123-456-7890"), ("graph_version", "v26"), ("ads_version", "v26.0"),
        ("bearer_token", "Bearer a b"), ("bearer_token", "Basic abc"),
    ],
)  # fmt: skip
def test_a_kind_takes_nothing_that_is_nearly_it(name: str, text: str) -> None:
    """One character too many, one too few, another case, another form."""
    assert not takes(KINDS[name], text)


@given(st.text("0123456789.:-ax", max_size=66) | st.from_regex(r"\A(?:[0-9a]{1,4}[.:-]){1,12}[0-9a]{1,4}\Z"))
@example("2026.11.22.10.15.30-7")
@example("2026.11.22.113.7")
def test_what_the_door_takes_for_an_id_may_leave(text: str) -> None:
    """Or events would be accepted that go nowhere; a page could stop a lane with a batch of them."""
    if EventId.PATTERN.fullmatch(text):
        assert takes(KINDS["event_id"], text)


BORN: Final = {
    "content_id": ContentId,
    "pinterest_click_id": PinterestClickId,
    "google_click_id": GoogleClickId,
    "meta_click_id": MetaClickId,
    "meta_browser_id": MetaBrowserId,
    "user_agent": UserAgent,
    "sha256": EmailDigest,
}


@pytest.mark.parametrize("name", BORN)
@given(data=st.data())
def test_what_crosses_the_boundary_may_leave(name: str, data: st.DataObject) -> None:
    """The same for every other text of somebody's making."""
    text = data.draw(st.from_regex(BORN[name].PATTERN, fullmatch=True))
    assert takes(KINDS[name], BORN[name](text))


@given(st.lists(st.from_regex(PagePath.WORD, fullmatch=True), min_size=1, max_size=4), st.sampled_from(["/", "-", ".", "_"]))
@example(["deadbeefdeadbeefz"], "/")
@example(["zdeadbeefdeadbeef", "a"], "-")
def test_a_page_that_crosses_the_boundary_may_leave(words: list[str], between: str) -> None:
    """Of words that are words one by one."""
    try:
        path = PagePath("/" + between.join(words))
    except ValueError:
        return
    assert takes(KINDS["page_address"], f"https://shop.example{path}")


@given(st.integers(0, 10**9), st.sampled_from(sorted(CURRENCIES)))
def test_money_of_every_currency_is_taken(minor: int, currency: str) -> None:
    """Whatever amount the model can hold, as a number and as text."""
    try:
        money = Money(minor, currency)
    except ValueError:
        return
    assert takes(KINDS["money_number"], json.dumps(money.number))
    assert takes(KINDS["money_text"], money.text)


@given(st.text(st.sampled_from(' !"#\\/?A~z09@\x1f\x7fé'), max_size=20))
def test_what_is_written_with_escapes_is_the_same_kind(text: str) -> None:
    """The pattern of what stands between the quotes, and that of the text itself, agree."""
    kind = KINDS["user_agent"]
    agent = f"A/1{text}"
    written = json.dumps(agent, ensure_ascii=False).encode()
    assert (re.fullmatch(kind.json_text.encode(), written) is not None) is takes(kind, agent)


def test_a_list_of_values_takes_exactly_those() -> None:
    """Of any of the three JSON types that a list can have."""
    words, numbers, flags = ValueKind.one_of(["a.b", "c"]), ValueKind.one_of([1, 12]), ValueKind.one_of([True])
    assert [kind.type for kind in (words, numbers, flags)] == ["string", "integer", "boolean"]
    assert [text for text in ("a.b", "axb", "c", "cc", "") if takes(words, text)] == ["a.b", "c"]
    assert [text for text in ("1", "12", "2", "1.0") if takes(numbers, text)] == ["1", "12"]
    assert [text for text in ("true", "false", "True") if takes(flags, text)] == ["true"]
    assert words.says == "one of a.b, c"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("jane@example.com", "email"), ("203.0.113.77", "address"), ("2001:db8::1", "address"), ("203.0.113.0", "ipv4_24"),
        ("2001:db8::", "ipv6_48"), ("0" * 64, "sha256"), ("EUR", "currency"), ("1001", "number_id"), ("Jane Doe", "text"),
        ("https://shop.example", "origin"), ("2026-11-22T10:15:00Z", "rfc3339"), ("", "text"),
    ],
)  # fmt: skip
def test_a_report_says_what_a_text_looks_like(text: str, name: str) -> None:
    """So that a violation can be understood without its value."""
    assert looks_like(text) == name
