import asyncio
import json
from pathlib import Path

import pytest

from gateway.cli import NO_ROOM_TOLD, main
from gateway.signing.entry import COMMAND, Replay
from gateway.signing.note import SigningKey
from gateway.signing.store import ENTRIES, MOST_CHECKPOINTS, LogFile
from tests.disk import full_disk
from tests.gateway.commands.doing import Capture
from tests.gateway.signing.forging import EIGHT, Forgery, remade
from tests.gateway.signing.making import KEY, META, ORIGIN, OTHER_KEY, Made, counts, make
from tests.live import Installation
from tests.showing import ENV, command

VKEY = KEY.verifier.text
BASE = 1_800_000_000
"""Checkpoint of size n is over entries of the time BASE + n."""


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """A log of 20 entries whose checkpoints at 5, 10 and 20 were kept in `kept.txt`."""
    log = make(tmp_path / "log", 5, 10, 20)
    (tmp_path / "kept.txt").write_text("".join(f"{note}\n" for note in log.notes.values()))
    return log


def verify(*more: str, log: str = f"log/{ENTRIES}", checkpoint: str = "kept.txt", key: str = VKEY) -> int:
    """Verify without any configuration."""
    return main(["audit", "verify", "--log", log, "--checkpoint", checkpoint, "--key", key, *more])


@pytest.fixture
def mine(stopped: Installation) -> Installation:
    """An installation with a signing key, whose log has 20 entries, the last two behind its last checkpoint."""
    (stopped.folder / "signing.key").write_text(KEY.reveal())
    (stopped.folder / "signing.key").chmod(0o600)
    audit = f'\n[audit]\norigin = "{ORIGIN}"\nsigning_key = "signing.key"\ncheckpoint_file = "kept.txt"\n'
    stopped.config.write_text(stopped.config.read_text() + audit)
    log = make(stopped.folder / "store/signed-log", 5, 18, more=2)
    (stopped.folder / "kept.txt").write_text("".join(f"{note}\n" for note in log.notes.values()))
    return stopped


# ── verify ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("made")
def test_a_log_as_it_was_is_sound(capsys: Capture) -> None:
    """Exit code 0, from a copy anywhere; what no checkpoint covers is said."""
    assert verify() == 0
    said = capsys.readouterr().out
    assert "20 entries read, 3 checkpoints" in said
    assert "Sound: entries up to 19" in said
    Path("one.txt").write_text(make(Path("other"), 5).notes[5])
    assert verify(checkpoint="one.txt") == 0
    assert "no checkpoint given here covers it" in capsys.readouterr().out


@pytest.mark.parametrize("forgery", EIGHT.values(), ids=EIGHT)
def test_eight_forgeries_end_with_1_and_the_first_bad_entry(made: Made, capsys: Capture, forgery: Forgery) -> None:
    """By its number, with the rule in words."""
    Path("forged.ndjson").write_bytes(b"".join(forgery.forge(made.lines)))
    assert verify(log="forged.ndjson") == 1
    said = capsys.readouterr().out
    assert "NOT as it was." in said
    assert said.splitlines()[2].strip().startswith(f"entry {forgery.first or 0} ")


def test_a_forgers_own_checkpoint_does_not_help(made: Made, tmp_path: Path, capsys: Capture) -> None:
    """Signed by another key it is told as such; and programs get the same as people."""
    lines, note = remade(EIGHT["edit"].forge(made.lines), tmp_path / "forged", OTHER_KEY)
    Path("forged.ndjson").write_bytes(b"".join(lines))
    Path("own.txt").write_text(note)
    assert verify("--json", log="forged.ndjson", checkpoint="own.txt") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["sound"], [fault["rule"] for fault in told["faults"]]) == (False, ["signature"])
    assert verify("--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["sound"], told["covered"], told["key"]) == (True, 20, KEY.verifier.id.hex())


def test_a_log_whose_key_was_changed_is_verified_with_both(made: Made, tmp_path: Path, capsys: Capture) -> None:
    """Each checkpoint counts if one of the keys signed it; keys of two logs are no keys of one."""
    _, note = remade(made.lines, tmp_path / "later", OTHER_KEY)
    Path("both.txt").write_text(f"{made.notes[5]}\n{note}\n")
    later = OTHER_KEY.verifier.text
    assert verify(checkpoint="both.txt") == 1
    assert "not signed by this key" in capsys.readouterr().out
    assert verify("--key", later, "--json", checkpoint="both.txt") == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["size"] for one in told["checkpoints"]] == [5, 20]
    assert told["keys"] == [KEY.verifier.id.hex(), OTHER_KEY.verifier.id.hex()]
    another = SigningKey("other.example/log", bytes(32))
    assert verify("--key", another.verifier.text) == 2
    assert "of one log" in capsys.readouterr().err


