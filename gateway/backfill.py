"""`consent-gateway send`: posts a file of orders as events, for merchants who back-fill or move in.

Reads CSV (one order a line) or NDJSON (one event of the gateway's own format a line), sends batches of up to 500 and
writes down after each answer how far it came, so that a run that was cut off goes on where it stopped. What was sent
twice all the same is recognised by its event id. Waits as long as the gateway asks it to. Prints counts and codes, never
a value of the file. What a line says about consent reaches the gateway as it stands: JSON is passed on byte for byte, and
a CSV line whose cells may have moved to other columns stops the run.
"""

import asyncio
import csv
import os
import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from enum import StrEnum, unique
from functools import partial
from hashlib import sha256
from io import BufferedReader
from pathlib import Path
from typing import Annotated, Final, NamedTuple, TypedDict

import aiohttp
import msgspec
import orjson

from gateway.bounded import read_whole
from gateway.model.words import Status
from gateway.secret import Secret

BATCH: Final = 500
BATCH_BYTES: Final = 1_000_000
"""The gateway takes 1 MiB; what is around the events is allowed for."""
LONGEST_LINE: Final = 1 << 20
MOST_NOTE: Final = 1 << 20
"""Bytes of the note of how far a run came: its counts by reason, of which there are some dozens."""
PATIENCE: Final = 600.0
"""Seconds of refusals in a row before giving up."""
SHORT: Final = 2.0
LONGEST_WAIT: Final = 60.0
LINES_NAMED: Final = 5
"""Lines of the file that are named of those that were invalid alike; the rest is counted."""
SECONDS: Final = re.compile(r"\d{1,9}", re.ASCII)
UNIX: Final = re.compile(r"\d{9,10}", re.ASCII)
DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

COLUMNS: Final = {
    "event_id": ("event_id", "order_id", "id"),
    "event": ("event",),
    "occurred_at": ("occurred_at", "purchased_on", "created_at"),
    "value": ("value", "total", "total_price"),
    "currency": ("currency",),
    "email": ("email",),
    "country": ("country",),
    "advertising": ("advertising", "consent_advertising"),
    "given_at": ("given_at", "consent_given_at"),
}
"""The columns that a CSV file may have, under their usual names; every other column stays unread."""
CONSENT_COLUMNS: Final = ("advertising", "given_at")


@unique
class Trouble(StrEnum):
    """Why a run ended early. Stable codes, each with what to do next."""

    NO_HEADER = "the CSV file needs a header line, in UTF-8, with at least order_id, purchased_on, value and currency"
    SEPARATORS = (
        "the CSV file has no commas between its cells: save it with commas, not semicolons or tabs, and write amounts as 129.90"
    )
    TWO_COLUMNS = "two columns of the CSV file have the same name, or both say something about consent: keep one"
    BAD_LINE = "a line is not readable as CSV: a quote may be missing, or stand where none belongs"
    NO_OBJECT = "a line is not a JSON object: NDJSON has one event a line, and the name of a CSV file ends in .csv"
    RAGGED = "a line has more or fewer cells than the header: a comma or a line break may stand outside quotes"
    NOT_A_GATEWAY = "what answers there is not a gateway's public listener: check --to, also whether it is https"
    KEY = "the gateway does not know this key, or it is no secret one (sk_…): check --key and the storefront's keys"
    REFUSED = "the gateway refused the request as a whole"
    UNREACHABLE = "the gateway cannot be reached or kept refusing: start again later with the same command, it resumes"
    NO_NOTE = (
        "how far it came cannot be noted beside the file, under its name and .sent: see that this can be written, and start"
        " again; what was sent twice is recognised"
    )


@unique
class Wait(StrEnum):
    """Why a run waits: it goes on by itself, and gives up after `PATIENCE`."""

    SILENCE = "no gateway answers there"
    TLS = "no connection over TLS comes about there (is it https, and is its certificate in order?)"
    BUSY = "the gateway asks to be asked later"


class Stopped(Exception):
    """The run cannot go on; carries why and the file's line where it stands (0 if none)."""

    def __init__(self, trouble: Trouble, line: int = 0, status: int = 0) -> None:
        """Keep what a person needs to go on."""
        super().__init__(trouble.value)
        self.trouble = trouble
        self.line = line
        self.status = status


class Consent(TypedDict, total=False):
    """The consent object of an event."""

    advertising: bool
    given_at: str


