from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.signing.checkpoint import Checkpoint
from gateway.signing.tree import EMPTY_ROOT, grow, hash_leaf
from gateway.signing.verify import SAYS, Fault, Held, Report, Rule, held, verify
from tests.gateway.signing.forging import EIGHT, Forgery, remade
from tests.gateway.signing.making import KEY, ORIGIN, OTHER_KEY, Made, make

SIZE: Final = 20


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A log of 20 entries with checkpoints at 5, 10 and 20."""
    return make(tmp_path_factory.mktemp("made") / "log", 5, 10, SIZE)


def firsts(report: Report) -> list[tuple[Rule, int | None]]:
    """Rule and entry of each fault."""
    return [(fault.rule, fault.first) for fault in report.faults]


def test_a_log_as_it_was_is_sound(made: Made) -> None:
    """Against all of its checkpoints, one of them, or none; what is covered is said."""
    for sizes in ((5, 10, SIZE), (10,), ()):
        report = verify(made.lines, made.held(*sizes))
        assert report == Report(SIZE, max(sizes, default=0), (), unfinished=False)


def test_progress_is_told_in_bytes(made: Made) -> None:
    """All of the file's, in the end."""
    told: list[int] = []
    verify(made.lines, made.held(SIZE), told=told.append)
    assert sum(told) == len(b"".join(made.lines))


# ── the eight ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("forgery", EIGHT.values(), ids=EIGHT)
def test_eight_forgeries_of_the_file_are_detected(made: Made, forgery: Forgery) -> None:
    """Given a checkpoint that somebody else has; the first entry that is not as it was is named."""
    report = verify(forgery.forge(made.lines), made.held(SIZE))
    assert report.faults
    first = report.faults[0].first
    assert first == (0 if forgery.first is None else forgery.first)


@pytest.mark.parametrize("forgery", EIGHT.values(), ids=EIGHT)
def test_eight_forgeries_by_who_can_do_what_the_gateway_can_are_detected(made: Made, forgery: Forgery, tmp_path: Path) -> None:
    """Numbers, links and the forger's own checkpoint all fit; the one that was handed out before does not.

    Between which two checkpoints the forgery is, is all that can be said then.
    """
    lines, note = remade(forgery.forge(made.lines), tmp_path / "forged", forgery.key)
    own = held("own", note, [forgery.key.verifier], ORIGIN)
    assert isinstance(own, Held)
    assert not verify(lines, [own]).faults  # a world of its own, in which all is well
    report = verify(lines, made.held(5, 10, SIZE))
    assert report.faults
    first = report.faults[0].first
    assert first is not None
    assert first == (0 if forgery.first is None else len(lines) if len(lines) < SIZE else 10)
    assert report.covered == (0 if forgery.first is None else 10)


def test_another_keys_signature_is_told(made: Made) -> None:
    """A forger without the key cannot make a checkpoint at all, whatever it says."""
    forged = OTHER_KEY.sign(Checkpoint.read(made.held(SIZE)[0].checkpoint.body).body)
    for note in (forged, "", made.notes[10].replace("\n10\n", "\n11\n"), KEY.sign("no checkpoint\n")):
        assert held("it", note, [KEY.verifier], ORIGIN) == Fault(Rule.SIGNATURE, checkpoint="it")


def test_another_logs_checkpoint_is_told() -> None:
    """Signed by the key or not, it says nothing of this log."""
    note = KEY.sign(Checkpoint("other.example/log", 5, EMPTY_ROOT).body)
    assert held("it", note, [KEY.verifier], ORIGIN) == Fault(Rule.ORIGIN, checkpoint="it")


def test_two_logs_under_one_key_are_told_without_either(made: Made, tmp_path: Path) -> None:
    """Two checkpoints of one size that differ: whoever signed both told two people two things."""
    other = make(tmp_path / "other", SIZE, salt=1)
    both = [*made.held(SIZE), *other.held(SIZE)]
    report = verify(made.lines, both)
    assert (Rule.FORKED, SIZE) in firsts(report)


# ── more of what can be wrong ────────────────────────────────────────────────────────────────────────────────────


def test_what_is_no_line_is_named(made: Made) -> None:
    """By its number, and the entries after it are read all the same."""
    lines = [*made.lines[:7], b"nonsense\n", *made.lines[8:]]
    report = verify(lines, made.held(5, SIZE))
    assert firsts(report)[:2] == [(Rule.LINE, 7), (Rule.LINK, 7)]
    assert (report.entries, report.covered) == (SIZE, 5)
    assert report.faults[-1] == Fault(Rule.ROOT, 5, SIZE - 1, str(SIZE))


def test_an_end_without_a_line_break_is_no_fault_behind_the_checkpoints(made: Made) -> None:
    """A gateway may be writing it just now. In front of one, it is missing."""
    lines = [*made.lines[:12], made.lines[12][:-5]]
    report = verify(lines, made.held(10))
    assert (report.faults, report.unfinished, report.entries) == ((), True, 12)
    report = verify(lines, made.held(10, SIZE))
    assert firsts(report) == [(Rule.LINE, 12), (Rule.MISSING, 12)]


def test_of_many_faults_the_first_are_kept(made: Made) -> None:
    """A file of something else does not fill the memory."""
    report = verify([b"nonsense\n"] * 1000, made.held(5))
    assert len(report.faults) == 50
    assert report.faults[0] == Fault(Rule.LINE, 0)


def test_every_fault_has_words() -> None:
    """A sentence with the number, and the checkpoint that tells it."""
    assert SAYS.keys() == set(Rule)
    assert Fault(Rule.LINK, 7).words.startswith("entry 7 is not what the entry after it says")
    assert Fault(Rule.ROOT, 5, 9, "may.txt").words.endswith("(up to 9) [may.txt]")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_no_change_of_a_byte_goes_unseen(made: Made, data: st.DataObject) -> None:
    """Whichever, in front of the checkpoint: changed, put in or taken out."""
    log = b"".join(made.lines)
    at = data.draw(st.integers(0, len(log) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != log[at]).map(lambda byte: bytes([byte])))
    forged = data.draw(st.sampled_from([log[:at] + byte + log[at + 1 :], log[:at] + byte + log[at:], log[:at] + log[at + 1 :]]))
    report = verify(forged.splitlines(keepends=True) if b"\r" not in forged else split(forged), made.held(SIZE))
    assert report.faults


def split(log: bytes) -> list[bytes]:
    """Split at line feeds alone."""
    *whole, last = log.split(b"\n")
    return [*(line + b"\n" for line in whole), *([last] if last else [])]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.integers(0, SIZE - 1), max_size=SIZE + 3))
def test_no_other_choice_of_lines_is_the_log(made: Made, choice: Sequence[int]) -> None:
    """Left out, doubled, moved in any way: only the whole, in order, is sound."""
    sound = list(choice[:SIZE]) == [*range(SIZE)]
    assert (not verify([made.lines[index] for index in choice], made.held(SIZE)).faults) is sound


def test_a_long_log_is_read_without_being_held(tmp_path: Path) -> None:
    """Its lines may come one by one from anywhere, once."""
    made = make(tmp_path / "log", 2_000)
    assert verify(iter(made.lines), made.held(2_000)).covered == 2_000
    assert grow(map(hash_leaf, (line[:-1] for line in made.lines))).root == made.held(2_000)[0].checkpoint.root
    assert verify(reversed(made.lines), made.held(2_000)).faults
