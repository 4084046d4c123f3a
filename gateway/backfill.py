"""`consent-gateway send`: posts a file of orders as events, for merchants who back-fill or move in.

Reads CSV (one order a line) or NDJSON (one event of the gateway's own format a line), sends batches of up to 500 and
writes down after each answer how far it came, so that a run that was cut off goes on where it stopped. What was sent
twice all the same is recognised by its event id. Waits as long as the gateway asks it to. Prints counts and codes, never
a value of the file.
"""

import asyncio
import csv
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum, unique
from pathlib import Path
from typing import Final, TypedDict

import aiohttp
import msgspec
import orjson

from gateway.secret import Secret

BATCH: Final = 500
PATIENCE: Final = 600.0
"""Seconds of refusals in a row before giving up."""
SHORT: Final = 2.0
LONGEST_WAIT: Final = 60.0
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


@unique
class Trouble(StrEnum):
    """Why a run ended early. Stable codes, each with what to do next."""

    NO_HEADER = "the CSV file needs a header line with at least order_id, purchased_on, value and currency"
    BAD_LINE = "a line is not a JSON object"
    KEY = "the gateway does not know this key: check --key and the storefront's keys"
    REFUSED = "the gateway refused the request as a whole"
    UNREACHABLE = "the gateway cannot be reached or kept refusing: start again later with the same command, it resumes"


class Stopped(Exception):
    """The run cannot go on; carries why and the line number where it stands (0 if none)."""

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


class Progress(msgspec.Struct):
    """How far a run is; `offset` is the byte of the file up to which everything was answered."""

    offset: int = 0
    lines: int = 0
    by_status: dict[str, int] = msgspec.field(default_factory=dict)
    by_reason: dict[str, int] = msgspec.field(default_factory=dict)

    def add(self, results: Iterable[dict[str, object]]) -> None:
        """Count one answer's results."""
        for result in results:
            status = str(result.get("status"))
            self.by_status[status] = self.by_status.get(status, 0) + 1
            if reason := result.get("reason"):
                name = f"{status}: {reason}" + (f" ({result['field']})" if result.get("field") else "")
                self.by_reason[name] = self.by_reason.get(name, 0) + 1


def events_of(path: Path, offset: int) -> Iterator[tuple[int, dict[str, object]]]:
    """Read a file from byte `offset` on: each event with the offset of the byte after its line. Raises Stopped."""
    with path.open("rb") as file:
        header = _header(file.readline()) if path.suffix.lower() == ".csv" else None
        file.seek(max(offset, file.tell() if header else 0))
        for number, line in enumerate(iter(file.readline, b""), 1):
            if line.strip():
                yield file.tell(), _of_csv(header, line) if header else _of_json(line, number)


def _header(line: bytes) -> dict[str, int]:
    names = [name.strip().lower() for name in next(csv.reader([line.decode("utf-8-sig")]))]
    found = {field: names.index(name) for field, usual in COLUMNS.items() for name in usual[::-1] if name in names}
    if not {"event_id", "occurred_at", "value", "currency"} <= found.keys():
        raise Stopped(Trouble.NO_HEADER)
    return found


def _of_csv(header: dict[str, int], line: bytes) -> dict[str, object]:
    cells = next(csv.reader([line.decode("utf-8", "replace")]))
    row = {field: cells[at].strip() for field, at in header.items() if at < len(cells) and cells[at].strip()}
    occurred_at = row.get("occurred_at", "")
    event: dict[str, object] = {
        "event": row.get("event", "purchase"),
        "event_id": row.get("event_id"),
        "occurred_at": f"{occurred_at}T00:00:00Z" if DATE.fullmatch(occurred_at) else occurred_at,
        "order": {"value": row.get("value"), "currency": row.get("currency")},
        "customer": {"email": row.get("email")},
        "client": {"country": row.get("country")},
    }
    if consent := _consent(row):
        event["consent"] = consent
    return event