class Result(msgspec.Struct, frozen=True, gc=False):
    """One event's part of an answer: codes only."""

    status: Status
    reason: Annotated[str, msgspec.Meta(pattern=r"^[a-z_]{1,40}\Z")] | None = None
    field: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_.]{1,60}\Z")] | None = None


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The gateway's answer to one request."""

    results: list[Result]


@unique
class Unfit(StrEnum):
    """Why the gateway refuses a whole request for what is in it: a smaller one of other lines may pass."""

    NOT_JSON = "not_json"
    BODY_TOO_LARGE = "body_too_large"
    TOO_MANY_EVENTS = "too_many_events"


UNFIT: Final = frozenset({400, 413})
"""The statuses of such an answer."""


class Whole(msgspec.Struct, frozen=True, gc=False):
    """The gateway's refusal of a whole request."""

    error: Unfit


class Progress(msgspec.Struct):
    """How far a run is; `offset` is the byte of the file up to which everything was answered.

    `of` is a digest of the gateway's address and the file's first two lines: another file under the same name, or another
    gateway, begins at the start.
    """

    offset: int = 0
    lines: int = 0
    by_status: dict[str, int] = msgspec.field(default_factory=dict)
    by_reason: dict[str, int] = msgspec.field(default_factory=dict)
    of: str = ""
    invalid_at: dict[str, list[int]] = msgspec.field(default_factory=dict)
    """The first lines of the file that were invalid, by what they were."""

    @property
    def invalid(self) -> int:
        """Events that the gateway did not take because they break a rule of the format."""
        return self.by_status.get(Status.INVALID, 0)

    def add(self, results: Iterable[Result], lines: Iterable["Line"]) -> None:
        """Count one answer's results, those of these lines."""
        for result, line in zip(results, lines, strict=True):
            self.by_status[result.status] = self.by_status.get(result.status, 0) + 1
            if result.reason:
                name = f"{result.status}: {result.reason}" + (f" ({result.field})" if result.field else "")
                self.by_reason[name] = self.by_reason.get(name, 0) + 1
                if result.status is Status.INVALID and len(at := self.invalid_at.setdefault(name, [])) < LINES_NAMED:
                    at.append(line.number)

    def begin(self, path: Path, url: str) -> None:
        """Go back to the start if this progress is not that of sending this file to this gateway."""
        of = _fingerprint(path, url)
        if self.of not in ("", of) or not _at_line_start(path, self.offset):
            self.offset = self.lines = 0
            self.by_status, self.by_reason, self.invalid_at = {}, {}, {}
        self.of = of


def _fingerprint(path: Path, url: str) -> str:
    with path.open("rb") as file:
        return sha256(b"\n".join((url.encode(), file.readline(LONGEST_LINE), file.readline(LONGEST_LINE)))).hexdigest()[:32]


def _at_line_start(path: Path, offset: int) -> bool:
    """Whoever edits a file moves its lines; going on in the middle of one would read its cells as others."""
    if offset == 0:
        return True
    with path.open("rb") as file:
        file.seek(offset - 1)
        return file.read(1) == b"\n" or (file.seek(0, os.SEEK_END) == offset)


class Line(NamedTuple):
    """A line of the file: its event as JSON, where it stands, and the offset of the byte after it."""

    event: bytes
    number: int
    end: int


def events_of(path: Path, offset: int) -> Iterator[Line]:
    """Read a file's events from byte `offset` on. Raises Stopped."""
    with path.open("rb") as file:
        header = _header(file.readline(LONGEST_LINE)) if path.suffix.lower() == ".csv" else None
        number = 1 + _go_to(file, max(offset, file.tell() if header else len(_mark(file))))
        for line in _lines(file, quoted=header is not None):
            if len(line) >= LONGEST_LINE:
                raise Stopped(Trouble.BAD_LINE if header else Trouble.NO_OBJECT, number)
            if line.strip():
                event = orjson.dumps(_of_csv(header, line, number)) if header else _of_json(line, number)
                yield Line(event, number, file.tell())
            number += line.count(b"\n")


def _mark(file: BufferedReader) -> bytes:
    """Give the byte order mark that a file begins with, as Windows' programs write one; empty if it has none."""
    return BOM_UTF8 if file.read(len(BOM_UTF8)) == BOM_UTF8 else b""


def _go_to(file: BufferedReader, offset: int) -> int:
    """Go to a byte of a file, and count the lines in front of it."""
    file.seek(0)
    lines = 0
    for left in range(offset, 0, -LONGEST_LINE):
        lines += file.read(min(left, LONGEST_LINE)).count(b"\n")
    return lines


