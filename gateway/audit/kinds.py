"""A body with each value replaced by what the contract calls it: `data[0].user_data.em[0]` is `<sha256>`. Pure.

So that a body can be shown to those who audit what leaves, and holds nothing of anybody. What the contract does not know is
`<not in the contract>`, names included.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from gateway.delivery.contract_body import Leaf, Number
from gateway.delivery.contract_file import Entry

UNKNOWN: Final = "<not in the contract>"

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def in_kinds(body: bytes, entries: Sequence[Entry]) -> Json:
    """Write a JSON body with kinds in place of values; `entries` are those of its kind of request."""
    by_path: dict[str, list[Entry]] = {}
    for entry in entries:
        by_path.setdefault(entry.path, []).append(entry)
    leaves = {path: Leaf.of(found, path) for path, found in by_path.items()}
    names = {step for path in by_path for step in path.replace("[]", "").split(".")}
    return _kinds(json.loads(body, parse_float=Number, parse_int=Number), "", leaves, names)


def _kinds(value: object, at: str, leaves: Mapping[str, Leaf], names: set[str]) -> Json:
    match value:
        case dict():
            found: dict[str, Json] = {}
            for name, below in value.items():
                told = name if name in names else UNKNOWN
                found[told] = _kinds(below, f"{at}.{name}".lstrip("."), leaves, names)
            return found
        case list():
            return [_kinds(member, f"{at}[]", leaves, names) for member in value]
        case _:
            leaf = leaves.get(at)
            place = None if leaf is None else leaf.place_of(value)
            return UNKNOWN if place is None else f"<{place.rpartition('=')[2]}>"


def exact(body: bytes) -> Json:
    """Read a body as it stands; numbers keep the digits they were written with only as far as JSON's do."""
    read: Json = json.loads(body)
    return read
