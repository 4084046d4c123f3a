"""Our reader of TC strings beside the IAB's own library: equal on sound strings, never more permissive on any, never slow.

Thousands of strings that the library wrote, then tens of thousands of mutants of them. The mutants come from a fixed seed;
`IAB_MUTANTS=100000` makes more of them.
"""

import os
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

import pytest

from gateway.consent.policy import Policy, TcfRules
from gateway.consent.signals.tcf import evaluate
from gateway.consent.statement import Context
from gateway.consent.tcf import PURPOSES, TcString, _lists, _segments, read_tc
from gateway.model.words import Destination, Refusal, State
from tests.iab.reference import Reference
from tests.iab.writing import (
    ALPHABET,
    Entry,
    core,
    entries,
    flags,
    number,
    packed,
    publisher,
    ranges,
    restrictions,
    segment,
    tc,
    unpacked,
)
from tests.strategies import DAY, NOW

SOUND: Final = 2_400
MUTANTS: Final = int(os.environ.get("IAB_MUTANTS", "12000"))
ABOUT: Final = (2, 10, 91, 754, 755, 756, 1126)
"""The vendors that both are asked about."""

RULES: Final = Policy().tcf
OUR_OWN: Final = frozenset({Refusal.TCF_OUTDATED_POLICY, Refusal.TCF_NOT_SERVICE_SPECIFIC, Refusal.TCF_VENDORS_NOT_DISCLOSED})
"""Why we may refuse a sound string that the library reads: it takes every kind, we take what still counts."""


# ── strings ──────────────────────────────────────────────────────────────────────────────────────────────────────


def clusters(random: Random) -> list[int]:
    """Vendor ids as they come: some beside each other, some alone, those asked about more often than not."""
    found = {vendor for vendor in ABOUT if random.random() < 0.6}
    for _ in range(random.randint(0, 6)):
        first = random.randint(1, 1500)
        found.update(range(first, first + random.choice((1, 1, 2, 5, 40))))
    return sorted(found)


def some(random: Random, of: range, share: float) -> list[int]:
    """Some of a range of numbers."""
    return [one for one in of if random.random() < share]


def fields(random: Random) -> dict[str, Any]:
    """What the library is asked to write: mostly what grants, so that there is something to lose."""
    purposes = sorted({*some(random, range(1, 12), 0.6), *([1, 7] if random.random() < 0.7 else [])})
    made = (NOW - random.randint(0, 200) * DAY) * 1000
    return {
        "created": made,
        "lastUpdated": made + random.choice((0, 0, 86_400_000, 12_345_600)),
        "cmpId": random.randint(2, 4095),
        "cmpVersion": random.randint(0, 4095),
        "policyVersion": random.choice((2, 3, 4, 4, 5, 5, 5, 5)),
        "isServiceSpecific": random.random() < 0.9,
        "useNonStandardStacks": random.random() < 0.5,
        "purposeOneTreatment": random.random() < 0.1,
        "publisherCountryCode": random.choice(("FR", "DE", "AA", "ZZ")),
        "vendorListVersion": random.randint(0, 4095),
        "purposes": purposes,
        "legitimateInterests": some(random, range(2, 12), 0.4),
        "specialFeatures": some(random, range(1, 3), 0.3),
        "vendors": clusters(random),
        "vendorLegitimateInterests": clusters(random),
        "disclosed": clusters(random),
        "allowed": clusters(random),
        "publisherPurposes": some(random, range(1, 12), 0.4),
        "restrictions": [[vendor, random.randint(1, 11), random.randint(0, 2)] for vendor in ABOUT if random.random() < 0.15],
        "segments": random.sample(["allowed", "publisher"], random.choice((0, 0, 1, 2)))
        + (["disclosed"] if random.random() < 0.9 else []),
    }


def unusual(random: Random) -> str:
    """A sound string as the library would not write it: unordered and overlapping ranges, zeros at the end."""

    def listed() -> list[Entry]:
        found: list[Entry] = [vendor for vendor in ABOUT if random.random() < 0.5]
        found += [(first, first + random.randint(0, 60)) for first in some(random, range(1, 1500, 50), 0.2)]
        return random.sample(found, len(found))

    def section() -> str:
        return ranges(*listed(), most=2000) if random.random() < 0.7 else flags(*clusters(random))

    pairs = random.sample([(purpose, kind) for purpose in range(1, 12) for kind in range(3)], random.randint(0, 3))
    head = core(
        consents=[1, 7, *some(random, range(2, 12), 0.5)],
        vendors=section(),
        vendor_interests=section(),
        restricted=restrictions(*((purpose, kind, entries(*listed())) for purpose, kind in pairs)),
    )
    others = [segment(1, section()), segment(2, section()), publisher(random.randint(0, 5))]
    zeros = "0" * random.randint(0, 30)
    return tc(head + zeros, *(one + zeros for one in random.sample(others, 3)))


