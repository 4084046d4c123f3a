"""A statement speaks of all destinations unless it says otherwise, and equal ones are one."""

from gateway.consent.policy import Policy
from gateway.consent.statement import EVERYWHERE, Context, Statement
from gateway.model.words import Destination, Signal, State
from tests.strategies import NOW


def test_a_statement_covers_every_destination_unless_it_names_some() -> None:
    """What names no destination is said of all of them, those added later included."""
    assert Statement(Signal.ADVERTISING, State.GRANTED).covers == EVERYWHERE == tuple(Destination)


def test_equal_statements_have_one_place_in_a_table() -> None:
    """The decision is looked up by its statements, so equal ones hash alike and different ones differ."""
    one, same = (Statement(Signal.GPC, State.OPTED_OUT, tuple(Destination)) for _ in range(2))
    assert (one, hash(one)) == (same, hash(same))
    assert one != Statement(Signal.GPC, State.OPTED_OUT, (Destination.META,))


def test_a_context_keeps_the_earliest_date() -> None:
    """Consent is as old as the oldest of the choices that it is made of."""
    context = Context(NOW, Policy())
    assert context.chosen_at is None
    for at, earliest in ((NOW - 5, NOW - 5), (NOW - 9, NOW - 9), (NOW - 1, NOW - 9)):
        context.date(at)
        assert context.chosen_at == earliest


def test_a_no_to_personalisation_stands() -> None:
    """Whoever says yes later, in whatever order: one no is enough."""
    for answers, stands in (((True,), True), ((True, False), False), ((False, True), False)):
        context = Context(NOW, Policy())
        for answer in answers:
            context.personalise(answer)
        assert context.personalised is stands
