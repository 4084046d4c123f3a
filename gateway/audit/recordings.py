"""A recording of HTTP requests, read strictly: bytes in, requests out, each with the line or entry where it stands.

Two forms are taken: HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/, read 2026-11-26), which browsers and recording
proxies write, and NDJSON, one request a line: `{"method", "url", "at"?, "headers"?, "remote"?, "body" | "body_base64"?}`.
A line may also be one of a container's own log, in the form that its tags share
(https://github.com/stape-io/gtm-standards, GTMS-3, read 2026-11-26).
What cannot be read is a `Flaw` that names the place, the field and the rule, never the value. Everything is bounded. Nobody
is told apart here: what a request is of is for `observations`. Pure.
"""

import re
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import unique
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from gateway.model.words import Fault, Word
from gateway.raw import unix_seconds

MOST_REQUESTS: Final = 500_000
MOST_LINE: Final = 4 * 1024 * 1024
"""Bytes of one request as it stands in the recording: of a line, or of an entry."""
SHORT: Final = 4 * 1024 * 1024
"""Bytes of a HAR whose every faulty entry is told; where a longer one has an entry that is none, this alone is told."""
MOST_BODY: Final = 2 * 1024 * 1024
MOST_HEADERS: Final = 200
LONGEST_URL: Final = 65_536

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
"""Some proxies begin their files with it."""
URL: Final = re.compile(r"(?:https?://([^/?#]*))?(/[^?#]*)?(?:\?([^#]*))?(?:#.*)?", re.DOTALL)
TEXT_BYTES: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")
"""What stands for itself in a form (https://url.spec.whatwg.org/#urlencoded-serializing, read 2026-11-26; blanks as %20)."""


@unique
class Rule(Word):
    """What is wrong with a recording, beside what may be wrong with a field (`Fault`)."""

    NO_JSON = "no_json"
    NO_RECORDING = "no_recording"
    """Neither HAR nor a request a line."""
    TOO_MANY = "too_many"
    TWO_BODIES = "two_bodies"
    NO_BASE64 = "no_base64"


class Flaw(msgspec.Struct, frozen=True):
    """Something that cannot be read. `line`: the line, or the number of the entry in a HAR, from 1 on; 0 for the file."""

    line: int
    field: str
    rule: Rule | Fault


class Recorded(msgspec.Struct, frozen=True):
    """One request as it was recorded.

    `at` is in Unix seconds, None where the recording does not say; `host` is in lower case without a port; `query` is the text
    behind `?` as it came. `headers` have lower-case names and all their values. `remote` is the address that the connection
    came from. `answered` is the status of its answer, None where none is recorded.
    """

    line: int
    method: str
    host: str
    path: str
    query: str = ""
    headers: Mapping[str, tuple[str, ...]] = {}
    body: bytes = b""
    at: int | None = None
    remote: str | None = None
    answered: int | None = None

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return f"<Recorded {self.line}>"

    def header(self, name: str) -> str | None:
        """Give the value of a header that stands once, None for one that is missing or stands more often."""
        values = self.headers.get(name, ())
        return values[0] if len(values) == 1 else None


class _Line(msgspec.Struct):
    """A line as NDJSON has it. Undeclared names are passed over: proxies write more than is asked of them."""

    method: str
    url: str
    at: msgspec.Raw | UnsetType = UNSET
    headers: dict[str, str | list[str]] | list["_Pair"] | None = None
    remote: str | None = None
    body: str | None = None
    body_base64: str | None = None


class _Logged(msgspec.Struct, rename="pascal"):
    """What a container's tag writes to its log of a request that it sends; answers and remarks have another type."""

    type: str
    request_url: str = ""
    request_method: str = "POST"
    request_body: msgspec.Raw = msgspec.Raw(b"null")


class _Pair(msgspec.Struct):
    name: str
    value: str


class _Param(msgspec.Struct):
    name: str
    value: str = ""


class _Posted(msgspec.Struct):
    text: str | None = None
    encoding: str | None = None
    params: list[_Param] = []


class _Request(msgspec.Struct, rename="camel"):
    method: str
    url: str
    headers: list[_Pair] = []
    post_data: _Posted | None = None


class _Response(msgspec.Struct):
    status: int | None = None


class _Entry(msgspec.Struct, rename="camel"):
    request: _Request
    started_date_time: str | None = None
    response: _Response | None = None


