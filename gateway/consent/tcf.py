"""TC strings of the IAB's Transparency and Consent Framework, version 2, read strictly: what deviates in any way is refused.

A string is up to four segments of base64url, joined by dots: the core, then in any order the vendors that were disclosed to
the visitor (type 1; needed in every string made since March 2026), those allowed (2, obsolete) and the publisher's own
purposes (3). Strings that hold for more than one site, and those made under policies older than version 4 (September 2023),
mean nothing any more.

Format: https://github.com/InteractiveAdvertisingBureau/GDPR-Transparency-and-Consent-Framework, TCFv2, "Consent string and
vendor list formats v2"; policies: https://iabeurope.eu/iab-europe-transparency-consent-framework-policies/; both read
2026-11-22. Pure, in time linear in the text.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Final

import msgspec

from gateway.consent.bits import Bits, Ranges, VendorIds
from gateway.model.words import Refusal

LONGEST: Final = 8_192
"""Characters, twice what a cookie holds. A string longer than that is refused before it is looked at."""

VERSION: Final = 2
OLDEST_POLICY: Final = 4
FIRST_CMP: Final = 2
"""Consent tools are numbered from here; 0 and 1 are what tools write that never set theirs."""

PURPOSES: Final = 24
LETTERS: Final = 26

NOT_ALLOWED: Final = 0
LEGITIMATE_INTEREST_ONLY: Final = 2
KINDS_OF_RESTRICTION: Final = 3
"""Not allowed, consent required (1), legitimate interest required."""

_shaped = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){0,3}").fullmatch


class Restriction(msgspec.Struct, frozen=True, gc=False):
    """The publisher restricts a purpose (1 … 24) for some vendors; `kind` is 0 … 2."""

    purpose: int
    kind: int
    vendors: Ranges


class TcString(msgspec.Struct, frozen=True, gc=False):
    """What a well-formed, service-specific string of a living policy says. Times are Unix seconds.

    `purposes`: 24 bits, the highest for purpose 1: those that the visitor consented to. `vendors`: those consented to.
    """

    created: int
    last_updated: int
    purposes: int
    vendors: VendorIds
    disclosed: VendorIds
    restrictions: tuple[Restriction, ...]

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<TcString>"

    def consents_to(self, purposes: Iterable[int]) -> bool:
        """Say whether the visitor consented to all of these purposes (1 … 24); legitimate interest counts for nothing."""
        wanted = 0
        for purpose in purposes:
            wanted |= 1 << PURPOSES - purpose
        return self.purposes & wanted == wanted

    def allows(self, vendor: int, purposes: frozenset[int]) -> bool:
        """Say whether the vendor was disclosed, consented to, and may work for these purposes on consent.

        A publisher's restriction to legitimate interest takes consent away as a basis, for purpose 1 too, where the
        policies know no other.
        """
        return vendor in self.vendors and vendor in self.disclosed and not self._restricts(vendor, purposes)

    def _restricts(self, vendor: int, purposes: frozenset[int]) -> bool:
        return bool(self.restrictions) and any(
            restriction.kind in (NOT_ALLOWED, LEGITIMATE_INTEREST_ONLY)
            and restriction.purpose in purposes
            and vendor in restriction.vendors
            for restriction in self.restrictions
        )


class _Head(msgspec.Struct, frozen=True, gc=False):
    created: int
    last_updated: int
    policy: int
    service_specific: int
    purposes: int


class _Lists(msgspec.Struct, frozen=True, gc=False):
    vendors: VendorIds
    restrictions: tuple[Restriction, ...]


def read_tc(text: str) -> TcString | Refusal:
    """Read a TC string, or say why it is unusable: malformed, an old policy, not of one site, vendors not disclosed."""
    if len(text) > LONGEST or _shaped(text) is None:
        return Refusal.TCF_INVALID
    core, _, others = text.partition(".")
    head, lists, segments = _head(core[:HEAD]), _lists(core[HEAD - 1 :]), _segments(others)
    if head is None or lists is None or segments is None:
        return Refusal.TCF_INVALID
    if head.policy < OLDEST_POLICY:
        return Refusal.TCF_OUTDATED_POLICY
    if not head.service_specific:
        return Refusal.TCF_NOT_SERVICE_SPECIFIC
    disclosed = segments.get(DISCLOSED)
    if disclosed is None:
        return Refusal.TCF_VENDORS_NOT_DISCLOSED
    return TcString(head.created, head.last_updated, head.purposes, lists.vendors, disclosed, lists.restrictions)


HEAD: Final = 36
"""Characters that hold the core's fields of fixed width, 213 bits. What is left of the last, 3 bits, belongs to the lists."""


