"""The register's page: what is due first at the front, what is late marked, what is done below."""

from gateway.console.pages.requests import SHOWN, registered
from gateway.rights.answers import Line


def line(number: int, due: str, done: str | None = None) -> Line:
    """A line of the register."""
    return Line(number, "shop", "erase", "2026-11-01T00:00:00Z", due, done, {})


def test_what_is_due_first_comes_first_and_late_is_told() -> None:
    """A request is late from the second after its last."""
    early, late = line(2, "2026-12-01T00:00:00Z"), line(1, "2026-11-20T00:00:00Z")
    found = registered((early, late, line(3, "2026-11-20T00:00:00Z", "2026-11-02T00:00:00Z")), "2026-11-20T00:00:01Z")
    assert (found.open, found.late) == ((late, early), frozenset({1}))
    assert [one.number for one in found.closed] == [3]
    assert registered((late,), "2026-11-20T00:00:00Z").late == frozenset()


def test_old_lines_are_counted_and_not_shown() -> None:
    """So that the page stays small; the register keeps them."""
    lines = tuple(line(n, "2026-12-01T00:00:00Z", "2026-11-02T00:00:00Z") for n in range(SHOWN + 3))
    found = registered(lines, "2026-11-20T00:00:00Z")
    assert (len(found.closed), found.left_out) == (SHOWN, 3)
