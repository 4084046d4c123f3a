import argparse
import asyncio
import inspect
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest

from gateway import cli
from gateway.cli import COMMANDS, NO_ROOM_TOLD, main
from gateway.metrics import VERSION
from tests.disk import full_disk
from tests.doorway import NOWHERE
from tests.gateway.commands.doing import Capture, standing_in
from tests.live import install
from tests.showing import ENV, command


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Print lines whole."""
    monkeypatch.setenv("COLUMNS", "200")


# ── crashing ─────────────────────────────────────────────────────────────────────────────────────────────────────


CRASH: Final = """
import os, resource
from gateway.cli import main
_, most = resource.getrlimit(resource.RLIMIT_CORE)
resource.setrlimit(resource.RLIMIT_CORE, (most, most))
print(main(["check", "--config", "nowhere"]), resource.getrlimit(resource.RLIMIT_CORE), flush=True)
os.abort()
"""


async def test_a_crash_leaves_no_core(tmp_path: Path) -> None:
    """However large a core the environment allows: in it would be what the process held, addresses and keys among it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CRASH),
        cwd=tmp_path,
        env=ENV | {"PYTHONPATH": str(Path(cli.__file__).parent.parent)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await process.communicate()
    assert process.returncode == -signal.SIGABRT
    assert said in {b"2 (1, 1)\n", b"2 (0, 0)\n"}  # where nobody may have one, it stays so
    assert left_in(tmp_path) == []


def left_in(folder: Path) -> list[Path]:
    """List what was written into a folder."""
    return list(folder.iterdir())


# ── teaching ─────────────────────────────────────────────────────────────────────────────────────────────────────


def help_of(*arguments: str, capsys: Capture) -> str:
    """Give what `--help` says."""
    with pytest.raises(SystemExit) as left:
        main([*arguments, "--help"])
    assert left.value.code == 0
    return capsys.readouterr().out


def test_the_commands_are_all_named(capsys: Capture) -> None:
    """`--help` names each with what it is for, and says where to begin."""
    said = help_of(capsys=capsys)
    assert all(re.search(rf"(?m)^ +{name}\s+{re.escape(COMMANDS[name].summary[:40])}", said) for name in COMMANDS)
    assert "consent-gateway demo" in said


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches(name: str, capsys: Capture) -> None:
    """Its own `--help` says what it does in words, and what every argument means."""
    said = help_of(name, capsys=capsys)
    assert all(line in said for line in COMMANDS[name].teach.splitlines())
    assert f"usage: consent-gateway {name}" in said


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Give a parser and those of all commands below it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from parsers(sub)


@pytest.mark.parametrize("parser", [*parsers(cli._parser())], ids=lambda parser: parser.prog)
def test_every_argument_is_explained(parser: argparse.ArgumentParser) -> None:
    """Each command says what it does, and what each argument of it is."""
    assert parser.description
    actions = [action for action in parser._actions if not isinstance(action, argparse._SubParsersAction)]
    assert [action.dest for action in actions if not action.help] == []


def test_the_version_is_told(capsys: Capture) -> None:
    """The one that metrics tell."""
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"consent-gateway {VERSION}\n"


@pytest.mark.parametrize("how", ["--csv", "--json"])
async def test_who_reads_no_further_is_no_fault(tmp_path: Path, how: str) -> None:
    """As `head` does: exit code 1 and no traceback."""
    stopped = install(tmp_path / "it", NOWHERE)
    read, written = os.pipe()
    os.close(read)
    process = await asyncio.create_subprocess_exec(
        *command("audit", "shapes", how, "--config", str(stopped.config)),
        stdout=written,
        stderr=asyncio.subprocess.PIPE,
        env=ENV,
    )
    os.close(written)
    _, said = await process.communicate()
    assert (process.returncode, said) == (1, b"")


async def test_a_locale_without_our_characters_is_no_fault() -> None:
    """Latin-1 has no `…`: it is written in another way, and the rest as it is."""
    process = await asyncio.create_subprocess_exec(
        *command("tag", "--help"), stdout=asyncio.subprocess.PIPE, env=ENV | {"PYTHONIOENCODING": "latin-1"}
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    assert b"pk_\\u2026" in said


async def test_an_output_that_takes_no_more_is_said(tmp_path: Path) -> None:
    """As a full disk behind `>`: exit code 1 and what to do, no traceback."""
    stopped = install(tmp_path / "it", NOWHERE)
    with Path("/dev/full").open("wb") as full:  # noqa: ASYNC230 - a device
        process = await asyncio.create_subprocess_exec(
            *command("audit", "shapes", "--csv", "--config", str(stopped.config)),
            stdout=full,
            stderr=asyncio.subprocess.PIPE,
            env=ENV,
        )
    _, said = await process.communicate()
    assert (process.returncode, said.decode().strip()) == (1, NO_ROOM_TOLD)


def test_a_file_that_finds_no_room_is_said(tmp_path: Path, capsys: Capture) -> None:
    """The same of the files that a command writes; those of before stay."""
    arguments = ("audit", "contracts", "--shipped", "--out", str(tmp_path))
    assert main(arguments) == 0
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with full_disk():
        assert main(arguments) == 1
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert capsys.readouterr().err.strip() == NO_ROOM_TOLD


@pytest.mark.parametrize(
    "arguments", [(), ("nothing",), ("explain",), ("explain", "shop", "no_event", "1"), ("send", "f"), ("key",)]
)
def test_wrong_use_is_2_and_says_what_is_right(arguments: tuple[str, ...], capsys: Capture) -> None:
    """The usage goes to standard error."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "usage: consent-gateway" in capsys.readouterr().err


async def test_the_installed_command_hands_its_exit_code_on() -> None:
    """A script can rely on it."""
    process = await asyncio.create_subprocess_exec(
        *command("check", "--config", "/nowhere.toml"), stderr=asyncio.subprocess.PIPE, env=ENV
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert b"There is no configuration at /nowhere.toml" in said
    assert b"copy gateway.example.toml" in said


# ── starting fast ────────────────────────────────────────────────────────────────────────────────────────────────

GATEWAY: Final = frozenset({"aiohttp", "apsw", "uvloop", "gateway.app", "gateway.assembly", "gateway.sandbox"})
"""What only a gateway that runs needs, and a store that is opened."""
CONFIGURATION: Final = frozenset({"adapters", "pydantic", "gateway.settings"})
PRINTING: Final = frozenset({"asyncio", "cryptography", "rich", "urllib.request"})


async def brought_in(*arguments: str) -> set[str]:
    """Give a command in a process of its own, and say which modules it had in memory at its end."""
    program = (
        "import atexit, sys; from gateway.cli import main\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "sys.exit(main())"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, env=ENV
    )
    _, said = await process.communicate()
    assert process.returncode == 0, said
    return set(said.decode().split())


HELP: Final = (("--help",), *((name, "--help") for name in COMMANDS))
EACH: Final = """
import json, os, sys
from gateway.cli import main
said = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
for arguments in json.loads(sys.argv[1]):
    if not (child := os.fork()):
        try:
            code = main(arguments)
        except SystemExit as left:
            code = left.code
        os.write(said, json.dumps([" ".join(arguments), code, *sys.modules]).encode() + b"\\n")
        os._exit(0)
    os.waitpid(child, 0)
"""
"""Gives each command in a copy of a process that has brought in what all need; a line of what each had in memory at its end."""


@pytest.fixture(scope="module")
def told() -> Mapping[str, tuple[int, set[str]]]:
    """The exit code of every `--help`, and which modules it had in memory at its end."""
    program = [sys.executable, "-c", EACH, json.dumps(HELP)]
    lines = subprocess.run(program, env=ENV, capture_output=True, check=True).stdout  # noqa: S603 - the program above
    return {name: (code, set(modules)) for name, code, *modules in map(json.loads, lines.splitlines())}


@pytest.mark.xdist_group("help")
@pytest.mark.parametrize("arguments", HELP, ids=" ".join)
def test_help_brings_nothing_in(told: Mapping[str, tuple[int, set[str]]], arguments: tuple[str, ...]) -> None:
    """It is answered from what can be typed alone."""
    code, modules = told[" ".join(arguments)]
    assert (code, modules & (GATEWAY | CONFIGURATION | PRINTING)) == (0, set())


async def test_a_key_is_made_without_a_gateway(tmp_path: Path) -> None:
    """Nor is a configuration read for it."""
    path = tmp_path / "sealing.json"
    assert await brought_in("key", "file", str(path)) & (GATEWAY | CONFIGURATION) == set()
    made = await brought_in("key", "make", "--kind", "secret", "--id", "a", "--key-file", str(path))
    assert made & (GATEWAY | CONFIGURATION) == set()


NOTHING: Final[Mapping[tuple[str, ...], object]] = {
    ("accounts", "shop"): {
        "received": 0,
        "by_status": {},
        "by_reason": {},
        "differing_repeats": 0,
        "destinations": {},
        "balanced": True,
    },
    ("health", "shop"): {"storefront": "shop", "ready": True, "why": None, "first_expiry": None, "lanes": {}},
    ("dead", "shop"): {"total": 0, "letters": []},
    ("replay", "shop"): {"total": 0, "letters": [], "looked_at": 0, "next": None, "lots": []},
    ("audit", "shapes"): {"rows": [], "newest": 0},
    ("audit", "approve", "shop", "x", "--up-to", "1"): {"approved": 0},
    ("explain", "shop", "purchase", "1"): {
        "status": "refused",
        "received_at": "2026-11-22T10:00:00Z",
        "rule": "no_consent",
        "signals": {},
        "fields": [],
        "repeats": 0,
        "destinations": {},
    },
}
"""Commands that ask, and how a gateway answers that has nothing to say."""


@pytest.mark.parametrize("arguments", NOTHING, ids=" ".join)
async def test_who_asks_a_running_gateway_needs_no_other(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Neither a server nor a store is brought in for it."""
    there = install(tmp_path / "it", NOWHERE)
    async with standing_in(there, 200, json.dumps(NOTHING[arguments])):
        assert await brought_in(*arguments, "--config", str(there.config)) & GATEWAY == set()


async def test_a_configuration_is_checked_without_a_gateway(tmp_path: Path) -> None:
    """Unless platforms are asked too."""
    assert await brought_in("check", "--config", str(install(tmp_path / "it", NOWHERE).config)) & GATEWAY == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_file_that_runs_it(name: str) -> None:
    """Of its name, with `run`: what is brought in by name no type checker sees."""
    run = import_module(f"gateway.commands.{name.replace('-', '_')}").run
    assert inspect.signature(run) == inspect.signature(shape)


def shape(arguments: argparse.Namespace) -> int:
    """Be what every command is: arguments in, exit code out."""
    raise NotImplementedError(arguments)


def test_no_library_speaks_for_itself_in_a_command() -> None:
    """asyncio, asked to by PYTHONASYNCIODEBUG, would write out what a slow callback gave: an address, or a key."""
    code = (
        "import logging\nfrom gateway import cli\n"
        "cli._run = lambda _: logging.getLogger('asyncio').warning('Executing %r', 'jane.doe@example.com') or 0\n"
        "cli.main(['console', 'password'])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert "jane" not in said.stdout + said.stderr
    assert "Traceback" not in said.stderr
