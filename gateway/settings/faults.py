"""What is said of a configuration that cannot be used: each place and the rule that is broken there, never the value.

People paste tokens into the wrong line, so neither TOML's nor pydantic's own words get out: both can hold what stands there.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Final

from pydantic_core import ErrorDetails

from gateway.settings.blocks import AuditSettings, ServerSettings
from gateway.settings.values import Rule


class BadSettings(Exception):
    """The configuration cannot be used. `faults` are all there are, its text is one per line; no value is in them.

    `server` and `audit` are what the file says of the process itself and of its log, as far as that could be read.
    """

    def __init__(self, faults: Iterable[str], server: ServerSettings | None = None, audit: AuditSettings | None = None) -> None:
        """Keep the faults."""
        self.faults = tuple(faults)
        self.server = server
        self.audit = audit
        super().__init__("\n".join(self.faults))


SECTIONS: Final = ("server", "outbox", "ledger", "delivery", "retention", "audit", "company", "console", "storefronts")

NUMBER: Final = "must be a number"
WHOLE: Final = "must be a whole number"
LIST: Final = "must be a list"
TABLE: Final = "must be a table"
RULES: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "extra_forbidden": "is not a setting",
    "bool_type": "must be true or false",
    "int_type": WHOLE,
    "int_from_float": WHOLE,
    "float_type": NUMBER,
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "string_pattern_mismatch": "must match {pattern}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "too_short": "needs at least {min_length}",
    "too_long": "takes at most {max_length}",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "frozen_set_type"), LIST),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), TABLE),
}
"""What to say for each of pydantic's error types. The braces are filled from the schema, never from the value.

https://pydantic.dev/docs/validation/latest/errors/validation_errors/ (read 2026-11-22)
"""


def toml_fault(error: tomllib.TOMLDecodeError) -> str:
    """Put a fault of TOML as its place and rule, without the reader's own words. Only a repeat is told from the rest."""
    place = re.search(r"\(at line (\d+), column (\d+)\)$", str(error))
    where = f"line {place[1]}, column {place[2]}" if place else "the end of the file"
    twice = str(error).startswith(("Cannot declare", "Cannot overwrite"))
    return f"{where}: must be TOML{', in which each table and setting stands once' if twice else ''}"


def section_of(fault: str) -> int:
    """Order faults as the file's sections are usually written, those of no section first."""
    section = re.split(r"[.:]", fault, maxsplit=1)[0]
    return SECTIONS.index(section) if section in SECTIONS else -1


def rule_of(detail: ErrorDetails) -> str:
    """Put an error into words of ours. An adapter's own words count, unless the value is in them."""
    context = detail.get("ctx", {})
    if detail["type"] in RULES:
        return RULES[detail["type"]].format(**context)
    error = context.get("error", "")
    if isinstance(error, Rule):
        return str(error)
    said = str(error)
    if detail["type"] != "value_error" or not said or _repeats(said, detail["input"]):
        return "is not valid"
    return said


def _repeats(said: str, value: object) -> bool:
    """Tell whether a text holds a value, or a text inside it; shorter than six characters is a word, not a secret."""
    match value:
        case dict():
            return any(_repeats(said, part) for part in (*value.keys(), *value.values()))
        case list():
            return any(_repeats(said, part) for part in value)
        case _:
            return len(str(value)) >= 6 and str(value) in said
