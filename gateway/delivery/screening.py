"""What may not go: the last look at a claimed record before it is sent.

Consent too old or withdrawn takes the event out, and so does an order's money that went back. Too old for the platform,
maybe received and beyond the platform's recognising repeats, or refused by the adapter since the settings changed: a dead
letter. Too young: later. An event is sent only if the latest time that it may be allows it, and given up only if the
earliest does; between the two it waits. Pure.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from gateway.adapter import Limits
from gateway.delivery.clocks import Time
from gateway.model.event import Minimised
from gateway.model.words import Reason, Refusal
from gateway.outbox.summary import Summary
from gateway.outbox.work import Dead, Later, Record, Settlement, Withdrawn

DOUBT_SECONDS: Final = 60.0
"""When an event is looked at again whose age is in doubt."""


class Rules(msgspec.Struct, frozen=True, gc=False):
    """What the lane's records are held against: the platform's limits and the storefront's longest consent age (seconds).

    `refuses` is the adapter's own check. The door asked it when it accepted an event, so it is asked again only of those
    accepted before `since` (Unix seconds): the settings may have changed with the process.
    """

    limits: Limits
    max_consent_age: int
    refuses: Callable[[Minimised], Refusal | None] = lambda _event: None
    since: int = 0


def screen(
    records: Sequence[Record], withdrawn: Mapping[int, Reason], rules: Rules, time: Time
) -> tuple[Sequence[Record], list[Settlement]]:
    """Part what may be sent at `time` from what may not, the latter settled. `withdrawn`: sequence numbers, and why."""
    limits, latest = rules.limits, time.latest
    oldest_consent = latest - rules.max_consent_age
    oldest_event = latest - limits.max_age
    youngest_event = time.earliest - limits.min_age if limits.min_age else math.inf
    oldest_maybe = -math.inf if limits.resend_window is None else latest - limits.resend_window
    oldest_repeat = -math.inf if limits.resend_age is None else latest - limits.resend_age
    ready = [
        record
        for record in records
        if (event := record.event).consent_at >= oldest_consent
        and oldest_event <= event.occurred_at
        and (event.occurred_at <= youngest_event or not _held(event, limits))
        and (record.maybe_since is None or (record.maybe_since > oldest_maybe and event.occurred_at > oldest_repeat))
        and record.seq not in withdrawn
        and (record.accepted_at >= rules.since or rules.refuses(event) is None)
    ]
    if len(ready) == len(records):
        return records, []
    going = {record.seq for record in ready}
    return ready, [_fate(record, withdrawn.get(record.seq), rules, time) for record in records if record.seq not in going]


def all_may_go(records: Sequence[Record], summary: Summary, rules: Rules, time: Time) -> bool:
    """Say whether what records add up to shows that `screen` would let all of them go; withdrawals apart.

    Nearly always it does, and so nothing need be done for each event (0.3 µs), unless it is older than the process.
    """
    limits, latest = rules.limits, time.latest
    consent, occurred = summary.first_consent, summary.occurred
    return (
        consent is not None
        and consent >= latest - rules.max_consent_age
        and occurred[0] >= latest - limits.max_age
        and (not limits.min_age or occurred[-1] <= time.earliest - limits.min_age)
        and summary.first_maybe is None
        and (summary.first_accepted >= rules.since or _none_refused(records, rules))
    )


def _none_refused(records: Sequence[Record], rules: Rules) -> bool:
    """Say whether the adapter takes all that were accepted before the settings may have changed."""
    refuses, since = rules.refuses, rules.since
    return all(refuses(record.event) is None for record in records if record.accepted_at < since)


def ripe(records: Sequence[Record], rules: Rules, time: Time) -> int:
    """How many of `records`, from the first on, are to be claimed.

    Where every event is held for its age: those before the first that is too young, for the others will soon be old
    enough. Where only some events are held: up to the last that may go, so that those that are not held do not wait.
    """
    limits = rules.limits
    if not limits.min_age:
        return len(records)
    youngest = time.earliest - limits.min_age
    if limits.held_clicks is None:
        young = (number for number, record in enumerate(records) if record.event.occurred_at > youngest)
        return next(young, len(records))
    for number in range(len(records), 0, -1):
        event = records[number - 1].event
        if event.occurred_at <= youngest or not _held(event, limits):
            return number
    return 0


def _held(event: Minimised, limits: Limits) -> bool:
    """Say whether the event is one of those that have to reach the platform's least age."""
    if limits.held_clicks is None:
        return True
    click = event.click
    return click is not None and any(getattr(click, name) is not None for name in limits.held_clicks)


def _fate(record: Record, withdrawn: Reason | None, rules: Rules, time: Time) -> Settlement:
    """Say what becomes of a record that may not go."""
    if withdrawn is not None:
        return Withdrawn(record.seq, withdrawn)
    too_old = _too_old(record, rules, time.earliest)
    if too_old is Reason.CONSENT_EXPIRED:
        return Withdrawn(record.seq, too_old)
    if too_old is not None:
        return Dead(record.seq, too_old)
    if record.accepted_at < rules.since and rules.refuses(record.event) is not None:
        return Dead(record.seq, Reason.CONFIGURATION)
    if (doubted := _too_old(record, rules, time.latest)) is not None:
        return Later(record.seq, doubted, time.wall + DOUBT_SECONDS)
    # What is left is too young. By the doubted clock it may stay so for long, so the wait is bounded.
    missing = record.event.occurred_at + rules.limits.min_age - time.wall
    return Later(record.seq, Reason.HELD, time.wall + min(max(missing, 1.0), max(rules.limits.min_age, DOUBT_SECONDS)))


def _too_old(record: Record, rules: Rules, now: float) -> Reason | None:
    """Say what of the record is too old at `now`, consent first."""
    event, limits = record.event, rules.limits
    if event.consent_at + rules.max_consent_age < now:
        return Reason.CONSENT_EXPIRED
    if event.occurred_at + limits.max_age < now:
        return Reason.EXPIRED
    return Reason.AMBIGUOUS_EXPIRED if _beyond_repeating(record, limits, now) else None


def _beyond_repeating(record: Record, limits: Limits, now: float) -> bool:
    """Say whether the platform may have the record, and would not recognise another copy at `now`."""
    if record.maybe_since is None:
        return False
    first_try, happened = limits.resend_window, limits.resend_age
    return (first_try is not None and record.maybe_since + first_try <= now) or (
        happened is not None and record.event.occurred_at + happened <= now
    )
