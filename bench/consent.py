"""The consent decision alone: what it costs to read an event's signals and apply the table. CPU of this process.

Plain signals are the objects that shops send most. TC strings are all different, as visitors' are: those of a long list of
vendors have some 200 entries, in one list of ranges or in three lists that mix ranges and single ids. Consent tools write the
same lists for many visitors, so strings whose lists were read before stand beside those whose lists nobody has seen yet; a
long list that is new has no bar, it is the first of many.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from bench.figures import Figure, Plan
from bench.proc import Span, between, own_sample
from gateway.consent.decision import decide
from gateway.consent.policy import Policy
from gateway.model.texts import EventId
from gateway.model.words import Destination, Kind
from gateway.raw import RawEvent
from tests.iab.writing import MADE, Entry, core, flags, ranges, segment, tc

PLAIN_BAR: Final = 2.0
TC_BAR: Final = 30.0
NEW_RANGES: Final = "200 ranges, never seen"
NEW_MIXED: Final = "three mixed lists, never seen"
BARS: Final[Mapping[str, float | None]] = {"plain signals": PLAIN_BAR, NEW_RANGES: None, NEW_MIXED: None}
STRINGS: Final = 400
"""More than the gateway remembers lists of."""

DAY: Final = 86_400
NOW: Final = MADE + 60 * DAY
MOST: Final = 1400
"""The highest vendor id, about as in the vendor list of 2026."""

PLAIN: Final[Sequence[dict[str, object]]] = (
    {"advertising": True},
    {"advertising": True, "gpc": False},
    {"shopify": {"marketingAllowed": True, "saleOfDataAllowed": True}, "gpc": False},
    {"google": {"ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "granted"}},
    {"vendors": {"meta": True, "pinterest": True, "google_ads": False}},
)


def measure(plan: Plan, say: Callable[[str], None]) -> list[Figure]:
    """Measure all sorts of events in turns."""
    sorts = _sorts()
    times = plan.amount(40_000, 1_000)
    spans: dict[str, list[Span]] = {what: [] for what in sorts}
    for number in range(plan.rounds):
        say(f"consent, round {number + 1} of {plan.rounds}")
        for what, events in sorts.items():
            spans[what].append(_run(events, times))
    return [
        Figure.of(
            "consent",
            what,
            "µs CPU",
            [span.cpu / times * 1e6 for span in taken],
            steal=[span.steal for span in taken],
            bar=BARS.get(what, TC_BAR),
            sense="at most",
            note="a decision for three platforms",
        )
        for what, taken in spans.items()
    ]


def _sorts() -> dict[str, list[RawEvent]]:
    dice = random.Random(3)  # noqa: S311 - the same strings each time
    few, listed, mixed = flags(2, 755), ranges(*_ranges(dice), (755, 755), most=MOST), [_mixed(dice) for _ in range(3)]
    return {
        "plain signals": [_event(consent) for consent in PLAIN],
        "TC string, two vendors": [_event({"tcf": _string(turn, few, few, few)}) for turn in range(STRINGS)],
        "the same beside AC": [
            _event({"tcf": _string(turn, few, few, few), "ac": f"2~1.89.{turn + 900}~dv.7"}) for turn in range(STRINGS)
        ],
        "TC string, 200 ranges": [_event({"tcf": _string(turn, listed, flags(), few)}) for turn in range(STRINGS)],
        "TC string, three mixed lists": [_event({"tcf": _string(turn, *mixed)}) for turn in range(STRINGS)],
        "two vendors, never seen": [
            _event({"tcf": _string(turn, flags(2, 755, 800 + turn), few, flags(755, 800 + turn))}) for turn in range(STRINGS)
        ],
        NEW_RANGES: [
            _event({"tcf": _string(turn, ranges(*_ranges(dice), (755, 755), most=MOST), flags(), flags(755, 800 + turn))})
            for turn in range(STRINGS)
        ],
        NEW_MIXED: [_event({"tcf": _string(turn, *(_mixed(dice) for _ in range(3)))}) for turn in range(STRINGS)],
    }


def _ranges(dice: random.Random) -> list[Entry]:
    """Two hundred ranges, as a visitor's choice of vendors leaves them."""
    return [(6 * turn + dice.randint(1, 2), 6 * turn + dice.randint(3, 5)) for turn in range(200)]


def _mixed(dice: random.Random) -> str:
    """A list of 70 ranges and single ids."""
    entries: list[Entry] = [(755, 756)]
    for turn in range(69):
        first = 18 * turn + dice.randint(1, 8)
        entries.append(dice.choice((first, (first, first + dice.randint(1, 8)))))
    return ranges(*entries, most=MOST)


def _string(turn: int, consented: str, interests: str, disclosed: str) -> str:
    at = MADE + turn * 60
    head = core(
        created=at, last_updated=at, consents=range(1, 11), vendors=consented, vendor_interests=interests, language="0" * 12
    )
    return tc(head, segment(1, disclosed))


def _event(consent: dict[str, object]) -> RawEvent:
    return RawEvent(kind=Kind.PURCHASE, event_id=EventId("1"), occurred_at=NOW - 60, country="FR", consent=consent)


def _run(events: Sequence[RawEvent], times: int) -> Span:
    policy, enabled = Policy(banner_regions=frozenset("*")), tuple(Destination)
    before = own_sample()
    for turn in range(times):
        decision = decide(events[turn % len(events)], policy, enabled, NOW)
    span = between(before, own_sample())
    assert decision.allowed
    return span
