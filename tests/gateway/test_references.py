import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.references import LOOK_SECONDS, BadReference, Look, Referent, resolve
from gateway.secret import BadSecret, Document, Secret, one_line

CANARY = "EAAGcanaryToken"


def secret_file(folder: Path, content: bytes = CANARY.encode(), mode: int = 0o600) -> Path:
    """Write a secret file."""
    path = folder / "token"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_variable_is_looked_up(tmp_path: Path) -> None:
    """`env:NAME` gives the variable's text, and never another."""
    assert resolve("env:TOKEN", tmp_path, {"TOKEN": CANARY}) == Secret(CANARY)
    assert [Referent("env:TOKEN", tmp_path, {"TOKEN": CANARY}, one_line).look(now) for now in (0.0, 0.1)] == [Look.SAME] * 2


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_is_read_without_its_line_end(tmp_path: Path, end: bytes, mode: int) -> None:
    """`file:path` begins at the configuration's folder; one line end is not part of the secret."""
    secret_file(tmp_path, CANARY.encode() + end, mode)
    assert resolve("file:token", tmp_path, {}) == Secret(CANARY)


def test_an_absolute_path_stays_what_it_is(tmp_path: Path) -> None:
    """The configuration's folder counts for relative paths only."""
    assert resolve(f"file:{secret_file(tmp_path)}", Path("/nowhere"), {}) == Secret(CANARY)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o777])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """Any right of the group or of others is one too many."""
    secret_file(tmp_path, mode=mode)
    with pytest.raises(BadReference, match=r"others may read; its mode must be 0600 or 0400"):
        resolve("file:token", tmp_path, {})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    """Whoever owns the file could change what we send with."""
    os.chown(secret_file(tmp_path), 12345, -1)
    with pytest.raises(BadReference, match="belongs to another user"):
        resolve("file:token", tmp_path, {})


@pytest.mark.parametrize(
    ("reference", "rule"),
    [
        (CANARY, "must be a reference"),
        ("", "must be a reference"),
        ("env:", "must be a reference"),
        (f"https://{CANARY}", "must be a reference"),
        (5, "must be a reference"),
        (None, "must be a reference"),
        (f"env:{CANARY}", "not set or empty"),
        ("env:EMPTY", "not set or empty"),
        (f"file:{CANARY}", "cannot be read"),
        (f"file:{CANARY}\0", "cannot be read"),
        (f"file:{'x' * 5000}", "cannot be read"),
        ("file:.", "not a plain file"),
        ("env:BLANK", "visible ASCII characters in one line"),
        ("env:BREAK", "visible ASCII characters in one line"),
    ],
)
def test_what_leads_to_no_secret_is_told_by_its_rule(tmp_path: Path, reference: object, rule: str) -> None:
    """The rule is named; the reference and what was found are not repeated, nor kept as a cause."""
    env = {"EMPTY": "", "BLANK": f"a {CANARY}", "BREAK": f"{CANARY}\r\nX-Header: 1"}
    with pytest.raises(BadReference, match=rule) as caught:
        resolve(reference, tmp_path, env)
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "visible ASCII"),
        (b"\n", "visible ASCII"),
        (b"a\nb", "visible ASCII"),
        (b"\xff", "not ASCII"),
        (b"x" * 8193, "visible ASCII"),
        (b"x" * 100_000, "too long"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, content: bytes, rule: str) -> None:
    """Empty, of several lines, binary or endless."""
    secret_file(tmp_path, content)
    with pytest.raises(BadReference, match=rule):
        resolve("file:token", tmp_path, {})


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    """A named pipe with nobody writing does not hold the start up."""
    os.mkfifo(tmp_path / "token", 0o600)
    with pytest.raises(BadReference, match="not a plain file"):
        resolve("file:token", tmp_path, {})


# ── looked at again ──────────────────────────────────────────────────────────────────────────────────────────────


def put(folder: Path, text: str, mode: int = 0o600) -> None:
    """Replace the secret file in one go."""
    (folder / "new").write_text(text)
    (folder / "new").chmod(mode)
    (folder / "new").rename(folder / "token")


