"""Both stores are looked at, each by its own form and seal."""

import shutil

import pytest

from gateway.commands.stores import KINDS, fault_of, state_of
from gateway.places import LEDGER_FILE, OUTBOX_FILE
from gateway.storage.keyring import BadKeyFile, Keyring
from tests.live import Inside


async def test_each_store_is_held_against_its_own_form_and_keys(running: Inside) -> None:
    """One in the other's place is told, and a key file that sealed neither."""
    folder = running.installation.folder / "store"
    keyring = Keyring.load(running.installation.folder / "sealing.json")
    assert list(KINDS) == [OUTBOX_FILE, LEDGER_FILE]
    await running.stop()
    assert [(state_of(folder, name), fault_of(folder, name, keyring)) for name in KINDS] == 2 * [("closed", None)]
    with pytest.raises(BadKeyFile):
        fault_of(folder, OUTBOX_FILE, Keyring.create(running.installation.folder / "other.json"))
    (folder / "aside").mkdir()
    shutil.move(folder / LEDGER_FILE, folder / "aside")
    shutil.copy(folder / OUTBOX_FILE, folder / LEDGER_FILE)
    assert fault_of(folder, LEDGER_FILE, keyring) == "ledger: the file is another program's or another store's"
    shutil.move(folder / "aside" / LEDGER_FILE, folder / LEDGER_FILE)
    await running.start()
