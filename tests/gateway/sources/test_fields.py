"""How one object is read; what events and records make of it is tested with them."""

import pytest

from gateway.model.words import Fault
from gateway.sources.fields import MAX_KEYS, Broken, Unknown, consent_of, minor_flag, object_of, text_of
from gateway.sources.typed import MAX_TEXT

NAMES = frozenset({"a"})


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ([], Fault.WRONG_TYPE),
        ({str(number): 1 for number in range(MAX_KEYS + 1)}, Fault.TOO_MANY_KEYS),
        ({"b": "\ud800"}, Fault.LONE_SURROGATE),
    ],
)
def test_an_object_that_breaks_a_rule(value: object, fault: Fault) -> None:
    """The object's name and the rule."""
    with pytest.raises(Broken) as broken:
        object_of("thing", value, NAMES, {})
    assert (broken.value.field, broken.value.fault) == ("thing", fault)


def test_others_than_the_declared_are_counted() -> None:
    """By a name from the closed list, or as `other`; declared ones are not."""
    unknown: Unknown = {}
    assert object_of("thing", {"a": 1}, NAMES, unknown) is False
    assert object_of("thing", {"a": 1, "email": 2, "jane@example.com": 3}, NAMES, unknown) is True
    assert unknown == {"thing.email": 1, "thing.other": 1}


def test_text_is_text_or_nothing() -> None:
    """Null is nothing; a number or too long a text breaks the rule."""
    assert (text_of(None, "f"), text_of("x" * MAX_TEXT, "f")) == (None, "x" * MAX_TEXT)
    for value, fault in ((7, Fault.WRONG_TYPE), ("x" * (MAX_TEXT + 1), Fault.TOO_LONG)):
        with pytest.raises(Broken) as broken:
            text_of(value, "f")
        assert broken.value.fault is fault


@pytest.mark.parametrize(("said", "minor"), [(None, False), (False, False), (True, True), (0, True), ("", True)])
def test_a_minor_is_flagged_by_anything_but_a_plain_no(said: object, minor: bool) -> None:
    """Doubt is a flag."""
    assert minor_flag(said) is minor


def test_consent_is_left_as_it_came_but_for_size_and_depth() -> None:
    """What no reader should have to fear is refused; all else is the readers' own business."""
    for value in (None, True, "x", {"a": {"b": [1]}}, [1]):
        assert consent_of(value) is value
    deep: list[object] = []
    for _ in range(20):
        deep = [deep]
    refused: tuple[object, ...] = (deep, {"a": deep}, {str(number): 1 for number in range(MAX_KEYS + 1)})
    for one in refused:
        with pytest.raises(Broken):
            consent_of(one)
