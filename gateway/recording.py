"""What this gateway puts into its signed log by itself, and how the log is opened for these settings.

At the start what is in force: configuration, contracts, decision table, keys; each only when it is not what the log said last.
Each minute in which events came or went, how many fared how. At the stop what is left of that, and the stop.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from gateway.bounded import read_whole
from gateway.consent.policy import TABLE
from gateway.console.configuration import Console
from gateway.console.door import ACCOUNT, TOKEN_ACCOUNT
from gateway.log import Happening, Log, Stored
from gateway.metrics import VERSION, Metrics
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination
from gateway.office.archive import digest_of
from gateway.settings import AuditSettings, PlainSettings, Settings
from gateway.signing.checkpoint import Checkpoint
from gateway.signing.entry import (
    COMMAND,
    MOST_ROWS,
    ApiKey,
    Change,
    Configuration,
    Contract,
    Counted,
    Counts,
    DecisionTable,
    Entry,
    KeyUse,
    Outlet,
    Role,
    RoleChanged,
    Row,
    SealingKeyUsed,
    SigningKeyUsed,
    Started,
    Stopped,
    keyed,
)
from gateway.signing.facts import due
from gateway.signing.keyfile import load
from gateway.signing.note import SigningKey
from gateway.signing.outlets import Exporter, ToFile, ToStream, ToWebhook
from gateway.signing.recorder import LogState, SignedLog
from gateway.signing.store import MOST_CHECKPOINTS, CannotOpenLog, LogFile, folder_in, handed_out_of
from gateway.storage.keyring import Keyring

COUNT_SECONDS: Final = 60.0

STATES: Final[Mapping[LogState, Happening]] = {
    LogState.SIGNED: Happening.LOG_RECORDING,
    LogState.UNSIGNED: Happening.LOG_RECORDING,
    LogState.FULL: Happening.LOG_FULL,
    LogState.FAILED: Happening.LOG_FAILED,
}


class Teller:
    """Writes the log's trouble to the process's own log (a `recorder.Listener`)."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def log_state(self, state: LogState) -> None:
        """Write it."""
        self._log.say(STATES[state], file=Stored.SIGNED_LOG)

    def export_trouble(self, outlet: Outlet, troubled: bool) -> None:
        """Write it."""
        self._log.say(Happening.CHECKPOINT_NOT_TAKEN if troubled else Happening.CHECKPOINT_TAKEN, reason=outlet)


def open_file(settings: PlainSettings) -> LogFile:
    """Open the log's file, held against what was handed out to `audit.checkpoint_file`. Raises CannotOpenLog."""
    audit = settings.audit
    key = load(audit.signing_key, audit.origin)
    try:
        return LogFile.open(folder_in(settings.server.data_dir), audit.origin, key, _handed_out(audit, key))
    except OSError:
        raise CannotOpenLog("signed log: its folder in server.data_dir cannot be used") from None


def _handed_out(audit: AuditSettings, key: SigningKey | None) -> Sequence[Checkpoint]:
    if key is None or audit.checkpoint_file is None:
        return ()
    try:
        return handed_out_of(read_whole(audit.checkpoint_file, MOST_CHECKPOINTS).decode(errors="replace"), key)
    except FileNotFoundError:
        return ()
    except OSError:
        raise CannotOpenLog("audit.checkpoint_file: cannot be read, so the log cannot be held against it") from None


def outlets_of(audit: AuditSettings) -> Iterator[Exporter]:
    """Make the places that checkpoints are handed to."""
    if audit.checkpoint_file is not None:
        yield ToFile(audit.checkpoint_file)
    if audit.checkpoint_webhook is not None:
        yield ToWebhook(audit.checkpoint_webhook)
    if audit.checkpoint_stdout:
        yield ToStream()


