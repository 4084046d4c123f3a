"""What a rehearsal sends is nobody's, and what the answer shows is said as far as it goes."""

from email.utils import formatdate
from hashlib import sha256

import pytest

from gateway.adapter import Rehearsal, Reply, Way
from gateway.delivery.fates import NO_NAME, TIMED_OUT
from gateway.delivery.rehearsal import CLOCK_SECONDS, Finding, clock_ahead, found, samples, without_answer
from gateway.model.texts import PlatformCode
from gateway.model.verdict import Delivered, Isolate, Maybe, Pause, Rejected, Retry, Throttle, Verdict
from gateway.model.words import Destination, Kind, Reason
from tests.gateway.delivery.scene import NOW, Plain, PlainSettings

ADAPTER = Plain(PlainSettings(base_url="http://127.0.0.1", credential="env:TOKEN"))
CODE = PlatformCode("100/2804003")
CHECKED = Rehearsal(ADAPTER, Way.VALIDATED, tuple(Kind))
OLD = Rehearsal(ADAPTER, Way.TOO_OLD, (Kind.PAGE_VIEW,), age=8 * 86_400, proof=CODE)


def test_the_events_are_nobodys() -> None:
    """A reserved address's digest, no address, no click, no page; money where the kind has some; ids of their own."""
    events = samples(CHECKED, Destination.META, NOW)
    nobody = sha256(b"rehearsal@example.com").hexdigest()
    assert [event.kind for event in events] == list(Kind)
    assert len({event.event_id for event in events}) == len(Kind)
    for event in events:
        assert event.email is not None
        assert event.email.distinct() == (nobody,)
        assert (event.ip, event.user_agent, event.page_origin, event.click) == (None, None, None, None)
        assert (event.money is None) is (event.kind is Kind.PAGE_VIEW)
        assert (event.occurred_at, event.destinations) == (NOW, (Destination.META,))


def test_an_old_event_is_as_old_as_was_asked_for() -> None:
    """And its consent is not younger than itself."""
    (event,) = samples(OLD, Destination.META, NOW)
    assert event.occurred_at == event.consent_at == NOW - 8 * 86_400


def test_whose_setting_is_wrong_is_named() -> None:
    """The kinds that would not be taken, where others would; where none would be, no kind is to blame."""
    unset = Retry(Reason.CONFIGURATION, 3600.0, PlatformCode("NO"), apart=True)
    one = found(CHECKED, [Delivered(), unset, Delivered()], None)
    assert (one.well, one.reason, one.code, one.kinds) == (False, Reason.CONFIGURATION, "NO", (tuple(Kind)[1],))
    assert found(CHECKED, [unset] * 3, None).kinds == ()


def test_a_refusal_that_was_hoped_for_hides_no_other() -> None:
    """Of one kind the made-up click is refused, as it has to be, and of another the setting: that one is told."""
    by_click = Rehearsal(ADAPTER, Way.VALIDATED, tuple(Kind), proof=CODE)
    unset = Retry(Reason.CONFIGURATION, 3600.0, PlatformCode("NO"), apart=True)
    told = found(by_click, [Rejected(code=CODE), unset, Rejected(code=CODE)], None)
    assert (told.well, told.reason, told.code, told.kinds) == (False, Reason.CONFIGURATION, "NO", (tuple(Kind)[1],))


@pytest.mark.parametrize(
    ("rehearsal", "verdicts", "well", "recorded", "told"),
    [
        (CHECKED, [Delivered()], True, False, Reason.CONFIRMED),
        (CHECKED, [Delivered(), Rejected()], False, False, Reason.REJECTED),
        (CHECKED, [Rejected(), Pause(Reason.PERMISSION)], False, False, Reason.PERMISSION),
        (CHECKED, [Maybe(Reason.SERVER_ERROR), Isolate()], False, False, Reason.REJECTED),
        (CHECKED, [Delivered(), Retry(Reason.SERVER_ERROR)], False, False, Reason.SERVER_ERROR),
        (CHECKED, [Throttle()], False, False, Reason.THROTTLED),
        (CHECKED, [Rejected(Reason.EXPIRED, CODE)], False, False, Reason.EXPIRED),
        (OLD, [Rejected(Reason.EXPIRED, CODE)], True, False, Reason.EXPIRED),
        (OLD, [Isolate(Reason.EXPIRED, CODE)], True, False, Reason.EXPIRED),
        (OLD, [Rejected(Reason.REJECTED, PlatformCode("100"))], False, False, Reason.REJECTED),
        (OLD, [Rejected(Reason.REJECTED)], False, False, Reason.REJECTED),
        (OLD, [Pause(Reason.CREDENTIAL, CODE)], False, False, Reason.CREDENTIAL),
        (OLD, [Delivered()], True, True, Reason.CONFIRMED),
        (Rehearsal(ADAPTER, Way.TEST_EVENT, (Kind.PAGE_VIEW,)), [Delivered()], True, True, Reason.CONFIRMED),
        (Rehearsal(ADAPTER, Way.TEST_MODE, (Kind.PURCHASE,)), [Delivered()], True, False, Reason.CONFIRMED),
    ],
)
def test_only_the_expected_answer_is_well(
    rehearsal: Rehearsal, verdicts: list[Verdict], well: bool, recorded: bool, told: Reason
) -> None:
    """Taken, or refused with the very code that is the proof; of several verdicts the gravest is told."""
    finding = found(rehearsal, verdicts, 0)
    assert (finding.way, finding.well, finding.recorded, finding.reason) == (rehearsal.way, well, recorded, told)


@pytest.mark.parametrize(
    ("ahead", "well"), [(None, True), (CLOCK_SECONDS - 1, True), (1 - CLOCK_SECONDS, True), (300, False), (-300, False)]
)
def test_a_clock_that_is_wrong_is_not_well(ahead: int | None, well: bool) -> None:
    """Even if the platform has taken the event; small differences are."""
    assert found(CHECKED, [Delivered()], ahead) == Finding(Way.VALIDATED, well, False, Reason.CONFIRMED, None, ahead)  # noqa: FBT003 - fields in order


def test_no_answer_is_told_with_what_stood_in_the_way() -> None:
    """As far as it is known."""
    assert without_answer(CHECKED, NO_NAME) == Finding(
        way=Way.VALIDATED, well=False, recorded=False, reason=Reason.NOT_CONNECTED, code=PlatformCode("name"), sent=False
    )
    assert without_answer(OLD, TIMED_OUT).reason is Reason.TIMED_OUT


@pytest.mark.parametrize(
    ("date", "ahead"),
    [
        (formatdate(NOW, usegmt=True), 0),
        (formatdate(NOW - 400, usegmt=True), 400),
        (formatdate(NOW + 90, usegmt=True), -90),
        (None, None),
        ("", None),
        ("yesterday", None),
        ("Mon, 99 Foo 2026 10:00:00 GMT", None),
    ],
)
def test_clocks_are_compared_by_the_replys_date(date: str | None, ahead: int | None) -> None:
    """A date that is not there or none says nothing."""
    assert clock_ahead(Reply(200, {} if date is None else {"date": date}, b""), NOW + 0.2) == ahead