# ── mutants ──────────────────────────────────────────────────────────────────────────────────────────────────────


def a_bit(random: Random, text: str) -> str:
    """One bit turned over, anywhere in a segment; more often than not near its beginning."""
    parts = text.split(".")
    which = random.randrange(len(parts))
    bits = unpacked(parts[which]) or "0"
    at = random.randrange(len(bits) if random.random() < 0.4 else min(len(bits), 300))
    parts[which] = packed(bits[:at] + ("1" if bits[at] == "0" else "0") + bits[at + 1 :])
    return ".".join(parts)


def a_character(random: Random, text: str) -> str:
    """One character replaced by another of the alphabet, or of none."""
    at = random.randrange(len(text))
    return text[:at] + random.choice(ALPHABET + ".=+/ ~\u00e9") + text[at + 1 :]


def an_insertion(random: Random, text: str) -> str:
    """A character put in: everything after it moves."""
    at = random.randrange(len(text) + 1)
    return text[:at] + random.choice(ALPHABET + ".") + text[at:]


def a_deletion(random: Random, text: str) -> str:
    """Some characters taken out."""
    at = random.randrange(len(text))
    return text[:at] + text[at + random.choice((1, 1, 2, 4, 8)) :]


def a_truncation(random: Random, text: str) -> str:
    """Cut off."""
    return text[: random.randrange(len(text))]


def segments(random: Random, text: str) -> str:
    """Segments in another order, repeated, or left out."""
    parts = text.split(".")
    return ".".join(random.choices(parts, k=random.randint(1, 5))) if random.random() < 0.5 else f"{text}.{parts[-1]}"


def a_tail(random: Random, text: str) -> str:
    """Something at the end."""
    return text + "".join(random.choices("AAAAAAB_", k=random.randint(1, 12)))


def a_head(random: Random, text: str) -> str:
    """Version, consent tool, policy or scope overwritten with something nearly right."""
    bits = unpacked(text[:36])
    at, width = random.choice(((0, 6), (78, 12), (108, 12), (132, 6), (138, 1), (201, 12)))
    bits = bits[:at] + number(random.choice((0, 1, 2, 3, 63)) % (1 << width), width) + bits[at + width :]
    return packed(bits) + text[36:]


MUTATIONS: Final[tuple[Callable[[Random, str], str], ...]] = (
    a_bit,
    a_bit,
    a_bit,
    a_character,
    an_insertion,
    a_deletion,
    a_truncation,
    segments,
    a_tail,
    a_head,
)


def mutants(texts: list[str], how_many: int) -> Iterator[str]:
    """So many mutants, of one or two mutations each."""
    random = Random(24)  # noqa: S311 - the same mutants each time
    for turn in range(how_many):
        text = texts[turn % len(texts)]
        for _ in range(random.choice((1, 1, 1, 2))):
            text = random.choice(MUTATIONS)(random, text) or "C"
        yield text


# ── the same rule over both readings ─────────────────────────────────────────────────────────────────────────────


def granted_by_reference(read: dict[str, Any], vendor: int, purposes: frozenset[int]) -> bool:
    """What the library's fields would grant a vendor by the rule that ours follows."""
    return (
        read["version"] == 2
        and read["cmpId"] >= 2
        and read["policyVersion"] >= 4
        and read["isServiceSpecific"]
        and purposes <= set(read["purposes"])
        and vendor in read["vendors"]
        and vendor in read["disclosed"]
        and not any(who == vendor and purpose in purposes and kind in (0, 2) for who, purpose, kind in read["restrictions"])
    )


def granted_by_us(read: TcString | Refusal, vendor: int, purposes: frozenset[int]) -> bool:
    """What our reading grants a vendor."""
    return isinstance(read, TcString) and read.consents_to(purposes) and read.allows(vendor, purposes)


def as_reference(read: TcString) -> dict[str, Any]:
    """Our reading in the words of the library's, as far as both have them."""
    return {
        "created": read.created,
        "lastUpdated": read.last_updated,
        "purposes": [purpose for purpose in range(1, PURPOSES + 1) if read.consents_to([purpose])],
        "vendors": [vendor for vendor in ABOUT if vendor in read.vendors],
        "disclosed": [vendor for vendor in ABOUT if vendor in read.disclosed],
        "restrictions": sorted(
            [vendor, limit.purpose, limit.kind] for limit in read.restrictions for vendor in ABOUT if vendor in limit.vendors
        ),
    }


