import asyncio
import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from gateway.delivery.watcher import Stage
from gateway.log import (
    FIELDS,
    LEVELS,
    ErrorName,
    Happening,
    Level,
    Log,
    LoggerName,
    Reducer,
    Where,
    innermost_frame,
    name_of,
    place,
    tame_libraries,
)
from gateway.model.texts import PlatformCode, StorefrontId, TruncatedIp
from gateway.model.words import Destination, Reason

CANARY = "jane.doe@example.com"
NOW = 1_795_342_500.25


class Written:
    """A log on a buffer, and what was written so far."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.log = Log(self.stream, now=lambda: NOW)

    @property
    def text(self) -> str:
        """All of it."""
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Each line, read back."""
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def written() -> Written:
    """A log to look into."""
    return Written()


@pytest.fixture
def tamed(written: Written) -> Iterator[tuple[Written, Reducer]]:
    """The process with its libraries tamed; everything is put back afterwards."""
    root, hooks = logging.root, (sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning)
    before = (root.handlers, root.level, logging.raiseExceptions, logging.lastResort)
    yield written, tame_libraries(written.log)
    root.handlers, _, logging.raiseExceptions, logging.lastResort = before
    root.setLevel(before[1])
    sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning = hooks


def test_a_line_is_one_json_object_with_the_given_fields(written: Written) -> None:
    """Time, level and happening first, then what was given, nothing else."""
    written.log.say(
        Happening.DESTINATION_PAUSED,
        storefront=StorefrontId("demo"),
        destination=Destination.META,
        reason=Reason.CREDENTIAL,
        code=PlatformCode("190/463"),
        seconds=1.23456,
        count=2,
        port=8080,
        error=ErrorName("TimeoutError"),
        where=Where("gateway/app.py:1"),
        logger=LoggerName("asyncio"),
        number=12,
        right=Stage.BUILD,
    )
    assert written.lines == [
        {
            "time": "2026-11-22T10:15:00.250Z",
            "level": "error",
            "happening": "destination_paused",
            "storefront": "demo",
            "destination": "meta",
            "reason": "credential",
            "code": "190/463",
            "seconds": 1.235,
            "count": 2,
            "port": 8080,
            "error": "TimeoutError",
            "where": "gateway/app.py:1",
            "logger": "asyncio",
            "number": 12,
            "right": "build",
        }
    ]


@pytest.mark.parametrize("happening", Happening)
def test_every_happening_has_a_level_and_can_be_said(written: Written, happening: Happening) -> None:
    """The vocabulary is complete; a line without fields has three."""
    written.log.say(happening)
    assert written.lines == [
        {"time": "2026-11-22T10:15:00.250Z", "level": LEVELS[happening].value, "happening": happening.value}
    ]


@pytest.mark.parametrize("field", FIELDS)
def test_free_text_has_no_field(written: Written, field: str) -> None:
    """A plain string is refused by each field with its name only, and nothing is written."""
    with pytest.raises(TypeError) as caught:
        written.log.say(Happening.STARTED, **{field: CANARY})  # type: ignore[arg-type]  # the point of the test
    assert CANARY not in str(caught.value)
    assert written.text == ""


def test_a_checked_text_of_another_kind_is_refused(written: Written) -> None:
    """What is allowed in a store is not thereby allowed in a log."""
    with pytest.raises(TypeError):
        written.log.say(Happening.STARTED, where=TruncatedIp("203.0.113.0"))  # type: ignore[arg-type]  # the point
    with pytest.raises(ValueError, match="is not a valid Happening"):
        written.log.say("anything")  # type: ignore[arg-type]  # the point of the test


def test_any_closed_vocabulary_can_be_a_reason(written: Written) -> None:
    """Reasons come from several enums."""
    written.log.say(Happening.ADAPTER_FAULT, reason=Stage.BUILD)
    assert written.lines[0]["reason"] == "build"
    assert isinstance(Stage.BUILD, StrEnum)


def test_a_broken_stream_is_borne() -> None:
    """When nobody reads the log any more, the gateway goes on."""
    stream = io.StringIO()
    stream.close()
    Log(stream).say(Happening.STARTED)
    Log(stream).unexpected(ValueError(CANARY))
    assert stream.closed


def test_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output belongs to the commands' answers."""
    Log().say(Happening.STARTED)
    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err)["happening"] == "started"


# ── where in the code ────────────────────────────────────────────────────────────────────────────────────────────


def caught_from(call: Callable[[], object]) -> Exception:
    """Give what a call raised."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any exception at all
        call()
    return caught.value


def test_the_innermost_line_of_ours_is_named() -> None:
    """Beneath a library's frames, ours is what helps."""
    error = caught_from(lambda: StorefrontId("@@@"))
    assert str(innermost_frame(error)).startswith("gateway/model/texts.py:")


def test_a_librarys_line_is_named_when_none_is_ours() -> None:
    """The last folder and the file; no local path."""
    where = innermost_frame(caught_from(lambda: json.loads("{")))
    assert where is not None
    assert where.startswith("json/decoder.py:")
    assert innermost_frame(ValueError()) is None


def test_a_group_is_named_by_its_first() -> None:
    """A task group's own frames say nothing."""
    group = ExceptionGroup(CANARY, [ExceptionGroup(CANARY, [caught_from(lambda: StorefrontId("@"))]), ValueError()])
    assert name_of(group) == "ValueError"
    assert str(innermost_frame(group)).startswith("gateway/model/texts.py:")
    assert name_of(type("weird-name" + CANARY, (Exception,), {})) == "Exception"