@asynccontextmanager
async def open_log(settings: PlainSettings, log: Log) -> AsyncIterator[SignedLog]:
    """Open the log for as long as the block lasts, for a command that does one thing. Raises CannotOpenLog."""
    signed = SignedLog(open_file(settings), [*outlets_of(settings.audit)], Teller(log))
    try:
        yield signed
    finally:
        await signed.close()


@asynccontextmanager
async def recording(settings: Settings, keyring: Keyring, metrics: Metrics, log: Log) -> AsyncIterator[SignedLog]:
    """Record a gateway's life for as long as the block lasts: start, what is in force, counts, stop. Raises CannotOpenLog."""
    file = open_file(settings)
    signed = SignedLog(file, [*outlets_of(settings.audit)], Teller(log))
    if file.cut:
        log.say(Happening.LOG_END_CUT, count=file.cut)
    metrics.watch_log(
        lambda: {kind.value: count for kind, count in signed.counts.items()},
        lambda: signed.state in (LogState.SIGNED, LogState.UNSIGNED),
        lambda: signed.uncovered_seconds,
    )
    for entry in (
        Started(VERSION, file.cut),
        *due(signed.facts, in_force(settings, keyring, load(settings.audit.signing_key, settings.audit.origin))),
    ):
        signed.tell(entry)
    minutes = Minutes(metrics)
    counting = asyncio.create_task(_count(signed, minutes), name="counts")
    try:
        yield signed
    finally:
        counting.cancel()
        await asyncio.gather(counting, return_exceptions=True)
        for entry in minutes.news():
            signed.tell(entry)
        await signed.close(Stopped())


async def _count(signed: SignedLog, minutes: "Minutes") -> None:
    while True:
        await asyncio.sleep(COUNT_SECONDS)
        for entry in minutes.news():
            signed.tell(entry)


def in_force(settings: Settings, keyring: Keyring, key: SigningKey | None) -> Iterator[Entry]:
    """Say what is in force with these settings and keys."""
    yield Configuration(settings.digest)
    contracts = {
        destination: contract.file
        for storefront in settings.storefronts.values()
        for destination, contract in storefront.contracts.items()
    }
    for destination, file in contracts.items():
        yield Contract(destination, file.version, digest_of(file))
    yield DecisionTable(str(TABLE))
    yield SealingKeyUsed(keyring.active)
    if key is not None:
        yield SigningKeyUsed(key.verifier.id.hex())
    for storefront in settings.storefronts.values():
        for one in storefront.keys:
            yield ApiKey(str(storefront.id), KeyUse(one.kind.value), str(one.id), Change.ADDED)
    yield from _roles(settings.console, keyring.pepper)


def _roles(console: Console, pepper: bytes) -> Iterator[RoleChanged]:
    """Say who may what: one entry for each role of each person and each program's token."""
    accounts = [(keyed(pepper, ACCOUNT, person.name), person.roles) for person in console.people]
    accounts += [(keyed(pepper, TOKEN_ACCOUNT, token.id), token.roles) for token in console.tokens]
    for account, roles in accounts:
        for role in sorted(roles):
            yield RoleChanged(account, Role.NONE, Role(role.value), COMMAND)


class Minutes:
    """How many events fared how since it was asked last, out of the process's own counts."""

    def __init__(self, metrics: Metrics) -> None:
        self._fates: Callable[[], Mapping[tuple[StorefrontId, Destination | None, str], int]] = metrics.fates
        self._before: Mapping[tuple[StorefrontId, Destination | None, str], int] = {}

    def news(self) -> list[Counts]:
        """Give what is new as entries, none when nothing is."""
        now, before = self._fates(), self._before
        self._before = now
        rows = [
            Row(str(storefront), destination, Counted(counted), count - before.get((storefront, destination, counted), 0))
            for (storefront, destination, counted), count in now.items()
        ]
        new = sorted((row for row in rows if row.n), key=lambda row: (row.storefront, row.destination or "", row.counted))
        return [Counts(tuple(new[at : at + MOST_ROWS])) for at in range(0, len(new), MOST_ROWS)]
