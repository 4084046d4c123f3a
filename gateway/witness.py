"""What couriers and the desk report, told to all that listen: every number to the metrics, changes of state to the log.

A lane that goes down is written once and written again when it comes back; a platform that throttles is written
once until it takes events again; what a contract kept from leaving is written once for each set of places. A person's
request is written by its number and nothing of the person, in the signed log too. Everything else is a number.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from gateway.delivery.contract import Violation
from gateway.delivery.contract_body import Place
from gateway.delivery.rehearsal import Finding
from gateway.delivery.watcher import Stage
from gateway.ledger import Right
from gateway.log import ErrorName, Happening, Log, Places, Where
from gateway.metrics import Metrics
from gateway.model.texts import PlatformCode, StorefrontId
from gateway.model.words import Destination, Kind, Processing, Reason
from gateway.outbox.work import Lane
from gateway.rights.desk import Via
from gateway.signing.acts import request_of
from gateway.signing.entry import PRIVATE_LISTENER, Entry

PAUSES: Final = frozenset({Reason.CREDENTIAL, Reason.PERMISSION, Reason.CONFIGURATION, Reason.REDIRECTED, Reason.CONTRACT})
"""Only a person ends these."""

DOWN: Final[Mapping[Reason | None, Happening]] = {
    **dict.fromkeys(PAUSES, Happening.DESTINATION_PAUSED),
    Reason.PAUSED_BY_OPERATOR: Happening.DESTINATION_HALTED,
}
"""How a lane's going down is written, by its reason; of any other it is simply down."""

BY: Final = {Via.OPERATOR: PRIVATE_LISTENER, Via.SERVER: "server", Via.BROWSER: "browser", Via.SHOPIFY: "shopify"}
"""Who asked, in the signed log's words."""

MOST_VIOLATIONS: Final = 50
"""Sets of places that a lane remembers to have written; after so many it begins again."""