def _lines(file: BufferedReader, *, quoted: bool) -> Iterator[bytes]:
    """Give line after line; where cells are `quoted`, a line goes on until its quotes are closed."""
    while line := file.readline(LONGEST_LINE):
        parts, size = [line], len(line)
        is_open = quoted and line.count(b'"') % 2 == 1
        while is_open and size < LONGEST_LINE and (more := file.readline(LONGEST_LINE)):
            parts.append(more)
            size += len(more)
            is_open = more.count(b'"') % 2 == 0
        yield b"".join(parts)


class Header(msgspec.Struct, frozen=True):
    """Where the columns are that are read, and how many there are in all."""

    at: dict[str, int]
    width: int


def _header(line: bytes) -> Header:
    names = [name.strip().lower() for name in _cells(line.decode("utf-8-sig", "replace"), 1)]
    if len(names) == 1 and re.search("[;\t]", names[0]):
        raise Stopped(Trouble.SEPARATORS)
    usual = {name: field for field, names_of in COLUMNS.items() for name in names_of}
    read = Counter(name for name in names if name in usual)
    said = Counter(usual[name] for name in read)
    if any(count > 1 for count in read.values()) or any(said[field] > 1 for field in CONSENT_COLUMNS):
        raise Stopped(Trouble.TWO_COLUMNS)
    at = {field: names.index(name) for field, names_of in COLUMNS.items() for name in names_of[::-1] if name in names}
    if not {"event_id", "occurred_at", "value", "currency"} <= at.keys():
        raise Stopped(Trouble.NO_HEADER)
    return Header(at, len(names))


def _cells(line: str, number: int) -> list[str]:
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error:
        raise Stopped(Trouble.BAD_LINE, number) from None


def _of_csv(header: Header, line: bytes, number: int) -> dict[str, object]:
    cells = _cells(line.decode("utf-8", "replace"), number)
    if len(cells) != header.width:
        raise Stopped(Trouble.RAGGED, number)
    row = {field: cells[at].strip() for field, at in header.at.items() if cells[at].strip()}
    event: dict[str, object] = {
        "event": row.get("event", "purchase"),
        "event_id": row.get("event_id"),
        "occurred_at": _time(row.get("occurred_at", "")),
        "order": {"value": row.get("value"), "currency": row.get("currency")},
        "customer": {"email": row.get("email")},
        "client": {"country": row.get("country")},
    }
    if consent := _consent(row):
        event["consent"] = consent
    return event


def _time(text: str) -> str | int:
    """A date alone is its first second in UTC; digits alone are Unix seconds."""
    if DATE.fullmatch(text):
        return f"{text}T00:00:00Z"
    return int(text) if UNIX.fullmatch(text) else text


def _consent(row: dict[str, str]) -> Consent:
    """Only the words `true` and `false` are a choice; anything else in the column is no consent."""
    consent = Consent()
    if (word := row.get("advertising", "").lower()) in ("true", "false"):
        consent["advertising"] = word == "true"
    if consent and "given_at" in row:
        consent["given_at"] = row["given_at"]
    return consent


def _of_json(line: bytes, number: int) -> bytes:
    """Pass an object on as it stands: read and written again, a repeated key would be gone before the gateway sees it."""
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise Stopped(Trouble.NO_OBJECT, number) from None
    if type(event) is not dict:
        raise Stopped(Trouble.NO_OBJECT, number)
    return line.strip()


def state_path(path: Path) -> Path:
    """Name the file beside `path` in which a run notes how far it came."""
    return path.with_name(path.name + ".sent")


def load_progress(path: Path) -> Progress:
    """Read how far an earlier run of this file came; a fresh start if there was none. Raises Stopped."""
    try:
        return msgspec.json.decode(read_whole(state_path(path), MOST_NOTE), type=Progress)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Progress()
    except OSError:
        raise Stopped(Trouble.NO_NOTE) from None


def _save(path: Path, progress: Progress) -> None:
    state, draft = state_path(path), state_path(path).with_suffix(".sent~")
    try:
        draft.write_bytes(msgspec.json.encode(progress))
        os.replace(draft, state)  # noqa: PTH105 - the atomic replacement is the point
    except OSError:
        raise Stopped(Trouble.NO_NOTE) from None


