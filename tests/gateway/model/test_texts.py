"""A checked text is born whole or not at all, and holds nobody's address."""

import random
from base64 import urlsafe_b64encode
from contextlib import suppress
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    PlatformCode,
    Receipt,
    StorefrontId,
    Text,
    TruncatedIp,
    UserAgent,
)

ADDRESSES = [
    "203.0.113.77",
    "203.0.113.0",
    "2001:db8:1:2:3:4:5:6",
    "2001:db8::77",
    "::ffff:203.0.113.77",
    "0:0:0:0:0:ffff:203.0.113.77",
]
"""Whole IP addresses, which no text below the boundary can be."""

BEFORE = ("", "order-", "order.", "order:", "ip", "1001-", "1001_", "2026-11-22:", "1.", "1700000000.", "2026.", "12:")
BEHIND = ("", "-1001", ".x", ".1700000000", ".1", ":443", "_", "x", "-2026.11.22", ":a:b")
AROUND = [before + address + behind for address in ADDRESSES for before in BEFORE for behind in BEHIND]
"""The same with text around them, as programs put an id together that nobody else has."""
PLAIN = [
    "1.2.3", "v1.2.3", "1001.2.3.4", "1.2.3.1001", "10:15:00", "2026-11-22T10:15:00", "2026.11.22.1", "2026.11.22.10.15.30",
    "A-2026.1.2.10.15-7", "26-11-22-15", "203-0-113-77", "x-300.1.2.3", "x-1.2.3.256", "GA1.2.1234567890.1700000000",
    "fb.1.1700000000000.123", "shop::order::1001", "order::2026::1001", "00:1A:2B:3C:4D:5E", "2026:11:22:10:15:00",
    "123e4567-e89b-12d3-a456-426614174000", "gtm.start.1700000000000_3.12", "1700000000.4711", "4.10-20.30",
]  # fmt: skip
"""Ids that are none, however near they come."""