class Witness:
    """A `delivery.watcher.Watcher` and a `rights.desk.Teller`, made of the process's metrics and log."""

    def __init__(self, metrics: Metrics, log: Log, tell: Callable[[Entry], None] = lambda _entry: None) -> None:
        """Make one; `tell` hears what is for the signed log."""
        self._metrics = metrics
        self._log = log
        self._tell = tell
        self._down: dict[Lane, Reason | None] = {}
        self._throttled: set[Lane] = set()
        self._unwell: dict[Lane, Finding] = {}
        self._violated: dict[Lane, set[tuple[Place, ...]]] = {}

    def delivered(self, lane: Lane, kind: Kind, reason: Reason, seconds: Sequence[float], money: Mapping[str, int]) -> None:
        """Count; whoever was throttled is so no more."""
        self._throttled.discard(lane)
        self._metrics.delivered(lane, kind, reason, seconds, money)

    def dead(self, lane: Lane, kind: Kind | None, reason: Reason, count: int, money: Mapping[str, int]) -> None:
        """Count; records that nobody can read any more are a loss that somebody must hear of."""
        self._metrics.dead(lane, kind, reason, count, money)
        if reason is Reason.UNSEALABLE:
            self._log.say(Happening.RECORD_UNREADABLE, storefront=lane.storefront, destination=lane.destination, count=count)

    def withdrawn(self, lane: Lane, kind: Kind, reason: Reason, count: int, money: Mapping[str, int]) -> None:
        """Count."""
        self._metrics.withdrawn(lane, kind, reason, count, money)

    def request_done(self, storefront: StorefrontId, right: Right, via: Via, number: int, by: str | None) -> None:
        """Count and write: by its number it is found in the register."""
        self._metrics.right_done(storefront, right, via)
        self._log.say(Happening.REQUEST_DONE, storefront=storefront, right=right, number=number)
        self._tell(request_of(storefront, right.value, number, by or BY[via]))

    def request_noted(self, storefront: StorefrontId, right: Right, number: int) -> None:
        """Write: somebody has to see to it."""
        self._log.say(Happening.REQUEST_NOTED, storefront=storefront, right=right, number=number)

    def retried(self, lane: Lane, reason: Reason, count: int) -> None:
        """Count."""
        self._metrics.retried(lane, reason, count)

    def replayed(self, lane: Lane, kind: Kind, reason: Reason, count: int, money: Mapping[str, int]) -> None:
        """Count and write: somebody asked for it."""
        self._metrics.replayed(lane, kind, reason, count, money)
        self._log.say(
            Happening.DEAD_LETTERS_REPLAYED,
            storefront=lane.storefront,
            destination=lane.destination,
            reason=reason,
            count=count,
        )

    def sent_bytes(self, destination: Destination, count: int) -> None:
        """Count."""
        self._metrics.sent_bytes(destination, count)

    def warned(self, lane: Lane, count: int) -> None:
        """Count; a minimum of fields earns a remark on every event, so none is written."""
        self._metrics.warned(lane, count)

    def up(self, lane: Lane, up: bool, reason: Reason | None, code: PlatformCode | None) -> None:
        """Note the state; write it when it changed, a start in good health not."""
        self._metrics.up(lane, up, reason, code)
        if up and lane in self._down:
            del self._down[lane]
            self._log.say(Happening.DESTINATION_UP, storefront=lane.storefront, destination=lane.destination)
        elif not up and self._down.get(lane, Reason.CONFIRMED) is not reason:
            self._down[lane] = reason
            self._log.say(
                DOWN.get(reason, Happening.DESTINATION_DOWN),
                storefront=lane.storefront,
                destination=lane.destination,
                reason=reason,
                code=code,
            )

    def credential(self, lane: Lane, usable: bool) -> None:
        """Write that what a lane's credential refers to was replaced: taken in, or left out because it cannot be used."""
        happening = Happening.CREDENTIAL_RENEWED if usable else Happening.CREDENTIAL_UNUSABLE
        self._log.say(happening, storefront=lane.storefront, destination=lane.destination)

    def breaker(self, lane: Lane, opened: bool, reason: Reason | None) -> None:
        """Count and write."""
        self._metrics.breaker(lane, opened, reason)
        happening = Happening.BREAKER_OPENED if opened else Happening.BREAKER_CLOSED
        self._log.say(happening, storefront=lane.storefront, destination=lane.destination, reason=reason)

    def throttled(self, lane: Lane, seconds: float) -> None:
        """Count; write the first of a row."""
        self._metrics.throttled(lane, seconds)
        if lane not in self._throttled:
            self._throttled.add(lane)
            self._log.say(Happening.THROTTLED, storefront=lane.storefront, destination=lane.destination, seconds=seconds)

    def quota_waited(self, lane: Lane, seconds: float) -> None:
        """Count."""
        self._metrics.quota_waited(lane, seconds)

    def processed(self, lane: Lane, processing: Processing, code: PlatformCode | None, count: int) -> None:
        """Count."""
        self._metrics.processed(lane, processing, code, count)

    def misconfigured(self, lane: Lane, found: bool, code: PlatformCode | None) -> None:
        """Write: somebody has to set something up at the platform, or has done so."""
        happening = Happening.PROCESSING_MISCONFIGURED if found else Happening.PROCESSING_MENDED
        self._log.say(happening, storefront=lane.storefront, destination=lane.destination, code=code)

    def canary(self, lane: Lane, finding: Finding) -> None:
        """Note; write when a destination is found not to be well, when that is for another cause, and when it is again."""
        self._metrics.canary(lane, finding)
        before = self._unwell.pop(lane, None)
        if not finding.well:
            self._unwell[lane] = finding
            if before is None or (before.reason, before.code) != (finding.reason, finding.code):
                self._say_canary(Happening.CANARY_FAILED, lane, finding.reason, finding.code)
        elif before is not None:
            self._say_canary(Happening.CANARY_WELL, lane, None, None)

    def _say_canary(self, happening: Happening, lane: Lane, reason: Reason | None, code: PlatformCode | None) -> None:
        self._log.say(happening, storefront=lane.storefront, destination=lane.destination, reason=reason, code=code)

    def clock_jumped(self, lane: Lane, seconds: float) -> None:
        """Count and write."""
        self._metrics.clock_jumped(lane, seconds)
        self._log.say(Happening.CLOCK_JUMPED, storefront=lane.storefront, destination=lane.destination, seconds=seconds)

    def violated(self, lane: Lane, violation: Violation) -> None:
        """Count; write each set of places once. Paths and kinds, never a value."""
        self._metrics.violated(lane, violation)
        places, written = violation.places, self._violated.setdefault(lane, set())
        if places in written:
            return
        if len(written) >= MOST_VIOLATIONS:
            written.clear()
        written.add(places)
        self._log.say(
            Happening.CONTRACT_VIOLATED,
            storefront=lane.storefront,
            destination=lane.destination,
            count=len(violation.events) or None,
            places=Places(", ".join(map(str, places))),
        )

    def fault(self, lane: Lane, stage: Stage, error: str, where: str) -> None:
        """Count and write a bug: its class and place as far as they are what they claim to be."""
        self._metrics.fault(lane, stage, error, where)
        self._log.say(
            Happening.ADAPTER_FAULT,
            storefront=lane.storefront,
            destination=lane.destination,
            reason=stage,
            error=ErrorName(error) if ErrorName.PATTERN.fullmatch(error) else None,
            where=Where(where) if Where.PATTERN.fullmatch(where) else None,
        )
