"""TC strings written bit by bit, sound ones and broken ones: what a test needs to say is said by name, the rest is sound.

An encoder of the tests' own, so that a string may be wrong in exactly one place.
"""

from collections.abc import Iterable
from typing import Final

MADE: Final = 1_788_998_400
"""2026-09-10T00:00:00Z."""

Entry = int | tuple[int, int]
"""One vendor id, or the first and last of a range."""

DISCLOSED, ALLOWED, PUBLISHER = 1, 2, 3


def number(value: int, width: int) -> str:
    """A number as so many bits."""
    written = f"{value:0{width}b}"
    assert len(written) == width
    return written


def flags(*ids: int, most: int | None = None) -> str:
    """A vendor section of one bit for each id, up to the highest id or to `most`."""
    highest = max(ids, default=0) if most is None else most
    return number(highest, 16) + "0" + "".join("1" if one + 1 in ids else "0" for one in range(highest))


def entries(*listed: Entry, count: int | None = None) -> str:
    """A list of ranges: how many (or `count`, in spite of what follows), then each."""
    written = "".join(
        "0" + number(one, 16) if isinstance(one, int) else "1" + number(one[0], 16) + number(one[1], 16) for one in listed
    )
    return number(len(listed) if count is None else count, 12) + written


def ranges(*listed: Entry, most: int, count: int | None = None) -> str:
    """A vendor section of ranges."""
    return number(most, 16) + "1" + entries(*listed, count=count)


def restrictions(*listed: tuple[int, int, str], count: int | None = None) -> str:
    """A publisher's restrictions: purpose, kind, and vendors as `entries`."""
    written = "".join(number(purpose, 6) + number(kind, 2) + vendors for purpose, kind, vendors in listed)
    return number(len(listed) if count is None else count, 12) + written


def purposes(chosen: Iterable[int]) -> str:
    """Twenty-four bits, from purpose 1 on."""
    wanted = set(chosen)
    return "".join("1" if one + 1 in wanted else "0" for one in range(24))


def letters(pair: str) -> str:
    """Two letters, A as 0."""
    return "".join(number(ord(letter) - ord("A"), 6) for letter in pair)


def core(
    *,
    version: int = 2,
    created: int = MADE,
    last_updated: int = MADE,
    cmp: int = 31,
    language: str = letters("EN"),
    policy: int = 5,
    service_specific: int = 1,
    consents: Iterable[int] = (1, 7),
    interests: Iterable[int] = (),
    country: str = letters("FR"),
    vendors: str = flags(755),
    vendor_interests: str = flags(),
    restricted: str = restrictions(),
) -> str:
    """The bits of a core. Times are Unix seconds; a default is a grant of purposes 1 and 7 to vendor 755."""
    return (
        number(version, 6)
        + number(created * 10, 36)
        + number(last_updated * 10, 36)
        + number(cmp, 12)
        + number(3, 12)  # the consent tool's version
        + number(1, 6)  # its screen
        + language
        + number(140, 12)  # the vendor list's version
        + number(policy, 6)
        + number(service_specific, 1)
        + "0"  # standard texts
        + number(0, 12)  # special features
        + purposes(consents)
        + purposes(interests)
        + "0"  # purpose 1 is treated as everywhere
        + country
        + vendors
        + vendor_interests
        + restricted
    )


def segment(kind: int, body: str) -> str:
    """The bits of a segment after the core."""
    return number(kind, 3) + body


def publisher(custom: int = 2, body: str | None = None) -> str:
    """The publisher's own purposes, with so many custom ones."""
    return segment(PUBLISHER, purposes([1]) + purposes([]) + number(custom, 6) + ("10" * custom if body is None else body))


SHOWN: Final = segment(DISCLOSED, flags(755))
"""Vendor 755 was disclosed."""


ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def packed(bits: str) -> str:
    """Bits as base64url without padding characters, filled up with zeros to whole characters."""
    whole = bits + "0" * (-len(bits) % 6)
    return "".join(ALPHABET[int(whole[at : at + 6], 2)] for at in range(0, len(whole), 6))


def unpacked(text: str) -> str:
    """The bits of base64url; a character outside the alphabet counts as the first."""
    return "".join(number(max(ALPHABET.find(character), 0), 6) for character in text)


def tc(*segments: str) -> str:
    """A TC string of these segments' bits."""
    return ".".join(packed(bits) for bits in segments)


GRANT: Final = tc(core(), SHOWN)
"""Purposes 1 and 7, vendor 755: a yes to Google."""
EVERYTHING: Final = tc(core(consents=range(1, 11)), SHOWN)
"""The same with purposes 1 to 10: a yes to personalised advertising too."""
