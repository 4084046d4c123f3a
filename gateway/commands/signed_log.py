"""`consent-gateway audit verify`, `audit export` and `audit log`: the signed log, verified, written out for others, and read.

None of them asks a gateway or stops one: they read files, so they work on a copy anywhere as well. A gateway that is writing
meanwhile has at worst an unfinished last line, which is told and is no fault.
"""

import argparse
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from gateway.bounded import TooLarge, read_whole
from gateway.commands.configuration import settings_of
from gateway.commands.ending import Ended
from gateway.commands.files import USUAL, files_anew, make_folder
from gateway.commands.progress import bar
from gateway.commands.showing import counted, out, show, show_json
from gateway.signing.checkpoint import BadCheckpoint, Checkpoint, split_notes
from gateway.signing.entry import LONGEST, BadEntry, EntryKind, Frame, read
from gateway.signing.exports import Run, Wanted, write_out
from gateway.signing.keyfile import load
from gateway.signing.note import BadKey, BadNote, VerifierKey
from gateway.signing.note import read as read_note
from gateway.signing.store import MOST_CHECKPOINTS, CannotOpenLog, entries_file, folder_in, last_checkpoint
from gateway.signing.verify import Fault, Held, Proof, Report, held, verify

ENTRIES: Final = "entries.ndjson"
CHECKPOINT: Final = "checkpoint.txt"
PROOF: Final = "proof.json"
SHOWN: Final = 1_000
MOST_PROOF: Final = 1 << 20
MOST_KEY: Final = 1 << 16
TOLD_BYTES: Final = 1 << 20
"""The bar moves after so many bytes."""


def run(arguments: argparse.Namespace) -> int:
    """Do one of the three. Raises Ended."""
    match arguments.what:
        case "verify":
            return _verify(arguments)
        case "export":
            return _export(arguments)
        case _:
            return _log(arguments)


# ── verify ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Case(msgspec.Struct, frozen=True):
    """What is to be verified: the log's file, notes by a name to tell of them, and the keys one of which signed each."""

    log: Path
    notes: tuple[tuple[str, str], ...]
    keys: tuple[VerifierKey, ...]
    proof: Proof | None

    @property
    def origin(self) -> str:
        """Whose log it is: the name that all keys are for."""
        return self.keys[0].name


def _verify(arguments: argparse.Namespace) -> int:
    case = _case(arguments)
    judged = [held(name, text, case.keys, case.origin) for name, text in case.notes]
    good = [one for one in judged if isinstance(one, Held)]
    bad = [one for one in judged if isinstance(one, Fault)]
    with _read(case.log) as file, bar("{task.fields[shown]}") as progress:
        task = progress.add_task("verifying", total=max(1, os.fstat(file.fileno()).st_size), shown="")
        report = verify(_lines(file), good, case.proof, lambda length: progress.advance(task, length))
    report.faults = (*bad, *report.faults)
    if arguments.json:
        show_json(_told(report, good, case))
    else:
        _print(report, good, case)
    return 1 if report.faults else 0


def _case(arguments: argparse.Namespace) -> Case:
    """Find out what is to be verified; what is not given, the configuration says. Raises Ended."""
    keys = [_key(text) for text in arguments.key]
    if len({key.name for key in keys}) > 1:
        raise Ended(2, "--key: must be keys of one log, an old one and its successor.")
    log, notes = arguments.log, [note for path in arguments.checkpoint for note in _notes(path)]
    if log is None or not keys:
        log, keys, notes = _configured(arguments, log, keys, notes)
    if not notes:
        raise Ended(
            2,
            "There is no checkpoint to hold the log against.",
            "Give one that was kept elsewhere: --checkpoint FILE. A gateway makes its first after five minutes.",
        )
    return Case(log, tuple(notes), tuple(keys), None if arguments.proof is None else _proof(arguments.proof))


def _configured(
    arguments: argparse.Namespace, log: Path | None, keys: list[VerifierKey], notes: list[tuple[str, str]]
) -> tuple[Path, list[VerifierKey], list[tuple[str, str]]]:
    settings = settings_of(arguments)
    if not keys:
        try:
            signing = load(settings.audit.signing_key, settings.audit.origin)
        except CannotOpenLog as cannot:
            raise Ended(2, f"{cannot}.") from None
        if signing is None:
            raise Ended(2, "The configuration has no audit.signing_key, so nothing was signed.", "Or name the key: --key VKEY.")
        keys = [signing.verifier]
    if log is None:
        log = entries_file(folder_in(settings.server.data_dir))
        handed_out = settings.audit.checkpoint_file
        if not notes and handed_out is not None and not _is_missing(handed_out):
            notes = _notes(handed_out)
        notes = [*notes, *_last(folder_in(settings.server.data_dir))]
    return log, keys, notes


