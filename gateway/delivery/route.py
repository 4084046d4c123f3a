"""What a lane's rooms are given: where they go and by which rules, and what all lanes of a process share."""

import random
import time
from collections.abc import Callable

import msgspec

from gateway.adapter import Adapter
from gateway.delivery.backoff import Pace
from gateway.delivery.contract import Contract
from gateway.delivery.credentials import Credential
from gateway.delivery.quota import Meter
from gateway.delivery.transport import Transport
from gateway.delivery.watcher import Watcher
from gateway.outbox import Outbox
from gateway.outbox.work import Lane


class Route(msgspec.Struct, frozen=True):
    """Where a courier goes and by which rules. `base_url` is scheme and host; `max_consent_age` is seconds.

    Lanes that show the same credential have the same `meter`.
    """

    lane: Lane
    adapter: Adapter
    base_url: str
    credential: Credential
    contract: Contract
    max_consent_age: int
    meter: Meter


class Office(msgspec.Struct, frozen=True):
    """What all couriers of a process share. `wall` gives Unix seconds, `dice` a number from 0 up to 1."""

    outbox: Outbox
    transport: Transport
    watcher: Watcher
    pace: Pace = Pace()
    wall: Callable[[], float] = time.time
    dice: Callable[[], float] = random.random