def test_a_file_that_stays_is_the_same(tmp_path: Path) -> None:
    """However often it is looked at."""
    secret_file(tmp_path)
    referent = Referent("file:token", tmp_path, {}, one_line)
    assert [referent.look(now) for now in (0.0, 1.0, 5.0, 100.0)] == [Look.SAME] * 4


def test_a_replaced_file_is_new_once(tmp_path: Path) -> None:
    """Its value is what it holds now."""
    secret_file(tmp_path)
    referent = Referent("file:token", tmp_path, {}, one_line)
    put(tmp_path, "other")
    assert [referent.look(now) for now in (0.0, 1.0)] == [Look.NEW, Look.SAME]
    assert referent.value == Secret("other")


def test_between_two_looks_a_second_passes(tmp_path: Path) -> None:
    """However often it is asked."""
    secret_file(tmp_path)
    referent = Referent("file:token", tmp_path, {}, one_line)
    assert referent.look(10.0) is Look.SAME
    put(tmp_path, "other")
    assert referent.look(10.0 + LOOK_SECONDS - 0.01) is Look.EARLY
    assert referent.look(10.0 + LOOK_SECONDS) is Look.NEW


def test_the_folder_may_be_swapped_by_a_link(tmp_path: Path) -> None:
    """As container platforms do it: the path stays, and what it leads to changes."""
    for number in ("1", "2"):
        (tmp_path / number).mkdir()
        secret_file(tmp_path / number, number.encode())
    (tmp_path / "data").symlink_to("1")
    referent = Referent("file:data/token", tmp_path, {}, one_line)
    (tmp_path / "swap").symlink_to("2")
    (tmp_path / "swap").rename(tmp_path / "data")
    assert referent.look(0.0) is Look.NEW
    assert referent.value == Secret("2")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: put(folder, ""),
        lambda folder: put(folder, "a b"),
        lambda folder: put(folder, CANARY, 0o640),
        lambda folder: (folder / "token").unlink(),
        lambda folder: ((folder / "token").unlink(), (folder / "token").mkdir()),
    ],
)
def test_what_cannot_be_used_is_looked_at_again_and_again(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    """The old value stays, and the file counts as soon as it is in order."""
    secret_file(tmp_path)
    referent = Referent("file:token", tmp_path, {}, one_line)
    spoil(tmp_path)
    assert [referent.look(now) for now in (0.0, 1.0, 2.0)] == [Look.UNUSABLE] * 3
    assert referent.value == Secret(CANARY)
    if (tmp_path / "token").is_dir():
        (tmp_path / "token").rmdir()
    put(tmp_path, "good")
    assert referent.look(3.0) is Look.NEW
    assert referent.value == Secret("good")


def test_a_mode_that_was_put_right_is_noticed(tmp_path: Path) -> None:
    """Content and time of writing are the same; only who may read it changed."""
    secret_file(tmp_path)
    referent = Referent("file:token", tmp_path, {}, one_line)
    put(tmp_path, "other", 0o644)
    assert referent.look(0.0) is Look.UNUSABLE
    (tmp_path / "token").chmod(0o600)
    assert referent.look(1.0) is Look.NEW


def test_what_is_written_while_it_is_read_is_not_missed(tmp_path: Path) -> None:
    """The version that counts is the one from before the reading."""
    path = secret_file(tmp_path, b"half")

    def read(content: Document) -> str:
        if content.reveal() == "half":
            path.write_text("whole")
        return content.reveal()

    referent = Referent("file:token", tmp_path, {}, read)
    assert referent.value == "half"
    assert referent.look(0.0) is Look.NEW
    assert referent.value == "whole"


def test_the_readers_rules_are_all_told(tmp_path: Path) -> None:
    """A document can break several at once."""

    def read(_content: Document) -> str:
        raise BadSecret("first rule", "second rule")

    secret_file(tmp_path)
    with pytest.raises(BadReference, match="first rule; second rule") as caught:
        Referent("file:token", tmp_path, {}, read)
    assert caught.value.rules == ("first rule", "second rule")


def test_a_referent_does_not_print(tmp_path: Path) -> None:
    """Neither where it leads nor what is there."""
    secret_file(tmp_path)
    shown = repr(Referent("file:token", tmp_path, {}, one_line))
    assert CANARY not in shown
    assert "token" not in shown
