"""A contract as JSON Schema, for those who check payloads with tools of their own. Pure.

One schema for each kind of request that has a body, with every option on: it is the outer limit. What a schema cannot say
stands in its annotations: why a field may leave, on which clause of the policy it rests, which option it needs. Two things
that the contract sees are beyond any schema: a key that is there twice, and how many decimals a number has.
https://json-schema.org/draft/2020-12 (read 2026-11-25)
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.delivery.contract_file import PATH, ContractFile, Entry, RequestPart, steps_of

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

Steps = tuple[str, ...]
"""What is left of an entry's path."""


def schemas(file: ContractFile) -> dict[str, Schema]:
    """Give a schema for each kind of request with a body, by `destination.request`."""
    return {
        f"{file.destination}.{part.name}": _schema(file, part)
        for part in file.requests
        if any(PATH.fullmatch(entry.path) for entry in part.fields)
    }


def _schema(file: ContractFile, part: RequestPart) -> Schema:
    entries = [(steps_of(entry.path), entry) for entry in part.fields if PATH.fullmatch(entry.path)]
    return {
        "$schema": DRAFT,
        "title": file.title,
        "description": part.purpose,
        "x-version": file.version,
        "x-approved-on": file.approved_on.isoformat(),
        "x-approved-by": file.approved_by,
        "x-request": f"{part.method} {', '.join(part.hosts)} {part.path}",
        **_node(entries, part.lists, ""),
    }


def _node(entries: Sequence[tuple[Steps, Entry]], lists: Mapping[str, int], at: str) -> Schema:
    """Write the entries below one place as a schema, each with the steps that are left of its path."""
    steps, _ = entries[0]
    if not steps:
        kinds = [_value(entry) for _, entry in entries]
        return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    if steps[0] == "[]":
        below = _node([(rest[1:], entry) for rest, entry in entries], lists, f"{at}[]")
        return {"type": "array", "minItems": 1, "maxItems": lists[f"{at}[]"], "items": below}
    named: dict[str, list[tuple[Steps, Entry]]] = {}
    for rest, entry in entries:
        named.setdefault(rest[0], []).append((rest[1:], entry))
    members = {name: _node(below, lists, f"{at}.{name}".lstrip(".")) for name, below in named.items()}
    return {"type": "object", "properties": members, "additionalProperties": False}


def _value(entry: Entry) -> Schema:
    """Write an entry's kind of value as a schema, with what the contract says of it."""
    kind = entry.value_kind
    told = {"description": entry.why, "x-kind": entry.kind, "x-means": kind.says, "x-policy": entry.policy}
    if entry.option is not None:
        told["x-option"] = entry.option
    if entry.values:
        return {"enum": list(entry.values), **told}
    if kind.type == "string":
        # In Python `$` also matches in front of a last line break.
        return {"type": "string", "pattern": rf"^(?:{kind.pattern})$(?!\n)", **told}
    return {"type": kind.type, "minimum": kind.least, "maximum": kind.most, **told}
