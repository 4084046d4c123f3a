"""`consent-gateway check`: every fault of a configuration and of this machine at once; with --live also platforms."""

import argparse
import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from rich.table import Table

from gateway.audit.advice import NAMES
from gateway.audit.rehearsals import sentences, tell
from gateway.commands import keyfile
from gateway.commands.configuration import no_such_storefront, read, told
from gateway.commands.showing import out, show, show_json
from gateway.delivery.rehearsal import Finding
from gateway.outbox.work import Lane
from gateway.places import LEDGER_FILE, OUTBOX_FILE
from gateway.rights.retention import Keeping, keepings
from gateway.settings import AuditSettings, BadSettings, ServerSettings, Settings, Storefront, prove
from gateway.signing.keyfile import load
from gateway.signing.store import CannotOpenLog
from gateway.storage.keyring import BadKeyFile, Keyring, NoKeyFile

STORES: Final = {"outbox": OUTBOX_FILE, "ledger": LEDGER_FILE}
THERE: Final[Mapping[str, str]] = {
    "none": "not yet: made at the start",
    "closed": "closed",
    "in use": "in use by a gateway or a command",
}
"""What there is of a store, by what a look at it finds (`outbox.looking.Found`)."""


class Stored(NamedTuple):
    """What is said of a store."""

    store: str
    file: str
    max_bytes: int
    state: str


def run(arguments: argparse.Namespace) -> int:
    """Check; gives 0 when everything is in order and whoever was asked answered well. Raises Ended."""
    settings = _proven(arguments)
    chosen = [s for s in settings.storefronts.values() if arguments.storefront in (None, s.id)]
    if not chosen:
        raise no_such_storefront(settings)
    lanes = {Lane(s.id, destination): s for s in chosen for destination in s.destinations}
    stores, kept = _stores(settings), keepings(settings.retention.periods)
    if not arguments.json:
        _print_lanes(lanes)
        _print_stores(stores, kept)
        _print_log(settings.audit)
        out.print("The configuration is complete and consistent.")
    findings = _rehearsed(settings, lanes, arguments.meta_test_code) if arguments.live else {}
    if arguments.json:
        told_of_lanes = [_lane_told(lane, s, findings.get(lane)) for lane, s in lanes.items()]
        kinds = {"stores": [store._asdict() for store in stores], "retention": msgspec.to_builtins(kept)}
        show_json({"destinations": told_of_lanes, **kinds})
    else:
        _print_findings(findings)
    return 0 if all(finding.well for finding in findings.values()) else 1


def _rehearsed(settings: Settings, lanes: Mapping[Lane, Storefront], test_code: str | None) -> Mapping[Lane, Finding]:
    from gateway.app import rehearse_all  # noqa: PLC0415 - without --live nothing of it is needed

    return asyncio.run(rehearse_all(settings, lanes, test_code))


def _proven(arguments: argparse.Namespace) -> Settings:
    """Read the configuration and what it needs on this machine. Raises Ended with every fault of both."""
    try:
        settings = read(arguments)
        prove(settings)
    except BadSettings as bad:
        raise told(BadSettings([*_faults_here(bad.server), *_faults_of_log(bad.audit), *bad.faults])) from None
    if faults := [*_faults_here(settings.server), *_faults_of_log(settings.audit)]:
        raise told(BadSettings(faults))
    return settings


def _faults_here(server: ServerSettings | None) -> Iterator[str]:
    """Say what this machine lacks: the key file, a folder for the stores, and stores that would open."""
    if server is None:
        return
    keyring = None
    try:
        keyring = Keyring.load(server.key_file)
    except BadKeyFile as bad:
        yield _of_key_file(bad)
    # what this user may not even look at is none to `os.path.lexists`, and the folder above it is looked at
    above = (server.data_dir, *server.data_dir.parents)
    folder = next(path for path in above if os.path.lexists(path))
    if not folder.is_dir():
        yield "server.data_dir: is, or lies below, something that is no folder"
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield "server.data_dir: this user may not write there"
    else:
        yield from dict.fromkeys(_faults_of_stores(server, keyring))  # one that both have is one


def _of_key_file(bad: BadKeyFile) -> str:
    help_ = f". {keyfile.HELP}" if isinstance(bad, NoKeyFile) else ""
    return f"server.key_file: {str(bad).removeprefix('key file: ')}{help_}"


