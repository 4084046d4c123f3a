"""P9: nothing appears from nowhere and nothing is gone, whatever is sent, however platforms behave, across restarts.

Hypothesis chooses the events (granted, refused, invalid, repeated, repeated with other content), how the platforms misbehave
and when the gateway restarts. When all is quiet, three parties must agree to the event and to the cent: what the clients
were told, the gateway's books, and the platforms' ledgers.
"""

import asyncio
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from gateway.log import Log
from gateway.model.words import Destination
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.platforms import Platforms
from tests.live import Installation, inside, install

QUIET_SECONDS: Final = 20.0
"""Far more than all the waiting that the platforms ask for, far less than a courier sleeps when it forgot something."""
KINDS: Final = ("purchase", "add_to_cart", "page_view")


class Posted(msgspec.Struct, frozen=True):
    """One event as it is posted, and what must become of it if it is the first of its kind and id.

    `cents` is None where there is no money. `allowed` are those who may have it; `invalid` says that it breaks a rule.
    """

    kind: str
    number: int
    cents: int | None
    allowed: frozenset[Destination]
    how: str = "good"

    @property
    def event_id(self) -> str:
        """Few different ones, so that repeats are common."""
        return f"order-{self.number}x"

    def event(self) -> Any:
        """Write it out."""
        written: dict[str, Any] = {
            "event": self.kind,
            "event_id": self.event_id,
            "occurred_at": WHEN - self.number,
            "customer": {"email": f"{self.number}@example.com"},
            "consent": {"vendors": {d.value: d in self.allowed for d in Destination}},
        }
        if self.cents is not None:
            written["order"] = {"value": f"{self.cents / 100:.2f}", "currency": "EUR"}
        return SPOILT[self.how](written)


WHEN: Final = int(time.time())
"""One moment for all: an event that is posted again is the same event, whatever the clock says by then."""

SPOILT: Final[Mapping[str, Callable[[dict[str, Any]], Any]]] = {
    "good": lambda written: written,
    "no_identity": lambda written: {**written, "customer": None},
    "no_consent": lambda written: {**written, "consent": None},
    "refused": lambda written: {**written, "consent": {**written["consent"], "advertising": False}},
    "malformed consent": lambda written: {**written, "consent": {**written["consent"], "advertising": "yes"}},
    "too old": lambda written: {**written, "occurred_at": 1_000_000_000},
    "no event": lambda _written: 7,
    "no id": lambda written: {**written, "event_id": "a b"},
    "bad money": lambda written: {**written, "order": {"value": "12.345", "currency": "EUR"}},
}
INVALID: Final = frozenset({"too old", "no event", "no id", "bad money"})
REFUSED: Final = frozenset({"no_identity", "no_consent", "refused", "malformed consent"})


@st.composite
def posted(draw: st.DrawFn) -> Posted:
    """Any event: mostly good, some refused, some invalid, ids that meet."""
    kind = draw(st.sampled_from(KINDS))
    cents = draw(st.integers(0, 99_999)) if kind != "page_view" else None
    allowed = draw(st.frozensets(st.sampled_from(Destination), min_size=1)) if draw(st.booleans()) else frozenset(Destination)
    how = draw(st.sampled_from(("good",) * 12 + tuple(SPOILT)))
    return Posted(kind, draw(st.integers(0, 40)), cents, allowed, how)


PASSING: Final = st.builds(
    Behaviour,
    mode=st.sampled_from((Mode.THROTTLE, Mode.EXPIRED_TOKEN, Mode.PERMISSION)),
    requests=st.integers(1, 2),
    seconds=st.just(1.0),
)
THROTTLING: Final = st.builds(Behaviour, mode=st.just(Mode.THROTTLE), requests=st.integers(1, 2), seconds=st.just(1.0))
DOUBTFUL: Final = st.builds(
    Behaviour,
    mode=st.sampled_from(
        (
            Mode.SLOW,
            Mode.CUT_BEFORE_ANSWER,
            Mode.CUT_BEFORE_READ,
            Mode.SERVER_ERROR,
            Mode.HTML_ERROR,
            Mode.COUNT_MISMATCH,
            Mode.GARBAGE,
        )
    ),
    requests=st.integers(1, 2),
    seconds=st.just(0.2),
    taken=st.booleans(),
)
REFUSING: Final = st.builds(
    Behaviour, mode=st.just(Mode.REFUSE_EVENTS), fraction=st.sampled_from((0.05, 0.2)), seed=st.integers(0, 9)
)
"""Refuses the same events every time: a platform does not first take an event and then call it invalid."""