class _Log(msgspec.Struct):
    entries: list[msgspec.Raw]


class _Har(msgspec.Struct):
    log: _Log


class _Nothing(msgspec.Struct, gc=False):
    """An object, whatever is in it."""


class _Drawn(msgspec.Struct, gc=False):
    request: _Nothing


class _Strokes(msgspec.Struct):
    entries: list[_Drawn]


class _Outline(msgspec.Struct):
    """What a HAR must be before its entries are kept: a list of anything, such as zeros, would take forty times its length."""

    log: _Strokes


UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What the reader raises over what it cannot read."""


class _Broken(Exception):
    """A rule is broken at a field."""

    def __init__(self, field: str, rule: Rule | Fault) -> None:
        super().__init__(field)
        self.field = field
        self.rule = rule


def read(body: bytes) -> Iterator[Recorded | Flaw]:
    """Read a recording of either form. At most `MOST_REQUESTS` requests; a last flaw says that there were more."""
    body = body.removeprefix(BYTE_ORDER_MARK)
    try:
        if len(body) > SHORT:
            msgspec.json.decode(body, type=_Outline)
        entries = msgspec.json.decode(body, type=_Har).log.entries
    except UNREADABLE as wrong:
        flaw = _flaw_of_entry(str(wrong))
        yield from _lines(body) if flaw is None else (flaw,)
        return
    for number, entry in enumerate(entries, 1):
        if number > MOST_REQUESTS:
            yield Flaw(number, "entry", Rule.TOO_MANY)
            return
        if (request := _read(bytes(entry), number, "entry")) is not None:
            yield request


def _lines(body: bytes) -> Iterator[Recorded | Flaw]:
    start, number, found = 0, 0, 0
    while start < len(body):
        end = body.find(b"\n", start)
        end = len(body) if end == -1 else end
        line, start, number = body[start:end].strip(), end + 1, number + 1
        if not line:
            continue
        found += 1
        if found > MOST_REQUESTS:
            yield Flaw(number, "line", Rule.TOO_MANY)
            return
        if (request := _read(line, number, "line")) is not None:
            yield request
    if not found:
        yield Flaw(0, "file", Rule.NO_RECORDING)


LOGGED: Final = re.compile(rb'"Type": ?"(?:Request|Response|Message)"')
"""In every line of a container's log that a tag wrote; a quote inside a body stands behind a backslash."""


def _read(text: bytes, number: int, what: str) -> Recorded | Flaw | None:
    """Read one request; None for a line of a container's log that is of none."""
    if len(text) > MOST_LINE:
        return Flaw(number, what, Fault.TOO_LONG)
    try:
        if what == "line" and LOGGED.search(text) is not None:
            return _of_log(msgspec.json.decode(text, type=_Logged), number)
        if what == "line":
            return _of_line(msgspec.json.decode(text, type=_Line), number)
        return _of_entry(msgspec.json.decode(text, type=_Entry), number)
    except msgspec.ValidationError as wrong:
        field, fault = _named(str(wrong))
        return Flaw(number, field or what, fault)
    except UNREADABLE:
        return Flaw(number, what, Rule.NO_JSON)
    except _Broken as broken:
        return Flaw(number, broken.field, broken.rule)


MISSING: Final = re.compile(r"Object missing required field `([a-zA-Z_]{1,20})`")
AT: Final = re.compile(r" - at `\$\.([a-zA-Z_.]{1,40})")


def _named(said: str) -> tuple[str | None, Fault]:
    """Name the field and the rule of what msgspec says; it quotes names that we declare, and no value."""
    missing, at = MISSING.match(said), AT.search(said)
    within = at[1].rstrip(".") if at else None
    if missing:
        return (missing[1] if within is None else f"{within}.{missing[1]}"), Fault.MISSING
    return within, Fault.WRONG_TYPE


ENTRY: Final = re.compile(r" - at `\$\.log\.entries\[([0-9]+)\](\.request)?`")


def _flaw_of_entry(said: str) -> Flaw | None:
    """Name the entry of a HAR that is none, the first there is, from what msgspec says."""
    if (found := ENTRY.search(said)) is None:
        return None
    missing = MISSING.match(said)
    field = "request" if missing or found[2] else "entry"
    return Flaw(int(found[1]) + 1, field, Fault.MISSING if missing else Fault.WRONG_TYPE)


