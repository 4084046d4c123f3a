"""What a rehearsal showed, in the shop's words: what was sent, what the platform said to it, what to do. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final, TypedDict

from gateway.adapter import Way
from gateway.audit.advice import NAMES, advise
from gateway.audit.standing import CanaryState, Seen
from gateway.audit.trace import moment
from gateway.delivery.rehearsal import CLOCK_SECONDS, Finding
from gateway.model.words import Destination, Reason


class FindingTold(TypedDict):
    """One destination's part of `check --live --json`. `clock_ahead` is seconds."""

    way: str
    well: bool
    recorded: bool
    reason: str
    code: str | None
    clock_ahead: int | None
    what: str
    do: str


SENT: Final[Mapping[Way, str]] = {
    Way.VALIDATED: "{platform} was asked to check one event of each kind and to take none.",
    Way.TEST_MODE: "{platform} was sent one event in its test mode, which records nothing.",
    Way.TEST_EVENT: "{platform} was sent one page view under the test code: it shows under Test events, and counts.",
    Way.TOO_OLD: "{platform} has no way to check an event without taking it, so it was sent one of eight days ago: it documents"
    " that it refuses a request with an event older than seven days whole, and takes nothing of it.",
}
"""What was sent.

https://developers.facebook.com/documentation/ads-commerce/conversions-api/using-the-api (of events that are too old, and of
test events) and https://github.com/pinterest/api-description (`test` of `events/create`; read 2026-11-22)
"""

WELL: Final[Mapping[Way, str]] = {
    Way.VALIDATED: "{platform} finds nothing wrong with credential, account, conversion actions and form."
    " Such a check does not apply every rule that a real event meets.",
    Way.TEST_MODE: "{platform} would have taken it: credential, account and form are right.",
    Way.TEST_EVENT: "{platform} took it: credential, data set and form are right.",
    Way.TOO_OLD: "{platform} refused it for its age alone, so it knew the token and the data set and read the event."
    " How it takes a young event, only one that counts can show: give a test code with --meta-test-code.",
}
"""What it shows when all is well."""

UNEXPECTED: Final = (
    "{platform} took the event although it is older than it says that it takes: credential, data set and form are right,"
    " and it may have counted one page view of nobody."
)


def tell(destination: Destination, finding: Finding) -> FindingTold:
    """Write a finding out."""
    what, do = _what_and_do(destination, finding)
    return FindingTold(
        way=finding.way.value,
        well=finding.well,
        recorded=finding.recorded,
        reason=finding.reason.value,
        code=finding.code,
        clock_ahead=finding.clock_ahead,
        what=what,
        do=do,
    )


def canary_state(destination: Destination, at: int, finding: Finding) -> CanaryState:
    """Tell what was found at `at` (Unix seconds) when a destination was tried out by the clock."""
    told = tell(destination, finding)
    return CanaryState(
        at=moment(at),
        outcome=(Seen.WELL if finding.well else Seen.CLOCK if _is_clock_wrong(finding) else Seen.FAILED).value,
        reason=told["reason"],
        code=told["code"],
        advice=None if finding.well else f"{told['what']} {told['do']}",
    )


def _is_clock_wrong(finding: Finding) -> bool:
    return finding.clock_ahead is not None and abs(finding.clock_ahead) >= CLOCK_SECONDS


def _what_and_do(destination: Destination, finding: Finding) -> tuple[str, str]:
    platform = NAMES[destination]
    if finding.clock_ahead is not None and _is_clock_wrong(finding):
        side = "ahead of" if finding.clock_ahead > 0 else "behind"
        what = f"This machine's clock is {abs(finding.clock_ahead)} seconds {side} {platform}'s."
        return what, "Let a time service set the clock, and check again: events of a wrong time are refused or counted wrongly."
    if finding.places:
        what, do = advise(destination, finding.reason, finding.code)
        return f"{what} It was {', '.join(map(str, finding.places))}.", do
    if not finding.well:
        what, do = advise(destination, finding.reason, finding.code)
        return (f"{what} This is so of: {', '.join(finding.kinds)}." if finding.kinds else what), do
    unexpected = finding.way is Way.TOO_OLD and finding.reason is not Reason.EXPIRED
    return (UNEXPECTED if unexpected else WELL[finding.way]).replace("{platform}", platform), "Nothing."


def sentences(destination: Destination, finding: Finding) -> Iterator[str]:
    """Say the same in lines: what was sent if anything was, what it shows, what to do."""
    told = tell(destination, finding)
    if finding.sent:
        yield SENT[finding.way].replace("{platform}", NAMES[destination])
    yield told["what"]
    if not finding.well:
        yield told["do"]
