"""Events as a busy shop sends them: every one from another person, with consent, an e-mail address, an address, a browser.

The pool is larger than any cache in the gateway, so that no figure owes its height to events that repeat. What stands
around the event id is prepared, so that a fresh id costs the sender next to nothing. A seed makes a pool repeatable.
"""

import json
import random
from datetime import UTC, datetime
from typing import Final, NamedTuple

POOL: Final = 10_000
ID_PLACE: Final = "~"
"""Stands where the event id belongs; occurs nowhere else."""

KINDS: Final = ("purchase",) * 7 + ("add_to_cart",) * 2 + ("page_view",)
MAILS: Final = ("gmail.com", "gmail.com", "orange.fr", "hotmail.fr", "example.com", "web.de", "btinternet.com", "yahoo.ca")
NAMES: Final = (
    "jane",
    "marie",
    "paul",
    "lea",
    "hugo",
    "emma",
    "louis",
    "chloe",
    "anna",
    "jules",
    "alice",
    "adam",
    "nina",
    "tom",
)
AGENTS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_{} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0",
)


NETWORKS: Final = (2, 5, 62, 78, 80, 86, 90, 176, 212)


class Shopper(NamedTuple):
    """One event's JSON, before and after its id."""

    before: bytes
    after: bytes


def pool(now: int, count: int = POOL, seed: int = 1) -> list[Shopper]:
    """Make `count` events that occurred in the ten minutes before `now` (Unix seconds)."""
    dice = random.Random(seed)  # noqa: S311 - a repeatable shop, not a secret
    return [_shopper(dice, number, now) for number in range(count)]


def _shopper(dice: random.Random, number: int, now: int) -> Shopper:
    kind = dice.choice(KINDS)
    event: dict[str, object] = {
        "event": kind,
        "event_id": ID_PLACE,
        "occurred_at": _time(now - dice.randrange(600)),
        "page_url": f"https://shop.example/fr/{kind}/{dice.randrange(10**6)}?token={dice.randrange(16**12):012x}",
        "customer": {"email": _email(dice, number)},
        "client": {"ip": _address(dice), "user_agent": dice.choice(AGENTS).format(dice.randrange(100, 132)), "country": "FR"},
        "click": dict.fromkeys(("gclid", "gbraid", "wbraid", "fbc", "fbp", "epik")),
        "consent": {
            "advertising": True,
            "given_at": _time(now - dice.randrange(3600, 120 * 86_400)),
            "banner_version": "7",
        },
    }
    if kind != "page_view":
        event["order"] = {"value": f"{dice.randrange(500, 30_000) / 100:.2f}", "currency": dice.choice(("EUR", "EUR", "GBP"))}
    before, after = json.dumps(event, separators=(",", ":")).split(ID_PLACE)
    return Shopper(before.encode(), after.encode())


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _email(dice: random.Random, number: int) -> str:
    address = f"{dice.choice(NAMES)}.{dice.choice(NAMES)}{number}@{dice.choice(MAILS)}"
    return address.title() if dice.random() < 0.25 else address


def _address(dice: random.Random) -> str:
    if dice.random() < 0.1:
        return "2a01:cb{:02x}:{:x}:{:x}::{:x}".format(*(dice.randrange(1, most) for most in (256, 65_536, 65_536, 65_536)))
    return ".".join(map(str, (dice.choice(NETWORKS), *(dice.randrange(256) for _ in range(3)))))


class Ids:
    """Numbers events: sixteen characters each, no two alike under one `prefix` (six characters at most)."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.encode()[:6].ljust(6, b"x")
        self._next = 0

    def take(self) -> bytes:
        """Give the next id."""
        self._next += 1
        return b"%b%010d" % (self._prefix, self._next)


class Bodies:
    """Request bodies without end, each with new ids: one event, or a batch of `size`."""

    def __init__(self, shoppers: list[Shopper], ids: Ids, size: int | None) -> None:
        self._shoppers = shoppers
        self._ids = ids
        self._size = size
        self._at = 0

    def take(self) -> bytes:
        """Give the next body."""
        if self._size is None:
            return self._event()
        return b'{"events":[%b]}' % b",".join([self._event() for _ in range(self._size)])

    def _event(self) -> bytes:
        shopper = self._shoppers[self._at]
        self._at = (self._at + 1) % len(self._shoppers)
        return b"".join((shopper.before, self._ids.take(), shopper.after))
