"""The answer to "why did it go or not go" says rules, codes and times, and nothing of the event."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.advice import NAMES, in_words
from gateway.audit.trace import NOT_RUNNING, WORDS, Standstill, moment, remarks, sentences, tell
from gateway.model.event import Trace
from gateway.model.texts import PlatformCode, Receipt
from gateway.model.words import Destination, Processing, Reason, Refusal, Remark, Signal, State, Status
from gateway.outbox.answers import Afterwards, Attempt, Explanation
from tests.strategies import NOW

META, PINTEREST, GOOGLE = tuple(Destination)

ACCEPTED = Explanation(
    status=Status.ACCEPTED,
    received_at=NOW,
    trace=Trace(
        Status.ACCEPTED,
        "opt_in_everywhere-1",
        ((Signal.ADVERTISING, State.GRANTED), (Signal.VENDORS, State.GRANTED), (Signal.VENDORS, State.DENIED)),
        (META, PINTEREST),
        ((GOOGLE, Refusal.VENDOR_DENIED),),
        1 << Remark.EMAIL_HASHED | 1 << Remark.IP_TRUNCATED,
    ),
    attempts=(
        Attempt(META, "delivered", Reason.CONFIRMED, at=NOW + 5, tries=1, receipt=Receipt("AbC123")),
        Attempt(PINTEREST, "retrying", Reason.THROTTLED, PlatformCode("429"), at=NOW + 5, tries=3, due=NOW + 65),
        Attempt(GOOGLE, "refused", Refusal.VENDOR_DENIED),
    ),
    repeats=2,
)
SOON = "2026-11-22T10:15:05Z"
NEVER = {
    "reason": None,
    "code": None,
    "at": None,
    "tries": 0,
    "due": None,
    "receipt": None,
    "replays": 0,
    "replayed_at": None,
    "advice": None,
    "standstill": None,
    "processing": None,
}
DENIED = "The visitor said no to Google Ads. Nothing: it may not go."
SLOWER = "Pinterest asks for fewer requests. Nothing: it is obeyed. If it lasts, ask for a higher quota."
NEXT = f"next try 2026-11-22T10:16:05Z. {SLOWER}"
LATER = {"at": SOON, "tries": 3, "due": "2026-11-22T10:16:05Z"}
REFUSED = Explanation(
    status=Status.REFUSED,
    received_at=NOW,
    trace=Trace(Status.REFUSED, "opt_in_everywhere-1", (), (), ((META, Refusal.NO_CONSENT),), 0),
    attempts=(Attempt(META, "refused", Refusal.NO_CONSENT),),
)


def test_an_explanation_is_told_as_json() -> None:
    """Every part of an explanation is in the answer, by its code, and times in UTC."""
    told = tell(ACCEPTED)
    assert (
        json.loads(json.dumps(told))
        == told
        == {
            "status": "accepted",
            "received_at": "2026-11-22T10:15:00Z",
            "rule": "opt_in_everywhere-1",
            "signals": {"advertising": "granted", "vendors": "granted, denied"},
            "fields": ["email_hashed", "ip_truncated"],
            "repeats": 2,
            "evidence": None,
            "destinations": {
                "meta": {**NEVER, "state": "delivered", "reason": "confirmed", "at": SOON, "tries": 1, "receipt": "AbC123"},
                "pinterest": {**NEVER, **LATER, "state": "retrying", "reason": "throttled", "code": "429", "advice": SLOWER},
                "google_ads": {**NEVER, "state": "refused", "reason": "vendor_denied", "advice": DENIED},
            },
        }
    )


def test_a_marketer_reads_the_same_from_top_to_bottom() -> None:
    """The sentences say what came, by which rule it was decided, what was done, and how each destination stands."""
    assert list(sentences(tell(ACCEPTED))) == [
        "Received 2026-11-22T10:15:00Z; accepted.",
        "Decided by rule opt_in_everywhere-1.",
        "Consent signals: advertising said granted; vendors said granted, denied.",
        "At the boundary: email hashed, ip truncated.",
        "Repeats of the same id since: 2, none applied.",
        "Meta: confirmed by the platform, 2026-11-22T10:15:05Z, receipt AbC123.",
        f"Pinterest: to be tried again, reason throttled, platform code 429, {SOON}, 3 tries, {NEXT}",
        f"Google Ads: not allowed to go there, reason vendor_denied. {DENIED}",
    ]


@pytest.mark.parametrize(("replays", "said"), [(1, "replayed once"), (2, "replayed 2 times, last")])
def test_a_replay_is_told_with_its_time(replays: int, said: str) -> None:
    """How often and when; what it died of before calls for no advice until it was tried again."""
    revived = Attempt(META, "retrying", Reason.REJECTED, at=NOW, tries=1, due=NOW + 5, replays=replays, replayed_at=NOW + 5)
    told = tell(msgspec.structs.replace(ACCEPTED, attempts=(revived,)))
    assert (told["destinations"]["meta"]["replays"], told["destinations"]["meta"]["replayed_at"]) == (replays, SOON)
    assert list(sentences(told))[-1].endswith(f"next try {SOON}, {said} {SOON}.")
    failed = msgspec.structs.replace(revived, at=NOW + 6)
    assert tell(msgspec.structs.replace(ACCEPTED, attempts=(failed,)))["destinations"]["meta"]["advice"] is not None


@pytest.mark.parametrize("state", ["delivered", "waiting", "withdrawn"])
def test_only_a_failure_calls_for_advice(state: str) -> None:
    """What went well, or is on its way, is told without."""
    attempt = Attempt(META, state, Reason.CONFIRMED, at=NOW)
    assert tell(msgspec.structs.replace(ACCEPTED, attempts=(attempt,)))["destinations"]["meta"]["advice"] is None


def test_a_dead_letter_is_told_with_advice() -> None:
    """Also one that died again after a replay in the same second."""
    dead = Attempt(META, "dead", Reason.REJECTED, PlatformCode("100/33"), at=NOW, replays=1, replayed_at=NOW)
    told = tell(msgspec.structs.replace(ACCEPTED, attempts=(dead,)))
    assert told["destinations"]["meta"]["advice"] == in_words(META, Reason.REJECTED, "100/33")


def test_a_refused_event_is_said_to_be_gone() -> None:
    """Of a refused event it is said that nothing was kept, and that no signal came where none did."""
    assert list(sentences(tell(REFUSED))) == [
        "Received 2026-11-22T10:15:00Z; refused, and nothing of it was kept or sent.",
        "Decided by rule opt_in_everywhere-1.",
        "Consent signals: none came with the event.",
        f"Meta: not allowed to go there, reason no_consent. {in_words(META, Refusal.NO_CONSENT, None)}",
    ]


def test_what_nobody_knows_yet_is_not_told() -> None:
    """An attempt that has not been made is told by its state alone, once."""
    waiting = msgspec.structs.replace(REFUSED, attempts=(Attempt(META, "waiting", tries=1),))
    assert list(sentences(tell(waiting)))[-1] == "Meta: waiting to be sent."


@pytest.mark.parametrize(
    ("why", "said"),
    [
        (Reason.REFUNDED, "taken out: all its money went back before it left"),
        (Reason.WITHDRAWN, "taken out: its consent is gone, reason withdrawn"),
        (Reason.CONSENT_EXPIRED, "taken out: its consent is gone, reason consent_expired"),
    ],
)
def test_what_was_taken_out_is_told_with_why(why: Reason, said: str) -> None:
    """Money that went back says nothing of anybody's consent."""
    told = tell(msgspec.structs.replace(ACCEPTED, attempts=(Attempt(META, "withdrawn", why, at=NOW),)))
    assert list(sentences(told))[-1] == f"Meta: {said}, 2026-11-22T10:15:00Z."


