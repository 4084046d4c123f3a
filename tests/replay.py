"""Replays 69,659 real purchases through a whole gateway and accounts for every event and every cent.

    python -m tests.replay [--orders N]      (make replay runs all of them)

The orders' dates are moved into the last six days; what each customer said to the banner follows from the order id:
granted, refused, said nothing, or something malformed. They are sent with `consent-gateway send`, a real gateway process
takes them and delivers to three sandbox platforms, and when all is quiet the platforms' ledgers are held against the
gateway's books and against the orders themselves.
"""

import argparse
import asyncio
import csv
import gzip
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

import msgspec

from gateway.model.words import Destination
from gateway.sandbox.platforms import Platforms
from tests.live import Installation, Process, install

ORDERS = Path(__file__).parent / "data" / "cdnow_orders.csv.gz"
SPAN = 6 * 86_400


class Choice(StrEnum):
    """What a customer said to the banner."""

    GRANTED = "granted"
    REFUSED = "refused"
    ABSENT = "absent"
    MALFORMED = "malformed"


CHOICES = (*[Choice.GRANTED] * 7, Choice.REFUSED, Choice.ABSENT, Choice.MALFORMED)
MALFORMED: tuple[object, ...] = ("true", 1, "yes", [], {"marketing": True})


class Order(msgspec.Struct, frozen=True):
    """One real purchase, and what its customer said."""

    order_id: str
    purchased_on: str
    value: Decimal
    currency: str
    email: str

    @property
    def choice(self) -> Choice:
        """Follows from the order id alone, so that anybody can check it."""
        return CHOICES[sha256(self.order_id.encode()).digest()[0] % len(CHOICES)]

    def event(self, occurred_at: int) -> dict[str, object]:
        """The order as an event of the gateway's format."""
        event: dict[str, object] = {
            "event": "purchase",
            "event_id": self.order_id,
            "occurred_at": occurred_at,
            "customer": {"email": self.email},
            "order": {"value": str(self.value), "currency": self.currency},
        }
        match self.choice:
            case Choice.GRANTED:
                event["consent"] = {"advertising": True, "given_at": occurred_at - 60}
            case Choice.REFUSED:
                event["consent"] = {"advertising": False}
            case Choice.MALFORMED:
                event["consent"] = {"advertising": MALFORMED[len(self.order_id + self.email) % len(MALFORMED)]}
            case Choice.ABSENT:
                pass
        return event


def read_orders(limit: int | None = None) -> list[Order]:
    """Read the first `limit` orders (all by default)."""
    with gzip.open(ORDERS, "rt", newline="") as file:
        rows = list(csv.DictReader(file))[:limit]
    return [Order(r["order_id"], r["purchased_on"], Decimal(r["value"]), r["currency"], r["email"]) for r in rows]


def moved(orders: list[Order], now: int) -> Iterator[tuple[Order, int]]:
    """Move the orders' dates into the last six days, keeping their order in time."""
    days = [datetime.fromisoformat(order.purchased_on).replace(tzinfo=UTC).timestamp() for order in orders]
    first, length = min(days), max(days) - min(days) or 1
    return ((order, now - 3600 - SPAN + int((day - first) / length * SPAN)) for order, day in zip(orders, days, strict=True))


def write_file(path: Path, orders: list[Order], now: int) -> None:
    """Write the orders as NDJSON."""
    with path.open("w") as file:
        file.writelines(json.dumps(order.event(at)) + "\n" for order, at in moved(orders, now))


class Findings(msgspec.Struct):
    """What the replay found; `faults` is empty when everything adds up."""

    orders: int
    accepted: int
    seconds: float
    requests: dict[str, int]
    money: dict[str, str]
    faults: list[str]


async def replay(orders: list[Order], folder: Path, told: Callable[[int], None] = lambda _waiting: None) -> Findings:
    """Send the orders through a gateway in `folder` and hold every account against every other.

    `told` hears, once all is sent, how many deliveries are still waiting.
    """
    began = time.monotonic()
    async with Platforms.start() as platforms:
        installation = install(folder / "gateway", platforms.base_urls)
        write_file(folder / "orders.ndjson", orders, int(time.time()))
        process = Process(installation)
        try:
            await process.start()
            sent = await _send(folder / "orders.ndjson", installation)
            books = await process.quiet(600, told)
        finally:
            code = await process.stop()
        broken = ["the sending command failed"] * (sent != 0) + ["the gateway did not stop cleanly"] * (code != 0)
        granted = sum(order.choice is Choice.GRANTED for order in orders)
        ledgers = platforms.ledgers
        return Findings(
            orders=len(orders),
            accepted=granted,
            seconds=time.monotonic() - began,
            requests={d.value: ledgers[d].requests for d in Destination},
            money={d.value: ", ".join(f"{x} {code}" for code, x in ledgers[d].money().items()) for d in Destination},
            faults=[*broken, *faults(orders, books, platforms)],
        )