BORN: list[tuple[type[Text], list[str], list[str]]] = [
    (StorefrontId, ["a", "shop-1_x", "9" * 40], ["", "-a", "A", "a" * 41, "a\n", "é", "shop|1"]),
    (
        EventId,
        ["1", "A.b_c:d-e", "x" * 64, "x" * 62 + ".y", *PLAIN],
        [
            "", "x" * 65, "x" * 63 + ".y", "2026.11.22" + ".x" * 28, "a b", "a\n", "é", "٣", "2026.11.22\n",
            # an address of a person, however it is written
            "jane@example.com", "jane@example.com-4711", "4711-jane@example.com", "jane%40example.com", "jane\uff20example.com",
            "\uff4aane@example.com", "mailto:jane@example.com",
            # an address of a machine
            *ADDRESSES, *AROUND, "010.011.022.001", "203.000.113.077", "order-10.11.22.1", "999.999.999.999", "fe80::1",
        ],
    ),
    (EmailDigest, ["0" * 64, "af" * 32], ["0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 64 + "\n"]),
    (
        TruncatedIp,
        ["203.0.113.0", "1.0.0.0", "255.255.255.0", "2001:db8:1::", "2a01::", "2001:0:5::"],
        [
            "203.0.113.77", "203.0.113", "256.0.0.0", "01.0.0.0", "203.0.113.0:80", "2001:db8:1::1", "2001:db8:1:2::",
            "2001:DB8:1::", "2001:0db8:1::", "2001:0:0::", ":::", "1:2:3:4:5:6:7::", "::", "fffff::", "2002:cb00:714d::",
            "203.0.113.0\n", "::ffff:203.0.113.77", "",
        ],
    ),
    (
        PageOrigin,
        ["https://shop.example", "http://localhost:8080", "https://a.b-c.xn--p1ai", "https://" + "a" * 63 + ".de"],
        [
            "https://shop.example/", "https://Shop.example", "shop.example", "ftp://shop.example", "https://a@shop.example",
            "https://shop.example?x", "https://shop.example#x", "https://-a.de", "https://a-.de", "https://a..de", "https://",
            "https://" + "a" * 64 + ".de", "https://" + "a." * 127 + "de", "https://shop.example\n", "https://müller.de",
            "https://shop.example:", "https://shop.example:123456",
        ],
    ),
    (
        PagePath,
        [
            "/thanks", "/a", "/collections/summer-2026/", "/Linen_Shirt.HTML", "/fr/produits/tv-55-2160p.html", "/" + "z" * 20,
            "/a" * 99 + "/b", "/2026/11", "/iphone-15-128gb",
        ],
        [
            "", "/", "thanks", "//thanks", "/thanks?x=1", "/thanks#x", "/th%61nks", "/jane@example.com", "/~jane", "/..",
            "/a/../b", "/a--b", "/-a", "/a-", "/a\n", "/merci/é", "/a b", "/a;b", "/a:b", "/a+b", "/" + "z" * 21,
            "/a" * 100 + "/", "/a\\b",
            # digests, tokens, UUIDs, long numbers
            "/orders/10432", "/o/1234-567", "/tel/06-12-34-56", "/1990-05-17", "/u/123e4567-e89b-12d3-a456-426614174000",
            "/u/abcdefab-cdef-abcd-abcd-abcdefabcdef", "/reset/deadbeef", "/reset/DEADBEEFCAFE", "/reset/a1b2c3", "/t/xK9fQ",
            "/t/eyJhbGciOiJIUzI1NiJ9.e30.x", "/r/aBc", "/v/0x1f600",
            # a digest with a letter behind it, IP addresses of few digits
            "/reset/deadbeefdeadbeefz", "/u/8.8.8.8", "/5.9.80.12", "/u/from-8.8.8.8", "/8.8.8.8.html",
        ],
    ),
    (ContentId, ["1", "SKU-7:blue_a.b", "x" * 64], ["", "x" * 65, "a b", "a\n", "jane@example.com", "é", "a/b", *ADDRESSES]),
    (
        UserAgent,
        ["Mozilla/5.0 (X11)", "curl/8", "X/1" + " " * 460],
        ["", "Jane", "Jane/Doe", "X/1" + " " * 461, "X/1 a\nb", "X/1 jane@example.com", "X/1 é", "X/1 \x7f", *ADDRESSES],
    ),
    (GoogleClickId, ["a" * 10, "Cj0K_CQ-x9" * 3], ["a" * 9, "a" * 513, "abc def ghij", "jane@example", "abcdefghi."]),
    (
        MetaClickId,
        ["fb.1.1795339000123.IwAR2F4-dbP0l7", "fb.0.1795339000.x", "fb.2.1795339000123.a.AQ", "fb.1.1795339000123.a.ABcDEFGh"],
        ["fb.1.1795339000123", "fb.3.1795339000123.x", "fb.1.123.x", "fb.1.1795339000123.a b", "fb.1.1795339000123.x.y", ""],
    ),
    (
        MetaBrowserId,
        ["fb.1.1795339000123.1098115397", "fb.1.1795339000123.1098115397.Bg"],
        ["fb.1.1795339000123.x1098115397", "fb.1.1795339000123.", "1098115397", "fb.1.1795339000123." + "1" * 21],
    ),
    (
        PinterestClickId,
        ["dj0yJnU9" * 4, "a.b-c_d9"],
        ["short", "a" * 513, "abc def g", "abcdefg@h", "dj0y-203.0.113.77", *ADDRESSES],
    ),
    (PlatformCode, ["100/2804003", "INVALID_ARGUMENT", "x" * 128], ["", "x" * 129, "a b", "Invalid: jane@example.com"]),
    (Receipt, ["AbC+/=.:-_9", "x" * 128], ["", "x" * 129, "a b", "a\n", "é"]),
]  # fmt: skip
ROWS = [(kind, text, good) for kind, goods, bads in BORN for good, texts in ((True, goods), (False, bads)) for text in texts]


@pytest.mark.parametrize(("kind", "text", "good"), ROWS)
def test_a_checked_text_is_born_whole_or_not_at_all(kind: type[Text], text: str, good: bool) -> None:
    """A checked text takes what its pattern allows, unchanged, and refuses everything else by its own name alone."""
    if good:
        assert kind(text) == text
        return
    with pytest.raises(ValueError, match=rf"^{kind.__name__}\Z") as refused:
        kind(text)
    assert refused.value.__context__ is None


@given(st.sampled_from([kind for kind, *_ in BORN]), st.text(max_size=80))
def test_no_text_makes_a_type_say_more_than_its_name(kind: type[Text], text: str) -> None:
    """Whatever is offered, a refusal is a ValueError that holds nothing of it, not even in what it came from."""
    if kind.PATTERN.fullmatch(text):
        return
    with pytest.raises(ValueError, match=rf"^{kind.__name__}\Z") as refused:
        kind(text)
    assert refused.value.__context__ is None


def test_the_base_of_the_checked_texts_takes_nothing() -> None:
    """A type that forgets its pattern takes no text at all."""
    for text in ("", "a"):
        with pytest.raises(ValueError, match=r"^Text\Z"):
            Text(text)


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6))
def test_a_truncated_address_is_never_a_host(address: IPv4Address | IPv6Address) -> None:
    """A full address becomes a TruncatedIp only if its host part is nothing but zeros."""
    kept = 3 if address.version == 4 else 6
    try:
        TruncatedIp(str(address))
    except ValueError:
        return
    assert not any(address.packed[kept:])


