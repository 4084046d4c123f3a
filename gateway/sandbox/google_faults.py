"""How Google's APIs refuse: `google.rpc.Status` with its details, in both of the stand-in's voices.

Rules: https://cloud.google.com/apis/design/errors and
https://developers.google.com/data-manager/api/devguides/concepts/understand-errors (read 2026-11-22)
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import orjson
from pydantic import ValidationError

from gateway.sandbox.stand_in import Answer

RPC = "type.googleapis.com/google.rpc."
TYPES: Final[Mapping[str, str]] = {
    "string_type": "TYPE_STRING",
    "decimal_type": "TYPE_DOUBLE",
    "is_instance_of": "TYPE_DOUBLE",
    "int_type": "TYPE_INT64",
    "bool_type": "TYPE_BOOL",
    "literal_error": "TYPE_ENUM",
}


class Violation(msgspec.Struct, frozen=True, gc=False):
    """What the service objects to: the path of the field, its reason. An empty field means that none is named."""

    field: str
    reason: str
    description: str = "There was a problem with the request."


def misfit(error: Mapping[str, object]) -> Violation:
    """Say how the JSON does not fit the messages, repeating the value as the platform does."""
    loc = error["loc"]
    steps = loc if isinstance(loc, tuple) else ()
    if error["type"] == "extra_forbidden":
        where = path_of(steps[:-1])
        at = f" at '{where}'" if where else ""
        return Violation(where, "", f'Invalid JSON payload received. Unknown name "{steps[-1]}"{at}: Cannot find field.')
    where = path_of(steps)
    kind = TYPES.get(str(error["type"]), "TYPE_MESSAGE")
    given = orjson.dumps(error["input"], default=repr).decode()[:200]
    return Violation(where, "", f"Invalid value at '{where}' ({kind}), {given}")


def path_of(steps: Sequence[object]) -> str:
    """Write a path as the platform does: `events[3].transaction_id`."""
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{snake(str(step))}" for step in steps)
    return path.removeprefix(".")


def snake(name: str) -> str:
    """Turn `transactionId` into `transaction_id`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def refusal(violations: Sequence[Violation], events: int) -> Answer:
    """Refuse a request, naming the violations that have a field."""
    named = [
        {"field": v.field, "description": v.description, **({"reason": v.reason} if v.reason else {})}
        for v in violations
        if v.field
    ]
    bad_request: list[dict[str, object]] = [{"@type": f"{RPC}BadRequest", "fieldViolations": named}] if named else []
    message = violations[0].description if violations else "Request contains an invalid argument."
    first = next((v.reason for v in violations if v.reason), "INVALID_ARGUMENT")
    return refuse(400, "INVALID_ARGUMENT", message, "INVALID_ARGUMENT", bad_request, reason=first, events=events)


def refuse(  # noqa: PLR0913 - the parts of one envelope
    status: int,
    canonical: str,
    message: str,
    why: str,
    more: Sequence[Mapping[str, object]] = (),
    *,
    metadata: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    reason: str = "",
    events: int = 0,
) -> Answer:
    """Write an error with Google's details."""
    request_id = secrets.token_urlsafe(12)
    info = {
        "@type": f"{RPC}ErrorInfo",
        "reason": why,
        "domain": "datamanager.googleapis.com",
        "metadata": {"requestId": request_id, **(metadata or {})},
    }
    details = [info, {"@type": f"{RPC}RequestInfo", "requestId": request_id}, *more]
    body = {"error": {"code": status, "message": message, "status": canonical, "details": details}}
    return Answer(status, orjson.dumps(body), headers or {}, reason=reason or why, events=events)


def exhausted(limit: str, more: Sequence[Mapping[str, object]] = (), headers: Mapping[str, str] | None = None) -> Answer:
    """Refuse for a quota."""
    message = f"Quota exceeded for quota metric 'Ingestion' and limit '{limit}'."
    why, metadata = "RATE_LIMIT_EXCEEDED", {"quota_limit": limit}
    return refuse(429, "RESOURCE_EXHAUSTED", message, why, more, metadata=metadata, headers=headers)


def bare(status: int, canonical: str, message: str) -> Answer:
    """Write an error without details."""
    body = {"error": {"code": status, "message": message, "status": canonical}}
    return Answer(status, orjson.dumps(body), reason=canonical)


def denied(why: str, message: str) -> Answer:
    """Refuse for lack of permission."""
    return refuse(403, "PERMISSION_DENIED", message, why)


def retry_info(seconds: float) -> list[dict[str, object]]:
    """Ask to wait."""
    return [{"@type": f"{RPC}RetryInfo", "retryDelay": f"{seconds:g}s"}]


def unreadable(fault: ValidationError, entries: int) -> Answer:
    """Refuse JSON that does not fit the messages; it held so many entries."""
    return refusal([misfit(error) for error in fault.errors(include_url=False)], entries)


def entries_of(body: object, name: str) -> int:
    """Count the entries of a body that does not fit."""
    entries = body.get(name) if isinstance(body, dict) else None
    return len(entries) if isinstance(entries, list) else 0


def in_a_list(answer: Answer) -> Answer:
    """Wrap an answer's body in a list, as streaming answers come."""
    return msgspec.structs.replace(answer, body=b"[" + answer.body + b"]")


def nowhere() -> Answer:
    """Answer with the front end's page of HTML for a path that there is not."""
    return Answer(404, b"<!DOCTYPE html><html><title>Error 404 (Not Found)!!1</title></html>", content_type="text/html")
