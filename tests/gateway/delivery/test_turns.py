"""What waits longer than a few minutes becomes backlog, in few pieces."""

import pytest

from gateway.delivery.backoff import Pace
from gateway.delivery.turns import overtaken
from gateway.outbox.answers import Waiting
from tests.gateway.delivery.scene import NOW

PACE = Pace(fresh_seconds=300.0)


def waiting(fresh_since: int | None) -> Waiting:
    """A lane's figures with the oldest fresh event accepted then."""
    return Waiting(10, 0, 0, NOW - 9999, 0, fresh_since)


@pytest.mark.parametrize(
    ("age", "held", "before"),
    [
        (300, 0, None),
        (301, 0, NOW - 150),
        (86_400, 0, NOW - 150),
        (21_900, 21_600, None),
        (21_901, 21_600, NOW - 21_600 - 150),
    ],
)
def test_what_is_older_than_five_minutes_is_set_aside(age: int, held: int, before: int | None) -> None:
    """Not before the oldest is; then all beyond half that age. Time that a platform wants events to wait does not count."""
    assert overtaken(waiting(NOW - age), held, PACE, float(NOW)) == before


def test_where_nothing_fresh_waits_nothing_is_set_aside() -> None:
    """However old the backlog is."""
    assert overtaken(waiting(None), 0, PACE, float(NOW)) is None
