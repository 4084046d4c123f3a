import argparse
import asyncio
import csv
import json
import os
import re
import signal
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from aiohttp import web

from gateway import cli
from gateway.audit.advice import NAMES, advise
from gateway.cli import COMMANDS, main
from gateway.delivery.rehearsal import NOBODY
from gateway.keys import Doorkeeper, KeyHash, KeyId, KeyKind, StoredKey
from gateway.metrics import VERSION
from gateway.model import Destination, Reason, StorefrontId
from gateway.outbox.keyring import Keyring
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.platforms import TOKENS, Platforms
from tests.configuration import GOOD, write
from tests.doorway import NOWHERE, purchase, refused
from tests.live import Installation, Process, install
from tests.showing import ENV, command

Capture = pytest.CaptureFixture[str]
COLUMNS: Final = ("order_id", "purchased_on", "value", "currency", "email", "advertising")


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Print lines whole, and find no configuration by chance."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv(cli.CONFIG_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Process]:
    """A gateway in a process of its own, on three platforms."""
    async with Platforms.start() as platforms:
        process = Process(install(tmp_path / "it", platforms.base_urls))
        await process.start()
        yield process
        assert await process.stop() == 0


@pytest.fixture
def stopped(tmp_path: Path) -> Installation:
    """An installation whose gateway is not running."""
    return install(tmp_path / "it", NOWHERE)


async def do(*arguments: str) -> int:
    """Run a command beside the test's own event loop; its exit code."""
    return await asyncio.to_thread(main, arguments)


async def post(there: Installation, *events: dict[str, Any]) -> None:
    """Post events as a server."""
    fresh = {"events": [event | {"occurred_at": int(time.time())} for event in events]}
    key = {"Authorization": f"Bearer {there.secret_key}"}
    async with aiohttp.ClientSession() as session, session.post(f"{there.url}/v1/events", json=fresh, headers=key) as answer:
        assert answer.status == 202


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
    assert all(re.search(rf"(?m)^ +{name} +{re.escape(COMMANDS[name].summary[:40])}", said) for name in COMMANDS)
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
async def test_who_reads_no_further_is_no_fault(stopped: Installation, how: str) -> None:
    """As `head` does: exit code 1 and no traceback."""
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


# ── check, and the configuration that is meant ───────────────────────────────────────────────────────────────────


def test_a_configuration_in_order_is_shown(stopped: Installation, capsys: Capture) -> None:
    """Where each destination sends to, and that everything fits."""
    assert main(["check", "--config", str(stopped.config)]) == 0
    said = capsys.readouterr().out
    assert all(destination.value in said for destination in Destination)
    assert "http://127.0.0.1:9" in said
    assert "complete and consistent" in said


@pytest.mark.parametrize("name", ["check", "serve", "explain", "accounts", "dead", "replay"])
def test_every_fault_is_reported_at_once(tmp_path: Path, capsys: Capture, name: str) -> None:
    """Whichever command reads it first: all faults by place and rule, never by value, and exit code 2."""
    secret = "EAAB-pasted-in-the-wrong-line"
    text = GOOD.replace('key_file = "keys.json"', f'key_file = 7\nheader_seconds = 0\nsurplus = "{secret}"')
    text = text.replace('pixel_id = "1234567890"', f'pixel_id = "{secret}"').replace('"env:META"', f'"{secret}"')
    more = {"explain": ["demo", "purchase", "1"], "check": [], "serve": []}.get(name, ["demo"])
    assert main([name, *more, "--config", str(write(tmp_path, text))]) == 2
    said = capsys.readouterr()
    places = ("server.key_file:", "server.header_seconds:", "server.surplus:", "meta.pixel_id:", "meta.credential:")
    assert all(place in said.err for place in places)
    assert "5 faults" in said.err
    assert secret not in said.err + said.out


@pytest.mark.parametrize("name", ["check", "accounts"])
def test_a_missing_key_file_says_how_to_make_one(stopped: Installation, capsys: Capture, name: str) -> None:
    """Exit code 2, and the command to run."""
    (stopped.folder / "sealing.json").unlink()
    assert main([name, *["shop"] * (name == "accounts"), "--config", str(stopped.config)]) == 2
    assert "consent-gateway key file" in capsys.readouterr().err


def test_what_the_machine_lacks_is_told_with_all_other_faults(stopped: Installation, capsys: Capture) -> None:
    """A key file that others may read and a store that cannot be there are found before the start, not at it."""
    (stopped.folder / "sealing.json").chmod(0o644)
    (stopped.folder / "store").touch()
    stopped.config.write_text(f"{stopped.config.read_text()}\n[surplus]\n")
    assert main(["check", "--config", str(stopped.config)]) == 2
    said = capsys.readouterr().err
    assert "has 3 faults" in said
    assert all(
        place in said for place in ("server.key_file: group or others", "server.data_dir: is, or lies", "surplus: is not")
    )


