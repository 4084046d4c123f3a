"""What a contract file says, read strictly: every fault at once, by its place and rule, of form first and then of sense.

A contract is one TOML file for one destination (`config/contracts/`). The privacy team owns it; `docs/contracts.md` explains
it to them. Reading it makes no decision: `contract` compiles what stands here. Pure: it is handed the text.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails

from gateway.delivery.value_kinds import KINDS, ValueKind
from gateway.tables import BadTables, read_tables

PATH: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\[\])?(?:\.[A-Za-z_][A-Za-z0-9_]*(?:\[\])?)*", re.ASCII)
QUERY: Final = re.compile(r"\?[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
HEADER: Final = re.compile(r"header:[a-z][a-z0-9-]*", re.ASCII)
HOST: Final = r"^[a-z0-9-]+(?:\.[a-z0-9-]+)+$"
SLOT: Final = re.compile(r"\{([a-z0-9_]+)\}", re.ASCII)
"""A kind of value inside a path: `/{graph_version}/{number_id}/events`."""

Policy = Literal[
    "hashed e-mail",
    "partially anonymised IP",
    "the event",
    "its order value",
    "protection of the person",
    "technical",
    "option",
]
"""The clause of the published policy that a field rests on. `technical` is about the shop's own accounts and nobody's person;
`option` is none of the policy's, so that a decision of the storefront's own is needed."""


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Sentence = Annotated[str, Field(min_length=1, max_length=400)]


class BadContract(Exception):
    """The contract file cannot be used. `faults` are all there are, each as `place: rule`."""

    def __init__(self, faults: Iterable[str]) -> None:
        """Keep the faults."""
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class _Part(BaseModel, frozen=True, extra="forbid", hide_input_in_errors=True):
    """A table of the file."""


class Entry(_Part, frozen=True):
    """One thing that may leave: a key path and the kind of value at it.

    `path` is in the body (`data[].user_data.em[]`), the query (`?test`) or a header (`header:authorization`). A path may stand
    in several entries, each with another kind. `values` belongs to the kind `one_of`.
    """

    path: str
    kind: str
    why: Sentence
    policy: Policy
    option: Name | None = None
    values: tuple[bool | int | str, ...] = ()

    @property
    def value_kind(self) -> ValueKind:
        """The kind that the entry names."""
        return ValueKind.one_of(self.values) if self.values else KINDS[self.kind]

    @property
    def place(self) -> str:
        """The entry as the shape ledger writes it: `path=kind`."""
        return f"{self.path}={self.kind}"


class RequestPart(_Part, frozen=True):
    """One kind of request: where it may go, and what may be in it.

    `events` is the path of the list with one member per event. `lists` bounds every list of the body.
    """

    name: Name
    purpose: Sentence
    method: Literal["POST", "GET"]
    hosts: Annotated[tuple[Annotated[str, Field(pattern=HOST)], ...], Field(min_length=1)]
    path: Annotated[str, Field(pattern=r"^/[A-Za-z0-9_/.:{}-]*$")]
    events: str | None = None
    lists: dict[str, Annotated[int, Field(ge=1, le=10_000)]] = {}
    fields: Annotated[tuple[Entry, ...], Field(min_length=1)]


class ContractFile(_Part, frozen=True):
    """A whole contract. `options` names what a storefront can turn on, and what that lets out.

    `token_hosts` are where access tokens are fetched; no event goes there. `live_check` are the options that count as turned
    on for `consent-gateway check --live`, whose events are nobody's.
    """

    title: Sentence
    destination: Name
    version: Annotated[int, Field(ge=1)]
    approved_on: date
    approved_by: Sentence
    token_hosts: tuple[Annotated[str, Field(pattern=HOST)], ...] = ()
    options: dict[Name, Sentence] = {}
    live_check: tuple[Name, ...] = ()
    requests: Annotated[tuple[RequestPart, ...], Field(min_length=1)]


def read(text: str) -> ContractFile:
    """Read a contract. Raises BadContract."""
    try:
        parsed = read_tables(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+), column (\d+)\)$", str(error))
        raise BadContract([f"line {place[1]}, column {place[2]}: must be TOML" if place else "must be TOML"]) from None
    except BadTables as bad:
        raise BadContract([bad.rule]) from None
    try:
        file = ContractFile.model_validate(parsed)
    except ValidationError as bad:
        raise BadContract(_in_words(bad.errors(include_url=False))) from None
    if faults := [*_faults(file)]:
        raise BadContract(faults)
    return file


RULES: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "extra_forbidden": "is nothing that a contract has",
    "string_too_short": "must not be empty",
    "string_too_long": "takes at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "string_type": "must be text",
    "literal_error": "must be {expected}",
    "too_short": "needs at least {min_length}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "must be a whole number"),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing"), "must be a date, such as 2026-11-25"),
    **dict.fromkeys(("tuple_type", "list_type"), "must be a list"),
    **dict.fromkeys(("dict_type", "model_type"), "must be a table"),
}
"""What to say for each of pydantic's error types; the braces are filled from the rule, never from what stands there.

