"""Write Global Privacy Platform strings for the tests, independently of what reads them: bits as text, one field after the
other, in the layouts of `tests/data/gpp_sections.json`, which were taken from the specification.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
SPECIFIED: Final[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "data" / "gpp_sections.json").read_bytes())[
    "sections"
]


def letters(bits: str) -> str:
    """The letters for bits, filled up with zeros."""
    bits += "0" * (-len(bits) % 6)
    return "".join(LETTERS[int(bits[at : at + 6], 2)] for at in range(0, len(bits), 6))


def number(value: int, width: int) -> str:
    """A number of fixed width."""
    assert 0 <= value < 1 << width
    return f"{value:0{width}b}"


def fibonacci(value: int) -> str:
    """A number as a sum of Fibonacci numbers, the least first, and one more 1."""
    worth = [1, 2]
    while worth[-1] + worth[-2] <= value:
        worth.append(worth[-1] + worth[-2])
    places, left = "1", value
    for each in reversed(worth):
        taken = each <= left
        left -= each if taken else 0
        places = f"{int(taken)}{places}"
    return places if worth[-1] <= value else places[:-2] + "1"


def runs(ids: Iterable[int]) -> list[tuple[int, int]]:
    """The ids as runs of neighbours."""
    found: list[tuple[int, int]] = []
    for each in sorted(set(ids)):
        if found and found[-1][1] == each - 1:
            found[-1] = (found[-1][0], each)
        else:
            found.append((each, each))
    return found


def fibonacci_ranges(ids: Iterable[int]) -> str:
    """Ids as distances from the one before."""
    ranges, last, bits = runs(ids), 0, ""
    for first, end in ranges:
        bits += f"0{fibonacci(first - last)}" if first == end else f"1{fibonacci(first - last)}{fibonacci(end - first)}"
        last = end
    return number(len(ranges), 12) + bits


def integer_ranges(ids: Iterable[int]) -> str:
    """Ids of 16 bits each."""
    bits = [f"0{number(a, 16)}" if a == b else f"1{number(a, 16)}{number(b, 16)}" for a, b in runs(ids)]
    return number(len(bits), 12) + "".join(bits)


def header(numbers: Iterable[int], *, kind: int = 3, version: int = 1) -> str:
    """The header for sections of these numbers."""
    return letters(number(kind, 6) + number(version, 6) + fibonacci_ranges(numbers))


def string(sections: Mapping[int, str]) -> str:
    """A whole string, its sections in ascending order."""
    return "~".join([header(sections), *(sections[each] for each in sorted(sections))])


def fields(section: int, version: int) -> list[str]:
    """The fields of an American section, each as often as it stands there."""
    words = " ".join(SPECIFIED[str(section)]["versions"][str(version)]).split()
    return [name for word in words for name, _, count in [word.partition("*")] for _ in range(int(count or 1))]


def core_bits(section: int, version: int, values: Sequence[int]) -> str:
    """A core with a value for each of its fields."""
    assert len(values) == len(fields(section, version))
    return number(version, 6) + "".join(number(value, 2) for value in values)


def core(section: int = 8, version: int = 1, **named: int) -> str:
    """A core with some fields set, every time that they stand there, and the others 0."""
    assert named.keys() <= set(fields(section, version)), named
    return letters(core_bits(section, version, [named.get(name, 0) for name in fields(section, version)]))


def listed(ids: Iterable[int], *, way: str, largest: int | None = None) -> str:
    """A list of vendors, as `field` of bits, `fibonacci` ranges or `integers`."""
    known = set(ids)
    most = max(known, default=0) if largest is None else largest
    if way == "field":
        return number(most, 16) + "0" + "".join("01"[each in known] for each in range(1, most + 1))
    return number(most, 16) + "1" + {"fibonacci": fibonacci_ranges, "integers": integer_ranges}[way](known)


def purposes(ids: Iterable[int]) -> str:
    """A field of 24 purposes."""
    known = set(ids)
    return "".join("01"[each in known] for each in range(1, 25))


def canada_bits(
    *,
    express: Iterable[int] = (),
    implied: Iterable[int] = (),
    vendors: Iterable[int] = (),
    implied_vendors: Iterable[int] = (),
    restrictions: Iterable[tuple[int, int, Iterable[int]]] = (),
    updated: int = 0,
    cmp: int = 31,
    version: int = 1,
    language: tuple[int, int] = (4, 13),
    way: str = "field",
    restricted: str = "fibonacci",
) -> str:
    """The core of a Canadian section. `updated` in Unix seconds; `way` and `restricted` say how vendors are listed."""
    those = integer_ranges if restricted == "integers" else lambda ids: listed(ids, way="fibonacci")
    limits = [number(purpose, 6) + number(kind, 2) + those(ids) for purpose, kind, ids in restrictions]
    return "".join(
        [
            number(version, 6) + number(updated * 10, 36) * 2 + number(cmp, 12) + number(1, 12) + number(0, 6),
            *(number(letter, 6) for letter in language),
            number(140, 12) + number(2, 6) + "0" + number(0, 12),
            purposes(express) + purposes(implied),
            listed(vendors, way=way) + listed(implied_vendors, way=way),
            number(len(limits), 12) + "".join(limits),
        ]
    )


def canada(**said: Any) -> str:
    """The same as letters."""
    return letters(canada_bits(**said))


def disclosed(ids: Iterable[int], *, way: str = "field") -> str:
    """The segment of the vendors that were shown."""
    return letters(number(1, 3) + listed(ids, way=way))


def publisher(custom: int = 0) -> str:
    """The segment of the publisher's own purposes, all of them agreed to."""
    return letters(number(3, 3) + "1" * 48 + number(custom, 6) + "1" * 2 * custom)