async def _send(path: Path, installation: Installation) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import sys; from gateway.cli import main; sys.exit(main())",
        "send",
        str(path),
        "--to",
        installation.url,
        "--key",
        f"file:{installation.folder / 'secret.key'}",
    )
    return await process.wait()


def faults(orders: list[Order], books: dict[str, dict[str, object]], platforms: Platforms) -> Iterator[str]:
    """Name everything that does not add up: events, money, consent, and the gateway's own equations."""
    granted = {order.order_id: order for order in orders if order.choice is Choice.GRANTED}
    choices = Counter(order.choice for order in orders)
    expected = {"accepted": len(granted), "duplicate": 0, "refused": len(orders) - len(granted), "invalid": 0}
    if books["by_status"] != expected:
        yield f"received {books['by_status']}, expected {expected}"
    reasons = {
        "refused.advertising_denied": choices[Choice.REFUSED],
        "refused.no_consent": choices[Choice.ABSENT],
        "refused.advertising_invalid": choices[Choice.MALFORMED],
    }
    if books["by_reason"] != {name: count for name, count in reasons.items() if count}:
        yield f"reasons {books['by_reason']}, expected {reasons}"
    if not books["balanced"]:
        yield "the books do not balance"
    for destination in Destination:
        yield from _lane_faults(destination, granted, books["destinations"], platforms)


def _lane_faults(
    destination: Destination, granted: dict[str, Order], lanes: dict[str, object], platforms: Platforms
) -> Iterator[str]:
    ledger = platforms.ledgers[destination]
    lane = msgspec.convert(lanes[destination.value], dict[str, object])
    took = {taken.event_id: taken for taken in ledger}
    if took.keys() != granted.keys():
        missing, foreign = len(granted.keys() - took.keys()), len(took.keys() - granted.keys())
        yield f"{destination}: {missing} missing, {foreign} not consented to"
    if lane["delivered"] != len(granted) or ledger.repeats:
        yield f"{destination}: says {lane['delivered']} delivered of {len(granted)}, {ledger.repeats} repeats"
    wrong = sum(1 for order_id, order in granted.items() if order_id in took and took[order_id].value != order.value)
    if wrong:
        yield f"{destination}: {wrong} orders with another value"
    total = sum((order.value for order in granted.values()), Decimal(0))
    said = msgspec.convert(lane["value"], dict[str, dict[str, str]])
    if ledger.money() != {"USD": total} or Decimal(said["USD"]["delivered"]) != total:
        yield f"{destination}: took {ledger.money()}, the gateway says {said}, the orders make {total}"


def countdown() -> Callable[[int], None]:
    """Say on one line how many deliveries are waiting, and for about how long."""
    seen: list[tuple[float, int]] = []

    def told(waiting: int) -> None:
        seen.append((time.monotonic(), waiting))
        (began, most), (now, _) = max(seen, key=lambda at: at[1]), seen[-1]
        left = f", about {waiting * (now - began) / (most - waiting):.0f} s left" if most > waiting else ""
        print(f"\r{waiting} deliveries waiting{left}   ", end="\n" if not waiting else "", file=sys.stderr, flush=True)

    return told


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.replay", description=__doc__)
    parser.add_argument("--orders", type=int, help="only the first N orders (default: all 69,659)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        findings = asyncio.run(replay(read_orders(arguments.orders), Path(folder), countdown()))
    print(f"\r{findings.orders} orders, {findings.accepted} with consent, {findings.seconds:.1f} s in all")
    for destination, money in findings.money.items():
        print(f"  {destination:<10} took {money} in {findings.requests[destination]} requests")
    print("\n".join(findings.faults) or "Everything adds up: events, money and consent, to the cent.")
    return 1 if findings.faults else 0


if __name__ == "__main__":
    sys.exit(main())