https://pydantic.dev/docs/validation/latest/errors/validation_errors/ (read 2026-11-25)
"""


def _in_words(errors: Sequence[ErrorDetails]) -> Iterator[str]:
    """Put errors into our words. That a list is too short is told only where none of its members is at fault."""
    outside = {error["loc"][:length] for error in errors for length in range(len(error["loc"]))}
    for error in errors:
        at = error["loc"]
        if error["type"] != "too_short" or at not in outside:
            yield f"{_at(*at)}: {RULES.get(error['type'], 'is not valid').format(**error.get('ctx', {}))}"


def _at(*parts: str | int) -> str:
    """Write a place out as `requests[0].fields[3].kind`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")


def _faults(file: ContractFile) -> Iterator[str]:
    """Find what is wrong between the parts of a file."""
    yield from _repeats("requests", (request.name for request in file.requests))
    for index, request in enumerate(file.requests):
        yield from _request_faults(request, _at("requests", index))
        for number, entry in enumerate(request.fields):
            found = (*_path_faults(entry, request), *_kind_faults(entry), *_option_faults(entry, file))
            yield from (f"{_at('requests', index, 'fields', number)}.{fault}" for fault in found)
    used = {entry.option for request in file.requests for entry in request.fields}
    yield from (f"options.{option}: no field has this option" for option in file.options if option not in used)
    yield from (f"live_check: {option} is not an option" for option in file.live_check if option not in file.options)


def _repeats(at: str, names: Iterable[str]) -> Iterator[str]:
    """Find what stands there more than once."""
    return (f"{at}: {name} stands there {count} times" for name, count in Counter(names).items() if count > 1)


def _request_faults(request: RequestPart, at: str) -> Iterator[str]:
    """Find what is wrong with a request's path, lists and fields as a whole."""
    yield from (f"{at}.path: {slot} is not a kind of value" for slot in SLOT.findall(request.path) if slot not in KINDS)
    yield from _repeats(f"{at}.fields", (entry.place for entry in request.fields))
    known = {name for entry in request.fields if PATH.fullmatch(entry.path) for name in lists_in(entry.path)}
    yield from (f"{at}.lists: {name} is in no field's path" for name in sorted(request.lists.keys() - known))
    if request.events is not None and (request.events not in known or request.events.count("[]") != 1 or "." in request.events):
        yield f"{at}.events: must be a list at the top of the body that fields are in, such as data[]"


def _path_faults(entry: Entry, request: RequestPart) -> Iterator[str]:
    """Find what is wrong with an entry's path."""
    if not any(pattern.fullmatch(entry.path) for pattern in (PATH, QUERY, HEADER)):
        yield "path: must be such as data[].event_id, ?test or header:accept"
    elif PATH.fullmatch(entry.path):
        steps = steps_of(entry.path)
        yield from (f"path: needs a bound for {name} in lists" for name in lists_in(entry.path) if name not in request.lists)
        others = [steps_of(other.path) for other in request.fields if PATH.fullmatch(other.path) and other.path != entry.path]
        if any(other[: len(steps)] == steps for other in others):
            yield "path: holds a value and other fields at once"


def _kind_faults(entry: Entry) -> Iterator[str]:
    """Find what is wrong with an entry's kind of value."""
    if (entry.kind == "one_of") != bool(entry.values):
        yield "values: belongs to the kind one_of, which needs it"
    elif entry.kind != "one_of" and entry.kind not in KINDS:
        yield f"kind: is not a kind of value; there are one_of, {', '.join(KINDS)}"
    if len({type(value) for value in entry.values}) > 1:
        yield "values: must all be text, all numbers or all true or false"


def _option_faults(entry: Entry, file: ContractFile) -> Iterator[str]:
    """Find what is wrong with what turns an entry on."""
    if entry.option is not None and entry.option not in file.options:
        yield "option: is not explained in [options]"
    if (entry.policy == "option") != (entry.option is not None):
        yield 'policy: "option" belongs to fields with an option and to no others'


def steps_of(path: str) -> tuple[str, ...]:
    """Take a body's path apart: `data[].em[]` is `data`, `[]`, `em`, `[]`."""
    return tuple(re.findall(r"\[\]|[^.\[\]]+", path))


def lists_in(path: str) -> list[str]:
    """Name the lists on a body's path: `data[].em[]` has `data[]` and `data[].em[]`."""
    return [path[: found.end()] for found in re.finditer(r"\[\]", path)]
