"""An IP address, read however browsers, proxies and platforms write it: with a port, brackets, a zone, or IPv4 inside IPv6.

What comes out is the address that says where the visitor is, as numbers. The boundary cuts it, the limits group by it;
nobody else reads addresses, so both always see the same one. Strict: what two readers could take for different
addresses (octets with a leading zero, lists, shortened IPv4) is none. Pure.
"""

import re
from typing import Final

IPV4: Final = re.compile(r"(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})(?::\d{1,5})?", re.ASCII)
BRACKETED: Final = re.compile(r"\[([^\]]*)\](?::\d{1,5})?", re.ASCII)
IPV6: Final = re.compile(r"[0-9A-Fa-f:]{2,39}", re.ASCII)
OCTETS: Final = {str(number): number for number in range(256)}
"""As they are written. Most addresses are four of them: looking them up costs a third of matching."""
LENGTHS: Final = frozenset({1, 2, 3, 4})
LONGEST: Final = 128
"""No address with zone, brackets and port is longer; what is longer is not looked at."""

MAPPED: Final = (0, 0, 0, 0, 0, 0xFFFF)
COMPATIBLE: Final = (0, 0, 0, 0, 0, 0)
NAT64: Final = (0x64, 0xFF9B, 0, 0, 0, 0)
TEREDO: Final = (0x2001, 0)
SIX_TO_FOUR: Final = 0x2002

Octets = tuple[int, int, int, int]
Groups = tuple[int, ...]


def parse(text: str) -> Groups | None:
    """Give four octets for IPv4, eight 16-bit groups for IPv6, None for what is no address.

    IPv4 inside IPv6 comes out as IPv4: mapped and compatible (RFC 4291, 2.5.5), NAT64 (RFC 6052), 6to4 (RFC 3056) and
    Teredo's client, which stands there inverted (RFC 4380, 4).
    """
    if len(parts := text.split(".", 4)) == 4:
        try:
            return OCTETS[parts[0]], OCTETS[parts[1]], OCTETS[parts[2]], OCTETS[parts[3]]
        except KeyError:  # a port, a blank, IPv6 around it, or no address
            pass
    text = text.strip()
    if len(text) > LONGEST:
        return None
    if ":" not in text or "." in text.partition(":")[0]:
        return _octets(text)
    if text[0] == "[" and (bracketed := BRACKETED.fullmatch(text)):
        text = bracketed[1]
    groups = _groups(text.partition("%")[0])
    return None if groups is None else _unmapped(groups)


def _octets(text: str) -> Octets | None:
    match = IPV4.fullmatch(text)
    if match is None:
        return None
    a, b, c, d = int(match[1]), int(match[2]), int(match[3]), int(match[4])
    return None if a > 255 or b > 255 or c > 255 or d > 255 else (a, b, c, d)


def _groups(text: str) -> Groups | None:
    if "." in text:
        front, _, last = text.rpartition(":")
        if (octets := _octets(last)) is None:
            return None
        text = f"{front}:{octets[0] << 8 | octets[1]:x}:{octets[2] << 8 | octets[3]:x}"
    if IPV6.fullmatch(text) is None:
        return None
    head, gap, tail = text.partition("::")
    left, right = head.split(":") if head else [], tail.split(":") if tail else []
    missing = 8 - len(left) - len(right)
    if (missing < 1 if gap else missing) or not LENGTHS.issuperset(map(len, left + right)):
        return None
    return tuple([int(group, 16) for group in (*left, *("0",) * missing, *right)])


def _unmapped(groups: Groups) -> Groups:
    if groups[:6] in (MAPPED, COMPATIBLE, NAT64):
        return _split(groups[6], groups[7])
    if groups[0] == SIX_TO_FOUR:
        return _split(groups[1], groups[2])
    if groups[:2] == TEREDO:
        return _split(groups[6] ^ 0xFFFF, groups[7] ^ 0xFFFF)
    return groups


def _split(high: int, low: int) -> Octets:
    return high >> 8, high & 255, low >> 8, low & 255