def test_a_folder_that_may_not_be_written_is_a_fault(
    stopped: Installation, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store could not be made there."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert main(["check", "--config", str(stopped.config)]) == 2
    assert "server.data_dir: this user may not write there" in capsys.readouterr().err


def test_the_configuration_is_looked_for_in_order(tmp_path: Path) -> None:
    """What is given, then the environment's, then the folder's own, then the demo's."""
    given, named = tmp_path / "given.toml", tmp_path / "named.toml"
    assert cli._config_path(given, {cli.CONFIG_VARIABLE: str(named)}) == given
    assert cli._config_path(None, {cli.CONFIG_VARIABLE: str(named)}) == named
    assert cli._config_path(None, {}) == Path("gateway.toml")
    Path(".state/demo").mkdir(parents=True)
    Path(".state/demo/gateway.toml").touch()
    assert cli._config_path(None, {}) == Path(".state/demo/gateway.toml")
    Path("gateway.toml").touch()
    assert cli._config_path(None, {}) == Path("gateway.toml")


# ── serve ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_second_gateway_says_why_it_does_not_start(running: Process) -> None:
    """The store is in use, or the port is taken: a sentence, exit code 1, and no traceback."""
    said = await served(running.installation)
    assert said == (1, ["The store cannot be opened", "If a gateway is running on it"])
    other = running.installation.folder / "other.toml"
    other.write_text(running.installation.config.read_text().replace('data_dir = "store"', 'data_dir = "other"'))
    said = await served(running.installation, other)
    assert said == (1, [f"The gateway cannot listen on 127.0.0.1:{running.installation.private}", "Stop what has the port"])


async def served(there: Installation, config: Path | None = None) -> tuple[int | None, list[str]]:
    """Start a gateway that cannot start: exit code, and how each line that is for people begins."""
    process = await asyncio.create_subprocess_exec(
        *command("serve", "--config", str(config or there.config)), stderr=asyncio.subprocess.PIPE, env=ENV
    )
    _, said = await process.communicate()
    lines = [line for line in said.decode().splitlines() if not line.startswith("{")]
    return process.returncode, [
        re.split(r"[:,]", line)[0] if "listen on" not in line else line.rpartition(":")[0] for line in lines
    ]


# ── check --live ─────────────────────────────────────────────────────────────────────────────────────────────────


async def checked(there: Installation, *arguments: str) -> tuple[int | None, str, str]:
    """Run `check` as a process of its own: exit code, what it said, and what it complained of."""
    process = await asyncio.create_subprocess_exec(
        *command("check", *arguments, "--config", str(there.config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=ENV | {"COLUMNS": "200"},
    )
    said, complained = await process.communicate()
    return process.returncode, said.decode(), complained.decode()


async def test_without_live_nothing_leaves(tmp_path: Path) -> None:
    """The configuration alone is looked at, whatever else is asked for."""
    async with Platforms.start() as platforms:
        there = install(tmp_path / "it", platforms.base_urls)
        code, said, _ = await checked(there)
        assert (code, "complete and consistent" in said) == (0, True)
        code, said, _ = await checked(there, "--json", "--meta-test-code", "TEST1")
        assert (code, [one["live"] for one in json.loads(said)["destinations"]]) == (0, [None] * 3)
        assert platforms.requests == 0


async def test_destinations_in_order_answer_well(tmp_path: Path) -> None:
    """One request to each, nothing recorded, exit code 0, and honest words about what each way shows."""
    async with Platforms.start() as platforms:
        there = install(tmp_path / "it", platforms.base_urls)
        code, said, complained = await checked(there, "--live")
        assert (code, complained) == (0, "")
        assert all(f"shop, {name}: well" in said for name in NAMES.values())
        assert "older than seven days" in said
        assert platforms.requests == 3
        assert sum(len(ledger) for ledger in platforms.ledgers.values()) == 0
        code, said, _ = await checked(there, "--live", "--meta-test-code", "TEST12345", "--json")
        live = {one["destination"]: one["live"] for one in json.loads(said)["destinations"]}
        assert (code, live["meta"]["way"], live["meta"]["recorded"]) == (0, "test_event", True)
        assert all(finding["well"] for finding in live.values())
        assert not (there.folder / "store").exists()


async def test_what_does_not_answer_well_is_explained(tmp_path: Path) -> None:
    """Exit code 1, each destination for itself, with what to do; no token, no digest and no word of the platform's."""
    async with Platforms.start() as platforms:
        there = install(tmp_path / "it", platforms.base_urls)
        platforms[Destination.META].switch.set(Behaviour(mode=Mode.EXPIRED_TOKEN))
        platforms[Destination.PINTEREST].switch.set(Behaviour(mode=Mode.PERMISSION, variant="404"))
        (there.folder / "google_ads.token").write_text("canary-token-9b1e")
        code, said, complained = await checked(there, "--live")
        assert code == 1
        assert "shop, Meta: NOT well: credential, code 190/463" in said
        assert "Make a new one in Events Manager" in said
        assert "shop, Pinterest: NOT well: configuration, code 2" in said
        assert "Compare `ad_account_id`" in said
        assert "shop, Google Ads: NOT well: credential, code UNAUTHENTICATED" in said
        code, told, more = await checked(there, "--live", "--json")
        assert code == 1
        assert [one["live"]["well"] for one in json.loads(told)["destinations"]] == [False] * 3
        everything = said + complained + told + more
        canaries = ("canary-token", *TOKENS.values(), "example.com", NOBODY, "Session has expired", "Ad account not found")
        assert [canary for canary in canaries if canary in everything] == []


async def test_one_storefront_can_be_checked_by_itself(stopped: Installation, capsys: Capture) -> None:
    """By name; one that there is not is said."""
    assert await do("check", "--live", "--storefront", "shop", "--config", str(stopped.config)) == 1
    assert capsys.readouterr().out.count("NOT well: not_connected, code refused") == 3
    assert await do("check", "--live", "--storefront", "other", "--config", str(stopped.config)) == 2
    assert "it has shop" in capsys.readouterr().err


def test_a_test_code_that_is_none_is_2(capsys: Capture) -> None:
    """It goes into a request, so it is looked at before."""
    with pytest.raises(SystemExit) as left:
        main(["check", "--live", "--meta-test-code", "no code"])
    assert left.value.code == 2
    assert "letters and digits" in capsys.readouterr().err


# ── explain ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_why_is_told_by_a_running_gateway_and_by_a_stopped_one(tmp_path: Path, capsys: Capture) -> None:
    """The same words, whether the gateway is asked or its store is opened."""
    async with Platforms.start() as platforms:
        process = Process(install(tmp_path / "it", platforms.base_urls))
        config = ("--config", str(process.installation.config))
        await process.start()
        await post(process.installation, purchase("went"), refused("stayed"))
        await process.quiet()
        told: list[Any] = []
        for _ in range(2):
            assert await do("explain", "shop", "purchase", "went", *config) == 0
            assert await do("explain", "shop", "purchase", "stayed", *config) == 0
            told.append(capsys.readouterr().out)
            assert await do("explain", "shop", "purchase", "went", "--json", *config) == 0
            told.append(json.loads(capsys.readouterr().out))
            if len(told) == 2:
                assert await process.stop() == 0
        assert told[:2] == told[2:]
        assert "Meta: confirmed by the platform" in told[0]
        assert "refused, and nothing of it was kept or sent" in told[0]
        assert "advertising_denied" in told[0]
        assert told[1]["status"] == "accepted"


async def test_what_is_not_known_is_said(running: Process, capsys: Capture) -> None:
    """An event that was never received is no trouble of the store; exit code 1. So is one whose gateway is stopped."""
    config = ("--config", str(running.installation.config))
    assert await do("explain", "shop", "purchase", "never", *config) == 1
    said = capsys.readouterr()
    assert "Nothing is known of this event" in said.err
    assert "store" not in said.err
    assert await running.stop() == 0
    assert await do("explain", "shop", "purchase", "never", *config) == 1
    assert "Nothing is known of this event" in capsys.readouterr().err


@pytest.mark.parametrize(("storefront", "event_id"), [("other", "1"), ("Not A Name", "1"), ("shop", "not an id")])
def test_what_cannot_be_meant_is_2(stopped: Installation, capsys: Capture, storefront: str, event_id: str) -> None:
    """A storefront that there is not, or an id that can be none."""
    assert main(["explain", storefront, "purchase", event_id, "--config", str(stopped.config)]) == 2
    said = capsys.readouterr().err
    assert "shop" in said or "1 to 64" in said


# ── accounts ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_books_are_shown_running_and_stopped(running: Process, capsys: Capture) -> None:
    """The same figures either way, for people and for programs."""
    config = ("--config", str(running.installation.config))
    await post(running.installation, purchase("1"), purchase("2"), refused("3"))
    await running.quiet()
    shown: list[Any] = []
    for _ in range(2):
        assert await do("accounts", "shop", *config) == 0
        shown.append(capsys.readouterr().out)
        assert await do("accounts", "shop", "--json", *config) == 0
        shown.append(json.loads(capsys.readouterr().out))
        assert await running.stop() == 0
    assert shown[:2] == shown[2:]
    assert "received 3: 2 accepted, 0 duplicate, 1 refused, 0 invalid" in shown[0]
    assert "259.80 EUR" in shown[0]
    assert "The books balance." in shown[0]
    assert "google_ads took 2 for processing: 2 pending" in shown[0]
    assert shown[1]["destinations"]["meta"]["delivered"] == 2


async def test_the_books_say_what_became_of_what_was_taken(stopped: Installation, capsys: Capture) -> None:
    """By outcome, and each reason of the platform's beneath."""
    lane = {
        **dict.fromkeys(("accepted", "delivered", "waiting", "dead", "withdrawn", "replayed"), 0),
        "balanced": True,
        "reasons": {},
        "value": {},
        "processing": {"taken": 9, "pending": 1, "said": {"used": 5, "not_used": 3}, "reasons": {"not_used.A_B": 3}},
    }
    books = {
        "received": 9,
        "by_status": {},
        "by_reason": {},
        "differing_repeats": 0,
        "destinations": {"google_ads": lane},
        "balanced": True,
    }
    async with standing_in(stopped, 200, json.dumps(books)):
        assert await do("accounts", "shop", "--config", str(stopped.config)) == 0
    said = capsys.readouterr().out
    assert "google_ads took 9 for processing: 5 used, 3 not_used, 1 pending\n  3 not_used.A_B\n" in said


def test_the_books_of_nobody_are_2(stopped: Installation, capsys: Capture) -> None:
    """The storefronts that there are, are named."""
    assert main(["accounts", "other", "--config", str(stopped.config)]) == 2
    assert "it has shop" in capsys.readouterr().err


async def test_a_gateway_in_trouble_says_so(stopped: Installation, capsys: Capture) -> None:
    """Its store must not be opened beside it; exit code 1."""
    async with standing_in(stopped, 503, '{"error":"store_failed"}'):
        assert await do("accounts", "shop", "--config", str(stopped.config)) == 1
    assert "store_failed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, "<html>no</html>"),
        (200, "<html>yes</html>"),
        (200, '{"other": 1}'),
        (404, '{"error": "\\u001b[2J no"}'),
        (500, ""),
    ],
)
async def test_another_program_on_the_private_port_is_not_believed(
    stopped: Installation, capsys: Capture, status: int, body: str
) -> None:
    """What does not speak as a gateway does is none: the store is opened instead."""
    async with standing_in(stopped, status, body):
        assert await do("accounts", "shop", "--config", str(stopped.config)) == 0
    assert "received 0" in capsys.readouterr().out


async def test_what_has_left_is_shown_compared_and_acknowledged(running: Process, capsys: Capture) -> None:
    """By a running gateway; as a table, for programs and for spreadsheets; new rows until a decision acknowledges them."""
    there = running.installation
    await post(there, purchase())
    await there.quiet()
    config = ("--config", str(there.config))
    assert await do("audit", "shapes", *config) == 0
    said = capsys.readouterr()
    assert "data[].user_data.em[]" in said.out
    assert "destinations[].operatingAccount.accountType" in said.out
    assert all(f"shop, {destination}, purchase\n" in said.out for destination in Destination)
    hint = re.search(r"audit approve shop \"NAME OF THE DECISION\" --up-to (\d+)", said.err)
    assert hint is not None
    assert await do("audit", "shapes", "shop", "--json", *config) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["decision"] for row in rows} == {None}
    assert await do("audit", "approve", "shop", "DPO decision 2026-11-03", "--up-to", hint[1], *config) == 0
    assert f"Acknowledged: {len(rows)} rows" in capsys.readouterr().out
    assert await do("audit", "shapes", "--csv", *config) == 0
    table = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert {row["decision"] for row in table} == {"DPO decision 2026-11-03"}
    assert {row["contracts"] for row in table} == {"1"}
    assert await do("audit", "shapes", "--diff", *config) == 0
    said = capsys.readouterr()
    assert "never used" in said.out
    assert "?appsecret_proof" in said.out
    assert said.err == ""


