"""`consent-gateway send`: posts a file of orders, with a bar, and ends with a summary.

The exit code says what to do next: 0 nothing, 1 give the command again, 2 give another one, 3 mend lines of the file. A refusal
for want of consent is an answer like any other.
"""

import argparse
import asyncio
import os
from pathlib import Path
from typing import Final

from gateway import backfill
from gateway.commands.ending import Ended
from gateway.commands.progress import bar
from gateway.commands.showing import err, out
from gateway.references import BadReference, resolve
from gateway.secret import Secret

NOT_TAKEN: Final = 3
"""All of the file was answered, and the gateway did not take some events: sent again as they are, they would fare the same."""


def run(arguments: argparse.Namespace) -> int:
    """Send a file; gives 0 when every line was answered and none was invalid, else 3. Raises Ended."""
    path: Path = arguments.file
    try:
        key = resolve(arguments.key, Path.cwd(), os.environ)
        size = _size(path)
        progress = _send(arguments, path, size, key)
    except BadReference as bad:
        raise Ended(2, f"--key: {bad}") from None
    except backfill.Stopped as stopped:
        raise Ended(1, _why_stopped(stopped)) from None
    for line in backfill.summary(progress):
        out.print(line, markup=False)
    if not progress.invalid:
        return 0
    err.print(
        f"{progress.invalid} event{'s were' if progress.invalid > 1 else ' was'} not taken, for the reasons above. Mend the"
        " lines, and send the file with --again: what was taken is recognised."
    )
    return NOT_TAKEN


def _size(path: Path) -> int:
    """Tell how long a file is that can be read. Raises Ended."""
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_size
    except OSError:
        raise Ended(2, "The file cannot be read.") from None


def _send(arguments: argparse.Namespace, path: Path, size: int, key: Secret) -> backfill.Progress:
    """Send what no earlier run has sent, with a bar; gives how far all runs came. Raises Stopped."""
    progress = backfill.Progress() if arguments.again else backfill.load_progress(path)
    progress.begin(path, arguments.to)
    if progress.offset >= size > 0:
        out.print(f"An earlier run sent all of it: {progress.lines} events are answered. --again begins at the start.")
    elif progress.offset:
        out.print(f"Going on where an earlier run stopped: {progress.lines} events are answered.")
    with bar("{task.fields[events]} events") as shown:
        task = shown.add_task("sending", total=size, completed=progress.offset, events=progress.lines)

        def told(now: backfill.Progress) -> None:
            shown.update(task, completed=now.offset, events=now.lines)

        def waits(why: backfill.Wait) -> None:
            err.print(f"Waiting: {why.value}. Tried again for {backfill.PATIENCE / 60:.0f} minutes; Ctrl-C ends it.")

        try:
            return asyncio.run(backfill.send(path, arguments.to, key, arguments.rate, progress, told, waits=waits))
        except KeyboardInterrupt:
            err.print(f"Stopped: {progress.lines} events are answered. The same command goes on from there.")
            raise


def _why_stopped(stopped: backfill.Stopped) -> str:
    where = f" (line {stopped.line} of the file)" if stopped.line else ""
    status = f" (status {stopped.status})" if stopped.status else ""
    return f"Stopped: {stopped.trouble.value}{where}{status}."
