"""`consent-gateway console`: makes what people and programs come in with: a password's hash, and a token.

A password is typed twice, without being shown, and is nowhere afterwards but in its owner's head: what is printed is its hash.
"""

import argparse
import sys
from getpass import getpass
from typing import Final

from gateway.commands import keyfile, typed
from gateway.commands.ending import Ended
from gateway.commands.showing import out
from gateway.console.configuration import token_id
from gateway.console.passwords import fault_of_password, hash_password
from gateway.console.roles import Role
from gateway.console.tokens import make_token
from gateway.keys import hash_key
from gateway.storage.keyring import BadKeyFile, Keyring

NEVER: Final = "For the configuration, which never holds the token itself:"


def run(arguments: argparse.Namespace) -> int:
    """Make one of the two; gives 0. Raises Ended."""
    return _make_token(arguments) if arguments.what == "token" else _hash_password()


def _hash_password() -> int:
    password = _typed()
    if (fault := fault_of_password(password)) is not None:
        raise Ended(2, fault)
    hashed = hash_password(password)
    out.print("For the configuration, or for a file that `password` refers to:")
    for line in ("[[console.people]]", 'name = "…"', 'roles = ["…"]', f'password = "{hashed}"'):
        out.print(f"  {line}", markup=False, highlight=False)
    return 0


def _typed() -> str:
    """Read a new password: twice at a terminal, else one line of standard input. Raises Ended."""
    if not sys.stdin.isatty():
        return typed.piped_line()
    try:
        first, second = getpass("New password: "), getpass("Once more: ")
    except EOFError:
        raise Ended(2, "Nothing was typed.") from None
    if first != second:
        raise Ended(2, "The two were not the same. Nothing was made.")
    return first


def _make_token(arguments: argparse.Namespace) -> int:
    try:
        name = token_id(arguments.id)
    except ValueError as bad:
        raise Ended(2, f"--id: {bad}") from None
    token = make_token(name)
    try:
        hashed = hash_key(Keyring.load(arguments.key_file).pepper, token)
    except BadKeyFile as bad:
        raise keyfile.told(bad) from None
    roles = ", ".join(f'"{role}"' for role in Role if role.value in arguments.role)
    out.print("The token, shown this once; a program sends it as `Authorization: Bearer …`:")
    out.print(f"  {token}", markup=False, highlight=False)
    out.print(NEVER)
    for line in ("[[console.tokens]]", f'id = "{name}"', f"roles = [{roles}]", f'hash = "{hashed}"'):
        out.print(f"  {line}", markup=False, highlight=False)
    return 0
