"""What is written to standard error: changes of state, one JSON object a line, from a closed vocabulary.

There is no place for free text. A line names a `Happening` and carries fields of types that cannot hold what a visitor,
a storefront or a platform wrote. Libraries that log through the standard library (aiohttp prints peer addresses and raw
header bytes), warnings and uncaught exceptions are reduced to who spoke, how loud, the exception's class and the line
of code; their words are dropped unread. What happens per event is counted in `metrics`, not written here.
"""

import asyncio
import json
import logging
import re
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum, unique
from pathlib import PurePath
from traceback import walk_tb
from types import TracebackType
from typing import Final, TextIO

import msgspec

from gateway.model.texts import PlatformCode, StorefrontId, Text
from gateway.model.words import Destination
from gateway.places import LEDGER_FILE, LOG_FOLDER, OUTBOX_FILE


@unique
class Level(StrEnum):
    """How much a line matters: nothing to do; somebody should look; somebody must act."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@unique
class Happening(StrEnum):
    """All that can be said."""

    SETTINGS_LOADED = "settings_loaded"
    STARTED = "started"
    LISTENING = "listening"
    STOPPING = "stopping"
    STOPPED = "stopped"
    TEST_MODE_ON = "test_mode_on"
    """A platform's own test switch is on: what is sent there may not count."""
    TEST_ENDPOINTS_ALLOWED = "test_endpoints_allowed"
    """Events may go to other hosts than the platforms' own."""
    DESTINATION_UP = "destination_up"
    DESTINATION_DOWN = "destination_down"
    DESTINATION_PAUSED = "destination_paused"
    """Down until somebody changes a credential, a permission or a setting."""
    DESTINATION_HALTED = "destination_halted"
    """An operator has paused it; the signed log says which."""
    CREDENTIAL_RENEWED = "credential_renewed"
    """A file that a credential refers to was written anew, and is used from now on."""
    CREDENTIAL_UNUSABLE = "credential_unusable"
    """The same, but what it holds cannot be used: the old one still is."""
    PROCESSING_MISCONFIGURED = "processing_misconfigured"
    """A platform took events, and says later that something is not set up for them."""
    PROCESSING_MENDED = "processing_mended"
    """It could use some again."""
    BREAKER_OPENED = "breaker_opened"
    BREAKER_CLOSED = "breaker_closed"
    THROTTLED = "throttled"
    CANARY_FAILED = "canary_failed"
    """A destination was tried out and would not take events."""
    CANARY_WELL = "canary_well"
    """It would again."""
    CONTRACT_VIOLATED = "contract_violated"
    """Something that is not in a destination's contract was about to leave, and did not."""
    STORE_MADE = "store_made"
    """There was none in the data directory. After a first start that is a volume which is not mounted."""
    STORE_FULL = "store_full"
    STORE_RECOVERED = "store_recovered"
    SENT_LINES_SHED = "sent_lines_shed"
    """The outbox was filling up, so the oldest lines of what was sent went before their time."""
    STORE_FAILED = "store_failed"
    CLOCK_JUMPED = "clock_jumped"
    ADAPTER_FAULT = "adapter_fault"
    RECORD_UNREADABLE = "record_unreadable"
    DEAD_LETTERS_REPLAYED = "dead_letters_replayed"
    """Somebody had dead letters sent again."""
    LOG_UNSIGNED = "log_unsigned"
    """The signed log has no key: it is written, and proves nothing to anybody else."""
    LOG_END_CUT = "log_end_cut"
    """The signed log ended in a half-written entry, which was taken off; nobody had been told that it stood."""
    LOG_FULL = "log_full"
    """There was no room for an entry of the signed log."""
    LOG_RECORDING = "log_recording"
    """There is room again."""
    LOG_FAILED = "log_failed"
    """The signed log cannot be written until the gateway starts anew."""
    CHECKPOINT_NOT_TAKEN = "checkpoint_not_taken"
    """A checkpoint of the signed log was not taken where it is handed to; it is tried again."""
    CHECKPOINT_TAKEN = "checkpoint_taken"
    """It takes them again."""
    REQUEST_NOTED = "request_noted"
    """A person's request, or a shop's, was written down and waits for an operator, by its number in the register."""
    REQUEST_DONE = "request_done"
    """Somebody's request was done: a withdrawal, an erasure or an access, by its number in the register."""
    UNEXPECTED_ERROR = "unexpected_error"
    LIBRARY = "library"
    """A library, the interpreter or a warning had something to say."""


