"""What people do, as entries of the log. Pure."""

from hashlib import sha256
from typing import Final

from gateway.delivery.letters import Order
from gateway.model import StorefrontId
from gateway.outbox import Decision
from gateway.signing.entry import Replay, Right, RightsRequest, ShapesApproved

LARGEST: Final = (1 << 63) - 1
"""No row's number is larger; what somebody typed may be."""


def replay_of(order: Order, by: str) -> Replay:
    """Say that a slice of dead letters is sent again; `by` is an `entry.By`."""
    return Replay(order.storefront, order.destination, tuple(order.reasons), by)


def approval_of(storefront: StorefrontId, decision: Decision, up_to: int, by: str) -> ShapesApproved:
    """Say that what left is acknowledged. Of the decision's name, in which people write what they like, there is the hash."""
    return ShapesApproved(str(storefront), sha256(decision.encode()).hexdigest(), min(max(up_to, 0), LARGEST), by)


def request_of(storefront: StorefrontId, right: str, number: int, by: str) -> RightsRequest:
    """Say that a person's request was carried out; `right` is an `entry.Right`, `number` the line in the register."""
    return RightsRequest(str(storefront), Right(right), number, by)
