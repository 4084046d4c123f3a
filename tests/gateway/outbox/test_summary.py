"""What a batch adds up to is what its events add up to one by one, however it was put together."""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.model.event import Minimised
from gateway.model.money import Money
from gateway.model.words import Kind
from gateway.outbox.summary import Summary
from tests.gateway.outbox.making import NOW, event

MONEY = st.none() | st.builds(Money, st.integers(0, 5000), st.sampled_from(("EUR", "JPY")))
TIMES = st.integers(NOW - 9, NOW)
EVENTS = st.builds(
    lambda **changes: event(1, **changes), kind=st.sampled_from(Kind), money=MONEY, occurred_at=TIMES, consent_at=TIMES
)
BATCHES = st.lists(st.tuples(EVENTS, TIMES), max_size=9)
MAYBES = st.none() | TIMES


def told(summary: Summary) -> tuple[Any, ...]:
    """What a summary says, without its form."""
    return summary._replace(accepted=Counter(summary.accepted), worth={**summary.worth}, occurred=[*summary.occurred])


def added_up(batch: list[tuple[Minimised, int]], first_maybe: int | None = None) -> Summary:
    """Add a batch up."""
    return Summary.of([event for event, _ in batch], [at for _, at in batch], first_maybe)


@given(BATCHES)
def test_says_what_the_events_say(batch: list[tuple[Minimised, int]]) -> None:
    """How many of each kind, since when, worth what in which currency, when they happened and how old the oldest consent is."""
    summary = added_up(batch)
    events = [event for event, _ in batch]
    assert summary.kinds == Counter(event.kind for event in events)
    assert Counter(summary.accepted) == Counter((event.kind, at) for event, at in batch)
    for kind in Kind:
        for currency in ("EUR", "JPY"):
            minor = [one.money.minor for one in events if one.kind is kind and one.money and one.money.currency == currency]
            assert summary.worth.get((kind, currency)) == (sum(minor) if minor else None)
    assert summary.occurred == sorted(event.occurred_at for event in events)
    assert summary.first_consent == min((event.consent_at for event in events), default=None)
    assert not batch or summary.first_accepted == min(at for _, at in batch)


@given(st.lists(st.tuples(BATCHES, MAYBES), min_size=1, max_size=4))
def test_parts_add_up_to_the_whole(parts: list[tuple[list[tuple[Minimised, int]], int | None]]) -> None:
    """Summaries of parts are together what the summary of all of them is; the earliest doubt and consent count."""
    whole = [pair for batch, _ in parts for pair in batch]
    maybe = min((at for _, at in parts if at is not None), default=None)
    assert told(Summary.together([added_up(*part) for part in parts])) == told(added_up(whole, maybe))