LEVELS: Final[Mapping[Happening, Level]] = {
    **dict.fromkeys(Happening, Level.INFO),
    **dict.fromkeys(
        (
            Happening.TEST_MODE_ON,
            Happening.TEST_ENDPOINTS_ALLOWED,
            Happening.DESTINATION_DOWN,
            Happening.DESTINATION_HALTED,
            Happening.CREDENTIAL_UNUSABLE,
            Happening.BREAKER_OPENED,
            Happening.THROTTLED,
            Happening.CANARY_FAILED,
            Happening.CLOCK_JUMPED,
            Happening.LOG_UNSIGNED,
            Happening.LOG_END_CUT,
            Happening.CHECKPOINT_NOT_TAKEN,
            Happening.SENT_LINES_SHED,
            Happening.LIBRARY,
        ),
        Level.WARNING,
    ),
    **dict.fromkeys(
        (
            Happening.DESTINATION_PAUSED,
            Happening.PROCESSING_MISCONFIGURED,
            Happening.CONTRACT_VIOLATED,
            Happening.STORE_FULL,
            Happening.STORE_FAILED,
            Happening.ADAPTER_FAULT,
            Happening.RECORD_UNREADABLE,
            Happening.LOG_FULL,
            Happening.LOG_FAILED,
            Happening.UNEXPECTED_ERROR,
        ),
        Level.ERROR,
    ),
}


@unique
class Stored(StrEnum):
    """Which file or folder in `server.data_dir` a line is of."""

    OUTBOX = OUTBOX_FILE
    LEDGER = LEDGER_FILE
    SIGNED_LOG = LOG_FOLDER


class Where(Text):
    """A line of code: `gateway/intake/front_door.py:120`."""

    __slots__ = ()
    PATTERN = re.compile(r"[A-Za-z0-9_./<>\-]{1,120}:\d{1,7}", re.ASCII)


class ErrorName(Text):
    """The class of an exception or warning: `TimeoutError`."""

    __slots__ = ()
    PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,79}", re.ASCII)


class Places(Text):
    """Key paths and kinds of value, in a contract's own words: `data[].user_data.em[]: email, ?test: text`."""

    __slots__ = ()
    PATTERN = re.compile(r"[A-Za-z0-9_.\[\]?:(), -]{1,4000}", re.ASCII)


class LoggerName(Text):
    """The name of a standard library logger: `aiohttp.server`."""

    __slots__ = ()
    PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,79}", re.ASCII)


OTHER_LOGGER: Final = LoggerName("other")

FIELDS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "storefront": StorefrontId,
    "destination": Destination,
    "reason": StrEnum,
    "code": PlatformCode,
    "seconds": (int, float),
    "count": int,
    "port": int,
    "error": ErrorName,
    "where": Where,
    "logger": LoggerName,
    "places": Places,
    "number": int,
    "right": StrEnum,
    "file": Stored,
}
"""Every field there is, with the only type that it takes."""


class Log:
    """Writes lines to `stream` (standard error by default). `now` gives Unix seconds. Never raises for a broken stream."""

    def __init__(self, stream: TextIO | None = None, now: Callable[[], float] = time.time) -> None:
        self._stream = stream
        self._now = now

    def say(  # noqa: PLR0913 - the whole vocabulary, by name
        self,
        happening: Happening,
        *,
        storefront: StorefrontId | None = None,
        destination: Destination | None = None,
        reason: StrEnum | None = None,
        code: PlatformCode | None = None,
        seconds: float | None = None,
        count: int | None = None,
        port: int | None = None,
        error: ErrorName | None = None,
        where: Where | None = None,
        logger: LoggerName | None = None,
        places: Places | None = None,
        number: int | None = None,
        right: StrEnum | None = None,
        file: Stored | None = None,
    ) -> None:
        """Write one line with the fields that are given. Raises TypeError, naming the field, for one of another type."""
        given = {
            "storefront": storefront,
            "destination": destination,
            "reason": reason,
            "code": code,
            "seconds": None if seconds is None else round(seconds, 3),
            "count": count,
            "port": port,
            "error": error,
            "where": where,
            "logger": logger,
            "places": places,
            "number": number,
            "right": right,
            "file": file,
        }
        self._write(Happening(happening), {name: value for name, value in given.items() if value is not None})

    def unexpected(self, error: BaseException) -> None:
        """Write that something unforeseen was raised: its class and the line of code, never its words."""
        self.say(Happening.UNEXPECTED_ERROR, error=name_of(error), where=innermost_frame(error))

    def _write(self, happening: Happening, fields: Mapping[str, object]) -> None:
        """Check the types once more, at the last moment before they become text, and write."""
        for name, value in fields.items():
            if not isinstance(value, FIELDS[name]):
                raise TypeError(f"log field {name}")
        time_text = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"time": time_text, "level": LEVELS[happening], "happening": happening, **fields})
        try:
            print(line, file=self._stream or sys.stderr, flush=True)
        except (OSError, ValueError):
            return  # nobody is left to tell


# ── where in the code ────────────────────────────────────────────────────────────────────────────────────────────

OUR_PACKAGES: Final = ("gateway", "adapters")
ROOT: Final = PurePath(__file__).parent.parent


def innermost_frame(error: BaseException) -> Where | None:
    """Say which line of ours was deepest when `error` was raised; a library's line when none was ours."""
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(_first(error).__traceback__)]
    ours = [frame for frame in frames if _is_ours(frame[0])]
    return place(*(ours or frames)[-1]) if frames else None


