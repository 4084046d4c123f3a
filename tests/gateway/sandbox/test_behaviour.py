import pytest
from pydantic import ValidationError

from gateway.sandbox.behaviour import SUCCESS, Behaviour, Mode, Switch

VARIANTS = {Mode.THROTTLE: ("usual", "other"), Mode.GARBAGE: ("text",)}


def test_a_behaviour_for_some_requests_ends_and_the_next_one_begins() -> None:
    """Behaviours are used up one after the other, then success returns."""
    switch = Switch(VARIANTS)
    switch.set(Behaviour(mode=Mode.THROTTLE, requests=2), Behaviour(mode=Mode.GARBAGE, requests=1))

    assert [switch.next().mode for _ in range(4)] == [Mode.THROTTLE, Mode.THROTTLE, Mode.GARBAGE, Mode.SUCCESS]
    assert switch.due == (SUCCESS,)


def test_a_behaviour_without_a_number_stays() -> None:
    """Without `requests` a behaviour holds until it is replaced."""
    switch = Switch(VARIANTS)
    switch.set(Behaviour(mode=Mode.SLOW))

    assert {switch.next().mode for _ in range(50)} == {Mode.SLOW}
    switch.reset()
    assert switch.next() is SUCCESS


def test_an_unknown_variant_changes_nothing() -> None:
    """A variant that the mode has not is refused with the list of those it has."""
    switch = Switch(VARIANTS)
    switch.set(Behaviour(mode=Mode.SLOW))

    with pytest.raises(ValueError, match="usual, other"):
        switch.set(Behaviour(mode=Mode.THROTTLE, variant="none such"))
    assert switch.next().mode is Mode.SLOW


def test_the_first_variant_is_the_usual_one() -> None:
    """Without a name the first variant is meant; a mode without variants has an empty one."""
    switch = Switch(VARIANTS)

    assert switch.variant(Behaviour(mode=Mode.THROTTLE)) == "usual"
    assert switch.variant(Behaviour(mode=Mode.THROTTLE, variant="other")) == "other"
    assert switch.variant(Behaviour(mode=Mode.SLOW)) == ""


def test_chance_is_repeatable() -> None:
    """The same seed treats the same requests in the same way, and about as many as the probability says."""
    runs = []
    for _ in range(2):
        switch = Switch(VARIANTS)
        switch.set(Behaviour(mode=Mode.SLOW, probability=0.3, seed=7))
        runs.append([switch.next().mode for _ in range(400)])

    assert runs[0] == runs[1]
    assert 80 < runs[0].count(Mode.SLOW) < 160


def test_only_affected_requests_are_counted() -> None:
    """`requests` counts the requests that a probability picked, not those it spared."""
    switch = Switch(VARIANTS)
    switch.set(Behaviour(mode=Mode.SLOW, probability=0.5, seed=1, requests=3))

    assert [switch.next().mode for _ in range(100)].count(Mode.SLOW) == 3


def test_a_fraction_always_means_the_same_events() -> None:
    """Whom a fraction refuses depends on the event id and the seed alone."""
    ids = [f"order-{i}" for i in range(1000)]
    behaviour = Behaviour(mode=Mode.REFUSE_EVENTS, fraction=0.2, seed=3)
    refused = {i for i in ids if behaviour.refuses("Purchase", i)}

    assert refused == {i for i in reversed(ids) if behaviour.refuses("Purchase", i)}
    assert 150 < len(refused) < 250
    assert refused != {i for i in ids if Behaviour(mode=Mode.REFUSE_EVENTS, fraction=0.2, seed=4).refuses("Purchase", i)}


def test_events_are_chosen_by_id_or_by_a_predicate() -> None:
    """An id in the list or a predicate that says so is enough."""
    switch = Switch(VARIANTS)
    behaviour = Behaviour(mode=Mode.REFUSE_EVENTS, event_ids=frozenset({"a"}))
    switch.set(behaviour, refuses=lambda name, event_id: (name, event_id) == ("Purchase", "b"))

    assert [switch.refuses(behaviour, "Purchase", i) for i in ("a", "b", "c")] == [True, True, False]
    assert not switch.refuses(behaviour, "PageView", "b")


def test_events_are_chosen_by_the_name_of_their_kind() -> None:
    """Whatever their ids; over HTTP too, where no predicate can come from."""
    behaviour = Behaviour.model_validate_json('{"mode": "refuse_events", "names": ["PageView"]}')
    assert [behaviour.refuses(name, "a") for name in ("Purchase", "PageView")] == [False, True]


@pytest.mark.parametrize(
    "text",
    [
        '{"mode": "sulk"}',
        '{"mode": "slow", "seconds": -1}',
        '{"mode": "slow", "seconds": "2"}',
        '{"mode": "slow", "requests": 0}',
        '{"mode": "slow", "probability": 1.1}',
        '{"mode": "slow", "colour": "red"}',
    ],
)
def test_what_is_out_of_range_is_refused(text: str) -> None:
    """A behaviour from outside is read strictly."""
    with pytest.raises(ValidationError):
        Behaviour.model_validate_json(text)