QUIET: Final = f"""
[storefronts.quiet]
[[storefronts.quiet.keys]]
id = "q1"
kind = "secret"
hash = "{"0" * 64}"
[storefronts.quiet.destinations.meta]
base_url = "META"
credential = "file:meta.token"
pixel_id = "1234567890"
[storefronts.shop]
"""
"""A storefront in front of the usual one, to which nobody posts."""


async def test_each_storefront_with_new_rows_is_told_how_to_acknowledge_them(tmp_path: Path, capsys: Capture) -> None:
    """Not the first one that there is, with a number of another's rows."""
    async with Platforms.start() as platforms:
        there = install(tmp_path / "it", platforms.base_urls)
        quiet = QUIET.replace("META", platforms.base_urls[Destination.META])
        there.config.write_text(there.config.read_text().replace("[storefronts.shop]\n", quiet))
        process = Process(there)
        await process.start()
        await post(there, purchase())
        await there.quiet()
        assert await do("audit", "shapes", "--config", str(there.config)) == 0
        said = capsys.readouterr().err
        assert await process.stop() == 0
    assert re.findall(r"audit approve (\w+)", said) == ["shop"]


def test_a_closed_store_tells_what_has_left_too(stopped: Installation, capsys: Capture) -> None:
    """Nothing yet; and acknowledging nothing is no mistake."""
    config = ("--config", str(stopped.config))
    assert main(["audit", "shapes", "--json", *config]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["audit", "approve", "shop", "x", "--up-to", "9", *config]) == 0
    assert "Acknowledged: 0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("shapes", "nobody"), "There is no such storefront"),
        (("approve", "nobody", "x", "--up-to", "1"), "There is no such storefront"),
        (("approve", "shop", "jane@example.com", "--up-to", "1"), "A decision is named"),
    ],
)
def test_an_audit_of_nothing_is_2(stopped: Installation, capsys: Capture, arguments: tuple[str, ...], said: str) -> None:
    """With what is right."""
    assert main(["audit", *arguments, "--config", str(stopped.config)]) == 2
    assert said in capsys.readouterr().err


