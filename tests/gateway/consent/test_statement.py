"""A statement speaks of all destinations unless it says otherwise, and equal ones are one."""

from gateway.consent.statement import EVERYWHERE, UNREADABLE, Statement
from gateway.model import Destination, Signal, State


def test_a_statement_covers_every_destination_unless_it_names_some() -> None:
    """What names no destination is said of all of them, those added later included."""
    assert Statement(Signal.ADVERTISING, State.GRANTED).covers == EVERYWHERE == tuple(Destination)


def test_equal_statements_have_one_place_in_a_table() -> None:
    """The decision is looked up by its statements, so equal ones hash alike and different ones differ."""
    one, same = (Statement(Signal.GPC, State.OPTED_OUT, tuple(Destination)) for _ in range(2))
    assert (one, hash(one)) == (same, hash(same))
    assert one != Statement(Signal.GPC, State.OPTED_OUT, (Destination.META,))


def test_an_unreadable_country_is_no_country() -> None:
    """The mark of an unreadable country can never be mistaken for a code."""
    assert len(UNREADABLE) != 2
