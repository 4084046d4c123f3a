"""One pass over a parsed file, which collects every fault instead of stopping at the first."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.references import REFERS, BadReference, Referent, formed
from gateway.secret import Document, Secret, one_line
from gateway.settings.faults import LIST, rule_of
from gateway.tables import place_of

AnyBlock = TypeVar("AnyBlock", bound=BaseModel)
Found = TypeVar("Found")

At = tuple[str | int, ...]
"""Where in the file: names of tables and settings, and numbers in lists."""


class Reader:
    """Reads tables and follows references, and keeps what is wrong with them."""

    def __init__(self, base: Path, env: Mapping[str, str], *, test_allowed: bool) -> None:
        """`base` is where relative paths begin, `env` where `env:NAME` is looked up."""
        self._base = base
        self._env = env
        self.test_allowed = test_allowed
        """Whether the file lets destinations be elsewhere than at the platforms."""
        self.faults: list[str] = []

    def fault(self, at: At, rule: str) -> None:
        """Note a fault."""
        self.faults.append(f"{place_of(at)}: {rule}")

    def block(self, block: type[AnyBlock], raw: object, at: At) -> AnyBlock | None:
        """Read one table strictly: no text for a number, no 1 for true. What a faulty one refers to is followed too."""
        try:
            return block.model_validate_json(json.dumps(raw, default=str), strict=True, context={"base": self._base})
        except RecursionError:  # dotted names nest without TOML's own reader going any deeper
            self.fault(at, "is nested too deeply")
            return None
        except ValidationError as error:
            for detail in _first_causes(error.errors(include_url=False)):
                self.fault((*at, *detail["loc"]), rule_of(detail))
            for reference, place in _references(block, table_of(raw)):
                self.secret(reference, (*at, *place))
            return None

    def part(self, block: type[AnyBlock], raw: object, names: Sequence[str]) -> AnyBlock | None:
        """Read only these settings of a table, and tell no fault: for what they say though the rest is wrong."""
        own = {name: value for name, value in table_of(raw).items() if name in names}
        try:
            return block.model_validate_json(json.dumps(own, default=str), strict=True, context={"base": self._base})
        except (ValidationError, RecursionError):
            return None

    def blocks(self, block: type[AnyBlock], raw: object, at: At) -> list[AnyBlock | None]:
        """Read an array of tables."""
        if not isinstance(raw, list):
            self.fault(at, LIST)
            return []
        return [self.block(block, table, (*at, index)) for index, table in enumerate(raw)]

    def secret(self, reference: object, at: At) -> Secret | None:
        """Follow a reference to a secret in one line."""
        referent = self.referent(reference, at, one_line)
        return None if referent is None else referent.value

    def referent(self, reference: object, at: At, read: Callable[[Document], Found]) -> Referent[Found] | None:
        """Follow a reference to what `read` makes of it."""
        try:
            return Referent(reference, self._base, self._env, read)
        except BadReference as bad:
            for rule in bad.rules:
                self.fault(at, rule)
            return None


class PlainReader(Reader):
    """Reads tables, and of references their form alone: what they lead to is neither needed nor looked for."""

    def __init__(self, base: Path, *, test_allowed: bool) -> None:
        """`base` is where relative paths begin."""
        super().__init__(base, {}, test_allowed=test_allowed)

    def referent(self, reference: object, at: At, read: Callable[[Document], Found]) -> Referent[Found] | None:
        """Note a reference that is none; what it leads to is never given."""
        del read
        try:
            formed(reference)
        except BadReference as bad:
            for rule in bad.rules:
                self.fault(at, rule)
        return None


def _first_causes(details: Sequence[ErrorDetails]) -> Iterator[ErrorDetails]:
    """Leave out that a list is too short where something in it was no good: pydantic counts what is left."""
    outside = {detail["loc"][:length] for detail in details for length in range(len(detail["loc"]))}
    for detail in details:
        if detail["type"] != "too_short" or detail["loc"] not in outside:
            yield detail


def _references(block: type[BaseModel], table: Mapping[str, object]) -> Iterator[tuple[str, At]]:
    """Find what a table refers to, and where it stands there; what is no text has its own fault."""
    for name, field in block.model_fields.items():
        said = table.get(name)
        if REFERS not in field.metadata:
            continue
        if isinstance(said, str):
            yield said, (name,)
        elif isinstance(said, list):
            yield from ((one, (name, index)) for index, one in enumerate(said) if isinstance(one, str))


def table_of(raw: object) -> Mapping[str, object]:
    """Give the table, or an empty one where something else stands: that has its own fault."""
    return raw if isinstance(raw, dict) else {}


def split(url: str) -> tuple[str, str] | None:
    """Give the scheme and host of a URL, None when it has none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname) if parts.hostname else None


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
