import io
import re
import tomllib
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.commands import console
from gateway.console.passwords import Passwords
from gateway.console.roles import Role
from gateway.console.tokens import HOST, StoredToken, Tokens, make_token
from gateway.keys import KeyHash, KeyId
from gateway.storage.keyring import Keyring
from tests.gateway.commands.doing import Capture

WORD = "correct horse battery"


class Terminal(io.StringIO):
    """A standard input that somebody types at."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


def typed(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    """Let somebody type these at a terminal."""
    answers = iter(words)
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(console, "getpass", lambda _prompt: next(answers))


async def test_a_password_is_typed_twice_and_only_its_hash_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """The lines go into the configuration as they stand, and the hash is the password's."""
    typed(monkeypatch, WORD, WORD)
    assert main(["console", "password"]) == 0
    said = capsys.readouterr()
    assert WORD not in said.out + said.err
    (hashed,) = re.findall(r'password = "([^"]+)"', said.out)
    assert await Passwords({"ada": hashed}).fits("ada", WORD)


def test_a_script_gives_one_line(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """On standard input, where nobody else sees it; without its line end."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{WORD}\nmore\n"))
    assert main(["console", "password"]) == 0
    assert "$argon2id$" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "rule"), [((WORD, WORD + "x"), "not the same"), (("short", "short"), "12 to 256")])
def test_what_is_mistyped_or_too_short_makes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, words: tuple[str, ...], rule: str
) -> None:
    """It is said why, and not what."""
    typed(monkeypatch, *words)
    assert main(["console", "password"]) == 2
    said = capsys.readouterr()
    assert (said.out, rule in said.err) == ("", True)
    assert words[0] not in said.err


def test_a_token_is_printed_once_with_the_lines_for_the_configuration(tmp_path: Path, capsys: Capture) -> None:
    """The gateway knows it by the hash that is printed, with its roles."""
    path = tmp_path / "sealing.json"
    pepper = Keyring.create(path).pepper
    arguments = ["console", "token", "--id", "reports", "--role", "privacy", "--role", "marketer", "--key-file", str(path)]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    (token,) = re.findall(r"\bct_reports_[A-Za-z0-9_-]{43}\b", said)
    lines = said[said.index("[[console.tokens]]") :]
    (table,) = tomllib.loads("\n".join(line.strip() for line in lines.splitlines()))["console"]["tokens"]
    stored = StoredToken(KeyId(table["id"]), frozenset(map(Role, table["roles"])), KeyHash(table["hash"]))
    assert Tokens(pepper, (stored,), make_token(HOST)).who(token) == stored
    assert stored.roles == {Role.PRIVACY, Role.MARKETER}


@pytest.mark.parametrize("name", ["host", "A", "", "x" * 21])
def test_a_token_needs_a_name_of_its_own(tmp_path: Path, capsys: Capture, name: str) -> None:
    """And the host's is taken; without a key file there is none either."""
    path = tmp_path / "sealing.json"
    assert main(["console", "token", "--id", "a", "--role", "privacy", "--key-file", str(path)]) == 2
    Keyring.create(path)
    assert main(["console", "token", "--id", name, "--role", "privacy", "--key-file", str(path)]) == 2
    assert "--id: must" in capsys.readouterr().err