def name_of(error: BaseException | type[BaseException]) -> ErrorName:
    """Name an exception by its class; a group by the first that it holds."""
    kind = error if isinstance(error, type) else type(_first(error))
    return ErrorName(kind.__name__) if ErrorName.PATTERN.fullmatch(kind.__name__) else ErrorName("Exception")


def place(filename: str, line: int) -> Where:
    """Write a line of code out: from the package on for ours, else the last folder and the file; no local path."""
    path = PurePath(filename)
    parts = path.relative_to(ROOT).parts if _is_ours(filename) else path.parts[-2:]
    return Where(f"{re.sub(r'[^A-Za-z0-9_./<>-]', '_', '/'.join(parts).strip('/'))[-120:] or '_'}:{max(line or 0, 0)}")


def _is_ours(filename: str) -> bool:
    """Tell whether a file belongs to this project."""
    path = PurePath(filename)
    return path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[:1] in {(package,) for package in OUR_PACKAGES}


def _first(error: BaseException) -> BaseException:
    """Unpack a group of exceptions down to its first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


# ── what others say ──────────────────────────────────────────────────────────────────────────────────────────────

REPEAT_SECONDS: Final = 60.0
"""The same line of a library is written once a minute; the next one carries the count of those left out."""
MOST_LINES: Final = 1000

LOUDNESS: Final = ((logging.ERROR, Happening.UNEXPECTED_ERROR), (logging.WARNING, Happening.LIBRARY))


class Line(msgspec.Struct, frozen=True):
    """All that is kept of what a library said."""

    happening: Happening
    logger: LoggerName
    error: ErrorName | None
    where: Where | None


class Heard(msgspec.Struct):
    """When a line may be written again, and how often it was left out since."""

    again_at: float
    left_out: int = 0


class Reducer(logging.Handler):
    """Turns what libraries say into lines without their words."""

    def __init__(self, log: Log, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self._monotonic = monotonic
        self._heard: dict[Line, Heard] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Reduce a record to its logger, its level, the exception's class and the line of code."""
        error = record.exc_info[1] if record.exc_info else None
        happening = next(known for level, known in LOUDNESS if record.levelno >= level)
        where = innermost_frame(error) if error is not None else None
        self._say(happening, record.name, name_of(error) if error else None, where or place(record.pathname, record.lineno))

    def raised(self, speaker: str, error: BaseException | None) -> None:
        """Report an exception that nobody caught; `speaker` is a name of ours."""
        self._say(
            Happening.UNEXPECTED_ERROR, speaker, name_of(error) if error else None, innermost_frame(error) if error else None
        )

    def warned(self, category: type[Warning], filename: str, line: int) -> None:
        """Report a warning."""
        self._say(Happening.LIBRARY, "py.warnings", name_of(category), place(filename, line))

    def of_loop(self, _loop: asyncio.AbstractEventLoop, context: Mapping[str, object]) -> None:
        """Report what the event loop could not hand to anybody; for `loop.set_exception_handler`."""
        error = context.get("exception")
        self.raised("asyncio", error if isinstance(error, BaseException) else None)

    def _say(self, happening: Happening, logger: str, error: ErrorName | None, where: Where | None) -> None:
        name = LoggerName(logger) if LoggerName.PATTERN.fullmatch(logger) else OTHER_LOGGER
        line = Line(happening, name, error, where)
        now = self._monotonic()
        heard = self._heard.get(line)
        if heard is not None and now < heard.again_at:
            heard.left_out += 1
            return
        if len(self._heard) >= MOST_LINES:
            self._heard.clear()
        self._heard[line] = Heard(now + REPEAT_SECONDS)
        self._log.say(happening, logger=name, error=error, where=where, count=heard.left_out or None if heard else None)


def tame_libraries(log: Log | None = None) -> Reducer:
    """Route the standard library's logging, warnings and the hooks for uncaught exceptions through a `Reducer`.

    Give its `of_loop` to the event loop. Changes the whole process; call it once, before anything else can speak.
    """
    reducer = Reducer(log or Log())
    logging.raiseExceptions = False  # a failing handler would print the record's arguments
    logging.lastResort = None
    logging.root.handlers = [reducer]
    logging.root.setLevel(logging.WARNING)
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.handlers = []
            logger.propagate = True

    def warned(  # noqa: PLR0913, PLR0917 - the hook's own signature
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        del message, file, line
        reducer.warned(category, filename, lineno)

    def uncaught(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
        reducer.raised("uncaught", error)

    def in_thread(found: threading.ExceptHookArgs) -> None:
        reducer.raised("thread", found.exc_value)

    def unraisable(found: "sys.UnraisableHookArgs") -> None:
        reducer.raised("unraisable", found.exc_value)

    warnings.showwarning = warned
    sys.excepthook = uncaught
    threading.excepthook = in_thread
    sys.unraisablehook = unraisable
    return reducer