@pytest.mark.usefixtures("made")
def test_what_cannot_be_verified_is_2(capsys: Capture) -> None:
    """No log, no checkpoint, no proof; a key that is none."""
    Path("key.txt").write_text(VKEY + "\n")
    assert verify(key="key.txt") == 0
    for wrong in ({"log": "gone"}, {"checkpoint": "gone"}):
        assert verify(**wrong) == 2
    assert verify("--proof", "gone") == 2
    assert main(["audit", "verify", "--log", f"log/{ENTRIES}", "--key", VKEY]) == 2
    said = capsys.readouterr().err
    assert "no log to be read" in said
    assert "no checkpoint to be read" in said
    assert "no proof" in said
    assert "no checkpoint to hold the log against" in said
    assert verify(key="nonsense") == 2
    assert "must be a verifier key" in capsys.readouterr().err


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("option", ["--log", "--checkpoint", "--key", "--proof"])
def test_what_has_no_end_is_not_read_for_ever(option: str, capsys: Capture) -> None:
    """A mistyped path leads to a device; it is said at once, and fills no memory."""
    given = {"--log": f"log/{ENTRIES}", "--checkpoint": "kept.txt", "--key": VKEY} | {option: "/dev/zero"}
    assert main(["audit", "verify", *(word for pair in given.items() for word in pair)]) == 2
    assert "/dev/zero" in capsys.readouterr().err or option == "--key"


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("option", ["--checkpoint", "--key", "--proof"])
def test_a_file_that_is_too_large_to_be_one_is_said_to_be(option: str, capsys: Capture) -> None:
    """As one that somebody confused with the log; a file with holes takes no room."""
    with Path("large").open("wb") as file:
        file.truncate(MOST_CHECKPOINTS + 1)
    given = {"--log": f"log/{ENTRIES}", "--checkpoint": "kept.txt", "--key": VKEY} | {option: "large"}
    assert main(["audit", "verify", *(word for pair in given.items() for word in pair)]) == 2
    said = capsys.readouterr().err
    assert "is larger than" in said or (option == "--key" and "must be a verifier key" in said)


def test_on_its_own_host_a_log_needs_only_the_configuration(mine: Installation, capsys: Capture) -> None:
    """Key, log and checkpoints are where it says; also while a gateway writes an entry."""
    config = ("--config", str(mine.config))
    path = mine.folder / "store/signed-log" / ENTRIES
    with path.open("ab") as file:
        file.write(b'{"at"')
    assert main(["audit", "verify", *config]) == 0
    said = capsys.readouterr().out
    assert "3 checkpoints" in said
    assert "no end" in said
    path.write_bytes(path.read_bytes().replace(b'"delivered",7]', b'"delivered",8]'))
    assert main(["audit", "verify", *config]) == 1
    assert "entry 7 is not what the entry after it says" in capsys.readouterr().out


def test_without_a_key_there_is_nothing_to_verify(stopped: Installation, mine: Installation, capsys: Capture) -> None:
    """Which is said, as is a key that cannot be read."""
    assert stopped is mine
    text = mine.config.read_text()
    (mine.folder / "signing.key").chmod(0o644)
    assert main(["audit", "verify", "--config", str(mine.config)]) == 2
    mine.config.write_text(text.partition("[audit]")[0])
    assert main(["audit", "verify", "--config", str(mine.config)]) == 2
    said = capsys.readouterr().err
    assert "others may read" in said
    assert "no audit.signing_key" in said


async def test_a_log_is_sound_in_every_locale(mine: Installation) -> None:
    """Signatures stand behind a dash that ASCII has not."""
    process = await asyncio.create_subprocess_exec(
        *command("audit", "verify", "--checkpoint", str(mine.folder / "kept.txt"), "--config", str(mine.config)),
        stdout=asyncio.subprocess.PIPE,
        env=ENV | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    )
    said, _ = await process.communicate()
    assert (process.returncode, b"Sound" in said) == (0, True)


# ── export ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_export_is_verified_without_the_rest(mine: Installation, capsys: Capture) -> None:
    """Three files, with the entries of a time as they stand; forged ones are told."""
    when = ("--since", "2027-01-15T08:00:10Z", "--until", "2027-01-16")
    assert main(["audit", "export", *when, "--out", "part", "--config", str(mine.config)]) == 0
    assert "Entries 5 to 17, of 18" in capsys.readouterr().out
    lines = (mine.folder / "store/signed-log" / ENTRIES).read_bytes().splitlines(keepends=True)
    assert Path("part/entries.ndjson").read_bytes() == b"".join(lines[5:18])
    (mine.folder / "store/signed-log" / ENTRIES).unlink()
    parts = ("--proof", "part/proof.json")
    assert verify(*parts, log="part/entries.ndjson", checkpoint="part/checkpoint.txt") == 0
    assert verify(*parts, log="part/entries.ndjson", checkpoint=str(mine.folder / "kept.txt")) == 0
    Path("part/entries.ndjson").write_bytes(b"".join([*lines[5:9], *lines[10:18]]))
    assert verify(*parts, log="part/entries.ndjson", checkpoint="part/checkpoint.txt") == 1
    assert "entry 9 should stand here" in capsys.readouterr().out


