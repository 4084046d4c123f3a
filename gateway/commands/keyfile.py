"""What commands say of the file that seals the store, when it cannot be used."""

from typing import Final

from gateway.commands.ending import Ended
from gateway.storage.keyring import BadKeyFile, NoKeyFile

HELP: Final = (
    "If there never was one, make it with `consent-gateway key file PATH`; if there was, bring it back: no other opens the"
    " store."
)


def told(bad: BadKeyFile) -> Ended:
    """Say what is wrong with a key file, and where another is needed how it comes."""
    return Ended(2, f"The key file cannot be used: {bad}", *[HELP] * isinstance(bad, NoKeyFile))