def _of_line(said: _Line, number: int) -> Recorded:
    if said.body is not None and said.body_base64 is not None:
        raise _Broken("body", Rule.TWO_BODIES)
    body = _bytes_of(said.body_base64, "body_base64") if said.body_base64 is not None else _utf8(said.body or "", "body")
    pairs = said.headers or []
    if isinstance(pairs, dict):
        pairs = [_Pair(name, value) for name, held in pairs.items() for value in ([held] if isinstance(held, str) else held)]
    at = None if said.at is UNSET else _moment(msgspec.json.decode(said.at))
    return _recorded(number, said.method, said.url, pairs, body, at=at, remote=said.remote)


def _of_log(said: _Logged, number: int) -> Recorded | None:
    if said.type != "Request":
        return None
    body: object = msgspec.json.decode(said.request_body)
    text = body.encode() if isinstance(body, str) else b"" if body is None else bytes(said.request_body)
    return _recorded(number, said.request_method, said.request_url, [], text, at=None)


def _of_entry(said: _Entry, number: int) -> Recorded:
    request, at = said.request, None
    if said.started_date_time is not None:
        at = _started(said.started_date_time)
    answered = None if said.response is None else said.response.status
    return _recorded(number, request.method, request.url, request.headers, _posted(request.post_data), at=at, answered=answered)


def _posted(said: _Posted | None) -> bytes:
    """Give a body: its text, or where only the fields of a form are told, the form."""
    if said is None:
        return b""
    if said.text:
        return _bytes_of(said.text, "postData.text") if said.encoding == "base64" else _utf8(said.text, "postData.text")
    return b"&".join(_escaped(param.name) + b"=" + _escaped(param.value) for param in said.params)


def _escaped(text: str) -> bytes:
    return b"".join(bytes((byte,)) if byte in TEXT_BYTES else b"%%%02X" % byte for byte in _utf8(text, "postData.params"))


def _recorded(  # noqa: PLR0913 - a request, part by part
    number: int,
    method: str,
    url: str,
    pairs: Sequence[_Pair],
    body: bytes,
    *,
    at: int | None,
    remote: str | None = None,
    answered: int | None = None,
) -> Recorded:
    if len(url) > LONGEST_URL:
        raise _Broken("url", Fault.TOO_LONG)
    if len(pairs) > MOST_HEADERS:
        raise _Broken("headers", Fault.TOO_MANY_KEYS)
    if len(body) > MOST_BODY:
        raise _Broken("body", Fault.TOO_LONG)
    headers: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        if not pair.value:  # what proxies write of a header that was not there
            continue
        name = pair.name.lower()
        headers[name] = (*headers.get(name, ()), pair.value)
    found = URL.fullmatch(url)
    host, path, query = found.groups() if found else (None, None, None)
    if host is None and (path or query):
        host = next(iter(headers.get("host", ())), None)
    return Recorded(
        line=number,
        method=method.upper(),
        host=_host(host or ""),
        path=path or "",
        query=query or "",
        headers=headers,
        body=body,
        at=at,
        remote=remote,
        answered=answered,
    )


def _host(authority: str) -> str:
    """Give the host of an authority: without what names a user, without a port."""
    return re.sub(r":[0-9]{0,5}\Z", "", authority.rpartition("@")[2]).lower()


def _moment(value: object) -> int | None:
    """Read `at`: Unix seconds, whole or with a fraction, or RFC 3339 text with an offset."""
    if value is None:
        return None
    found = unix_seconds(int(value) if isinstance(value, float) and 0 <= value < 1 << 40 else value)
    if isinstance(found, Fault):
        raise _Broken("at", found)
    return found


def _started(text: str) -> int:
    """Read when an entry began: ISO 8601 with an offset."""
    try:
        moment = datetime.fromisoformat(text) if len(text) <= 40 else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _Broken("startedDateTime", Fault.BAD_FORMAT)
    try:
        found = int(moment.timestamp())
    except (ValueError, OverflowError):
        raise _Broken("startedDateTime", Fault.OUT_OF_RANGE) from None
    if found < 0:
        raise _Broken("startedDateTime", Fault.OUT_OF_RANGE)
    return found


def _bytes_of(text: str, field: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (NoBase64, ValueError):
        raise _Broken(field, Rule.NO_BASE64) from None


def _utf8(text: str, field: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise _Broken(field, Fault.LONE_SURROGATE) from None