def test_an_export_of_before_stays_where_a_new_one_finds_no_room(mine: Installation, capsys: Capture) -> None:
    """Its three files belong together: all of them are replaced, or none."""
    arguments = ("audit", "export", "--out", "part", "--config", str(mine.config))
    assert main([*arguments, "--until", "2027-01-15T08:00:10Z"]) == 0
    before = {path.name: path.read_bytes() for path in Path("part").iterdir()}
    with full_disk():
        assert main(arguments) == 1
    assert {path.name: path.read_bytes() for path in Path("part").iterdir()} == before
    assert main(arguments) == 0
    after = {path.name: path.read_bytes() for path in Path("part").iterdir()}
    assert (after.keys(), after != before) == (before.keys(), True)
    assert capsys.readouterr().err.strip() == NO_ROOM_TOLD


def test_what_no_checkpoint_covers_is_not_exported(mine: Installation, stopped: Installation, capsys: Capture) -> None:
    """Nor is there an export of a log that is not signed."""
    assert main(["audit", "export", "--since", "2029-01-01", "--out", "part", "--config", str(mine.config)]) == 1
    (stopped.folder / "store/signed-log/checkpoint.json").unlink()
    assert main(["audit", "export", "--out", "part", "--config", str(mine.config)]) == 1
    said = capsys.readouterr().err
    assert "No entry of this time" in said
    assert "no signed checkpoint yet" in said


# ── log ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_entries_are_shown(mine: Installation, capsys: Capture) -> None:
    """The newest, of a kind or of a time, as a table or for programs; what is no line is passed over."""
    file = LogFile.open(mine.folder / "store/signed-log", ORIGIN, KEY)
    file.append([Replay("shop", META, (), COMMAND), counts(99)], BASE + 500_000_000)
    file.close()
    with (mine.folder / "store/signed-log" / ENTRIES).open("ab") as more:
        more.write(b"nonsense\n")
    config = ("--config", str(mine.config))
    assert main(["audit", "log", "--limit", "3", *config]) == 0
    table = capsys.readouterr().out
    assert [line.split()[0] for line in table.splitlines() if line.strip()[:1].isdigit()] == ["19", "20", "21"]
    assert "by=command" in table
    assert "shop meta delivered 99" in table
    assert main(["audit", "log", "--kind", "replay", "--json", *config]) == 0
    (frame,) = json.loads(capsys.readouterr().out)
    assert (frame["n"], frame["entry"]["storefront"]) == (20, "shop")
    log = str(mine.folder / "store/signed-log" / ENTRIES)
    assert main(["audit", "log", "--until", "2027-01-15T08:00:05Z", "--json", "--log", log]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 5
    assert main(["audit", "log", "--log", "gone"]) == 2


# ── acts without a running gateway ───────────────────────────────────────────────────────────────────────────────


def test_a_kind_of_entry_that_there_is_not_is_2(mine: Installation, capsys: Capture) -> None:
    """An empty table would say that it never happened; the kinds that there are are named."""
    assert main(["audit", "log", "--kind", "erasure", "--config", str(mine.config)]) == 2
    said = capsys.readouterr().err
    assert "there is no erasure" in said
    assert "rights_request" in said


def test_what_a_command_does_to_a_closed_store_is_recorded(mine: Installation, capsys: Capture) -> None:
    """And not done where it cannot be."""
    config = ("--config", str(mine.config))
    assert main(["audit", "approve", "shop", "Jane Doe", "--up-to", "9", *config]) == 0
    assert main(["audit", "log", "--kind", "shapes_approved", "--json", *config]) == 0
    said = capsys.readouterr().out
    assert '"by": "command"' in said
    assert "Jane" not in said.split("Acknowledged")[1]
    path = mine.folder / "store/signed-log" / ENTRIES
    path.write_bytes(b"")
    assert main(["audit", "approve", "shop", "x", "--up-to", "9", *config]) == 1
    said = capsys.readouterr().err
    assert "cut off, or an older copy was put back" in said
    assert "signed-log.md" in said
    assert path.read_bytes() == b""


def test_a_persons_request_to_a_closed_store_is_recorded(mine: Installation, capsys: Capture) -> None:
    """By its number, and nothing of what the person was named by."""
    assert main(["erase", "--order-id", "canary-1", "--yes", "--json", "--config", str(mine.config)]) == 0
    (receipt,) = json.loads(capsys.readouterr().out)["receipts"]
    assert main(["audit", "log", "--kind", "rights_request", "--json", "--config", str(mine.config)]) == 0
    (frame,) = json.loads(capsys.readouterr().out)
    assert (frame["entry"]["right"], frame["entry"]["by"], frame["entry"]["storefront"]) == ("erase", "command", "shop")
    assert frame["entry"]["number"] == receipt["request"]["number"]
    assert "canary" not in str(frame)
