"""What a rehearsal showed, in words."""

import json
import re

import pytest
from msgspec import structs

from gateway.adapter import Way
from gateway.audit.advice import advise
from gateway.audit.rehearsals import SENT, WELL, canary_state, sentences, tell
from gateway.delivery.rehearsal import Finding
from gateway.model.texts import PlatformCode
from gateway.model.words import Destination, Reason

META = Destination.META


def finding(way: Way = Way.VALIDATED, *, well: bool = True, ahead: int | None = 0, recorded: bool = False) -> Finding:
    """A finding, good unless said otherwise."""
    reason = Reason.EXPIRED if way is Way.TOO_OLD and not recorded else Reason.CONFIRMED
    bad = (Reason.CREDENTIAL, PlatformCode("190/463"))
    reason, code = (reason, None) if well else bad
    return Finding(way, well, recorded, reason, code, ahead)


@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize("destination", Destination)
def test_every_way_has_its_words(way: Way, destination: Destination) -> None:
    """What was sent and what it shows, in sentences without a placeholder left."""
    said = list(sentences(destination, finding(way)))
    assert len(said) == 2
    assert all(re.fullmatch(r"[^{}]*[.]", line) for line in said)
    assert set(SENT) == set(WELL) == set(Way)


def test_nothing_is_said_to_be_sent_that_was_not() -> None:
    """As when there was no token to send it with."""
    nothing = structs.replace(finding(well=False), sent=False)
    assert list(sentences(META, nothing)) == list(sentences(META, finding(well=False)))[1:]


def test_a_fault_is_told_with_what_to_do() -> None:
    """The advice for its reason and code, the same as elsewhere."""
    advice = advise(META, Reason.CREDENTIAL, "190/463")
    said = list(sentences(META, finding(well=False)))
    assert said[1:] == [advice.what, advice.do]
    told = tell(META, finding(well=False))
    assert json.loads(json.dumps(told)) == told == {
        "way": "validated",
        "well": False,
        "recorded": False,
        "reason": "credential",
        "code": "190/463",
        "clock_ahead": 0,
        "what": advice.what,
        "do": advice.do,
    }  # fmt: skip


@pytest.mark.parametrize(("ahead", "said"), [(300, "300 seconds ahead of Meta's"), (-4000, "4000 seconds behind Meta's")])
def test_a_wrong_clock_is_told_first(ahead: int, said: str) -> None:
    """Whatever else the answer was: it may be only a consequence."""
    for well in (True, False):
        assert said in tell(META, finding(well=well, ahead=ahead))["what"]
    assert said not in tell(META, finding(ahead=ahead // 20))["what"]


def test_an_old_event_that_was_taken_after_all_is_not_hidden() -> None:
    """All is right then, but something was recorded."""
    told = tell(META, finding(Way.TOO_OLD, recorded=True))
    assert "may have counted" in told["what"]
    assert "may have counted" not in tell(META, finding(Way.TOO_OLD))["what"]


def test_meta_is_told_honestly() -> None:
    """That a test event counts, that an old one proves less, and how to see more."""
    assert "and counts." in next(sentences(META, finding(Way.TEST_EVENT)))
    assert "--meta-test-code" in tell(META, finding(Way.TOO_OLD))["what"]


@pytest.mark.parametrize(
    ("found", "outcome", "reason", "code"),
    [
        (finding(), "well", "confirmed", None),
        (finding(Way.TOO_OLD), "well", "expired", None),
        (finding(well=False), "failed", "credential", "190/463"),
        (finding(well=False, ahead=400), "clock", "credential", "190/463"),
        (structs.replace(finding(ahead=-400), well=False), "clock", "confirmed", None),
    ],
)
def test_what_a_canary_found_is_one_word_with_the_reason(found: Finding, outcome: str, reason: str, code: str | None) -> None:
    """And what to do, the same as `check --live` says; nothing is advised where all is well."""
    told = canary_state(META, 1_795_342_500, found)
    assert (told["at"], told["outcome"], told["reason"], told["code"]) == ("2026-11-22T10:15:00Z", outcome, reason, code)
    said = tell(META, found)
    assert told["advice"] == (None if outcome == "well" else f"{said['what']} {said['do']}")