@pytest.mark.parametrize("state", ["delivered", "waiting", "retrying", "maybe", "dead", "withdrawn", "refused"])
def test_every_state_has_words(state: str) -> None:
    """Each state that an attempt can have is told in words."""
    assert state in (Attempt.__doc__ or "")
    assert WORDS[state] != state


def test_every_destination_has_a_name() -> None:
    """Each destination is told by the name that people know it by."""
    assert set(NAMES) == set(Destination)


@given(st.sets(st.sampled_from(Remark)))
def test_remarks_are_read_back_from_their_bits(kept: set[Remark]) -> None:
    """Any set of remarks is told by name, each once and in order."""
    bits = sum(1 << remark for remark in kept)
    assert list(remarks(bits)) == [remark.name.lower() for remark in sorted(kept)]


def test_a_moment_is_told_in_utc() -> None:
    """Unix seconds are written as RFC 3339 in UTC."""
    assert (moment(0), moment(NOW)) == ("1970-01-01T00:00:00Z", "2026-11-22T10:15:00Z")


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason.CONFIRMED, "confirmed by the platform"),
        (Reason.ACCEPTED_FOR_PROCESSING, "taken by the platform, which processes it later"),
        (Reason.DUPLICATE_AT_PLATFORM, "the platform had it already"),
    ],
)
def test_only_a_confirmation_is_called_one(reason: Reason, said: str) -> None:
    """A platform that took an event for later processing has not confirmed it, and is not said to have."""
    delivered = msgspec.structs.replace(ACCEPTED, attempts=(Attempt(META, "delivered", reason=reason),))
    assert list(sentences(tell(delivered)))[-1] == f"Meta: {said}."


