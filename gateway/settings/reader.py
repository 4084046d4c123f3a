"""One pass over a parsed file, which collects every fault instead of stopping at the first."""

import json
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from gateway.references import BadReference, Referent, formed
from gateway.secret import Document, Secret, one_line
from gateway.settings.faults import LIST, place_of, rule_of

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
        """Read one table strictly: no text for a number, no 1 for true."""
        try:
            return block.model_validate_json(json.dumps(raw, default=str), strict=True, context={"base": self._base})
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                self.fault((*at, *detail["loc"]), rule_of(detail))
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
