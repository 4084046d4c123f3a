"""Consent added up, and held against what was accepted."""

from typing import Final

from gateway.audit.accounts import Account, LaneAccount
from gateway.audit.grounds import LogProof, consent, ground_of, prove
from gateway.model.event import Trace
from gateway.model.words import Destination, Refusal, Signal, State, Status
from gateway.outbox.shapes import Ground

META: Final = Destination.META
GRANTED: Final = Trace(Status.ACCEPTED, "r-2", ((Signal.ADVERTISING, State.GRANTED),), (META,), (), 0)
DENIED: Final = Trace(Status.REFUSED, "r-2", ((Signal.GPC, State.OPTED_OUT),), (), ((META, Refusal.GPC),), 0)
BROKEN: Final = Trace(Status.REFUSED, "r-2", ((Signal.TCF, State.INVALID),), (), ((META, Refusal.TCF_INVALID),), 0)
SOUND: Final = LogProof(entries=9, checkpoint=9, signed=True, sound=True, faults=[])


def books(accepted: int, *, balanced: bool = True) -> Account:
    """Make accounts in which everything accepted was delivered."""
    lane = LaneAccount(
        accepted=accepted, delivered=accepted, waiting=0, dead=0, withdrawn=0, replayed=0, balanced=balanced,
        reasons={}, value={}, processing=None,
    )  # fmt: skip
    return Account(
        received=accepted, by_status={"accepted": accepted, "refused": 5}, by_reason={}, differing_repeats=0,
        destinations={"meta": lane}, balanced=balanced,
    )  # fmt: skip


def test_refusals_are_told_by_reason_and_by_the_signal_that_said_no() -> None:
    """And invalid signals by kind."""
    told = consent([Ground(0, GRANTED, 40), Ground(0, DENIED, 30), Ground(0, BROKEN, 20)], 10)
    assert (told.decided, told.accepted, told.refused) == (90, 40, 50)
    assert told.refusals["meta"]["reasons"] == {"gpc": 30, "tcf_invalid": 20}
    assert told.refusals["meta"]["by_signal"] == {"gpc": {"gpc": 30}, "tcf": {"tcf_invalid": 20}}
    assert told.invalid == {"tcf": 20}
    assert told.signals["gpc"] == {"events": 30, "states": {"opted_out": 30}}


def test_no_small_group_is_told() -> None:
    """Nor can one be had by taking the others from their sum."""
    told = consent([Ground(0, DENIED, 30), Ground(0, BROKEN, 3)], 10)
    assert told.refusals["meta"]["reasons"] == {"others": 33}
    assert told.signals["tcf"]["events"] == "<10"
    assert told.invalid == {"others": "<10"}


def test_what_was_accepted_is_held_against_what_allowed_it() -> None:
    """All of it has a ground, so it holds."""
    proof = prove("shop1", [Ground(0, GRANTED, 7), Ground(0, DENIED, 5)], books(7), 0, SOUND)
    lane = proof["destinations"]["meta"]
    assert (lane["by_ground"], lane["without"], lane["untold"]) == ({"advertising": 7}, 0, 0)
    assert proof["holds"]


def test_an_acceptance_that_no_signal_allows_is_found() -> None:
    """As a fault of the decision would make it."""
    ground = Trace(Status.ACCEPTED, "r-2", ((Signal.GPC, State.DENIED),), (META,), (), 0)
    proof = prove("shop1", [Ground(0, GRANTED, 6), Ground(0, ground, 1)], books(7), 0, SOUND)
    assert (proof["destinations"]["meta"]["without"], proof["holds"]) == (1, False)


def test_more_grounds_than_acceptances_do_not_hold() -> None:
    """Then the books lost something."""
    proof = prove("shop1", [Ground(0, GRANTED, 8)], books(7), 0, SOUND)
    assert not proof["holds"]


def test_what_was_accepted_before_grounds_were_counted_is_told_as_such() -> None:
    """It is no fault, and it is not proved either."""
    proof = prove("shop1", [Ground(86_400, GRANTED, 3)], books(7), 0, SOUND)
    assert (proof["destinations"]["meta"]["untold"], proof["since"]) == (4, "1970-01-02T00:00:00Z")


def test_a_log_that_does_not_fit_or_books_that_do_not_balance_do_not_hold() -> None:
    """Each alone is enough."""
    broken = LogProof(entries=9, checkpoint=9, signed=True, sound=False, faults=["entry 3"])
    assert not prove("shop1", [Ground(0, GRANTED, 7)], books(7), 0, broken)["holds"]
    assert not prove("shop1", [Ground(0, GRANTED, 7)], books(7, balanced=False), 0, SOUND)["holds"]


def test_a_persons_own_yes_is_named_before_what_is_only_permitted() -> None:
    """Both signals of a yes; what permits is named where nobody said yes; nothing where neither did."""
    both = ((Signal.TCF, State.GRANTED), (Signal.ADVERTISING, State.GRANTED), (Signal.GCS, State.PERMITTED))
    assert ground_of(Trace(Status.ACCEPTED, "r", both, (META,), (), 0)) == "advertising+tcf"
    assert ground_of(Trace(Status.ACCEPTED, "r", both[2:], (META,), (), 0)) == "permitted: gcs"
    assert ground_of(DENIED) is None
