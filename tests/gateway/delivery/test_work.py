"""A claim under way begins with nothing decided, and the adapter's failures are counted by record."""

from gateway.delivery.fates import Crash
from gateway.delivery.work import Crashes
from tests.gateway.delivery.scene import record


def test_a_failure_is_counted_for_its_record_and_forgotten_with_it() -> None:
    """Each record has a count of its own, which ends when the record is done with; unknown ones are passed over."""
    crashes = Crashes()
    one, other = record(1), record(2)
    assert crashes.count(one, maybe=False) == Crash(1, maybe=False)
    assert crashes.count(one, maybe=True) == Crash(2, maybe=True)
    assert crashes.count(other, maybe=False) == Crash(1, maybe=False)
    assert len(crashes) == 2
    crashes.forget([1, 7])
    assert len(crashes) == 1
    assert crashes.count(one, maybe=False) == Crash(1, maybe=False)
    crashes.forget([1, 2])
    assert not crashes
    crashes.forget([1])
