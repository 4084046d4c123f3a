"""Logs for tests: one of each kind of entry, a key, a log of so many entries with its checkpoints."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from gateway.model.words import Destination, Reason
from gateway.signing.entry import (
    COMMAND,
    PRIVATE_LISTENER,
    ApiKey,
    Change,
    CheckpointExported,
    Configuration,
    Contract,
    Counted,
    Counts,
    DecisionTable,
    Entry,
    Export,
    Exported,
    KeyUse,
    Login,
    LoginRefused,
    Outlet,
    Paused,
    Replay,
    Resumed,
    RetentionSwept,
    Right,
    RightsRequest,
    Role,
    RoleChanged,
    Row,
    SealingKeyUsed,
    ShapesApproved,
    SigningKeyUsed,
    Started,
    Stopped,
    StoreFailed,
)
from gateway.signing.note import SigningKey
from gateway.signing.store import ENTRIES, LogFile
from gateway.signing.verify import Held, held

ORIGIN: Final = "gateway.example/log"
KEY: Final = SigningKey(ORIGIN, bytes(range(32)))
OTHER_KEY: Final = SigningKey(ORIGIN, bytes(32))
DIGEST: Final = "0123456789abcdef" * 4
META: Final = Destination.META

EXAMPLES: Final[tuple[Entry, ...]] = (
    Started("1.2.3"),
    Stopped(),
    StoreFailed(),
    Configuration(DIGEST),
    Contract(META, 3, DIGEST),
    DecisionTable("2"),
    SigningKeyUsed("01234567"),
    SealingKeyUsed("k1"),
    ApiKey("shop", KeyUse.SECRET, "2026a", Change.ADDED),
    Counts((Row("shop", None, Counted.ACCEPTED, 3), Row("shop", META, Counted.DELIVERED, 2))),
    Login(DIGEST, Role.PRIVACY),
    LoginRefused(DIGEST),
    RoleChanged(DIGEST, Role.MARKETER, Role.NONE, DIGEST),
    Paused("shop", META, COMMAND),
    Resumed("shop", META, DIGEST),
    Replay("shop", META, (Reason.REJECTED,), PRIVATE_LISTENER),
    Export(Exported.LOG, COMMAND, 1, 2),
    ShapesApproved("shop", DIGEST, 41, COMMAND),
    RightsRequest("shop", Right.ERASE, 7, DIGEST),
    RetentionSwept({"dead_letters": 12}),
    CheckpointExported(1000, Outlet.FILE),
)


def counts(n: int) -> Counts:
    """An entry that differs by `n`."""
    return Counts((Row("shop", META, Counted.DELIVERED, n),))


def spied(monkeypatch: pytest.MonkeyPatch, name: str, seen: Callable[..., object]) -> None:
    """Have a call of the operating system told to `seen`, with its arguments, before it is done."""
    true = getattr(os, name)

    def told(*arguments: Any, **options: Any) -> Any:
        seen(*arguments)
        return true(*arguments, **options)

    monkeypatch.setattr(os, name, told)


class Made(msgspec.Struct):
    """A log in a folder, its lines, and checkpoints by their size."""

    folder: Path
    lines: list[bytes]
    notes: dict[int, str]

    def held(self, *sizes: int) -> list[Held]:
        """These checkpoints, verified."""
        return [one for size in sizes if isinstance(one := held(str(size), self.notes[size], [KEY.verifier], ORIGIN), Held)]


def make(folder: Path, *sizes: int, more: int = 0, key: SigningKey = KEY, salt: int = 0) -> Made:
    """Write a log with a checkpoint at each of these sizes, in order, and so many entries more; `salt` makes it another one."""
    file, notes = LogFile.open(folder, ORIGIN, key), {}
    for size in sizes:
        file.append([counts(n + salt) for n in range(file.size, size)], 1_800_000_000 + size)
        notes[size] = file.checkpoint()
    if more:
        file.append([counts(n + salt) for n in range(file.size, file.size + more)], 1_900_000_000)
    file.close()
    return Made(folder, (folder / ENTRIES).read_bytes().splitlines(keepends=True), notes)
