from typing import Final

from gateway.model.words import Destination
from gateway.signing.entry import (
    COMMAND,
    ApiKey,
    Change,
    Configuration,
    Contract,
    DecisionTable,
    Entry,
    KeyUse,
    Role,
    RoleChanged,
    SealingKeyUsed,
    SigningKeyUsed,
)
from gateway.signing.facts import due, fact_of, followed
from tests.gateway.signing.making import DIGEST, EXAMPLES

OLD: Final = ApiKey("shop", KeyUse.SECRET, "2025a", Change.ADDED)
NEW: Final = ApiKey("shop", KeyUse.SECRET, "2026a", Change.ADDED)
NOW: Final[list[Entry]] = [
    Configuration(DIGEST),
    Contract(Destination.META, 1, DIGEST),
    Contract(Destination.PINTEREST, 1, DIGEST),
    DecisionTable("2"),
    SealingKeyUsed("k1"),
    SigningKeyUsed("01234567"),
    RoleChanged(DIGEST, Role.NONE, Role.PRIVACY, COMMAND),
    OLD,
]


def test_at_first_everything_is_due_and_then_nothing() -> None:
    """A log that says all that is in force needs no entry at the next start."""
    assert due({}, NOW) == NOW
    assert due(followed({}, NOW), NOW) == []


def test_what_changed_is_due_alone() -> None:
    """One contract of two."""
    changed = Contract(Destination.META, 2, DIGEST)
    assert due(followed({}, NOW), [*NOW[:1], changed, *NOW[2:]]) == [changed]


def test_a_key_that_is_gone_is_due() -> None:
    """Taken out of the configuration, it is in no entry of what is in force; put back, it is new."""
    facts = followed({}, NOW)
    gone = due(facts, [*NOW[:-1], NEW])
    assert gone == [NEW, ApiKey("shop", KeyUse.SECRET, "2025a", Change.REMOVED)]
    facts = followed(facts, gone)
    assert due(facts, [*NOW[:-1], NEW]) == []
    assert due(facts, [*NOW, NEW]) == [OLD]


def test_a_role_that_is_lost_is_due() -> None:
    """Each role is a fact of its own: who gains one keeps the others, and who is named no more has lost all."""
    privacy, marketer = (RoleChanged(DIGEST, Role.NONE, role, COMMAND) for role in (Role.PRIVACY, Role.MARKETER))
    facts = followed({}, NOW)
    assert due(facts, [*NOW, marketer]) == [marketer]
    facts = followed(facts, [marketer])
    lost = due(facts, [entry for entry in NOW if entry != privacy])
    assert lost == [RoleChanged(DIGEST, role, Role.NONE, COMMAND) for role in (Role.PRIVACY, Role.MARKETER)]
    facts = followed(facts, lost)
    assert not any(name.startswith("role ") for name in facts)
    assert due(facts, NOW) == [privacy]


def test_what_only_happened_is_no_fact() -> None:
    """Starts, counts and acts leave nothing in force behind."""
    assert {type(entry) for entry in EXAMPLES if fact_of(entry) is not None} == {type(entry) for entry in NOW}