def _consent(row: dict[str, str]) -> Consent:
    """Only the words `true` and `false` are a choice; anything else in the column is no consent."""
    consent = Consent()
    if (word := row.get("advertising", "").lower()) in ("true", "false"):
        consent["advertising"] = word == "true"
    if consent and "given_at" in row:
        consent["given_at"] = row["given_at"]
    return consent


def _of_json(line: bytes, number: int) -> dict[str, object]:
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise Stopped(Trouble.BAD_LINE, number) from None
    if type(event) is not dict:
        raise Stopped(Trouble.BAD_LINE, number)
    return event


def state_path(path: Path) -> Path:
    """Name the file beside `path` in which a run notes how far it came."""
    return path.with_name(path.name + ".sent")


def load_progress(path: Path) -> Progress:
    """Read how far an earlier run of this file came; a fresh start if there was none."""
    try:
        return msgspec.json.decode(state_path(path).read_bytes(), type=Progress)
    except (FileNotFoundError, msgspec.DecodeError):
        return Progress()


def _save(path: Path, progress: Progress) -> None:
    state, draft = state_path(path), state_path(path).with_suffix(".sent~")
    draft.write_bytes(msgspec.json.encode(progress))
    os.replace(draft, state)  # noqa: PTH105 - the atomic replacement is the point


async def send(  # noqa: PLR0913, PLR0917 - the options of one command
    path: Path,
    url: str,
    key: Secret,
    rate: float | None,
    progress: Progress,
    tell: Callable[[Progress], None],
) -> Progress:
    """Send the file's events to `url` (the gateway's base address); `rate` in events a second. Raises Stopped."""
    timeout = aiohttp.ClientTimeout(total=60)
    headers = {"Authorization": f"Bearer {key.reveal()}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
        clock = asyncio.get_running_loop().time
        began, sent = clock(), 0
        for offset, batch in _batches(events_of(path, progress.offset)):
            results = await _post(session, f"{url.rstrip('/')}/v1/events", orjson.dumps({"events": batch}))
            progress.add(results)
            progress.offset = offset
            progress.lines += len(batch)
            _save(path, progress)
            tell(progress)
            sent += len(batch)
            if rate:
                await asyncio.sleep(max(0.0, began + sent / rate - clock()))
    return progress


def _batches(events: Iterator[tuple[int, dict[str, object]]]) -> Iterator[tuple[int, list[dict[str, object]]]]:
    batch: list[dict[str, object]] = []
    offset = 0
    for offset, event in events:
        batch.append(event)
        if len(batch) == BATCH:
            yield offset, batch
            batch = []
    if batch:
        yield offset, batch


async def _post(session: aiohttp.ClientSession, url: str, body: bytes) -> list[dict[str, object]]:
    """Post one batch until it is answered: the gateway may be busy, full or restarting, and repeats are harmless."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + PATIENCE
    while True:
        try:
            async with session.post(url, data=body, allow_redirects=False) as response:
                if response.status == 202:
                    return list(orjson.loads(await response.read())["results"])
                _stop_unless_temporary(response.status)
                wait = float(response.headers.get("Retry-After", SHORT))
        except (aiohttp.ClientError, TimeoutError, OSError):
            wait = SHORT
        if loop.time() + wait > give_up:
            raise Stopped(Trouble.UNREACHABLE)
        await asyncio.sleep(min(wait, LONGEST_WAIT))


def _stop_unless_temporary(status: int) -> None:
    if status in (401, 403):
        raise Stopped(Trouble.KEY, status=status)
    if status not in (408, 429) and status < 500:
        raise Stopped(Trouble.REFUSED, status=status)


def summary(progress: Progress) -> Iterator[str]:
    """Say in lines what became of everything sent so far."""
    counts = Counter(progress.by_status)
    yield f"{progress.lines} events answered: " + ", ".join(
        f"{counts[status]} {status}" for status in ("accepted", "duplicate", "refused", "invalid")
    )
    for name, count in sorted(progress.by_reason.items(), key=lambda item: -item[1]):
        yield f"  {count} {name}"