@given(st.uuids(), st.binary(min_size=4, max_size=32), st.sampled_from(("/reset/{}", "/{}", "/o/{}/thanks", "/a-{}.html")))
def test_a_path_holds_no_uuid_and_no_digest(uuid: UUID, digest: bytes, shape: str) -> None:
    """However it is written and wherever it stands, whatever its digits happen to be."""
    for text in (str(uuid), str(uuid).upper(), uuid.hex, digest.hex(), digest.hex().upper()):
        with pytest.raises(ValueError, match=r"^PagePath\Z"):
            PagePath(shape.format(text))


@given(st.integers(10**4, 10**20), st.lists(st.integers(0, 99), min_size=7, max_size=12))
def test_a_path_holds_no_long_number(number: int, parts: list[int]) -> None:
    """In one piece or in parts: an order, a telephone, a date of birth."""
    for text in (str(number), f"order-{number}", "-".join(map(str, parts)), "/".join(map(str, parts))):
        with pytest.raises(ValueError, match=r"^PagePath\Z"):
            PagePath(f"/{text}")


@given(
    st.ip_addresses(v=4),
    st.text("Az9_.:-", max_size=20).filter(lambda text: not text[-1:].isdigit()),
    st.text("Az9_.:-", max_size=20).filter(lambda text: not text[:1].isdigit()),
)
def test_no_id_holds_an_ip_address(address: IPv4Address, before: str, behind: str) -> None:
    """Whatever stands before and behind it, unless that is a digit and makes it another number."""
    with pytest.raises(ValueError, match=r"^EventId\Z"):
        EventId(f"{before}{address}{behind}")


@given(st.ip_addresses(v=6, network="2000::/3"), st.text("Az9_.-", max_size=12), st.text("z_.-", max_size=12))
def test_no_id_holds_an_ip_address_of_version_6(address: IPv6Address, before: str, behind: str) -> None:
    """Of those that are given out, shortened or in full; nobody's begins with two groups of nothing behind the first."""
    if not any(address.packed[2:4]):
        return
    for text in (str(address), address.exploded, address.exploded.upper()):
        with pytest.raises(ValueError, match=r"^EventId\Z"):
            EventId(f"{before}{text}{behind}")


MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2099, 12, 31)).map(lambda moment: f"{moment:%Y.%m.%d.%H.%M.%S}")  # noqa: DTZ001 - as programs write ids


@given(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True) | st.uuids().map(str) | MOMENTS)
def test_an_id_without_dots_is_nobodys_address(text: str) -> None:
    """Nor is a moment that is written with them."""
    assert EventId(text) == text


def test_hardly_a_random_token_is_a_path() -> None:
    """Fewer than 1 in 1,000 of base64url tokens, which are words only by chance."""
    dice = random.Random(1)  # noqa: S311 - repeatable by intent, no secret
    passed = 0
    for number in range(5000):
        token = urlsafe_b64encode(dice.randbytes(12 + number % 40)).decode().rstrip("=")
        with suppress(ValueError):
            passed += bool(PagePath(f"/reset/{token}"))
    assert passed < 5
