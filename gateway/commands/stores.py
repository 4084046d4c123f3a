"""Whether the two closed stores would open.

This is the heavy end: whoever imports it has the stores' engine in memory.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.ledger.schema import LEDGER
from gateway.ledger.schema import SEALING as LEDGER_SEALING
from gateway.outbox.engine.schema import OUTBOX
from gateway.outbox.engine.schema import SEALING as OUTBOX_SEALING
from gateway.storage.file import CannotOpen
from gateway.storage.keyring import Keyring
from gateway.storage.looking import Found, Kind, look

KINDS: Final[Mapping[str, Kind]] = {
    kind.form.file_name: kind for kind in (Kind(OUTBOX, OUTBOX_SEALING), Kind(LEDGER, LEDGER_SEALING))
}


def state_of(folder: Path, file_name: str) -> Found:
    """Say what there is of a store that nothing stands against. Raises CannotOpen."""
    return look(folder, None, KINDS[file_name])


def fault_of(folder: Path, file_name: str, keyring: Keyring | None) -> str | None:
    """Say why a store would not open; without a keyring its keys are not tried. Raises BadKeyFile when these do not fit."""
    try:
        look(folder, keyring, KINDS[file_name])
    except CannotOpen as cannot:
        return str(cannot)
    return None