def test_contracts_are_written_out(stopped: Installation, tmp_path: Path, capsys: Capture) -> None:
    """Those of the configuration, or those that are shipped, as JSON Schema."""
    assert main(["audit", "contracts", "--out", str(tmp_path / "a"), "--config", str(stopped.config)]) == 0
    assert main(["audit", "contracts", "--out", str(tmp_path / "b"), "--shipped"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 8
    files = [{path.name: path.read_text() for path in (tmp_path / folder).iterdir()} for folder in "ab"]
    assert files[0] == files[1]
    kinds = ("meta.events", "pinterest.events", "google_ads.ingest", "google_ads.upload")
    assert set(files[0]) == {f"{kind}.schema.json" for kind in kinds}


async def test_a_gateway_is_never_asked_through_a_proxy(
    running: Process, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy in the environment is for what leaves the machine; this does not."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert await do("accounts", "shop", "--config", str(running.installation.config)) == 0
    assert "received 0" in capsys.readouterr().out


@asynccontextmanager
async def standing_in(there: Installation, status: int, body: str) -> AsyncIterator[None]:
    """Run another program on the private port, that answers everything alike."""

    async def handle(_request: web.BaseRequest) -> web.Response:
        return web.Response(status=status, text=body, content_type="application/json")

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", there.private).start()
    try:
        yield
    finally:
        await runner.cleanup()


# ── dead, replay ─────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def with_dead_letters(tmp_path: Path) -> AsyncIterator[tuple[Process, Platforms]]:
    """Run a gateway with two purchases that Meta refused and one that everybody took; Meta is mended then."""
    async with Platforms.start() as platforms:
        process = Process(install(tmp_path / "it", platforms.base_urls))
        await process.start()
        meta = platforms[Destination.META]
        meta.switch.set(Behaviour(mode=Mode.REFUSE_EVENTS, event_ids=frozenset({"1", "2"})))
        await post(process.installation, purchase("1"), purchase("2"), purchase("3"))
        await process.quiet()
        meta.switch.reset()
        yield process, platforms
        await process.stop()


async def test_dead_letters_are_counted_running_and_stopped(tmp_path: Path, capsys: Capture) -> None:
    """The same table and advice either way, for people and for programs; nobody's data in it."""
    async with with_dead_letters(tmp_path) as (process, _):
        config = ("--config", str(process.installation.config))
        shown: list[Any] = []
        for _ in range(2):
            assert await do("dead", "shop", *config) == 0
            shown.append(capsys.readouterr().out)
            assert await do("dead", "shop", "--json", *config) == 0
            shown.append(json.loads(capsys.readouterr().out))
            await process.stop()
        assert shown[:2] == shown[2:]
        assert re.search(r"meta +│ purchase +│ rejected +│ 100/2804019 +│ 2 ", shown[0])
        assert f"meta rejected 100/2804019: {' '.join(advise(Destination.META, Reason.REJECTED, '100/2804019'))}" in shown[0]
        assert (shown[1]["total"], len(shown[1]["letters"])) == (2, 1)
        assert "jane" not in shown[0]


def test_no_dead_letters_are_said(stopped: Installation, capsys: Capture) -> None:
    """By both commands, and neither has anything to do."""
    config = ("--config", str(stopped.config))
    assert main(["dead", "shop", *config]) == 0
    assert main(["replay", "shop", "--yes", *config]) == 0
    said = capsys.readouterr().out
    assert "There are no dead letters." in said
    assert "There are no such dead letters." in said


async def test_a_replay_is_shown_before_it_is_done(tmp_path: Path, capsys: Capture) -> None:
    """Without --yes nothing changes; with it the events arrive, and the next look finds nothing."""
    async with with_dead_letters(tmp_path) as (process, platforms):
        config = ("--config", str(process.installation.config))
        for how in ((), ("--dry-run",)):
            assert await do("replay", "shop", *how, *config) == 0
            said = capsys.readouterr().out
            assert "259.80 EUR" in said
            assert "2 event(s) would go again, 0 may not." in said
            assert "Nothing was done. Run it again with --yes" in said
            assert (await process.accounts())["destinations"]["meta"]["dead"] == 2
        assert await do("replay", "shop", "--yes", *config) == 0
        assert "Replayed: 2 event(s)." in capsys.readouterr().out
        books = await process.quiet()
        assert (books["destinations"]["meta"]["dead"], books["destinations"]["meta"]["delivered"]) == (0, 3)
        assert sorted(taken.event_id for taken in platforms[Destination.META].ledger) == ["1", "2", "3"]
        assert await do("replay", "shop", "--yes", "--json", *config) == 0
        assert json.loads(capsys.readouterr().out) == {
            "dry_run": False, "looked_at": 0, "replayed": 0, "would_be_replayed": 0, "not_replayed": 0, "lots": [],
        }  # fmt: skip


async def test_a_closed_store_is_replayed_too(tmp_path: Path, capsys: Capture) -> None:
    """The events wait, and the next gateway sends them."""
    async with with_dead_letters(tmp_path) as (process, _):
        config = ("--config", str(process.installation.config))
        await process.stop()
        assert await do("replay", "shop", "--destination", "meta", "--yes", "--json", *config) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["replayed"], told["lots"][0]["value"]) == (2, {"EUR": "259.80"})
        assert await do("explain", "shop", "purchase", "1", *config) == 0
        assert "Meta: to be tried again" in (said := capsys.readouterr().out)
        assert "replayed once" in said
        await process.start()
        books = await process.quiet()
        assert (books["destinations"]["meta"]["delivered"], books["balanced"]) == (3, True)


CHOICES: Final = {
    ("--destination", "pinterest"): 0,
    ("--reason", "expired"): 0,
    ("--reason", "expired", "--reason", "rejected"): 2,
    ("--code", "100/2804019"): 2,
    ("--code", "190"): 0,
    ("--event", "page_view"): 0,
    ("--event", "purchase", "--destination", "meta"): 2,
    ("--since", "1h"): 2,
    ("--since", "2999-01-01"): 0,
    ("--since", "2020-01-01T00:00:00+01:00"): 2,
}
"""What is asked for, and how many of the dead letters it means."""


async def test_what_is_replayed_can_be_chosen(tmp_path: Path, capsys: Capture) -> None:
    """By destination, reason, code, kind and time of death."""
    async with with_dead_letters(tmp_path) as (process, _):
        found = {}
        for chosen in CHOICES:
            assert await do("replay", "shop", *chosen, "--json", "--config", str(process.installation.config)) == 0
            found[chosen] = json.loads(capsys.readouterr().out)["would_be_replayed"]
        assert found == CHOICES


@pytest.mark.parametrize("wrong", [
    ("--destination", "tiktok"), ("--reason", "bad luck"), ("--event", "refund"), ("--since", "yesterday"), ("--since", "3w"),
    ("--dry-run", "--yes"),
])  # fmt: skip
def test_a_choice_that_cannot_be_meant_is_2(wrong: tuple[str, ...], capsys: Capture) -> None:
    """It is named."""
    with pytest.raises(SystemExit) as left:
        main(["replay", "shop", *wrong])
    assert left.value.code == 2
    assert wrong[0] in capsys.readouterr().err


def test_a_replay_of_nobody_is_2(stopped: Installation, capsys: Capture) -> None:
    """A storefront or a destination that there is not; those that there are, are named."""
    config = ("--config", str(stopped.config))
    assert main(["replay", "other", *config]) == 2
    assert main(["dead", "other", *config]) == 2
    text = stopped.config.read_text()
    begin, end = (
        text.index("[storefronts.shop.destinations.pinterest]"),
        text.index("[storefronts.shop.destinations.google_ads]"),
    )
    less = stopped.config.with_name("less.toml")
    less.write_text(text[:begin] + text[end:])
    assert main(["replay", "shop", "--destination", "pinterest", "--config", str(less)]) == 2
    said = capsys.readouterr().err
    assert said.count("it has shop") == 2
    assert "it has meta, google_ads" in said


@asynccontextmanager
async def acting(
    there: Installation, handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
) -> AsyncIterator[None]:
    """Act as a gateway on the private port."""
    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", there.private).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def test_a_replay_that_is_interrupted_says_how_far_it_came(stopped: Installation) -> None:
    """Ctrl-C ends it with 130; what was given back stays so, the rest is found by the next run."""
    asked = asyncio.Event()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if "dead-letters" in request.path:
            return web.json_response({"total": 0, "letters": []})
        asked.set()
        return web.json_response({"looked_at": 500, "next": 1, "lots": []})

    async with acting(stopped, handle):
        arguments = command("replay", "shop", "--config", str(stopped.config))
        process = await asyncio.create_subprocess_exec(*arguments, stderr=asyncio.subprocess.PIPE, env=ENV)
        await asyncio.wait_for(asked.wait(), 20)
        process.send_signal(signal.SIGINT)
        _, said = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 130
    assert b"Stopped while looking, at " in said
    assert b"Traceback" not in said


async def test_what_dies_while_a_replay_runs_is_left_for_the_next(stopped: Installation) -> None:
    """It was not shown, so it is not done: every order, the look and the deed, ends at the moment the command began."""
    orders: list[dict[str, Any]] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if "dead-letters" in request.path:
            return web.json_response({"total": 0, "letters": []})
        orders.append(json.loads(await request.read()))
        lot: dict[str, Any] = {
            "event": "purchase",
            "reason": "rejected",
            "code": None,
            "against": None,
            "count": 1,
            "value": {},
        }
        return web.json_response({"looked_at": 1, "next": None, "lots": [lot]})

    async with acting(stopped, handle):
        began = int(time.time())
        assert await do("replay", "shop", "--yes", "--config", str(stopped.config)) == 0
    assert [order["dry_run"] for order in orders] == [True] * 3 + [False] * 3
    (until,) = {order["until"] for order in orders}
    assert began <= until <= time.time()


async def test_a_gateway_that_stops_meanwhile_is_not_taken_for_a_closed_store(stopped: Installation, capsys: Capture) -> None:
    """Its store may still be open: the run ends and says so, whether it is told or nobody answers any more."""
    answers = [web.json_response({"error": "stopping"}, status=503), web.Response(status=200, text="nobody's")]

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"total": 0, "letters": []}) if "dead-letters" in request.path else answers.pop()

    async with acting(stopped, handle):
        for why in ("gone", "stopping"):
            assert await do("replay", "shop", "--yes", "--config", str(stopped.config)) == 1
            assert f"cannot answer now ({why})" in capsys.readouterr().err


