"""Golden requests as the contract sees them, and ways to put something into them that must not leave."""

import json
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any, Final

import msgspec
import orjson

from gateway.delivery.contract import Outgoing
from gateway.model.words import Destination
from tests.adapters.cases import golden_cases

HOSTS: Final[Mapping[Destination, str]] = {
    Destination.META: "https://graph.facebook.com",
    Destination.PINTEREST: "https://api.pinterest.com",
    Destination.GOOGLE_ADS: "https://datamanager.googleapis.com",
}
FIXED: Final = (
    ("Accept", "application/json"),
    ("Accept-Encoding", "identity"),
    ("User-Agent", "consent-gateway"),
    ("Content-Type", "application/json"),
    ("Authorization", "Bearer t"),
)


class Payload(msgspec.Struct, frozen=True):
    """One golden request: its platform, where it goes, its bytes and how many events are in it."""

    name: str
    destination: Destination
    origin: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    count: int


def _payload(destination: Destination, name: str, case: Mapping[str, Any]) -> Payload:
    request = case["request"]
    older = ":uploadClickConversions" in request["path"]
    return Payload(
        name=f"{destination.value}-{name}",
        destination=destination,
        origin="https://googleads.googleapis.com" if older else HOSTS[destination],
        path=request["path"],
        headers=tuple(request.get("headers", {}).items()),
        body=orjson.dumps(request["body"]),
        count=len(case["events"]),
    )


PAYLOADS: Final = [_payload(destination, name, case) for destination, name, case in golden_cases() if "request" in case]


def outgoing_of(payload: Payload, *, body: bytes | None = None) -> Outgoing:
    """Write a golden request as it would leave, with another body if one is given."""
    return Outgoing("POST", payload.origin, payload.path, (*payload.headers, *FIXED), payload.body if body is None else body)


# ── putting in what must not leave ───────────────────────────────────────────────────────────────────────────────

LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def word(dice: Random) -> str:
    """Make a word."""
    return "".join(dice.choices(LETTERS, k=dice.randint(3, 9)))


def email(dice: Random) -> str:
    """Make a clear e-mail address."""
    return f"{word(dice)}.{word(dice)}+{dice.randint(1, 99)}@{word(dice)}.{dice.choice(('com', 'fr', 'co.uk'))}"


def address(dice: Random) -> str:
    """Make a whole IP address, with a port now and then; its host part is not zero."""
    if dice.random() < 0.5:
        octets = ".".join(str(dice.randint(1, 255)) for _ in range(4))
        return octets + (f":{dice.randint(1, 65_535)}" if dice.random() < 0.2 else "")
    groups = [f"{dice.randint(1, 0xFFFF):x}" for _ in range(8)]
    return ":".join(groups) if dice.random() < 0.7 else f"{groups[0]}:{groups[1]}::{groups[7]}"


def free_text(dice: Random) -> str:
    """Make a sentence, a name or a telephone number, with a blank in it."""
    return dice.choice(("Jane Doe", "+33 6 12 34 56 78", "12 rue de la Paix, 75002 Paris", f"{word(dice)} {word(dice)}"))


def long_text(dice: Random) -> str:
    """Make a text that is longer than any value may be."""
    return word(dice) * 300


def letters_beyond(dice: Random) -> str:
    """Make a text with letters that no value has."""
    return word(dice) + dice.choice("éßλ漢🙂\u202e\x00")


TEXTS: Final[tuple[Callable[[Random], str], ...]] = (email, address, free_text, long_text, letters_beyond)
OTHERS: Final[tuple[object, ...]] = (None, True, False, -1, 0.5e-7, 10**30, 1.7976931348623157e308, [], {}, [[]], [None], "")
"""Values of other kinds than any that may leave."""

Spot = tuple[Any, str | int]
"""A place in a body: what holds it, and its key or index there."""


def spots(value: object) -> Iterator[Spot]:
    """Give every place in a body that holds a plain value."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in members:
        if isinstance(held, dict | list):
            yield from spots(held)
        else:
            yield value, key


def tables(value: object) -> Iterator[dict[str, Any]]:
    """Give every object in a body."""
    if isinstance(value, dict):
        yield value
    for held in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from tables(held)


def injected(payload: Payload, dice: Random) -> tuple[str, Outgoing]:
    """Put something into a golden request that must not leave; gives what, and the request."""
    way = dice.choice((_extra_key, _other_text, _other_kind, _repeated_key, _moved))
    what, body = way(json.loads(payload.body), dice)
    # Half of them as our writer writes, so that both readers are asked.
    blanks = (", ", ": ") if dice.random() < 0.5 else (",", ":")
    text = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=dice.random() < 0.5, separators=blanks).encode()
    return f"{way.__name__}: {what}", outgoing_of(payload, body=text)


def _extra_key(body: Any, dice: Random) -> tuple[str, Any]:
    table = dice.choice(list(tables(body)))
    key = dice.choice((word(dice), f"x_{word(dice)}", email(dice), "email", "phone", "ip", "user_agent", "__proto__", ""))
    table[key] = dice.choice(TEXTS)(dice) if dice.random() < 0.7 else dice.choice(OTHERS)
    return f"key {key!r}", body


def _other_text(body: Any, dice: Random) -> tuple[str, Any]:
    holder, key = dice.choice(list(spots(body)))
    make = dice.choice(TEXTS)
    holder[key] = make(dice)
    return f"{make.__name__} at {key!r}", body


def _other_kind(body: Any, dice: Random) -> tuple[str, Any]:
    while True:
        holder, key = dice.choice(list(spots(body)))
        other = dice.choice(OTHERS)
        if type(other) is not type(holder[key]) or other == "" or isinstance(other, float):
            holder[key] = other
            return f"{other!r} at {key!r}", body


def _repeated_key(body: Any, dice: Random) -> tuple[str, bytes]:
    """Say a key twice, the hidden one first or last: a reader that takes one of the two would not see the other."""
    holder, key = dice.choice([(holder, key) for holder, key in spots(body) if isinstance(holder, dict)])
    plain = json.dumps({key: holder[key]}, separators=(",", ":"))[1:-1]
    hidden = json.dumps({key: dice.choice(TEXTS)(dice)}, separators=(",", ":"))[1:-1]
    text = json.dumps(body, separators=(",", ":"))
    twice = f"{plain},{hidden}" if dice.random() < 0.5 else f"{hidden},{plain}"
    return f"{key!r} twice", text.replace(plain, twice, 1).encode()


def _moved(body: Any, dice: Random) -> tuple[str, Any]:
    """Put a value that may leave under a name that may not."""
    holder, key = dice.choice([(holder, key) for holder, key in spots(body) if isinstance(holder, dict)])
    name = dice.choice((f"{key}_", str(key).upper() + "s", f" {key}", "\u200b" + str(key)))
    dice.choice(list(tables(body)))[name] = holder[key]
    return f"{key!r} as {name!r}", body
