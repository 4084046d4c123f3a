"""How every Google API says no: `google.rpc.Status` with its details, the canonical codes, quotas and their delays.

What a reason means is the business of the API that gave it; here are only the parts that all of them share. Reasons
are words of enumerations and are kept as such; messages, descriptions and triggers repeat what was sent, so no type
here has a field for them.
https://cloud.google.com/apis/design/errors (read 2026-11-22)
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from adapters.replies import Waits, code_of, longest, read
from gateway.adapter import LONGEST_WAIT, Reply
from gateway.model.texts import PlatformCode
from gateway.model.verdict import Isolate, Maybe, Pause, Throttle, Verdict
from gateway.model.words import Reason


class Violation(msgspec.Struct, frozen=True):
    """A field that a request was refused for: its path, and Google's reason where it gives one."""

    field: str = ""
    reason: str = ""


class QuotaDetails(msgspec.Struct, frozen=True, rename="camel"):
    """A quota's own delay, such as `37s`."""

    retry_delay: str = ""


class FailureDetails(msgspec.Struct, frozen=True, rename="camel"):
    """The details of an error in Google Ads' own failure object."""

    quota_error_details: QuotaDetails = QuotaDetails()


class PathElement(msgspec.Struct, frozen=True, rename="camel"):
    """One step of the way to a field in Google Ads' own failure object."""

    field_name: str = ""
    index: int | None = None


class Location(msgspec.Struct, frozen=True, rename="camel"):
    """The way to a field, from the outside in."""

    field_path_elements: list[PathElement] = []


class FailureError(msgspec.Struct, frozen=True, rename="camel"):
    """One error of Google Ads' own failure object: the family and the value of its code, and where it is."""

    error_code: dict[str, Any] = {}
    location: Location = Location()
    details: FailureDetails = FailureDetails()


class Detail(msgspec.Struct, frozen=True, rename="camel"):
    """One of `ErrorInfo`, `BadRequest`, `RetryInfo` and Google Ads' own failure; each has fields of its own."""

    reason: str = ""
    metadata: dict[str, Any] = {}
    field_violations: list[Violation] = []
    retry_delay: str = ""
    errors: list[FailureError] = []


class Status(msgspec.Struct, frozen=True):
    """Google's error object, `google.rpc.Status`. `status` is the canonical code's name; it is absent within a success."""

    status: str = ""
    details: list[msgspec.Raw] = []


DETAIL: Final = msgspec.json.Decoder(Detail)
ENUM: Final = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)
"""A word of one of Google's enumerations; whatever else stands in its place is not kept."""
DELAY: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s", re.ASCII)

THROTTLES: Final = ("RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED")
COMMON: Final[Mapping[str, Verdict]] = {
    **dict.fromkeys(THROTTLES, Throttle()),
    "UNAUTHENTICATED": Pause(Reason.CREDENTIAL),
    **dict.fromkeys(("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "PERMISSION_DENIED"), Pause(Reason.PERMISSION)),
    **dict.fromkeys(("NOT_FOUND", "PROJECT_DISABLED", "SERVICE_DISABLED", "UNIMPLEMENTED"), Pause(Reason.CONFIGURATION)),
    **dict.fromkeys(("ABORTED", "CANCELLED", "DATA_LOSS", "INTERNAL", "UNAVAILABLE"), Maybe(Reason.SERVER_ERROR)),
    **dict.fromkeys(("DEADLINE_EXCEEDED", "UNKNOWN"), Maybe(Reason.SERVER_ERROR)),
    **dict.fromkeys(("FAILED_PRECONDITION", "INVALID_ARGUMENT", "OUT_OF_RANGE"), Isolate(Reason.REJECTED)),
}
"""By canonical code and by the reasons that Google's platform gives whatever the API.

https://cloud.google.com/apis/design/errors#error_model (read 2026-11-22)
"""


def details_of(status: Status) -> list[Detail]:
    """Read the details; one that cannot be read is left out, the others count."""
    return [detail for raw in status.details if (detail := read(DETAIL, raw)) is not None]


def words_of(details: Sequence[Detail]) -> list[str]:
    """Give every reason that the details name, those of single fields first: they say more."""
    fields = [violation.reason for detail in details for violation in detail.field_violations]
    return fields + [detail.reason for detail in details]


def hints_of(violations: Iterable[Violation], index: re.Pattern[str]) -> dict[int, PlatformCode | None]:
    """Find which entries of the request the violations point at, with the reason for each.

    The first group of `index`, matched at the path's beginning, is the entry's number.
    """
    return {
        int(at[1]): code_of(v.reason if ENUM.fullmatch(v.reason) else None) for v in violations if (at := index.match(v.field))
    }


def wait_of(reply: Reply, details: Iterable[Detail]) -> Waits:
    """Give the longest wait that was asked for, in seconds, be it by header, by `RetryInfo` or by the quota itself."""
    return longest(reply.retry_after, *(wait for detail in details for wait in waits_of(detail)))


def waits_of(detail: Detail) -> list[Waits]:
    """Read the delays of one detail; a day's quota that is gone waits as long as any wait may be.

    https://developers.google.com/data-manager/api/devguides/limits (read 2026-11-22)
    """
    quota = detail.metadata.get("quota_limit")
    gone_for_today = isinstance(quota, str) and "PerDay" in quota
    delays = [detail.retry_delay] + [error.details.quota_error_details.retry_delay for error in detail.errors]
    told: list[Waits] = [float(found[1]) for delay in delays if (found := DELAY.fullmatch(delay))]
    return [*told, LONGEST_WAIT if gone_for_today else None]