class Mood(msgspec.Struct, frozen=True):
    """How a platform behaves: what comes first, and what holds to the end."""

    first: tuple[Behaviour, ...] = ()
    always: Behaviour | None = None

    @property
    def behaviours(self) -> tuple[Behaviour, ...]:
        """All of it, in order."""
        return (*self.first, *((self.always,) if self.always else ()))


MOODS: Final = st.one_of(
    st.builds(Mood, first=st.lists(DOUBTFUL | PASSING, max_size=3).map(tuple)),
    st.builds(Mood, first=st.lists(THROTTLING, max_size=2).map(tuple), always=REFUSING),
)
"""Where every event of a lane is refused, nothing shows that a pause is over, and it stays paused until somebody looks: so a
platform that refuses does not pause before.
"""


class Plan(msgspec.Struct, frozen=True):
    """What happens: requests one after the other; before some of them the gateway is stopped and started again."""

    requests: tuple[tuple[Posted, ...], ...]
    restarts: frozenset[int]
    moods: Mapping[Destination, Mood]


PLANS: Final = st.builds(
    Plan,
    requests=st.lists(st.lists(posted(), min_size=1, max_size=25).map(tuple), min_size=1, max_size=6).map(tuple),
    restarts=st.frozensets(st.integers(1, 5), max_size=2),
    moods=st.fixed_dictionaries(dict.fromkeys(Destination, MOODS)),
)


# ── what must come of it ─────────────────────────────────────────────────────────────────────────────────────────


class Expected(msgspec.Struct):
    """The accounts as they follow from the plan alone."""

    statuses: list[str] = []
    accepted: dict[tuple[str, str], Posted] = {}
    differing: int = 0


def expect(plan: Plan) -> Expected:
    """Go through the plan as the promises have it: the first of its kind and id counts, a repeat is never applied."""
    expected = Expected()
    for one in (one for request in plan.requests for one in request):
        first = expected.accepted.get((one.kind, one.event_id))
        if one.how in INVALID:
            expected.statuses.append("invalid")
        elif one.how in REFUSED:
            expected.statuses.append("refused")
        elif first is None:
            expected.statuses.append("accepted")
            expected.accepted[one.kind, one.event_id] = one
        else:
            expected.statuses.append("duplicate")
            expected.differing += (first.cents, first.allowed) != (one.cents, one.allowed)
    return expected


async def run(plan: Plan, folder: Path) -> tuple[list[str], Any, Any, Platforms]:
    """Carry the plan out: what the clients were told, the books and the funnel once all is quiet, and the platforms."""
    told: list[str] = []
    books = funnel = None
    async with Platforms.start() as platforms:
        for destination, mood in plan.moods.items():
            platforms[destination].switch.set(*mood.behaviours)
        installation = install(folder / "gateway", platforms.base_urls, linger=0.01)
        stretches = _stretches(plan)
        for stretch in stretches:
            async with inside(installation, Log(StringIO())):
                for request in stretch:
                    told += await _post(installation, request)
                if stretch is stretches[-1]:
                    books = await installation.quiet(QUIET_SECONDS)
                    funnel = await installation.ask("/api/v1/funnel", storefront="shop", step="day", count="2")
        return told, books, funnel, platforms


def _stretches(plan: Plan) -> list[Sequence[tuple[Posted, ...]]]:
    """Cut the requests where the gateway restarts."""
    cuts = [0, *sorted(at for at in plan.restarts if at < len(plan.requests)), len(plan.requests)]
    return [plan.requests[a:b] for a, b in pairwise(cuts)]


async def _post(installation: Installation, request: Sequence[Posted]) -> list[str]:
    headers = {"Authorization": f"Bearer {installation.secret_key}", "Content-Type": "application/json"}
    body = json.dumps({"events": [one.event() for one in request]})
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{installation.url}/v1/events", data=body, headers=headers) as response,
    ):
        return [result["status"] for result in (await response.json())["results"]]


