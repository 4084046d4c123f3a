"""`consent-gateway key`: makes the key file that seals the store, and the keys that storefronts show."""

import argparse

from gateway.commands import keyfile
from gateway.commands.ending import Ended
from gateway.commands.showing import out
from gateway.keys import KeyId, KeyKind, hash_key, make_key
from gateway.outbox.keyring import BadKeyFile, Keyring


def run(arguments: argparse.Namespace) -> int:
    """Make one of the two; gives 0. Raises Ended."""
    return _make_file(arguments) if arguments.what == "file" else _make_key(arguments)


def _make_file(arguments: argparse.Namespace) -> int:
    try:
        Keyring.create(arguments.path)
    except FileExistsError:
        raise Ended(
            1, "There is a file already. It is not overwritten: without it, what it sealed could never be read again."
        ) from None
    except OSError:
        raise Ended(1, "The file cannot be made there: its folder must exist and be writable.") from None
    out.print(
        "Made, readable by you alone. Keep a copy apart from the data: without it the store cannot be read.", soft_wrap=True
    )
    return 0


def _make_key(arguments: argparse.Namespace) -> int:
    try:
        key_id = KeyId(arguments.id)
    except ValueError:
        raise Ended(2, "--id: must be 1 to 20 of a-z 0-9") from None
    kind = KeyKind(arguments.kind)
    key = make_key(kind, key_id)
    try:
        hashed = hash_key(Keyring.load(arguments.key_file).pepper, key)
    except BadKeyFile as bad:
        raise keyfile.told(bad) from None
    out.print("The key, shown this once:")
    out.print(f"  {key}", markup=False, soft_wrap=True)
    out.print("For the storefront's part of the configuration, which never holds the key itself:", soft_wrap=True)
    for line in ("[[storefronts.NAME.keys]]", f'id = "{key_id}"', f'kind = "{kind.value}"', f'hash = "{hashed}"'):
        out.print(f"  {line}", markup=False, soft_wrap=True)
    return 0