def _is_missing(path: Path) -> bool:
    """Tell whether nothing was handed out yet; a file that cannot be looked at is told as one, not passed over."""
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _last(folder: Path) -> Iterator[tuple[str, str]]:
    """Give the log's own last checkpoint, if there is a signed one."""
    try:
        own = last_checkpoint(folder)
    except (OSError, BadCheckpoint):
        return
    if own is not None and "\n\n" in own:
        yield "the log's own last checkpoint", own


def _notes(path: Path) -> list[tuple[str, str]]:
    """Read a file of notes; each is named by the file, and by its place where there are more. Raises Ended."""
    text = _content(path, MOST_CHECKPOINTS, "checkpoint").decode("utf-8", errors="replace")
    found = split_notes(text)
    if not found:  # told as a checkpoint that is none
        return [(path.name, text)]
    return [(path.name if len(found) == 1 else f"{path.name} #{index}", one) for index, one in enumerate(found, 1)]


def _key(text: str) -> VerifierKey:
    """Read a verifier key that was typed, or the file of one. Raises Ended."""
    path = Path(text)
    try:
        return VerifierKey.read(read_whole(path, MOST_KEY).decode().strip() if path.is_file() else text)
    except (OSError, UnicodeDecodeError, BadKey):
        raise Ended(2, "--key: must be a verifier key, as `consent-gateway key signing` prints it, or a file of one.") from None


def _proof(path: Path) -> Proof:
    try:
        return msgspec.json.decode(_content(path, MOST_PROOF, "proof of an export"), type=Proof)
    except msgspec.DecodeError:
        raise Ended(2, f"There is no proof of an export to be read at {path}.") from None


def _content(path: Path, most: int, called: str) -> bytes:
    """Read a file of so many bytes at most. Raises Ended, which calls it by what it should be."""
    try:
        return read_whole(path, most)
    except TooLarge:
        raise Ended(2, f"What is at {path} is larger than {most >> 20} MiB: that is no {called}.") from None
    except OSError:
        raise Ended(2, f"There is no {called} to be read at {path}.") from None


