"""TOML of another's making, read in time and memory that its length bounds: of a fault only place and rule are told. Pure.

What Python's own reader takes is not enough of a bound: it holds every beginning of a dotted name, so that one of 200 KB takes
a minute and some gigabytes; and a number may be longer than can be written out again. Who opens a file bounds its length.
"""

import re
import tomllib
from typing import Any, Final

TOO_DEEP: Final = "is nested too deeply"
MOST_PARTS: Final = 100
"""Of one dotted name; no setting's has more than five."""
_many_parts: Final = re.compile(
    rf"""(?<![A-Za-z0-9_.-])(?:(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{MOST_PARTS}}}""", re.ASCII
).search
SAFE_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
LARGEST: Final = 1 << 63
"""Beyond every whole number that TOML has (https://toml.io/en/v1.0.0#integer, read 2026-11-27)."""


class BadTables(Exception):
    """The text cannot be used, though it may be TOML; `rule` ends a sentence that begins with what the file is."""

    def __init__(self, rule: str) -> None:
        """Keep the rule."""
        self.rule = rule
        super().__init__(rule)


def read_tables(text: str) -> dict[str, Any]:
    """Read TOML. Raises tomllib.TOMLDecodeError, whose words can hold what stands there, and BadTables."""
    if (found := _many_parts(text)) is not None:
        raise BadTables(f"has a name of more than {MOST_PARTS} parts in line {text.count(chr(10), 0, found.start()) + 1}")
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise BadTables(TOO_DEEP) from None
    except ValueError:  # of more digits than Python reads
        raise BadTables("has a whole number that is too long") from None
    if (at := _too_large(tables)) is not None:
        raise BadTables(f"has a whole number that is too large at {place_of(at)}")
    return tables


def place_of(at: tuple[str | int, ...]) -> str:
    """Write a place out as `storefronts.demo.keys[0].id`; names that could be more than names are left out."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part if SAFE_NAME.fullmatch(part) else '(a name)'}" for part in at]
    return "".join(part for part in parts if part != ".[key]").removeprefix(".")


def _too_large(tables: dict[str, Any]) -> tuple[str | int, ...] | None:
    """Find a number that TOML does not have; the place is told by its first parts."""
    left: list[tuple[tuple[str | int, ...], Any]] = [((), tables)]
    while left:
        at, value = left.pop()
        match value:
            case dict():
                left += [((*at, name)[:PLACE], part) for name, part in value.items()]
            case list():
                left += [((*at, index)[:PLACE], part) for index, part in enumerate(value)]
            case int() if not -LARGEST <= value < LARGEST:
                return at
            case _:
                pass
    return None


PLACE: Final = 10
"""Parts of a place that are told."""
