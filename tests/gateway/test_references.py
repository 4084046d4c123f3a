import os
from pathlib import Path

import pytest

from gateway.references import BadReference, resolve
from gateway.secret import Secret

CANARY = "EAAGcanaryToken"


def secret_file(folder: Path, content: bytes = CANARY.encode(), mode: int = 0o600) -> Path:
    """Write a secret file."""
    path = folder / "token"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_variable_is_looked_up(tmp_path: Path) -> None:
    """`env:NAME` gives the variable's text."""
    assert resolve("env:TOKEN", tmp_path, {"TOKEN": CANARY}) == Secret(CANARY)


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
