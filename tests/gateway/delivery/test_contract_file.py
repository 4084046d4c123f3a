"""What a contract file may say: every fault of it is named by its place and rule, all at once."""

import tomllib

import pytest

from gateway.delivery.contract_file import BadContract, lists_in, read, steps_of
from gateway.model.words import Destination
from tests.adapters.cases import SHIPPED
from tests.gateway.delivery.clearing import HEAD, field, request

GOOD = HEAD + request("events", "POST", "/events", field("data[].id", "event_id"), events="data[]")


def faults_of(text: str) -> tuple[str, ...]:
    """Give the faults of a file."""
    with pytest.raises(BadContract) as bad:
        read(text)
    assert str(bad.value) == "\n".join(bad.value.faults)
    return bad.value.faults


def test_a_good_file_is_read() -> None:
    """With its fields in the order of the file."""
    file = read(GOOD)
    assert (file.destination, file.version, file.requests[0].fields[0].place) == ("meta", 7, "data[].id=event_id")


@pytest.mark.parametrize("destination", Destination)
def test_the_shipped_files_say_why_for_every_field(destination: Destination) -> None:
    """Each field has its reason and its clause of the policy; what has no clause has an option that is explained."""
    file = SHIPPED[destination]
    assert file.destination == destination
    entries = [entry for part in file.requests for entry in part.fields]
    assert all(entry.why.endswith((".", ";")) and len(entry.why) >= 8 for entry in entries)
    assert {entry.option for entry in entries} - {None} == set(file.options)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("version = 7", "version = 0", "version: must be at least 1"),
        ("version = 7", "", "version: is missing"),
        ("version = 7", "version = 7\nshape = 1", "shape: is nothing that a contract has"),
        ("version = 7", "version = ", "line 4, column 11: must be TOML"),
        (
            'kind = "event_id"',
            'kind = "anything"',
            "requests[0].fields[0].kind: is not a kind of value; there are one_of",
        ),
        ('kind = "event_id"', 'kind = "one_of"', "requests[0].fields[0].values: belongs to the kind one_of, which needs it"),
        (
            'kind = "event_id"',
            'kind = "event_id"\nvalues = ["a"]',
            "requests[0].fields[0].values: belongs to the kind one_of, which needs it",
        ),
        (
            'kind = "event_id"',
            'kind = "one_of"\nvalues = ["a", 1]',
            "requests[0].fields[0].values: must all be text, all numbers or all true or false",
        ),
        (
            'path = "data[].id"',
            'path = "data[].id x"',
            "requests[0].fields[0].path: must be such as data[].event_id, ?test or header:accept",
        ),
        ('path = "data[].id"', 'path = "data[].ids[]"', "requests[0].fields[0].path: needs a bound for data[].ids[] in lists"),
        ('"data[]" = 1000', '"data[]" = 1000\n"other[]" = 2', "requests[0].lists: other[] is in no field's path"),
        (
            'events = "data[]"',
            'events = "ids[]"',
            "requests[0].events: must be a list at the top of the body",
        ),
        (
            'kind = "event_id"',
            'kind = "event_id"\noption = "test"',
            "requests[0].fields[0].option: is not explained in [options]",
        ),
        ('path = "/events"', 'path = "/{anything}/events"', "requests[0].path: anything is not a kind of value"),
        ("[[requests]]", '[options]\nunused = "Nothing."\n[[requests]]', "options.unused: no field has this option"),
        ("version = 7", 'version = 7\nlive_check = ["x"]', "live_check: x is not an option"),
        ('hosts = ["platform.example"]', 'hosts = ["https://platform.example"]', "requests[0].hosts[0]: must match"),
        ('policy = "technical"', 'policy = "because"', "requests[0].fields[0].policy: must be 'hashed e-mail'"),
        (
            'policy = "technical"',
            'policy = "option"',
            'requests[0].fields[0].policy: "option" belongs to fields with an option and to no others',
        ),
    ],
    ids=lambda text: text[:40],
)
def test_a_fault_is_named_by_its_place_and_rule(old: str, new: str, fault: str) -> None:
    """What is wrong, where, and what is right."""
    assert old in GOOD
    assert any(found.startswith(fault) for found in faults_of(GOOD.replace(old, new, 1))), faults_of(GOOD.replace(old, new, 1))


def test_all_faults_are_told_at_once() -> None:
    """Nobody corrects a file one fault at a time."""
    spoilt = GOOD.replace('kind = "event_id"', 'kind = "x"').replace('events = "data[]"', 'events = "y[]"')
    assert len(faults_of(spoilt)) == 2


def test_faults_of_form_are_told_together() -> None:
    """In words of ours; that a list whose member is at fault has too few others is no news."""
    spoilt = GOOD.replace('hosts = ["platform.example"]', "hosts = []").replace(
        "approved_on = 2026-11-25", 'approved_on = "soon"'
    )
    assert faults_of(spoilt) == (
        "approved_on: must be a date, such as 2026-11-25",
        "requests[0].hosts: needs at least 1",
    )


def test_a_value_is_never_repeated() -> None:
    """Not even where a rule is broken that has no words of its own."""
    spoilt = GOOD.replace("version = 7", 'version = "EAABcanary"').replace('method = "POST"', "method = 1979-05-27")
    assert "EAABcanary" not in "".join(faults_of(spoilt))
    assert "1979" not in "".join(faults_of(spoilt))


def test_a_path_stands_once_with_each_kind() -> None:
    """Twice the same is a mistake; two kinds of value at one path are not; a value and an object at one path cannot be."""
    twice = request("e", "POST", "/e", field("a", "event_id"), field("a", "event_id"))
    assert faults_of(HEAD + twice) == ("requests[0].fields: a=event_id stands there 2 times",)
    read(HEAD + request("e", "POST", "/e", field("a", "event_id"), field("a", "sha256")))
    both = request("e", "POST", "/e", field("a", "event_id"), field("a.b", "event_id"))
    assert faults_of(HEAD + both) == ("requests[0].fields[0].path: holds a value and other fields at once",)
    names = request("e", "POST", "/e", field("a", "event_id")) + request("e", "POST", "/f", field("a", "event_id"))
    assert faults_of(HEAD + names) == ("requests: e stands there 2 times",)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("version = " + "9" * 5000, "has a whole number that is too long"),
        ("version = 0x" + "f" * 5000, "has a whole number that is too large at version"),
        ("a." * 20_000 + "a = 1", "has a name of more than 100 parts in line 1"),
    ],
)
def test_a_file_that_is_larger_than_any_contract_is_refused(text: str, fault: str) -> None:
    """As a fault, soon, and not as a crash or a full memory."""
    assert faults_of(text) == (fault,)


def test_a_file_that_is_nested_endlessly_is_refused() -> None:
    """As a fault and not as a crash."""
    assert faults_of("x = " + "[" * 100_000) == ("is nested too deeply",) or faults_of("x = " + "[" * 100_000)


def test_paths_are_taken_apart() -> None:
    """Into names and lists."""
    assert steps_of("data[].user_data.em[]") == ("data", "[]", "user_data", "em", "[]")
    assert lists_in("data[].user_data.em[]") == ["data[]", "data[].user_data.em[]"]


def test_the_head_of_the_tests_is_toml() -> None:
    """The helpers write what they mean."""
    assert tomllib.loads(GOOD)["requests"][0]["lists"] == {"data[]": 1000}
