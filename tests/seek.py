"""Looks for marked text among bytes, in every disguise that text takes on its way through a program.

A mark is text that occurs nowhere by chance. `disguises` lists the forms: other encodings and cases, escaped, reversed, and
hashed without a key, since a plain hash of something guessable is no secret.
"""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from hashlib import md5, sha1, sha256
from html import escape
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import quote

HASHES: Final = (md5, sha1, sha256)


def disguises(text: str) -> frozenset[bytes]:
    """Give every form of `text` that shows it to who looks: none of them is one-way."""
    return frozenset(form for variant in _variants(text) for form in _forms(variant) if len(form) > 5)


def _variants(text: str) -> Iterator[str]:
    yield from (text, text.upper(), text.lower(), text.swapcase(), text[::-1], text.casefold())
    yield ".".join(reversed(text.split(".")))


def _forms(text: str) -> Iterator[bytes]:
    plain = text.encode()
    yield plain
    yield from (text.encode("utf-16-le"), text.encode("utf-16-be"), text.encode("utf-32-le"))
    yield from (quote(text, safe="").encode(), b"".join(b"%%%02x" % c for c in plain), b"".join(b"%%%02X" % c for c in plain))
    yield from (plain.hex().encode(), plain.hex().upper().encode(), plain.hex(":").encode(), plain.hex(" ").encode())
    yield json.dumps(text)[1:-1].encode()
    yield from ("".join(f"\\u{ord(c):04x}" for c in text).encode(), "".join(f"\\u{ord(c):04X}" for c in text).encode())
    yield from (escape(text).encode(), repr(text)[1:-1].encode(), repr(plain)[2:-1].encode())
    yield from _base64(plain)


def _base64(plain: bytes) -> Iterator[bytes]:
    """Give the part of the base64 text that does not depend on the neighbours, at each of the three alignments."""
    for offset in range(3):
        first = -(-offset * 8 // 6)
        last = (offset + len(plain)) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(bytes(offset) + plain)[first:last]


def hashed(text: str) -> frozenset[bytes]:
    """Give the hashes that anybody could make of `text`: three functions, of the usual ways to tidy it first, as written."""
    tidied = {text, text.lower(), text.upper(), text.strip(), text.strip().lower()}
    digests = [make(one.encode(), usedforsecurity=False).digest() for make in HASHES for one in tidied]
    return frozenset(form for digest in digests for form in written(digest))


def written(digest: bytes) -> Iterator[bytes]:
    """Give the ways to write a digest down."""
    yield from (digest, digest.hex().encode(), digest.hex().upper().encode(), *_base64(digest))


def addresses(text: str) -> frozenset[bytes]:
    """Give every form of an IP address that says more than its network."""
    address = ip_address(text)
    forms = {text, text.upper(), address.compressed, address.exploded, address.reverse_pointer, str(int(address))}
    if isinstance(address, IPv4Address):
        forms |= {address.packed.hex(), address.packed.hex().upper(), f"::ffff:{text}"}
        return frozenset(form.encode() for form in forms) | hashed(text)
    host = address.exploded.split(":")[4:]
    forms |= {":".join(host), ":".join(part.lstrip("0") or "0" for part in host), "".join(host)}
    return frozenset(form.encode() for form in forms) | hashed(text) | {IPv6Address(text).packed[8:]}


class Needles:
    """Many needles, found in one pass: first their eight first bytes, then the whole."""

    def __init__(self, needles: Iterable[bytes]) -> None:
        self._starts: dict[bytes, set[bytes]] = {}
        for needle in needles:
            self._starts.setdefault(needle[:STEP], set()).add(needle)
        self._short = [start for start in self._starts if len(start) < STEP]

    def found(self, hay: bytes) -> set[bytes]:
        """Give the needles that are in the hay."""
        starts = self._starts
        here = {hay[at : at + STEP] for at in range(len(hay))} & starts.keys()
        here |= {start for start in self._short if start in hay}
        return {needle for start in here for needle in starts[start] if needle in hay}


STEP: Final = 8