@contextmanager
def _read(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except PermissionError:
        raise Ended(2, f"This user may not read the log at {path}: run the command as the gateway's own.") from None
    except OSError:
        raise Ended(2, f"There is no log to be read at {path}.") from None
    with file:
        if not _ends(os.fstat(file.fileno()).st_mode):
            raise Ended(2, f"There is no log to be read at {path}: it is neither a file nor a pipe.")
        yield file


def _ends(mode: int) -> bool:
    """Tell whether what is there has an end: a log has no bound of its own, and a device no size."""
    return stat.S_ISREG(mode) or stat.S_ISFIFO(mode)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Give the lines, one that is too long in pieces: no file can fill the memory."""
    while line := file.readline(LONGEST + 2):
        yield line


def _told(report: Report, good: list[Held], case: Case) -> dict[str, Any]:
    return {
        "sound": not report.faults,
        "origin": case.origin,
        "key": case.keys[0].id.hex(),
        "keys": [key.id.hex() for key in case.keys],
        "entries": report.entries,
        "covered": report.covered,
        "unfinished": report.unfinished,
        "checkpoints": [{"name": one.name, "size": one.checkpoint.size} for one in good],
        "faults": [{**msgspec.to_builtins(fault), "words": fault.words} for fault in report.faults],
    }


def _print(report: Report, good: list[Held], case: Case) -> None:
    out.print(
        f"{report.entries} entries read, {counted(len(good), 'checkpoint')} of {case.origin} signed by the key.", markup=False
    )
    if report.unfinished:
        out.print("The last line has no end: the log is being written, or a write was cut short.")
    if report.faults:
        out.print(f"NOT as it was. {len(report.faults)} fault(s), the first first:")
        for fault in report.faults:
            out.print(f"  {fault.words}", markup=False)
        if report.covered:
            out.print(f"Entries up to {report.covered - 1} are those that a checkpoint given here signed.")
        return
    out.print(f"Sound: entries up to {report.covered - 1} are those that were signed.")
    if report.entries + (0 if case.proof is None else case.proof.first) > report.covered:
        out.print("What follows is in order, but no checkpoint given here covers it: its end could be missing.")


# ── export ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _export(arguments: argparse.Namespace) -> int:
    folder = folder_in(settings_of(arguments).server.data_dir)
    note, checkpoint = _signed(folder)
    to: Path = arguments.out
    make_folder(to)
    with _read(entries_file(folder)) as file:
        run = Run.found(_lines(file), Wanted(arguments.since, arguments.until, checkpoint.size))
        if run is None:
            raise Ended(1, "No entry of this time is in the log's last checkpoint, which is made every five minutes.")
        file.seek(0)
        with files_anew([to / ENTRIES, to / CHECKPOINT, to / PROOF], "--out", USUAL) as (entries, kept, proven):
            proof = write_out(_lines(file), run, checkpoint.size, entries.write)
            kept.write(note.encode())
            proven.write(msgspec.json.format(msgspec.json.encode(proof)) + b"\n")
    out.print(f"Entries {run.first} to {run.end - 1}, of {checkpoint.size}, with their proof, are in {to}.", markup=False)
    out.print("Whoever has them, and the verifier key from elsewhere, can verify them:")
    out.print(
        f"  consent-gateway audit verify --log {to / ENTRIES} --proof {to / PROOF} --checkpoint {to / CHECKPOINT} --key VKEY",
        markup=False,
        soft_wrap=True,
    )
    return 0


def _signed(folder: Path) -> tuple[str, Checkpoint]:
    """Give the log's last checkpoint, which must be signed. Raises Ended."""
    try:
        note = last_checkpoint(folder)
        if note is not None and "\n\n" in note:
            return note, Checkpoint.read(read_note(note).text)
    except (OSError, BadCheckpoint, BadNote):
        pass
    raise Ended(1, "There is no signed checkpoint yet: it needs audit.signing_key, and a gateway that ran for five minutes.")


# ── log ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _log(arguments: argparse.Namespace) -> int:
    if unknown := set(arguments.kind).difference(EntryKind):
        raise Ended(2, f"--kind: there is no {', '.join(sorted(unknown))}. There are {', '.join(EntryKind)}.")
    path = arguments.log or entries_file(folder_in(settings_of(arguments).server.data_dir))
    with _read(path) as file:
        frames = [*_newest(_frames(_lines(file)), arguments)]
    if arguments.json:
        show_json([msgspec.to_builtins(frame) for frame in frames])
        return 0
    table = Table("entry", "time (UTC)", "kind", "what", box=SIMPLE, pad_edge=False)
    for frame in frames:
        kind, rest = str(frame.entry["kind"]), {name: value for name, value in frame.entry.items() if name != "kind"}
        time = datetime.fromtimestamp(frame.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(str(frame.n), time, kind, escape(_words(rest)))
    show(table)
    return 0


def _frames(lines: Iterable[bytes]) -> Iterator[Frame]:
    """Read what can be read; whether all of it can, `verify` says."""
    for line in lines:
        try:
            yield read(line.removesuffix(b"\n"))
        except BadEntry:
            continue


def _newest(frames: Iterable[Frame], arguments: argparse.Namespace) -> list[Frame]:
    """Keep the last entries that are asked for."""
    kept: list[Frame] = []
    for frame in frames:
        if frame.entry["kind"] in (arguments.kind or [frame.entry["kind"]]) and arguments.since <= frame.at <= arguments.until:
            kept.append(frame)
            if len(kept) >= 2 * arguments.limit:
                del kept[: -arguments.limit]
    return kept[-arguments.limit :]


def _words(fields: dict[str, Any]) -> str:
    """Write an entry's fields in a line; counts one after the other."""
    return "  ".join(f"{name}={_value(value)}" for name, value in fields.items())


def _value(value: object) -> str:
    match value:
        case list():
            return "; ".join(" ".join("-" if part is None else str(part) for part in one) if isinstance(one, list) else str(one)
                             for one in value)  # fmt: skip
        case dict():
            return ", ".join(f"{name} {one}" for name, one in value.items())
        case _:
            return str(value)
