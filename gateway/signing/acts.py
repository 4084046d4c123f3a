"""What people do, as entries of the log. Pure."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from gateway.delivery.letters import Order
from gateway.model.texts import StorefrontId
from gateway.outbox.shapes import Decision
from gateway.outbox.work import Lane
from gateway.signing.entry import Export, Exported, Paused, Replay, Resumed, Right, RightsRequest, ShapesApproved

LARGEST: Final = (1 << 63) - 1
"""No row's number is larger; what somebody typed may be."""


def replay_of(order: Order, by: str) -> Replay:
    """Say that a slice of dead letters is sent again; `by` is an `entry.By`."""
    return Replay(order.storefront, order.destination, tuple(order.reasons), by)


def pause_of(lane: Lane, by: str) -> Paused:
    """Say that a lane is paused; `by` is an `entry.By`."""
    return Paused(str(lane.storefront), lane.destination, by)


def resumption_of(lane: Lane, by: str) -> Resumed:
    """Say that a lane goes on."""
    return Resumed(str(lane.storefront), lane.destination, by)


def approval_of(storefront: StorefrontId, decision: Decision, up_to: int, by: str) -> ShapesApproved:
    """Say that what left is acknowledged. Of the decision's name, in which people write what they like, there is the hash."""
    return ShapesApproved(str(storefront), sha256(decision.encode()).hexdigest(), min(max(up_to, 0), LARGEST), by)


def request_of(storefront: StorefrontId, right: str, number: int, by: str) -> RightsRequest:
    """Say that a person's request was carried out; `right` is an `entry.Right`, `number` the line in the register."""
    return RightsRequest(str(storefront), Right(right), number, by)


def reconciliation_of(times: Iterable[int | None], by: str) -> Export:
    """Say that a list of orders was held against what is known of them, of the time that the list says it is of."""
    known = [at for at in times if at is not None]
    return Export(Exported.RECONCILIATION, by, min(known, default=0), max(known, default=0))