DEEP: Final = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
FEW: Final = settings(
    max_examples=100 if DEEP else 10,
    phases=tuple(Phase) if DEEP else (Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
"""Each example runs a whole gateway for a second or more, and looking for a simpler one runs hundreds."""

# ── the property ─────────────────────────────────────────────────────────────────────────────────────────────────


def check_door(expected: Expected, told: list[str], books: Any) -> None:
    """Received = accepted + duplicate + refused + invalid, as the clients were told and as the books say."""
    counts = Counter(told)
    assert told == expected.statuses
    assert books["received"] == sum(books["by_status"].values()) == len(told)
    assert books["by_status"] == {status: counts[status] for status in ("accepted", "duplicate", "refused", "invalid")}
    assert books["differing_repeats"] == expected.differing
    assert books["balanced"]


def check_lane(expected: Expected, lane: Any, destination: Destination, mood: Mood, platforms: Platforms) -> None:
    """Accepted × destinations = delivered + waiting + dead + withdrawn, and delivered is what the platform has."""
    mine = {key: one for key, one in expected.accepted.items() if destination in one.allowed}
    ledger = platforms[destination].ledger
    assert lane["accepted"] == len(mine)
    assert (lane["waiting"], lane["withdrawn"]) == (0, 0)
    assert lane["delivered"] == len(ledger)
    assert lane["delivered"] + lane["dead"] == len(mine)
    refused = {key for key in mine if mood.always is not None and mood.always.refuses("", key[1])}
    assert lane["dead"] == len(refused)
    took = Counter((taken.event_id, taken.value) for taken in ledger)
    assert took == Counter((one.event_id, _value(one)) for key, one in mine.items() if key not in refused)
    money = lane["value"].get("EUR", {})
    cents = {outcome: Decimal(money.get(outcome, 0)) for outcome in ("accepted", "delivered", "dead")}
    assert cents["accepted"] == sum((_value(one) or Decimal(0) for one in mine.values()), Decimal(0))
    assert cents["delivered"] == ledger.money().get("EUR", Decimal(0))
    assert cents["accepted"] == cents["delivered"] + cents["dead"]


def check_funnel(lane: Any, total: Any, now: Any) -> None:
    """What died is told by what it died of, to the event and to the cent, and nothing is left that has order value."""
    counts = {reason.removeprefix("dead."): n for reason, n in total["reasons"].items() if reason.startswith("dead.")}
    assert sum(counts.values()) == total["dead"] == lane["dead"]
    lost = total["dead_value"].get("EUR", {})
    assert lost.keys() <= counts.keys()
    dead = Decimal(lane["value"].get("EUR", {}).get("dead", 0))
    assert sum(map(Decimal, lost.values()), Decimal(0)) == Decimal(total["value"].get("EUR", {}).get("dead", 0)) == dead
    assert (now["waiting"], now["retrying"], now["dead"]) == (0, 0, lane["dead"])
    assert (now["waiting_value"], now["retrying_value"]) == ({}, {})


def _value(one: Posted) -> Decimal | None:
    return None if one.cents is None else Decimal(one.cents).scaleb(-2)


@given(plan=PLANS)
@FEW
def test_nothing_appears_and_nothing_is_gone(plan: Plan) -> None:
    """Clients, books and platforms agree on every event and every cent once all is quiet."""
    with tempfile.TemporaryDirectory() as folder:
        told, books, funnel, platforms = asyncio.run(run(plan, Path(folder)))
    expected = expect(plan)
    check_door(expected, told, books)
    for destination, mood in plan.moods.items():
        if destination.value in books["destinations"]:
            lane = books["destinations"][destination.value]
            check_lane(expected, lane, destination, mood, platforms)
            check_funnel(lane, funnel["total"]["destinations"][destination.value], funnel["now"][destination.value])
        else:
            assert not len(platforms[destination].ledger)
    cents = sum(one.cents or 0 for one in expected.accepted.values())
    assert Decimal(funnel["total"]["door"]["accepted_value"].get("EUR", 0)) == Decimal(cents).scaleb(-2)
    event(f"repeats at a platform: {any(platforms[d].ledger.repeats for d in Destination)}")
    event(f"restarts: {len([at for at in plan.restarts if at < len(plan.requests)])}")