# ── key ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_file_is_made_once(tmp_path: Path, capsys: Capture) -> None:
    """For its owner alone; never overwritten; a folder that there is not is said."""
    path = tmp_path / "sealing.json"
    assert main(["key", "file", str(path)]) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    assert main(["key", "file", str(path)]) == 1
    assert path.read_bytes() == before
    assert main(["key", "file", str(tmp_path / "nowhere" / "sealing.json")]) == 1
    assert "not overwritten" in (said := capsys.readouterr().err)
    assert "folder" in said


@pytest.mark.parametrize("kind", list(KeyKind))
def test_a_key_is_printed_once_with_the_lines_for_the_configuration(tmp_path: Path, capsys: Capture, kind: KeyKind) -> None:
    """The gateway knows the key by the hash that is printed; the lines hold the hash and never the key."""
    path = tmp_path / "sealing.json"
    pepper = Keyring.create(path).pepper
    assert main(["key", "make", "--kind", kind.value, "--id", "2026a", "--key-file", str(path)]) == 0
    said = capsys.readouterr().out
    (key,) = re.findall(r"\b[sp]k_2026a_[A-Za-z0-9_-]{43}\b", said)
    lines = dict(re.findall(r"(?m)^ +(\w+) = \"([^\"]+)\"$", said))
    assert (lines["id"], lines["kind"]) == ("2026a", kind.value)
    keeper = Doorkeeper(pepper, {StorefrontId("shop"): [StoredKey(KeyId(lines["id"]), kind, KeyHash(lines["hash"]))]})
    assert keeper.who(key) == (StorefrontId("shop"), kind)