def later(events: int, *outcomes: tuple[Processing, PlatformCode | None, int], final: bool = True) -> Explanation:
    """An event that Google took for processing, and what it said since."""
    said = Afterwards(final, events, outcomes)
    taken = Attempt(GOOGLE, "delivered", Reason.ACCEPTED_FOR_PROCESSING, receipt=Receipt("r1"), afterwards=said)
    return msgspec.structs.replace(ACCEPTED, attempts=(taken,))


TAKEN = "Google Ads: taken by the platform, which processes it later, receipt r1."
NEVER_OF_ONE = "The platform tells this of requests, never of a single event."
LATER_WORDS = [
    (later(5, final=False), f"{TAKEN} Its request of 5 events is being processed."),
    (
        later(5, (Processing.NOT_USED, PlatformCode("TOO_OLD"), 1), (Processing.PENDING, None, 4), final=False),
        f"{TAKEN} Its request of 5 events is being processed (1 not used (TOO_OLD), 4 pending so far).",
    ),
    (later(1, (Processing.USED, None, 1)), f"{TAKEN} Processed: request of 1 event: 1 used. {NEVER_OF_ONE}"),
    (
        later(5, (Processing.MISCONFIGURED, PlatformCode("A_B"), 2), (Processing.USED, None, 3)),
        f"{TAKEN} Processed: request of 5 events: 2 misconfigured (A_B), 3 used. {NEVER_OF_ONE}",
    ),
    (later(5), f"{TAKEN} Processed: request of 5 events: nothing was told. {NEVER_OF_ONE}"),
]


@pytest.mark.parametrize(("explanation", "said"), LATER_WORDS)
def test_what_was_said_afterwards_is_said_of_the_request(explanation: Explanation, said: str) -> None:
    """How many of its events met with what; that it may or may not be this one is part of the answer."""
    assert list(sentences(tell(explanation)))[-1] == said


def test_what_was_said_afterwards_is_told_as_json() -> None:
    """By outcome and code."""
    told = tell(later(5, (Processing.NOT_USED, PlatformCode("A_B"), 2), (Processing.USED, None, 3)))
    assert told["destinations"]["google_ads"]["processing"] == {
        "final": True,
        "events": 5,
        "said": {"not_used.A_B": 2, "used": 3},
    }


EXPIRED = Standstill(reason="credential", advice="The token is too old. Make a new one.", due=SOON)


@pytest.mark.parametrize("state", ["waiting", "retrying", "maybe", "delivered", "dead", "withdrawn", "refused"])
def test_an_event_that_is_to_go_says_why_nothing_goes_there_now(state: str) -> None:
    """While its lane stands still an event that waits names the reason, what to do and the next try; an ended one does not."""
    told = tell(msgspec.structs.replace(ACCEPTED, attempts=(Attempt(META, state),)), {META: EXPIRED})
    said = " Nothing goes to Meta now: credential, next try 2026-11-22T10:15:05Z. The token is too old. Make a new one."
    waits = state in {"waiting", "retrying", "maybe"}
    assert told["destinations"]["meta"]["standstill"] == (EXPIRED if waits else None)
    assert list(sentences(told))[-1] == f"Meta: {WORDS[state]}.{said if waits else ''}"


def test_another_destinations_standstill_is_not_told() -> None:
    """Only the lane of the very destination counts."""
    told = tell(msgspec.structs.replace(ACCEPTED, attempts=(Attempt(META, "waiting"),)), {PINTEREST: EXPIRED})
    assert list(sentences(told))[-1] == "Meta: waiting to be sent."


def test_what_to_do_is_said_once() -> None:
    """Where the attempt failed by what the lane stands still for, the advice is not repeated."""
    attempt = Attempt(META, "retrying", Reason.CREDENTIAL, PlatformCode("190/463"), at=NOW, tries=1)
    advice = in_words(META, Reason.CREDENTIAL, "190/463")
    assert advice is not None
    told = tell(
        msgspec.structs.replace(ACCEPTED, attempts=(attempt,)), {META: Standstill(reason="credential", advice=advice, due=None)}
    )
    assert list(sentences(told))[-1].count(advice) == 1
    assert list(sentences(told))[-1].endswith(" Nothing goes to Meta now: credential.")


def test_without_a_gateway_nothing_goes() -> None:
    """A store that was read without a gateway says that one has to be started."""
    told = tell(msgspec.structs.replace(ACCEPTED, attempts=(Attempt(META, "waiting"),)), {META: NOT_RUNNING})
    assert list(sentences(told))[-1] == (
        "Meta: waiting to be sent. Nothing goes to Meta now: not_running."
        " No gateway is running here. What waits is kept, and sent once one is started."
    )
