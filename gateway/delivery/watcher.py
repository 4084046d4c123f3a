"""What couriers, and replays of dead letters, tell those who watch, and nothing more: codes, counts, seconds and sums of money.

Metrics and log implement it. A courier calls it a few times per batch, not per event, and never with a value that
came out of an event or out of a platform's text. Implementations return at once and do not raise.
"""

import traceback
from collections.abc import Mapping, Sequence
from enum import StrEnum, unique
from pathlib import PurePath
from typing import Protocol

from gateway.delivery.contract import Violation
from gateway.delivery.rehearsal import Finding
from gateway.model.texts import PlatformCode
from gateway.model.words import Destination, Kind, Processing, Reason
from gateway.outbox.work import Lane


@unique
class Stage(StrEnum):
    """Where an unforeseen exception was met."""

    BUILD = "build"
    """The adapter could not write the request."""
    INTERPRET = "interpret"
    """The adapter could not read the reply, or answered for the wrong number of events."""
    COURIER = "courier"
    """The courier's own round broke."""
    INQUIRE = "inquire"
    """Asking after a request that was taken for processing broke."""
    CANARY = "canary"
    """Trying a destination out broke."""


class Watcher(Protocol):
    """Is told what became of events and of lanes.

    `money` holds sums in minor units by currency code; events without money are not in it. Durations are seconds.
    """

    def delivered(self, lane: Lane, kind: Kind, reason: Reason, seconds: Sequence[float], money: Mapping[str, int]) -> None:
        """`len(seconds)` events were confirmed; each number is the time from acceptance to confirmation."""

    def dead(self, lane: Lane, kind: Kind | None, reason: Reason, count: int, money: Mapping[str, int]) -> None:
        """`count` events became dead letters. `kind` is None when the records could not be read."""

    def withdrawn(self, lane: Lane, kind: Kind, reason: Reason, count: int, money: Mapping[str, int]) -> None:
        """`count` events were taken out because their consent is gone."""

    def retried(self, lane: Lane, reason: Reason, count: int) -> None:
        """`count` events will be tried again after an attempt that ended with `reason`."""

    def replayed(self, lane: Lane, kind: Kind, reason: Reason, count: int, money: Mapping[str, int]) -> None:
        """`count` dead letters that had died of `reason` were given back: they are no longer dead."""

    def sent_bytes(self, destination: Destination, count: int) -> None:
        """A request body of `count` bytes was handed to the transport."""

    def warned(self, lane: Lane, count: int) -> None:
        """The platform made `count` remarks on events of one request, which say nothing of their fate."""

    def up(self, lane: Lane, up: bool, reason: Reason | None, code: PlatformCode | None) -> None:
        """The lane's state changed (also once at its start): `up`, or down with the reason and the platform's code.

        Down with `credential`, `permission`, `configuration` or `redirected` or `contract` is a pause that needs a person, and
        with `paused_by_operator` one that a person made.
        """

    def breaker(self, lane: Lane, opened: bool, reason: Reason | None) -> None:
        """The lane's breaker opened after failures in a row (the last one's reason), or closed again."""

    def throttled(self, lane: Lane, seconds: float) -> None:
        """The platform asked for fewer requests; the lane waits so long."""

    def quota_waited(self, lane: Lane, seconds: float) -> None:
        """The lane had something to send and waited so long for the platform's quota."""

    def processed(self, lane: Lane, processing: Processing, code: PlatformCode | None, count: int) -> None:
        """The platform said its last word on `count` events that it had taken for processing, with its code for it."""

    def misconfigured(self, lane: Lane, found: bool, code: PlatformCode | None) -> None:
        """The platform found, by its later word, that something is not set up for the lane's events; or no longer does."""

    def canary(self, lane: Lane, finding: Finding) -> None:
        """The lane's destination was tried out, and this was found."""

    def clock_jumped(self, lane: Lane, seconds: float) -> None:
        """The wall clock moved so far against the monotonic one; nothing is given up for its age for a while."""

    def violated(self, lane: Lane, violation: Violation) -> None:
        """The lane's contract kept a request from leaving, or some of its events."""

    def fault(self, lane: Lane, stage: Stage, error: str, where: str) -> None:
        """A bug: an exception of class `error` was raised at `where` (`file.py:line`). Never its message."""


def place_of(error: BaseException) -> str:
    """Name the line of code that raised, never what it said."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
