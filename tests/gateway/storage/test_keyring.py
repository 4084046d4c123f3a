"""The key file: made once, readable by its owner alone, and silent about itself."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.storage.keyring import BadKeyFile, Keyring, NoKeyFile, Wrapped
from tests.disk import shut


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the key file goes."""
    return tmp_path / "keys.json"


def rewrite(path: Path, **changes: Any) -> None:
    """Change fields of a key file; None takes one out."""
    content = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))


def key(byte: int = 1, length: int = 32) -> str:
    """A key as the file has it."""
    return base64.b64encode(bytes((byte,)) * length).decode()


def test_a_new_key_file_is_for_its_owner_alone(path: Path) -> None:
    """Mode 0600 from its first moment, whatever the umask."""
    before = os.umask(0)
    try:
        Keyring.create(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_key_file_is_never_written_over(path: Path) -> None:
    """It would make every stored record unreadable."""
    Keyring.create(path)
    content = path.read_bytes()
    with pytest.raises(FileExistsError):
        Keyring.create(path)
    assert path.read_bytes() == content


def test_what_was_made_can_be_loaded(path: Path) -> None:
    """The same pepper, and keys that open each other's work."""
    made, loaded = Keyring.create(path), Keyring.load(path)
    assert (loaded.pepper, loaded.active, loaded.names) == (made.pepper, "k1", frozenset({"k1"}))
    assert len(loaded.pepper) == 32
    assert loaded.unwrap(made.wrap(b"k" * 32, b"for"), b"for") == b"k" * 32


def test_two_key_files_share_nothing(tmp_path: Path) -> None:
    """Each is random."""
    one, other = Keyring.create(tmp_path / "1"), Keyring.create(tmp_path / "2")
    assert one.pepper != other.pepper
    with pytest.raises(BadKeyFile, match="does not open"):
        other.unwrap(one.wrap(bytes(32), b""), b"")


def test_a_wrapped_key_opens_only_for_its_purpose(path: Path) -> None:
    """A day's key cannot be passed off as another day's, nor a changed one as itself."""
    keyring = Keyring.create(path)
    wrapped = keyring.wrap(bytes(32), b"monday")
    for purpose, changed in ((b"tuesday", wrapped), (b"monday", Wrapped("k1", wrapped.sealed[:-1] + b"x"))):
        with pytest.raises(BadKeyFile, match="does not open"):
            keyring.unwrap(changed, purpose)


def test_the_active_key_wraps_and_all_keys_open(path: Path) -> None:
    """So a new key can take over while the old one's work is still there; rewrapping keeps the key and changes its wrap."""
    before = Keyring.create(path).wrap(b"k" * 32, b"p")
    sealing = json.loads(path.read_text())["sealing"]
    rewrite(path, active="k2", sealing={**sealing, "k2": key()})
    keyring = Keyring.load(path)
    after = keyring.rewrap(before, b"p")
    assert (before.by, after.by) == ("k1", "k2")
    assert keyring.unwrap(before, b"p") == keyring.unwrap(after, b"p") == b"k" * 32
    assert keyring.rewrap(after, b"p") is after
    rewrite(path, sealing={"k2": key()})
    keyring = Keyring.load(path)
    assert keyring.unwrap(after, b"p") == b"k" * 32
    with pytest.raises(BadKeyFile, match="missing"):
        keyring.unwrap(before, b"p")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_key_file_that_others_can_touch_is_refused(path: Path, mode: int) -> None:
    """Its secrets are not secret any more."""
    Keyring.create(path)
    path.chmod(mode)
    with pytest.raises(BadKeyFile, match="group or others"):
        Keyring.load(path)


def test_what_is_no_file_is_refused(path: Path) -> None:
    """Nothing there, what this user may not look at, or a directory."""
    with pytest.raises(NoKeyFile, match="is missing"):
        Keyring.load(path)
    with shut(path.parent), pytest.raises(BadKeyFile, match="may not be read by this user") as bad:
        Keyring.load(path)
    assert not isinstance(bad.value, NoKeyFile)
    path.mkdir(mode=0o700)
    with pytest.raises(BadKeyFile, match="not a regular file"):
        Keyring.load(path)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"pepper": None}, "must be JSON with"),
        ({"more": "CANARY"}, "must be JSON with"),
        ({"sealing": ["CANARY"]}, "must be JSON with"),
        ({"active": "CANARY"}, "`active` names no key"),
        ({"sealing": {}}, "`active` names no key"),
        ({"pepper": "CANARY!"}, "`pepper` is not base64"),
        ({"pepper": key(length=31)}, "`pepper` must hold 32 bytes"),
        ({"sealing": {"k1": "CANARY!"}}, "`sealing` is not base64"),
        ({"sealing": {"k1": key(length=16)}}, "`sealing` must hold 32 bytes"),
        ({"sealing": {"k1": key(), "CANARY 2": key()}}, "names of sealing keys"),
    ],
)
def test_a_malformed_key_file_is_refused_by_its_rule(path: Path, changes: dict[str, Any], rule: str) -> None:
    """The error names the rule and shows nothing of the content, in its text or its cause."""
    Keyring.create(path)
    rewrite(path, **changes)
    with pytest.raises(BadKeyFile, match=rule) as caught:
        Keyring.load(path)
    assert "CANARY" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"null"])
def test_what_is_no_json_is_refused(path: Path, content: bytes) -> None:
    """As malformed as any."""
    path.write_bytes(content)
    path.chmod(0o400)
    with pytest.raises(BadKeyFile, match="must be JSON with"):
        Keyring.load(path)


def test_a_keyring_does_not_print_its_keys(path: Path) -> None:
    """Neither by repr nor by str."""
    keyring = Keyring.create(path)
    assert f"{keyring!r} {keyring}" == "<Keyring> <Keyring>"
