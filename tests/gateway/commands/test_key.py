import re
import stat
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.keys import Doorkeeper, KeyHash, KeyId, KeyKind, StoredKey
from gateway.model.texts import StorefrontId
from gateway.settings import AuditSettings
from gateway.signing.note import SigningKey
from gateway.storage.keyring import Keyring
from tests.disk import full_disk
from tests.gateway.commands.doing import Capture


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


@pytest.mark.parametrize("what", ["file", "signing"])
def test_half_a_key_is_not_left_on_a_full_disk(tmp_path: Path, capsys: Capture, what: str) -> None:
    """It would be no key, and the next try would take it for one that must not be overwritten."""
    path = tmp_path / "new.key"
    with full_disk():
        assert main(["key", what, str(path)]) == 1
    assert "have room" in capsys.readouterr().err
    assert main(["key", what, str(path)]) == 0


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


def test_a_signing_key_is_made_once_and_its_verifier_key_is_printed(tmp_path: Path, capsys: Capture) -> None:
    """With the lines for the configuration; the secret half is in the file alone."""
    path = tmp_path / "signing.key"
    assert main(["key", "signing", str(path), "--origin", "gateway.example/log"]) == 0
    said = capsys.readouterr().out
    key = SigningKey.read(path.read_text().removesuffix("\n"))
    assert key.verifier.text in said
    assert 'origin = "gateway.example/log"' in said
    assert key.reveal()[-20:] not in said
    assert main(["key", "signing", str(path)]) == 1
    assert SigningKey.read(path.read_text().removesuffix("\n")).verifier == key.verifier
    assert main(["key", "signing", str(tmp_path / "gone" / "key")]) == 1
    assert main(["key", "signing", str(tmp_path / "other"), "--origin", "two words"]) == 2
    said = capsys.readouterr().err
    assert all(why in said for why in ("not overwritten", "folder", "--origin"))


def test_the_usual_origin_is_the_settings_own(tmp_path: Path) -> None:
    """A key that is made without an origin fits a configuration without one."""
    assert main(["key", "signing", str(tmp_path / "key")]) == 0
    assert SigningKey.read((tmp_path / "key").read_text().strip()).verifier.name == AuditSettings().origin