async def send(  # noqa: PLR0913, PLR0917 - the options of one command
    path: Path,
    url: str,
    key: Secret,
    rate: float | None,
    progress: Progress,
    tell: Callable[[Progress], None],
    *,
    waits: Callable[[Wait], None] = lambda _: None,
) -> Progress:
    """Send the file's events to `url` (the gateway's base address); `rate` in events a second.

    `tell` hears of each answer, `waits` of each time that begins in which nothing is taken. Raises Stopped.
    """
    progress.begin(path, url)
    timeout = aiohttp.ClientTimeout(total=60)
    headers = {"Authorization": f"Bearer {key.reveal()}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
        clock = asyncio.get_running_loop().time
        began, sent = clock(), 0
        for batch in _batches(events_of(path, progress.offset)):
            post = partial(_post, session, f"{url.rstrip('/')}/v1/events", waits)
            progress.add(await _answers(post, [line.event for line in batch]), batch)
            progress.offset = batch[-1].end
            progress.lines += len(batch)
            _save(path, progress)
            tell(progress)
            sent += len(batch)
            if rate:
                await asyncio.sleep(max(0.0, began + sent / rate - clock()))
    return progress


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    for line in lines:
        if batch and (len(batch) == BATCH or size + len(line.event) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line.event) + 1
    if batch:
        yield batch


async def _answers(post: Callable[[list[bytes]], Awaitable[list[Result] | Unfit]], events: list[bytes]) -> list[Result]:
    """Post events; a request that is refused for what is in it is halved, until the line that it was for stands alone."""
    said = await post(events)
    if not isinstance(said, Unfit):
        return said
    if len(events) == 1:
        return [Result(Status.INVALID, said.value)]
    middle = len(events) // 2
    return [*await _answers(post, events[:middle]), *await _answers(post, events[middle:])]


async def _post(
    session: aiohttp.ClientSession, url: str, waits: Callable[[Wait], None], events: list[bytes]
) -> list[Result] | Unfit:
    """Post one batch until it is answered: the gateway may be busy, full or restarting, and repeats are harmless."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + PATIENCE
    body = b'{"events":[' + b",".join(events) + b"]}"
    told = None
    while True:
        try:
            async with session.post(url, data=body, allow_redirects=False) as response:
                if response.status == 202:
                    return _results(await response.read(), len(events))
                if response.status in UNFIT and (unfit := _unfit(await response.read())) is not None:
                    return unfit
                _stop_unless_temporary(response.status)
                wait, why = _asked_for(response.headers.get("Retry-After", "")), Wait.BUSY
        except aiohttp.ClientSSLError:
            wait, why = SHORT, Wait.TLS
        except (aiohttp.ClientError, TimeoutError, OSError):
            wait, why = SHORT, Wait.SILENCE
        if why is not told:
            waits(why)
            told = why
        if loop.time() + wait > give_up:
            raise Stopped(Trouble.UNREACHABLE)
        await asyncio.sleep(wait)


def _asked_for(retry_after: str) -> float:
    return min(float(retry_after), LONGEST_WAIT) if SECONDS.fullmatch(retry_after) else SHORT


def _results(body: bytes, count: int) -> list[Result]:
    try:
        results = msgspec.json.decode(body, type=Answer).results
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Stopped(Trouble.NOT_A_GATEWAY) from None
    if len(results) != count:
        raise Stopped(Trouble.NOT_A_GATEWAY)
    return results


def _unfit(body: bytes) -> Unfit | None:
    """Read which rule of the gateway's a request breaks, None where it is none, or the words are not the gateway's."""
    try:
        return msgspec.json.decode(body, type=Whole).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _stop_unless_temporary(status: int) -> None:
    if status in (401, 403):
        raise Stopped(Trouble.KEY, status=status)
    if status < 400 or status in (404, 405):
        raise Stopped(Trouble.NOT_A_GATEWAY, status=status)
    if status not in (408, 429) and status < 500:
        raise Stopped(Trouble.REFUSED, status=status)


def summary(progress: Progress) -> Iterator[str]:
    """Say in lines what became of everything sent so far."""
    counts = Counter(progress.by_status)
    yield f"{progress.lines} events answered: " + ", ".join(
        f"{counts[status]} {status}" for status in ("accepted", "duplicate", "refused", "invalid")
    )
    for name, count in sorted(progress.by_reason.items(), key=lambda item: -item[1]):
        yield f"  {count} {name}{_where(progress.invalid_at.get(name, ()), count)}"


def _where(lines: Sequence[int], count: int) -> str:
    """Say in which lines of the file that was, as far as they were noted."""
    if not lines:
        return ""
    more = f" and {count - len(lines)} more" if count > len(lines) else ""
    return f": line{'s' * (count > 1)} {', '.join(map(str, lines))}{more}"
