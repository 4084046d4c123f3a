"""`python -m tests.fuzz [TARGET …] [--seconds 60]`: bytes that lead somewhere new, guided by coverage, against every parser.

Each target runs in a process of its own, forked from one that was instrumented once, from its seeds and from what earlier runs
kept in `.state/fuzz/TARGET`. What breaks a law is written there as `crash-…`, and said at the end; `python -m tests.fuzz
TARGET FILE` shows it again. How long a body takes is asked afterwards and without instruments, of whatever took longest with
them.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.effort import seconds
from tests.fuzz.targets import DECLARED, LONGEST, MOST_SECONDS, TARGETS, WORDS, Target, check, mutate_json

KEPT: Final = Path(".state/fuzz")
LOG: Final = "log"
SLOW: Final = "slow-"
SLOWEST_KEPT: Final = 3
PROGRAM: Final = """
import atheris, sys
with atheris.instrument_imports(include=["gateway.sources", "gateway.consent", "gateway.line", "gateway.minimise"]):
    import tests.fuzz.__main__ as fuzzing
fuzzing.fork_each(atheris, fuzzing.Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
"""
"""Instruments what it imports, so it imports everything before this module does."""


def fork_each(atheris: Any, kept: Path, limit: str, names: Sequence[str]) -> None:
    """Run targets one after the other, each in a fork of this process that ends as libFuzzer ends it."""
    for name in names:
        if (child := os.fork()) == 0:
            with (kept / name / LOG).open("wb") as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
            _fuzz(atheris, TARGETS[name], kept / name, limit)
        _, status = os.waitpid(child, 0)
        with (kept / name / LOG).open("a") as log:
            log.write(f"\nstat::ended_with: {os.waitstatus_to_exitcode(status)}\n")


def _fuzz(atheris: Any, target: Target, folder: Path, limit: str) -> None:
    slowest = [0.0] * SLOWEST_KEPT

    def one(body: bytes) -> None:
        began = time.thread_time()
        check(target, body)
        took = time.thread_time() - began
        if took > min(slowest):
            place = slowest.index(min(slowest))
            slowest[place] = took
            (folder / f"{SLOW}{place}").write_bytes(body)

    seeds, found = folder / "seeds", folder / "found"
    seeds.mkdir(exist_ok=True)
    found.mkdir(exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (seeds / f"{number:03}").write_bytes(seed[:LONGEST])
    words = folder / "words"
    words.write_text("".join('"' + "".join(f"\\x{byte:02x}" for byte in word.encode()) + '"\n' for word in WORDS))
    options = [
        "-verbosity=0",
        "-print_final_stats=1",
        f"-artifact_prefix={folder}/",
        f"-max_len={LONGEST}",
        f"-dict={words}",
        "-timeout=10",
    ]

    def mutate(body: bytes, most: int, seed: int) -> bytes:
        changed = mutate_json(body, seed) if seed % 2 else body
        return changed if changed != body and len(changed) <= most else atheris.Mutate(body, most)

    atheris.Setup(["fuzz", *options, f"-{limit}", str(found), str(seeds)], one, custom_mutator=mutate)
    atheris.Fuzz()


def faults(name: str, folder: Path) -> Iterator[str]:
    """Say what a run left behind: broken laws by file, and bodies that take too long."""
    for path in (*sorted(folder.glob("crash-*")), *sorted(folder.glob("timeout-*")), *sorted(folder.glob("oom-*"))):
        yield f"{name}: {path} breaks a law; see it again with: python -m tests.fuzz {name} {path}"
    for path in sorted(folder.glob(f"{SLOW}*")):
        if (took := seconds(partial(read_quietly, TARGETS[name], path.read_bytes()))) > MOST_SECONDS:
            yield f"{name}: {path} takes {1000 * took:.0f} ms"


def read_quietly(target: Target, body: bytes) -> None:
    """Read a body, or be told in a declared way that it cannot be read."""
    try:
        list(target.read(body))
    except DECLARED:
        return


def _told(folder: Path) -> dict[str, str]:
    """Read libFuzzer's figures from a run's log."""
    lines = (folder / LOG).read_text(errors="replace").splitlines()
    return dict(line.removeprefix("stat::").split(":", 1) for line in lines if line.startswith("stat::"))


def run(names: Sequence[str], kept: Path, limit: str) -> list[str]:
    """Fuzz these targets, each up to `limit` (libFuzzer's: `max_total_time=60`, `runs=1000`), and say what was found."""
    found = []
    for name in names:
        (kept / name).mkdir(parents=True, exist_ok=True)
    arguments = [sys.executable, "-c", PROGRAM, str(kept), limit, *names]
    with (kept / LOG).open("wb") as log:  # names of all that was instrumented
        subprocess.run(arguments, check=True, stderr=log, env={**os.environ, "PYTHONPATH": str(Path.cwd())})  # noqa: S603 - our own program
    for name in names:
        told, wrong = _told(kept / name), list(faults(name, kept / name))
        if told["ended_with"].strip() != "0" and not wrong:
            wrong = [f"{name}: ended early, see {kept / name / LOG}"]
        bodies, new = (told.get(key, "0").strip() for key in ("number_of_executed_units", "new_units_added"))
        print(f"{name:18} {bodies:>9} bodies, {new:>5} led somewhere new, {'FAULT' if wrong else 'fine'}", flush=True)
        found += wrong
    return found


def main() -> int:
    """Fuzz the named targets, or all. Returns 1 if a law was broken."""
    reader = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").split("\n")[0])
    reader.add_argument("targets", nargs="*", help=f"some of {', '.join(TARGETS)}; or one of them and a file, to show it again")
    reader.add_argument("--seconds", type=int, default=60, help="how long each is fuzzed (default 60)")
    reader.add_argument("--bodies", type=int, help="end each after so many bodies instead")
    reader.add_argument("--kept", type=Path, default=KEPT, help=f"where findings are kept (default {KEPT})")
    asked = reader.parse_args()
    if len(asked.targets) == 2 and Path(asked.targets[1]).is_file():
        check(TARGETS[asked.targets[0]], Path(asked.targets[1]).read_bytes())
        print("every law holds")
        return 0
    if unknown := set(asked.targets).difference(TARGETS):
        reader.error(f"no such target: {', '.join(sorted(unknown))}")
    if importlib.util.find_spec("atheris") is None:
        print("atheris has no wheels for this machine; the laws are held against seeds by the tests alone")
        return 0
    names = asked.targets or list(TARGETS)
    limit = f"max_total_time={asked.seconds}" if asked.bodies is None else f"runs={asked.bodies}"
    print(f"{len(names)} targets, each up to {limit} …", flush=True)
    found = run(names, asked.kept, limit)
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