def test_a_key_needs_a_plain_id_and_a_key_file(tmp_path: Path, capsys: Capture) -> None:
    """Both are said, exit code 2."""
    path = tmp_path / "sealing.json"
    assert main(["key", "make", "--kind", "secret", "--id", "Not Plain", "--key-file", str(path)]) == 2
    assert main(["key", "make", "--kind", "secret", "--id", "a", "--key-file", str(path)]) == 2
    said = capsys.readouterr().err
    assert "--id" in said
    assert "consent-gateway key file" in said


# ── send ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def orders(path: Path, count: int) -> Path:
    """Write a file of orders, every third without consent, from the last days."""
    today = time.strftime("%Y-%m-%d", time.gmtime())
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(count):
            consent = "" if number % 3 == 2 else "true"
            writer.writerow([f"o{number}", today, "10.00", "EUR", f"p{number}@example.com", consent])
    return path


@pytest.fixture
def arguments(running: Process, tmp_path: Path) -> list[str]:
    """What `send` is told, but for the file."""
    (tmp_path / "key").write_text(running.installation.secret_key)
    (tmp_path / "key").chmod(0o600)
    return ["--to", running.installation.url, "--key", "file:key"]


async def test_a_file_of_orders_is_sent_with_a_summary(
    running: Process, arguments: list[str], tmp_path: Path, capsys: Capture
) -> None:
    """Every order is answered; those without consent are refused, as from anybody else."""
    path = orders(tmp_path / "orders.csv", 1200)
    assert await do("send", str(path), *arguments) == 0
    said = capsys.readouterr().out
    assert "1200 events answered: 800 accepted, 0 duplicate, 400 refused, 0 invalid" in said
    assert "400 refused: no_consent" in said
    books = await running.quiet()
    assert books["destinations"]["pinterest"]["value"] == {"EUR": {"accepted": "8000.00", "delivered": "8000.00"}}


