"""Addresses are read alike however they are written, and what could be read in two ways is none."""

from ipaddress import AddressValueError, IPv4Address, IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.address import parse
from tests.strategies import IPS, IPV4

V4 = (203, 0, 113, 77)
V6 = (0x2001, 0xDB8, 1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("203.0.113.77", V4),
        (" 203.0.113.77\n", V4),
        ("203.0.113.77:443", V4),
        ("::ffff:203.0.113.77", V4),
        ("::ffff:cb00:714d", V4),
        ("::FFFF:CB00:714D", V4),
        ("0:0:0:0:0:ffff:203.0.113.77", V4),
        ("[::ffff:203.0.113.77]:443", V4),
        ("::203.0.113.77", V4),
        ("64:ff9b::203.0.113.77", V4),
        ("64:ff9b::cb00:714d", V4),
        ("2002:cb00:714d::1", V4),
        ("2002:cb00:714d:5:6:7:8:9", V4),
        ("2001:0:4136:e378:8000:63bf:34ff:8eb2", V4),
        ("2001:db8:1:2:3:4:5:6", V6),
        ("2001:0DB8:0001:0002:0003:0004:0005:0006", V6),
        ("[2001:db8:1:2:3:4:5:6]", V6),
        ("[2001:db8:1:2:3:4:5:6]:8080", V6),
        ("2001:db8:1:2:3:4:5:6%eth0", V6),
        ("[2001:db8:1:2:3:4:5:6%25eth0]:1", V6),
        ("2001:db8::1", (0x2001, 0xDB8, 0, 0, 0, 0, 0, 1)),
        ("2001:db8::", (0x2001, 0xDB8, 0, 0, 0, 0, 0, 0)),
        ("1:2:3:4:5:6:7::", (1, 2, 3, 4, 5, 6, 7, 0)),
        ("2001:db8::203.0.113.77", (0x2001, 0xDB8, 0, 0, 0, 0, 0xCB00, 0x714D)),
        ("::", (0, 0, 0, 0)),
        ("::1", (0, 0, 0, 1)),
    ],
)
def test_every_usual_way_of_writing_is_read(text: str, numbers: tuple[int, ...]) -> None:
    """Ports, brackets, zones, blanks and IPv4 inside IPv6 do not hide whose address it is."""
    assert parse(text) == numbers


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "localhost", "unknown", "203.0.113", "203.0.113.077", "0203.0.113.77", "203.0.113.256", "203.0.113.77.1",
        "203.0.113.77, 10.0.0.1", "203.0.113.77 10.0.0.1", "3405803853", "0xcb00714d", "203.0.113.77:", "203.0.113.77:123456",
        "203.0.113.77.ABcDEFGh", "[203.0.113.77]:80", "٢٠٣.0.113.77", ":", ":::", "1::2::3", "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9", "1:2:3:4::5:6:7:8", "12345::", "g::", "2001:db8::1/64", "::ffff:203.0.113.077",
        "::ffff:203.0.113.77:1", "[2001:db8::1", "2001:db8::1]", "[2001:db8::1]x", "::ffff:1.2.3.4.5", "1:2:3:4:5:6:7:1.2.3.4",
        "2001:db8::1" + " " * 200 + "x", "%eth0", "[]", "+1::", "1_0::",
    ],
)  # fmt: skip
def test_what_two_readers_could_take_for_two_addresses_is_none(text: str) -> None:
    """Lists, leading zeros, numbers and half addresses are no addresses."""
    assert parse(text) is None


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("dress", ["{}", " {} ", "{}:443", "::ffff:{}"])
def test_no_part_of_an_ipv4_address_is_above_255(place: int, dress: str) -> None:
    """At any of its four places and in any dress, 255 is a part of an address and 256 is none."""
    parts = ["203", "0", "113", "77"]
    parts[place] = "255"
    assert parse(dress.format(".".join(parts))) == tuple(map(int, parts))
    parts[place] = "256"
    assert parse(dress.format(".".join(parts))) is None


@given(IPS | st.text("0123456789abcdefF:.", max_size=20))
@example("1:2:3:4:5:6:7::8")
@example("::1:2:3:4:5:6:7")
def test_bare_addresses_are_read_as_the_standard_library_reads_them(text: str) -> None:
    """Without port, bracket or zone, what is an address and which one is what Python's own strict reader says."""
    if any(mark in text for mark in "[]% ,") or (text.count(":") == 1 and "." in text):
        return
    try:
        expected = IPv6Address(text) if ":" in text else IPv4Address(text)
    except AddressValueError:
        assert parse(text) is None
        return
    numbers = parse(text)
    assert numbers is not None
    if isinstance(expected, IPv4Address):
        assert bytes(numbers) == expected.packed
    elif len(numbers) == 8:
        assert b"".join(number.to_bytes(2, "big") for number in numbers) == expected.packed
    else:
        inside = expected.ipv4_mapped or expected.sixtofour or (expected.teredo and expected.teredo[1])
        assert bytes(numbers) == (inside.packed if inside else expected.packed[12:])


@given(IPV4)
def test_ipv4_is_the_same_inside_ipv6(text: str) -> None:
    """An IPv4 address gives the same numbers alone and in every IPv6 dress."""
    high, low = int(IPv4Address(text)) >> 16, int(IPv4Address(text)) & 0xFFFF
    dressed = [f"::ffff:{text}", f"[::ffff:{text}]:1", f"64:ff9b::{text}", f"2002:{high:x}:{low:x}::1", f"{text}:80"]
    dressed.append(f"2001:0:1:2:3:4:{high ^ 0xFFFF:x}:{low ^ 0xFFFF:x}")
    assert {parse(form) for form in dressed} == {parse(text)}


@given(st.text(max_size=5000))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    """Any text is an address or none, never an exception."""
    assert parse(text) is None or len(parse(text) or ()) in (4, 8)