def in_seconds(read: dict[str, Any]) -> dict[str, Any]:
    """The library's reading in our units, and in an order."""
    found = {name: read[name] for name in ("purposes", "vendors", "disclosed")}
    times = {name: read[name] // 1000 for name in ("created", "lastUpdated")}
    return {**found, **times, "restrictions": sorted(read["restrictions"])}


def took(text: str) -> float:
    """Seconds of this thread that reading takes when nothing is remembered: the best of a few, should it seem long."""
    best = 1.0
    for _ in range(5):
        _lists.cache_clear()
        _segments.cache_clear()
        begin = time.thread_time()
        read_tc(text)
        best = min(best, time.thread_time() - begin)
        if best < 0.001:
            break
    return best


@pytest.fixture(scope="module")
def texts(reference: Reference) -> list[str]:
    """Sound strings: the library's own, and those that it reads but would not write."""
    random = Random(17)  # noqa: S311 - the same strings each time
    written: list[str] = reference.values("tcf.encode", [fields(random) for _ in range(SOUND)])
    assert len(set(written)) == SOUND
    return written + [unusual(random) for _ in range(SOUND // 4)]


def read_by_reference(reference: Reference, texts: list[str]) -> list[dict[str, Any] | None]:
    """The library's readings; None where it throws."""
    return [answer.value for answer in reference.ask("tcf.decode", [{"text": text, "about": ABOUT} for text in texts])]


def test_sound_strings_are_read_alike(reference: Reference, texts: list[str]) -> None:
    """Every field that we keep has the library's value, and we refuse none of them as malformed."""
    read = 0
    for text, theirs in zip(texts, read_by_reference(reference, texts), strict=True):
        assert theirs is not None
        ours = read_tc(text)
        if isinstance(ours, Refusal):
            assert ours in OUR_OWN
        else:
            assert as_reference(ours) == in_seconds(theirs)
            read += 1
        for vendor in ABOUT:
            for purposes in (RULES.purposes, RULES.purposes | RULES.personalisation):
                assert granted_by_us(ours, vendor, purposes) is granted_by_reference(theirs, vendor, purposes)
    assert read > len(texts) * 0.5


def test_no_mutant_is_read_more_permissively(reference: Reference, texts: list[str]) -> None:
    """What the library throws at we refuse, and what both read grants nobody anything that the library's fields would not."""
    made = list(mutants(texts, MUTANTS))
    seen = {"they throw": 0, "we refuse": 0, "both grant": 0}
    for text, theirs in zip(made, read_by_reference(reference, made), strict=True):
        ours = read_tc(text)
        if theirs is None:
            assert isinstance(ours, Refusal), text
            seen["they throw"] += 1
            continue
        seen["we refuse"] += isinstance(ours, Refusal)
        for vendor in ABOUT:
            for purposes in (RULES.purposes, RULES.purposes | RULES.personalisation):
                if granted_by_us(ours, vendor, purposes):
                    assert granted_by_reference(theirs, vendor, purposes), text
                    seen["both grant"] += 1
    assert all(count > MUTANTS // 50 for count in seen.values()), seen


def test_a_decision_grants_what_the_reading_does(texts: list[str]) -> None:
    """For sound strings and mutants: the signal grants no vendor that the reading does not, and never without an age."""
    policy = Policy(tcf=TcfRules(vendors=dict(zip(Destination, (2, 91, 755), strict=True))))
    granted = 0
    for text in [*texts, *mutants(texts, 2_000)]:
        context = Context(now=NOW, policy=policy)
        covered = {one.covers[0] for one in evaluate(text, context) if one.state is State.GRANTED}
        read = read_tc(text)
        for destination, vendor in policy.tcf.vendors.items():
            alive = isinstance(read, TcString) and -DAY <= NOW - read.last_updated <= policy.max_age
            assert (destination in covered) is (alive and granted_by_us(read, vendor, RULES.purposes))
        granted += len(covered)
    assert granted > 500


def test_no_string_takes_a_millisecond(texts: list[str]) -> None:
    """Neither a sound one nor a mutant."""
    slow = [text for text in [*texts, *mutants(texts, MUTANTS)] if took(text) >= 0.001]
    assert slow == []