async def test_a_run_goes_on_where_it_stopped(running: Process, arguments: list[str], tmp_path: Path, capsys: Capture) -> None:
    """What was answered is not sent again; more lines in the file are; `--again` begins at the start and does no harm."""
    path = orders(tmp_path / "orders.csv", 600)
    assert await do("send", str(path), *arguments) == 0
    orders(path, 900)
    capsys.readouterr()
    assert await do("send", str(path), *arguments) == 0
    said = capsys.readouterr().out
    assert "Going on where an earlier run stopped: 600 events are answered." in said
    assert (await running.accounts())["received"] == 900
    assert await do("send", str(path), *arguments, "--again") == 0
    assert "0 accepted, 600 duplicate, 300 refused" in capsys.readouterr().out
    assert (await running.accounts())["by_status"]["accepted"] == 600


async def test_a_run_that_is_cut_off_says_why_and_how_to_go_on(
    running: Process, arguments: list[str], tmp_path: Path, capsys: Capture
) -> None:
    """A line that cannot be read stops the run with its place; what was answered before it stays answered."""
    path = tmp_path / "events.ndjson"
    lines = [json.dumps(refused(str(number)) | {"occurred_at": int(time.time())}) for number in range(600)]
    path.write_text("\n".join([*lines, "no json"]))
    assert await do("send", str(path), *arguments) == 1
    assert "Stopped: a line is not a JSON object" in capsys.readouterr().err
    assert (await running.accounts())["received"] == 500
    path.write_text("\n".join(lines))
    assert await do("send", str(path), *arguments) == 0
    assert (await running.accounts())["received"] == 600


