from typing import Final

import msgspec
import pytest

from gateway.signing.exports import Run, Wanted, write_out
from gateway.signing.verify import Report, Rule, verify
from tests.gateway.signing.forging import edited
from tests.gateway.signing.making import Made, make

SIZE: Final = 20


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A log of 20 entries with checkpoints at 5, 10 and 20."""
    return make(tmp_path_factory.mktemp("made") / "log", 5, 10, SIZE)


def exported(made: Made, first: int, end: int) -> tuple[list[bytes], Report]:
    """Export entries, and verify them with the last checkpoint."""
    found: list[bytes] = []
    proof = write_out(made.lines, Run(first, end), SIZE, found.append)
    return found, verify(found, made.held(SIZE), msgspec.json.decode(msgspec.json.encode(proof), type=type(proof)))


@pytest.mark.parametrize(("first", "end"), [(first, end) for first in range(SIZE) for end in range(first + 1, SIZE + 1)])
def test_a_part_is_proved_on_its_own(made: Made, first: int, end: int) -> None:
    """Any run of entries, exactly as they stand, without the others."""
    lines, report = exported(made, first, end)
    assert lines == made.lines[first:end]
    assert (report.faults, report.entries) == ((), end - first)


def test_a_part_that_begins_at_a_checkpoint_proves_that_too(made: Made) -> None:
    """The older checkpoint is the beginning of the newer one: nobody changed what came before either."""
    found: list[bytes] = []
    proof = write_out(made.lines, Run(10, SIZE), SIZE, found.append)
    assert not verify(found, made.held(10, SIZE), proof).faults
    report = verify(found, made.held(5, SIZE), proof)
    assert [(fault.rule, fault.checkpoint) for fault in report.faults] == [(Rule.PROOF, "5")]


def test_a_forged_part_is_detected(made: Made) -> None:
    """An entry changed, left out or put in; or a proof of other entries."""
    found: list[bytes] = []
    proof = write_out(made.lines, Run(8, 15), SIZE, found.append)
    for lines in (edited([b""] * 8 + found)[8:], found[:-1], found[1:], [*found, found[-1]], []):
        assert verify(lines, made.held(SIZE), proof).faults
    for other in (
        msgspec.structs.replace(proof, first=7),
        msgspec.structs.replace(proof, before=(), first=0),
        msgspec.structs.replace(proof, before=("zz",)),
        msgspec.structs.replace(proof, after=proof.after[:-1]),
        msgspec.structs.replace(proof, after=("zz", *proof.after[1:])),
        msgspec.structs.replace(proof, prev="0" * 32),
        msgspec.structs.replace(proof, size=SIZE - 1),
    ):
        assert verify(found, made.held(SIZE), other).faults


def test_the_entries_of_a_time_are_found(made: Made) -> None:
    """By when they were written, among those that the checkpoint covers."""
    base = 1_800_000_000
    assert Run.found(made.lines, Wanted(0, 1 << 40, SIZE)) == Run(0, SIZE)
    assert Run.found(made.lines, Wanted(base + 6, base + 10, SIZE)) == Run(5, 10)
    assert Run.found(made.lines, Wanted(0, 1 << 40, 7)) == Run(0, 7)
    assert Run.found(made.lines, Wanted(0, 5, SIZE)) is None
    assert Run.found([b"nonsense\n", *made.lines[1:]], Wanted(0, 1 << 40, SIZE)) == Run(1, SIZE)


def test_a_log_that_is_too_short_cannot_be_exported(made: Made) -> None:
    """It lacks what its checkpoint has."""
    with pytest.raises(ValueError, match="lines"):
        write_out(made.lines[:12], Run(0, 5), SIZE, lambda _line: None)