def _head(text: str) -> _Head | None:
    """Read the core's fields of fixed width out of the head's 216 bits; None where one of them is not what it has to be.

    Each field stands so many bits from the right; the words are the specification's. Passed over are CmpVersion (114),
    ConsentScreen (108), VendorListVersion (84), UseNonStandardTexts (76), SpecialFeatureOptIns (64),
    PurposesLITransparency (16) and PurposeOneTreatment (15).
    """
    if len(text) < HEAD:
        return None
    bits = Bits.of(text).value
    version = bits >> 210
    created = bits >> 174 & _36  # Created, in tenths of a second
    last_updated = bits >> 138 & _36  # LastUpdated
    cmp = bits >> 126 & _12  # CmpId
    language = bits >> 96 & _12  # ConsentLanguage
    policy = bits >> 78 & _6  # TcfPolicyVersion
    service_specific = bits >> 77 & 1  # IsServiceSpecific
    purposes = bits >> 40 & _24  # PurposesConsent
    country = bits >> 3 & _12  # PublisherCC
    if version != VERSION or cmp < FIRST_CMP or not _letters(language) or not _letters(country):
        return None
    return _Head(created // 10, last_updated // 10, policy, service_specific, purposes)


_6, _12, _24, _36 = ((1 << width) - 1 for width in (6, 12, 24, 36))


def _letters(pair: int) -> bool:
    """Say whether twelve bits are two letters, A to Z as 0 to 25."""
    return pair >> 6 < LETTERS and pair & _6 < LETTERS


@lru_cache(maxsize=64)
def _lists(text: str) -> _Lists | None:
    """Read the rest of the core, from the head's last character on.

    Remembered, because many visitors answer alike: it names no date and nobody. The same goes for what was disclosed.
    """
    bits = Bits.of(text)
    bits.take(3)
    vendors = bits.vendors()  # VendorConsent
    bits.vendors()  # VendorLegitimateInterest: must be well-formed, and counts for nothing
    restrictions = _restrictions(bits)
    return _Lists(vendors, restrictions) if restrictions is not None and bits.read_whole() else None


def _restrictions(bits: Bits) -> tuple[Restriction, ...] | None:
    """Read the publisher's restrictions; None where one is of no known purpose or kind, or stands there twice."""
    count = bits.take(12)
    if count > PURPOSES * KINDS_OF_RESTRICTION:
        return None
    found: dict[tuple[int, int], Restriction] = {}
    for _ in range(count):
        purpose, kind = bits.take(6), bits.take(2)
        if not 0 < purpose <= PURPOSES or kind >= KINDS_OF_RESTRICTION or (purpose, kind) in found:
            return None
        found[purpose, kind] = Restriction(purpose, kind, bits.ranges())
    return tuple(found.values())


def _publisher(bits: Bits) -> None:
    """Pass over the publisher's own purposes: what a site does for itself grants an ad platform nothing."""
    bits.take(PURPOSES + PURPOSES)  # PubPurposesConsent, PubPurposesLITransparency
    custom = bits.take(6)  # NumCustomPurposes
    bits.take(custom + custom)  # CustomPurposesConsent, CustomPurposesLITransparency


DISCLOSED: Final = 1
_SEGMENTS: Final[Mapping[int, Callable[[Bits], VendorIds | None]]] = {
    DISCLOSED: Bits.vendors,
    2: Bits.vendors,  # allowed
    3: _publisher,
}
"""How a segment after the core is read, by its type."""


@lru_cache(maxsize=64)
def _segments(text: str) -> Mapping[int, VendorIds | None] | None:
    """Read what follows the core, by type; None where a segment is unreadable, unknown, a second core, or there twice."""
    found: dict[int, VendorIds | None] = {}
    for segment in text.split(".") if text else ():
        bits = Bits.of(segment)
        kind = bits.take(3)
        if kind in found or kind not in _SEGMENTS:
            return None
        found[kind] = _SEGMENTS[kind](bits)
        if not bits.read_whole():
            return None
    return found
