import json
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.audit.advice import NAMES
from gateway.cli import main
from gateway.delivery.rehearsal import NOBODY
from gateway.model.words import Destination
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.platforms import TOKENS, Platforms
from gateway.storage.keyring import Keyring
from tests.disk import shut
from tests.gateway.commands.doing import Capture, do
from tests.live import Installation, Process, install


def test_a_configuration_in_order_is_shown(stopped: Installation, capsys: Capture) -> None:
    """Where each destination sends to, and that everything fits."""
    assert main(["check", "--config", str(stopped.config)]) == 0
    said = capsys.readouterr().out
    assert all(destination.value in said for destination in Destination)
    assert "http://127.0.0.1:9" in said
    assert "complete and consistent" in said


def test_what_is_kept_and_for_how_long_is_shown(stopped: Installation, capsys: Capture) -> None:
    """Every store's row with the settings in use and their bounds, for people and for programs."""
    text = stopped.config.read_text()
    stopped.config.write_text(text.replace("[delivery]", "[retention]\ndead_letters_days = 21\n[delivery]", 1))
    assert main(["check", "--config", str(stopped.config)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"outbox +│ dead letters, sealed +│ 21 days after the event died +│ retention.dead_letters_days", said)
    assert main(["check", "--json", "--config", str(stopped.config)]) == 0
    rows = json.loads(capsys.readouterr().out)["retention"]
    (records,) = [row for row in rows if (row["store"], row["what"]) == ("ledger", "consent records, sealed")]
    assert records["until"] == "760 days after they came in"
    assert records["bound"] == "retention.consent_records_days, 183 to 1095 days"


def test_it_says_where_the_stores_lie_and_what_bounds_them(stopped: Installation, capsys: Capture) -> None:
    """Files and sizes, in words and as JSON."""
    bounds = '[ledger]\nmax_bytes = "3GiB"\n'
    stopped.config.write_text(f"{stopped.config.read_text()}\n{bounds}")
    assert main(["check", "--config", str(stopped.config), "--json"]) == 0
    outbox, ledger = json.loads(capsys.readouterr().out)["stores"]
    store = stopped.folder / "store"
    assert outbox["file"] == str(store / "outbox.db")
    assert ledger == {"store": "ledger", "file": str(store / "ledger.db"), "max_bytes": 3 * 2**30, "state": "none"}
    assert main(["check", "--config", str(stopped.config)]) == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("ledger.db", "3,072 MiB"))


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


async def test_it_says_whether_the_stores_would_open(apart: Process, capsys: Capture) -> None:
    """While a gateway has them, after it, and when the start would refuse them: beside all other faults."""
    config = ("--config", str(apart.installation.config))
    assert await do("check", "--json", *config) == 0
    assert [store["state"] for store in json.loads(capsys.readouterr().out)["stores"]] == 2 * ["in use"]
    assert await apart.stop() == 0
    assert await do("check", *config) == 0
    assert len(re.findall(r"│ closed +│", capsys.readouterr().out)) == 2
    ledger, key_file = apart.installation.folder / "store/ledger.db", apart.installation.folder / "sealing.json"
    sound, key = ledger.read_bytes(), key_file.read_bytes()
    ledger.write_bytes(bytes(100) + sound[100:])
    key_file.unlink()
    Keyring.create(key_file)
    assert await do("check", *config) == 2
    said = capsys.readouterr().err
    assert "server.data_dir: ledger: the store's file is damaged" in said
    assert "server.key_file: a sealing key does not open what was sealed under its name. If there never was" in said
    ledger.write_bytes(sound)
    key_file.write_bytes(key)
    await apart.start()


def test_a_file_for_checkpoints_that_cannot_be_written_is_a_fault(stopped: Installation, capsys: Capture) -> None:
    """Its folder is not there, or something else is: nobody would ever be given a checkpoint."""
    assert main(["key", "signing", str(stopped.folder / "signing.key"), "--origin", "shop.example/log"]) == 0
    audit = 'signing_key = "signing.key"\norigin = "shop.example/log"\ncheckpoint_file = "there/kept.txt"'
    stopped.config.write_text(f"{stopped.config.read_text()}\n[audit]\n{audit}\n")
    assert main(["check", "--config", str(stopped.config)]) == 2
    assert "audit.checkpoint_file: this user cannot write it" in capsys.readouterr().err
    (stopped.folder / "there").mkdir()
    assert main(["check", "--config", str(stopped.config)]) == 0
    (stopped.folder / "there/kept.txt").mkdir()
    assert main(["check", "--config", str(stopped.config)]) == 2


