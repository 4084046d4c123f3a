"""What a page may ask: the rooms behind the private listener, the same that its API asks.

A page never counts anything itself. What it shows, the API tells too, made by the same functions.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol
from zoneinfo import ZoneInfo

import msgspec

from gateway.audit.standing import Health, LaneState, Lookout, Readiness, standstills
from gateway.audit.trace import Standstill
from gateway.console.roles import Roles
from gateway.delivery.replaying import Replayer
from gateway.metrics import Metrics
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination
from gateway.office.clerk import Clerk
from gateway.office.exporting import Exporter
from gateway.office.looking import look_round
from gateway.office.papers import Papers
from gateway.office.pausing import Pausing
from gateway.office.reconciling import Reconciling
from gateway.office.reports import Reports
from gateway.outbox import Outbox
from gateway.rights.counter import Counter
from gateway.rights.desk import Desk
from gateway.signing.entry import Entry


class Known(msgspec.Struct, frozen=True):
    """Somebody, or a program, that may come in; `account` is how the signed log calls them."""

    name: str
    roles: Roles
    account: str


class Present(msgspec.Struct, frozen=True):
    """A session that is not over. `began_at` is Unix seconds, `idle` how many seconds it was not used."""

    id: str
    name: str
    began_at: int
    idle: float


class Entrance(Protocol):
    """What pages may know of the door, and do there."""

    def people(self) -> Iterable[Known]:
        """Give the people of the configuration."""

    def programs(self) -> Iterable[Known]:
        """Give the tokens of the configuration."""

    def signed_in(self) -> Iterable[Present]:
        """Give the sessions that are not over, the newest first."""

    def end(self, session_id: str) -> bool:
        """End a session; tells whether there was one."""


class Rooms(msgspec.Struct, frozen=True, kw_only=True):
    """The rooms. `zones`: every storefront, with its time zone. `record` writes to the signed log, or raises Unrecorded:
    then what was to be recorded is not done. `entrance` is the door.
    """

    outbox: Outbox
    reports: Reports
    reconciling: Reconciling
    papers: Papers
    clerk: Clerk
    exporter: Exporter
    desk: Desk
    counter: Counter
    replayer: Replayer
    pausing: Pausing
    metrics: Metrics
    readiness: Lookout
    record: Callable[[Entry], Awaitable[int]]
    zones: Mapping[StorefrontId, ZoneInfo]
    wall: Callable[[], float]
    entrance: Entrance

    def health(self, storefront: StorefrontId, readiness: Readiness | None = None) -> Health:
        """Tell how a storefront's destinations stand; `readiness` is that of this moment, where it is at hand."""
        return self.reports.health(storefront, readiness or self.readiness(storefront), int(self.wall()))

    async def everywhere(self) -> Readiness:
        """Tell how the destinations of every storefront stand; between pieces of it others have their turn."""
        lanes: dict[str, dict[str, LaneState]] = {}
        async for some in look_round(self.readiness, self.zones):
            lanes |= some
        return {**self.readiness(), "lanes": lanes}

    def standstills(self, storefront: StorefrontId) -> Mapping[Destination, Standstill]:
        """Say of each destination to which nothing goes at the moment why that is."""
        return standstills(self.readiness(storefront)["lanes"].get(storefront, {}))
