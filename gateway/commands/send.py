"""`consent-gateway send`: posts a file of orders, with a bar, and ends with a summary."""

import argparse
import asyncio
import os
from pathlib import Path

from gateway import backfill
from gateway.commands.ending import Ended
from gateway.commands.progress import bar
from gateway.commands.showing import out
from gateway.references import BadReference, resolve


def run(arguments: argparse.Namespace) -> int:
    """Send a file; gives 0 when every line was answered. Raises Ended."""
    path: Path = arguments.file
    try:
        key = resolve(arguments.key, Path.cwd(), os.environ)
        size = path.stat().st_size
    except BadReference as bad:
        raise Ended(2, f"--key: {bad}") from None
    except OSError:
        raise Ended(2, "The file cannot be read.") from None
    progress = backfill.Progress() if arguments.again else backfill.load_progress(path)
    if progress.offset:
        out.print(f"Going on where an earlier run stopped: {progress.lines} events are answered.")
    with bar("{task.fields[events]} events") as shown:
        task = shown.add_task("sending", total=size, completed=progress.offset, events=progress.lines)

        def told(now: backfill.Progress) -> None:
            shown.update(task, completed=now.offset, events=now.lines)

        try:
            asyncio.run(backfill.send(path, arguments.to, key, arguments.rate, progress, told))
        except backfill.Stopped as stopped:
            raise Ended(1, _why_stopped(stopped)) from None
    for line in backfill.summary(progress):
        out.print(line, markup=False)
    return 0


def _why_stopped(stopped: backfill.Stopped) -> str:
    where = f" (line {stopped.line} after the last answered one)" if stopped.line else ""
    status = f" (status {stopped.status})" if stopped.status else ""
    return f"Stopped: {stopped.trouble.value}{where}{status}."
