"""What the platforms' replies have in common: bodies that may be anything, waits that may be absurd, whole refusals.

Nothing here knows a platform. Whatever bytes come in, values come out: no reply can raise an exception, and no
platform's text gets further than this file but as a code or a receipt that matched its pattern.
"""

from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec

from gateway.adapter import LONGEST_WAIT, Reply
from gateway.model.texts import PlatformCode, Receipt
from gateway.model.verdict import Isolate, Maybe, Pause, Rejected, Retry, Throttle, Verdict
from gateway.model.words import Reason

T = TypeVar("T")
Waits = float | None

BY_STATUS: Final[Mapping[int, Verdict]] = {
    **dict.fromkeys((402, 404, 405, 406, 407, 410, 411, 414, 415, 417, 421, 426, 428, 431, 451), Pause(Reason.CONFIGURATION)),
    401: Pause(Reason.CREDENTIAL),
    403: Pause(Reason.PERMISSION),
    408: Maybe(Reason.TIMED_OUT),
    409: Maybe(Reason.SERVER_ERROR),
    413: Isolate(Reason.TOO_LARGE),
    425: Maybe(Reason.SERVER_ERROR),
    429: Throttle(),
    499: Maybe(Reason.SERVER_ERROR),
}
"""What a status means by itself, once the body has nothing readable to say. Most of 4xx speak of the request as such: of its
address, its headers or the way that it took, which are the same for all events.

https://www.rfc-editor.org/rfc/rfc9110#section-15.5
"""


def read(decoder: msgspec.json.Decoder[T], body: bytes | str | msgspec.Raw) -> T | None:
    """Read JSON of a given shape, be it a body or a header's text; None for anything else."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def code_of(*parts: object) -> PlatformCode | None:
    """Join what there is of a platform's code with `/`; None when it does not look like a code."""
    try:
        return PlatformCode("/".join(str(part) for part in parts if part is not None))
    except ValueError:
        return None


def receipt_of(text: object) -> Receipt | None:
    """Take a platform's id of a request; None when it does not look like one."""
    try:
        return Receipt(text) if isinstance(text, str) else None
    except ValueError:
        return None


def longest(*waits: Waits) -> Waits:
    """Give the longest of the waits that were told, in seconds from 0 to an hour; None when none was."""
    told = [wait for wait in waits if wait is not None and wait >= 0]
    return min(max(told), LONGEST_WAIT) if told else None


def told(verdict: Verdict, code: PlatformCode | None, after: Waits) -> Verdict:
    """Complete a table's verdict with the code that led to it and the wait that came with it."""
    match verdict:
        case Throttle():
            return Throttle(verdict.reason, longest(verdict.after, after), code)
        case Retry(apart=False):  # for how long an event waits by itself, no reply says
            return Retry(verdict.reason, longest(verdict.after, after), code)
        case Maybe():
            return Maybe(verdict.reason, code, longest(verdict.after, after))
        case _:
            return msgspec.structs.replace(verdict, code=code)


def spread(verdict: Verdict, count: int, hints: Mapping[int, PlatformCode | None] | None = None) -> tuple[Verdict, ...]:
    """Say one verdict for each of `count` events; `hints` are the indexes that a whole refusal pointed at,
    with the code said of each; an index that was not sent points at nobody.

    A whole refusal of a single event needs no search: it is that event's own. What nobody understands is not
    buried at the first sight: alone, the event is tried again until its age ends that, and keeps nobody else.
    """
    if not isinstance(verdict, Isolate):
        return (verdict,) * count
    hinted = hints or {}
    if count > 1:
        plain = Isolate(verdict.reason, verdict.code)
        return tuple(
            Isolate(verdict.reason, hinted[i] or verdict.code, suspect=True) if i in hinted else plain for i in range(count)
        )
    code = hinted.get(0) or verdict.code
    alone = (
        Retry(verdict.reason, code=code, apart=True)
        if verdict.reason is Reason.UNKNOWN_ERROR
        else Rejected(verdict.reason, code)
    )
    return (alone,) * count


def by_status(reply: Reply, count: int, after: Waits = None) -> tuple[Verdict, ...]:
    """Read a reply whose body says nothing usable, by its status alone.

    A success that does not count its events proves nothing, and a server's failure says nothing about how far it
    got: both may have arrived. A redirect is never followed; somebody has to look.
    """
    status = reply.status
    verdict = BY_STATUS.get(status)
    if verdict is None and 200 <= status < 300:
        verdict = Maybe(Reason.UNREADABLE_REPLY)
    elif verdict is None and 300 <= status < 400:
        verdict = Pause(Reason.REDIRECTED)
    elif verdict is None and 400 <= status < 500:
        verdict = Isolate(Reason.UNKNOWN_ERROR)
    elif verdict is None:
        verdict = Maybe(Reason.SERVER_ERROR)
    return spread(told(verdict, code_of(f"http-{status}"), longest(after, reply.retry_after)), count)