def _faults_of_stores(server: ServerSettings, keyring: Keyring | None) -> Iterator[str]:
    """Say why a store would not open."""
    for name in STORES.values():
        if not os.path.lexists(server.data_dir / name):
            continue
        from gateway.commands.stores import fault_of  # noqa: PLC0415 - where no store is, none of it is needed

        try:
            if (fault := fault_of(server.data_dir, name, keyring)) is not None:
                yield f"server.data_dir: {fault}"
        except BadKeyFile as bad:
            yield _of_key_file(bad)


def _state(folder: Path, name: str) -> str:
    """Say what there is of a store."""
    if not os.path.lexists(folder / name):
        return "none"
    from gateway.commands.stores import state_of  # noqa: PLC0415 - as above

    return state_of(folder, name)


def _faults_of_log(audit: AuditSettings | None) -> Iterator[str]:
    """Say why the log could not be signed, or its checkpoints not be handed to a file."""
    if audit is None:
        return
    try:
        load(audit.signing_key, audit.origin)
    except CannotOpenLog as cannot:
        yield str(cannot)
    if audit.checkpoint_file is not None and not _may_write(audit.checkpoint_file):
        yield "audit.checkpoint_file: this user cannot write it; its folder has to be there"


def _may_write(file: Path) -> bool:
    """Tell whether this user can append to a file, or make it."""
    if file.exists():
        return file.is_file() and os.access(file, os.R_OK | os.W_OK)
    return os.access(file.parent, os.W_OK | os.X_OK)


UNSIGNED: Final = (
    "The signed log has no key (audit.signing_key): it is written, but nobody else can tell whether it was changed. Make one"
    " with `consent-gateway key signing PATH`."
)
UNHANDED: Final = (
    "The signed log's checkpoints are handed to nobody (audit.checkpoint_file, checkpoint_webhook, checkpoint_stdout): who may"
    " write on this host could put an older log back."
)


def _print_log(audit: AuditSettings) -> None:
    """Say what the signed log lacks to prove something to others."""
    if audit.signing_key is None:
        out.print(UNSIGNED)
    elif not any(audit.outlets):
        out.print(UNHANDED)


def _print_lanes(lanes: Mapping[Lane, Storefront]) -> None:
    table = Table("storefront", "destination", "sends to", "test mode")
    for lane, shop in lanes.items():
        mode = shop.destinations[lane.destination].test_mode
        table.add_row(lane.storefront, lane.destination, shop.base_urls[lane.destination], mode or "off")
    show(table)


def _stores(settings: Settings) -> list[Stored]:
    """Say what lies where, how large it may grow, and whether there is one yet and a gateway has it."""
    folder = settings.server.data_dir
    caps = (settings.outbox.max_bytes, settings.ledger.max_bytes)
    return [
        Stored(store, str(folder / name), cap, _state(folder, name))
        for (store, name), cap in zip(STORES.items(), caps, strict=True)
    ]


def _print_stores(stores: Sequence[Stored], kept: Sequence[Keeping]) -> None:
    table = Table("store", "file", "at most", "there")
    for store in stores:
        table.add_row(store.store, store.file, f"{store.max_bytes / 2**20:,.0f} MiB", THERE[store.state])
    show(table)
    table = Table("store", "keeps", "until", "bound")
    for one in kept:
        table.add_row(one.store, one.what, one.until, one.bound)
    show(table)


def _lane_told(lane: Lane, shop: Storefront, finding: Finding | None) -> dict[str, object]:
    return {
        "storefront": str(lane.storefront),
        "destination": lane.destination.value,
        "sends_to": shop.base_urls[lane.destination],
        "test_mode": shop.destinations[lane.destination].test_mode,
        "live": None if finding is None else tell(lane.destination, finding),
    }


def _print_findings(findings: Mapping[Lane, Finding]) -> None:
    for lane, finding in findings.items():
        code = "" if finding.well or finding.code is None else f", code {finding.code}"
        verdict = "well" if finding.well else f"NOT well: {finding.reason}{code}"
        out.print(f"\n{lane.storefront}, {NAMES[lane.destination]}: {verdict}", markup=False)
        for line in sentences(lane.destination, finding):
            out.print(f"  {line}", markup=False)