def test_no_fault_waits_behind_another(stopped: Installation, capsys: Capture) -> None:
    """A wrong number in a table hides neither what its other settings lack on this machine nor the key of the signed log."""
    (stopped.folder / "sealing.json").chmod(0o644)
    text = stopped.config.read_text().replace("[server]", "[server]\nmax_connections = 0", 1)
    stopped.config.write_text(f'{text}\n[audit]\ncheckpoint_stdout = 1\nsigning_key = "signing.key"\n')
    assert main(["check", "--config", str(stopped.config)]) == 2
    said = capsys.readouterr().err
    faults = ("server.key_file: group or others", "server.max_connections: must be", "audit.checkpoint_stdout: must be")
    assert [fault for fault in (*faults, "audit.signing_key: refers to a file that cannot be read") if fault not in said] == []
    assert "has 4 faults" in said


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may read."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_folder_that_may_not_be_written_is_a_fault(stopped: Installation, open_folder: Path, capsys: Capture) -> None:
    """The store could not be made there, nor below it; told beside every other fault."""
    (open_folder / "closed").mkdir()
    assert main(["check", "--config", str(stopped.config)]) == 0
    for below in ("closed", "closed/below/data"):
        text = stopped.config.read_text().replace('data_dir = "store"', f'data_dir = "{open_folder / below}"')
        config = open_folder / "gateway.toml"
        config.write_text(f"{text}\n[surplus]\n")
        with shut(open_folder / "closed"):
            assert main(["check", "--config", str(config)]) == 2
        said = capsys.readouterr().err
        assert "server.data_dir: this user may not write there" in said
        assert "surplus: is not a setting" in said


def test_what_the_signed_log_lacks_is_said(stopped: Installation, capsys: Capture) -> None:
    """A key, then somebody to hand its checkpoints to; a key that cannot be used is a fault."""
    assert main(["check", "--config", str(stopped.config)]) == 0
    assert "has no key" in capsys.readouterr().out
    stopped.config.write_text(f'{stopped.config.read_text()}\n[audit]\nsigning_key = "signing.key"\n')
    assert main(["check", "--config", str(stopped.config)]) == 2
    assert "audit.signing_key: refers to a file that cannot be read" in capsys.readouterr().err
    assert main(["key", "signing", str(stopped.folder / "signing.key")]) == 0
    assert main(["check", "--config", str(stopped.config)]) == 0
    assert "handed to nobody" in capsys.readouterr().out
    stopped.config.write_text(f"{stopped.config.read_text()}checkpoint_stdout = true\n")
    assert main(["check", "--config", str(stopped.config)]) == 0
    assert "signed log" not in capsys.readouterr().out


async def checked(capsys: Capture, there: Installation, *arguments: str) -> tuple[int, str, str]:
    """Run `check`: exit code, what it said, and what it complained of."""
    code = await do("check", *arguments, "--config", str(there.config))
    return code, *capsys.readouterr()


async def test_without_live_nothing_leaves(tmp_path: Path, capsys: Capture) -> None:
    """The configuration alone is looked at, whatever else is asked for."""
    async with Platforms.start() as platforms:
        there = install(tmp_path / "it", platforms.base_urls)
        code, said, _ = await checked(capsys, there)
        assert (code, "complete and consistent" in said) == (0, True)
        code, said, _ = await checked(capsys, there, "--json", "--meta-test-code", "TEST1")
        assert (code, [one["live"] for one in json.loads(said)["destinations"]]) == (0, [None] * 3)
        assert platforms.requests == 0


async def test_destinations_in_order_answer_well(tmp_path: Path, capsys: Capture) -> None:
    """One request to each, nothing recorded, exit code 0, and honest words about what each way shows."""
    async with Platforms.start() as platforms:
        there = install(tmp_path / "it", platforms.base_urls)
        code, said, complained = await checked(capsys, there, "--live")
        assert (code, complained) == (0, "")
        assert all(f"shop, {name}: well" in said for name in NAMES.values())
        assert "older than seven days" in said
        assert platforms.requests == 3
        assert sum(len(ledger) for ledger in platforms.ledgers.values()) == 0
        code, said, _ = await checked(capsys, there, "--live", "--meta-test-code", "TEST12345", "--json")
        live = {one["destination"]: one["live"] for one in json.loads(said)["destinations"]}
        assert (code, live["meta"]["way"], live["meta"]["recorded"]) == (0, "test_event", True)
        assert all(finding["well"] for finding in live.values())
        assert not (there.folder / "store").exists()


async def test_what_does_not_answer_well_is_explained(tmp_path: Path, capsys: Capture) -> None:
    """Exit code 1, each destination for itself, with what to do; no token, no digest and no word of the platform's."""
    async with Platforms.start() as platforms:
        there = install(tmp_path / "it", platforms.base_urls)
        platforms[Destination.META].switch.set(Behaviour(mode=Mode.EXPIRED_TOKEN))
        platforms[Destination.PINTEREST].switch.set(Behaviour(mode=Mode.PERMISSION, variant="404"))
        (there.folder / "google_ads.token").write_text("canary-token-9b1e")
        code, said, complained = await checked(capsys, there, "--live")
        assert code == 1
        assert "shop, Meta: NOT well: credential, code 190/463" in said
        assert "Make a new one in Events Manager" in said
        assert "shop, Pinterest: NOT well: configuration, code 2" in said
        assert "Compare `ad_account_id`" in said
        assert "shop, Google Ads: NOT well: credential, code UNAUTHENTICATED" in said
        code, told, more = await checked(capsys, there, "--live", "--json")
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
