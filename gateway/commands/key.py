"""`consent-gateway key`: makes the key file that seals the store, the keys that storefronts show, and the log's signing key."""

import argparse
import os

from gateway.commands import keyfile
from gateway.commands.ending import Ended
from gateway.commands.showing import out
from gateway.keys import KeyId, KeyKind, hash_key, make_key
from gateway.signing.keyfile import create
from gateway.signing.note import KEY_BYTES, BadKey
from gateway.storage.keyring import BadKeyFile, Keyring


def run(arguments: argparse.Namespace) -> int:
    """Make one of the three; gives 0. Raises Ended."""
    match arguments.what:
        case "file":
            return _make_file(arguments)
        case "signing":
            return _make_signing_key(arguments)
        case _:
            return _make_key(arguments)


def _make_file(arguments: argparse.Namespace) -> int:
    try:
        Keyring.create(arguments.path)
    except FileExistsError:
        raise Ended(
            1, "There is a file already. It is not overwritten: without it, what it sealed could never be read again."
        ) from None
    except OSError:
        raise Ended(1, "The file cannot be made there: its folder must exist, be writable and have room.") from None
    out.print("Made, readable by you alone. Keep a copy apart from the data: without it the store cannot be read.")
    return 0


def _make_signing_key(arguments: argparse.Namespace) -> int:
    try:
        verifier = create(arguments.path, arguments.origin, os.urandom(KEY_BYTES))
    except BadKey:
        raise Ended(2, "--origin: must be 1 to 200 characters without blanks and +") from None
    except FileExistsError:
        raise Ended(1, "There is a file already. It is not overwritten: what it signed is known by its key.") from None
    except OSError:
        raise Ended(1, "The file cannot be made there: its folder must exist, be writable and have room.") from None
    out.print("Made, readable by you alone. Whoever has it can sign another log, so it lies apart from the data.")
    out.print("The verifier key, which is no secret. Give it, not this host's copy of it, to whoever will verify the log:")
    out.print(f"  {verifier.text}", markup=False)
    out.print("For the configuration:")
    for line in ("[audit]", f'signing_key = "{arguments.path}"', f'origin = "{verifier.name}"'):
        out.print(f"  {line}", markup=False)
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
    out.print(f"  {key}", markup=False)
    out.print("For the storefront's part of the configuration, which never holds the key itself:")
    for line in ("[[storefronts.NAME.keys]]", f'id = "{key_id}"', f'kind = "{kind.value}"', f'hash = "{hashed}"'):
        out.print(f"  {line}", markup=False)
    return 0