@pytest.mark.parametrize("filename", ["", "/", "<string>", f"/home/{CANARY}.py", "C:\\x y.py", "é" * 300, "a/" * 200 + "b.py"])
def test_any_file_name_becomes_a_place(filename: str) -> None:
    """Whatever the interpreter calls a file, the place is short and plain, and no address is in it."""
    assert "@" not in place(filename, 3)
    assert place(filename, -1).endswith(":0")


def test_a_place_of_ours_begins_at_the_package() -> None:
    """No local path is written."""
    assert place(sys.modules["gateway.model.texts"].__file__ or "", 7) == "gateway/model/texts.py:7"


# ── what others say ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["aiohttp.server", "aiohttp.client", "aiohttp.access", "asyncio", "root", f"x.{CANARY}"])
def test_a_librarys_words_are_dropped(tamed: tuple[Written, Reducer], name: str) -> None:
    """Message, arguments and the exception's text of any logger vanish; who, how loud, class and place stay."""
    written, _ = tamed
    logger = logging.getLogger(None if name == "root" else name)
    error = caught_from(lambda: dict[str, int]()[CANARY])
    logger.error("Error handling request from %s: %r", CANARY, CANARY.encode(), exc_info=error)
    logger.warning("plain %s", CANARY)
    logger.info("quiet %s", CANARY)
    assert CANARY not in written.text
    assert [(line["happening"], line["logger"], line.get("error")) for line in written.lines] == [
        ("unexpected_error", "other" if "@" in name else name, "KeyError"),
        ("library", "other" if "@" in name else name, None),
    ]
    assert all("test_log.py:" in line["where"] for line in written.lines)


def test_a_logger_with_a_handler_of_its_own_loses_it() -> None:
    """No logger made before keeps a way around."""
    said = run(
        "import logging, sys\n"
        "own = logging.getLogger('own'); own.addHandler(logging.StreamHandler(sys.stderr)); own.propagate = False\n"
        "from gateway.log import tame_libraries\n"
        "tame_libraries()\n"
        f"own.error('{CANARY}')\n"
    )
    assert CANARY not in said
    assert json.loads(said)["logger"] == "own"


def test_the_same_line_is_written_once_a_minute(written: Written) -> None:
    """Who floods a log hides something in it: repeats are counted, and the count is told with the next."""
    clock = [0.0]
    reducer = Reducer(written.log, monotonic=lambda: clock[0])
    for second in (0, 1, 59, 60, 61, 200):
        clock[0] = float(second)
        reducer.warned(ResourceWarning, "/x/y/z.py", 5)
    reducer.warned(ResourceWarning, "/x/y/z.py", 6)
    assert [line.get("count") for line in written.lines] == [None, 2, 1, None]


def test_the_memory_for_repeats_is_bounded(written: Written) -> None:
    """Many different lines are all written, and no more than a thousand are remembered."""
    reducer = Reducer(written.log, monotonic=lambda: 0.0)
    for line in range(2500):
        reducer.warned(ResourceWarning, "z.py", line)
    assert len(written.lines) == 2500
    assert len(reducer._heard) <= 1000


def test_a_warning_is_reduced_to_its_class_and_place(tamed: tuple[Written, Reducer]) -> None:
    """Warnings quote code and values."""
    written, _ = tamed
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = sys.modules["warnings"].showwarning
        warnings.warn(CANARY, ResourceWarning, stacklevel=1)
    assert [(line["logger"], line["error"]) for line in written.lines] == [("py.warnings", "ResourceWarning")]
    assert CANARY not in written.text


async def test_the_loops_complaints_are_reduced(written: Written) -> None:
    """The loop's own handler prints reprs of tasks and their results."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(Reducer(written.log).of_loop)
    loop.call_soon(lambda: StorefrontId(CANARY))
    await asyncio.sleep(0)
    loop.call_exception_handler({"message": CANARY, "task": CANARY})
    assert [(line["logger"], line.get("error")) for line in written.lines] == [("asyncio", "ValueError"), ("asyncio", None)]
    assert CANARY not in written.text


LOOP = "import asyncio\nasync def f(): asyncio.get_running_loop()."


def run(code: str) -> str:
    """Run code in a process of its own and give what it wrote to standard error."""
    root = Path(sys.modules["gateway.log"].__file__ or "").parent.parent
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=False).stderr  # noqa: S603 - our own interpreter and code


@pytest.mark.parametrize(
    ("code", "logger"),
    [
        (f"raise ValueError('{CANARY}')", "uncaught"),
        (f"import threading; t = threading.Thread(target=lambda: int('{CANARY}')); t.start(); t.join()", "thread"),
        (f"class A:\n  def __del__(self): raise ValueError('{CANARY}')\nA()", "unraisable"),
        (f"import warnings; warnings.warn('{CANARY}')", "py.warnings"),
        (f"import logging; logging.getLogger('x').error('%d', '{CANARY}')", "x"),
        (f"import logging; x = logging.getLogger('x'); x.addHandler(logging.StreamHandler()); x.error('%d', '{CANARY}')", "x"),
        (f"{LOOP}call_soon(int, '{CANARY}'); await asyncio.sleep(0)\nasyncio.run(f())", "asyncio"),
    ],
)  # fmt: skip
def test_no_way_out_of_the_process_quotes(code: str, logger: str) -> None:
    """Uncaught exceptions of the process, its threads, finalisers and callbacks, and warnings: one plain line each."""
    said = run(f"from gateway.log import tame_libraries\ntame_libraries()\n{code}")
    assert CANARY not in said
    assert [json.loads(line)["logger"] for line in said.splitlines()] == [logger]


def test_levels_are_the_three_that_people_act_on() -> None:
    """Nothing is fatal or debug."""
    assert set(LEVELS.values()) <= set(Level)
