"""Kills a process that writes the signed log, again and again, and looks for a false alarm or a lost entry.

    python -m tests.signed [--kills 200] [--seed 1]      (make signed)

A small process appends entries as fast as it can, makes checkpoints often, and prints the number of each entry once it knows
that it stands. It gets SIGKILL at a random moment, hundreds of times over one log. After each kill the log must open, hold
every entry that was told, and verify against every checkpoint that was ever handed out.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from gateway.signing import recorder
from gateway.signing.checkpoint import split_notes
from gateway.signing.entry import Counted, Counts, Outlet, Row, Started
from gateway.signing.note import SigningKey
from gateway.signing.outlets import ToFile
from gateway.signing.recorder import LogState, SignedLog
from gateway.signing.store import ENTRIES, LogFile, handed_out_of
from gateway.signing.verify import Fault, Held, held, verify

ORIGIN: Final = "torture.example/log"
KEY: Final = SigningKey(ORIGIN, bytes(range(32)))
WRITE: Final = """
import asyncio, sys
from pathlib import Path
from tests.signed import write
asyncio.run(write(Path(sys.argv[1])))
"""
LONGEST_LIFE: Final = 0.25
"""Seconds from the first entry told to the kill."""


class Ear:
    """Hears of trouble, and ends the process for it."""

    def log_state(self, state: LogState) -> None:
        """There must be none."""
        raise SystemExit(f"the log is {state}")

    def export_trouble(self, outlet: Outlet, troubled: bool) -> None:
        """There must be none."""
        raise SystemExit(f"{outlet}: {troubled}")


async def write(folder: Path) -> None:
    """Append until killed: some entries at once, some alone, checkpoints every 50. Prints the number of each that stands."""
    recorder.CHECKPOINT_ENTRIES = 50  # type: ignore[misc]
    handed_out = folder / "checkpoints.txt"
    before = handed_out_of(handed_out.read_text() if handed_out.exists() else "", KEY)
    file = LogFile.open(folder / "log", ORIGIN, KEY, before)
    log = SignedLog(file, [ToFile(handed_out)], Ear())
    print(await log.append(Started("1", file.cut)), flush=True)
    while True:
        entry = Counts((Row("shop", None, Counted.ACCEPTED, random.randrange(1 << 40)),) * random.randrange(1, 40))  # noqa: S311
        numbers = await asyncio.gather(*(log.append(entry) for _ in range(random.choice((1, 1, 5, 40)))))  # noqa: S311
        print(max(numbers), flush=True)


class Findings(msgspec.Struct):
    """What a run found; `faults` is empty when every promise was kept."""

    kills: int
    entries: int
    checkpoints: int
    cut: int
    """Starts at which a half-written end was taken off."""
    seconds: float
    faults: list[str]


async def torture(folder: Path, kills: int, seed: int, told: Callable[[int], None] = lambda _kills: None) -> Findings:
    """Kill the writer so many times, and judge after each. `told` hears of every kill."""
    began, dice, faults, cut = time.monotonic(), random.Random(seed), list[str](), 0  # noqa: S311 - repeatable by intent
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing else runs yet
    for kill in range(kills):
        standing = await _life(folder, dice.uniform(0, LONGEST_LIFE))
        cut += not (folder / "log" / ENTRIES).read_bytes().endswith(b"\n")
        faults += [f"kill {kill + 1}: {fault}" for fault in judge(folder, standing)]
        told(kill + 1)
    lines = (folder / "log" / ENTRIES).read_bytes().count(b"\n")
    return Findings(kills, lines, len(_checkpoints(folder)), cut, time.monotonic() - began, faults)


async def _life(folder: Path, seconds: float) -> int:
    """Run the writer for so long after its first entry stood, and kill it; gives the highest number that it was told."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITE, str(folder), stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parent.parent
    )
    assert process.stdout is not None
    first = await process.stdout.readline()
    await asyncio.sleep(seconds)
    if process.returncode is None:
        process.kill()
    rest = await process.stdout.read()
    await process.wait()
    *whole, _ = (first + rest).split(b"\n")
    return int(whole[-1]) if whole else -1


def judge(folder: Path, standing: int) -> Iterator[str]:
    """Look at a log whose writer was killed: what was told to stand is there, and what was handed out fits."""
    checkpoints = _checkpoints(folder)
    with (folder / "log" / ENTRIES).open("rb") as lines:
        report = verify(lines, [one for one in checkpoints if isinstance(one, Held)])
    if standing < 0:
        yield "the writer did not begin"
    if report.entries <= standing:
        yield f"entry {standing} was told to stand, and there are {report.entries}"
    yield from (fault.words for fault in (*(one for one in checkpoints if isinstance(one, Fault)), *report.faults))


def _checkpoints(folder: Path) -> list[Held | Fault]:
    path = folder / "checkpoints.txt"
    notes = split_notes(path.read_text()) if path.exists() else []
    return [held(str(number), note, [KEY.verifier], ORIGIN) for number, note in enumerate(notes)]


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description="kill the signed log's writer and look for false alarms")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    def told(kills: int) -> None:
        print(f"\r{kills} kills", end="", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(torture(Path(folder) / "it", arguments.kills, arguments.seed, told))
    print(file=sys.stderr)
    print(
        f"{found.kills} kills in {found.seconds:.0f} s: {found.entries} entries, {found.checkpoints} checkpoints handed out,"
        f" {found.cut} ends cut short, {len(found.faults)} faults"
    )
    print("\n".join(found.faults[:20]))
    return int(bool(found.faults))


if __name__ == "__main__":
    sys.exit(main())