async def test_a_wrong_key_stops_the_run_at_once(
    running: Process, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not tried again, and not printed."""
    monkeypatch.setenv("KEY", "sk_s1_" + "A" * 43)
    path = orders(tmp_path / "orders.csv", 3)
    assert await do("send", str(path), "--to", running.installation.url, "--key", "env:KEY") == 1
    said = capsys.readouterr()
    assert "does not know this key" in said.err
    assert "AAAA" not in said.err + said.out


def test_what_send_needs_is_said(tmp_path: Path, capsys: Capture) -> None:
    """A reference to a key instead of a key, and a file that is there; exit code 2, and the key is not repeated."""
    path = orders(tmp_path / "orders.csv", 1)
    assert main(["send", str(path), "--to", "http://127.0.0.1:9", "--key", "sk_s1_pasted"]) == 2
    (tmp_path / "key").write_text("sk_s1_x")
    (tmp_path / "key").chmod(0o600)
    assert main(["send", "nowhere.csv", "--to", "http://127.0.0.1:9", "--key", "file:key"]) == 2
    said = capsys.readouterr().err
    assert "--key: must be a reference" in said
    assert "The file cannot be read." in said
    assert "pasted" not in said


@pytest.mark.parametrize("wrong", [
    ("--rate", "0"), ("--rate", "-1"), ("--rate", "inf"), ("--rate", "nan"), ("--rate", "x"),
    ("--to", "127.0.0.1:8080"), ("--to", "ftp://x"), ("--to", "http://x/v1/events"), ("--to", "http://user@x"), ("--to", ""),
])  # fmt: skip
def test_numbers_and_addresses_that_cannot_be_meant_are_2(wrong: tuple[str, str], capsys: Capture) -> None:
    """They are refused before anything is sent or waited for."""
    with pytest.raises(SystemExit) as left:
        main(["send", "f.csv", "--to", "http://127.0.0.1:9", "--key", "env:KEY", *wrong])
    assert left.value.code == 2
    assert wrong[0] in capsys.readouterr().err
