"""The sieve: it never keeps back what the tree holds, whatever was swept or undone, and keeps back most of the rest."""

import random
from itertools import pairwise
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.outbox.engine import sieve as sieve_module
from gateway.outbox.engine.schema import OUTBOX
from gateway.outbox.engine.sieve import SLICES, Sieve, span
from gateway.storage.file import connect

HASHES = st.integers(-(1 << 63), (1 << 63) - 1)
EDGES = [-(1 << 63), -1, 0, (1 << 63) - 1, *(bound for number in range(SLICES) for bound in span(number))]


@pytest.fixture
def connection(tmp_path: Path) -> apsw.Connection:
    """An empty store."""
    return connect(tmp_path, 1 << 26, None, OUTBOX)


def drawn(seed: int, count: int) -> list[int]:
    """So many hashes, the same each time."""
    chance = random.Random(seed)  # noqa: S311 - test data
    return [chance.getrandbits(64) - (1 << 63) for _ in range(count)]


def insert(connection: apsw.Connection, hashes: list[int]) -> None:
    """Put hashes into the tree."""
    connection.executemany("insert or replace into seen values (?, 1)", [(key,) for key in hashes])


def loaded(connection: apsw.Connection) -> Sieve:
    """A sieve that knows what the tree holds."""
    sieve = Sieve()
    sieve.load(connection, 1)
    return sieve


def test_before_it_knows_anything_everything_passes() -> None:
    """To say no without knowing would take a repeat for a new event."""
    assert Sieve().passed(EDGES) == EDGES


def test_an_empty_tree_lets_nothing_pass(connection: apsw.Connection) -> None:
    """No hash at either end of any slice is left as it was."""
    assert loaded(connection).passed(EDGES) == []


@given(st.lists(HASHES, max_size=50), st.lists(HASHES, max_size=50))
def test_what_was_added_passes_in_its_order(held: list[int], others: list[int]) -> None:
    """Of all 64-bit hashes, beside others that may or may not pass."""
    sieve = Sieve()
    sieve._bits = bytearray(len(sieve._bits))
    sieve.add(held)
    passed = sieve.passed([*held, *others])
    assert passed[: len(held)] == held


def test_what_the_tree_holds_passes_after_loading(connection: apsw.Connection) -> None:
    """The first and the last hash of every slice among it."""
    held = [*EDGES, *drawn(1, 500)]
    insert(connection, held)
    assert loaded(connection).passed(held) == held


def test_few_of_the_others_pass(connection: apsw.Connection) -> None:
    """With 20,000 in the tree one hash in four hundred; five times that is allowed here."""
    numbers = drawn(2, 40_000)
    insert(connection, numbers[:20_000])
    assert len(loaded(connection).passed(numbers[20_000:])) < 250


def test_a_refreshed_slice_forgets_what_is_gone_and_no_other_slice_does(connection: apsw.Connection) -> None:
    """Each slice has its own part of the bits, down to its ends."""
    insert(connection, EDGES)
    sieve = loaded(connection)
    connection.execute("delete from seen")
    low, high = span(5)
    insert(connection, [low])
    sieve.refresh(connection, 5)
    assert sieve.passed(EDGES) == [key for key in EDGES if not low < key <= high]


def test_a_tree_that_cannot_be_read_changes_nothing(connection: apsw.Connection) -> None:
    """What the slice held passes still."""
    low, _ = span(5)
    insert(connection, [low])
    sieve = loaded(connection)
    connection.close()
    with pytest.raises(apsw.ConnectionClosedError):
        sieve.refresh(connection, 5)
    assert sieve.passed(EDGES) == [low]


def test_a_tree_that_may_hold_too_many_is_not_read(connection: apsw.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a large store must not take seconds: everything passes, slice by slice less when it is swept."""
    monkeypatch.setattr(sieve_module, "_MOST_READ", 10)
    sieve = Sieve()
    sieve.load(connection, 11)
    assert sieve.passed(EDGES) == EDGES
    sieve.refresh(connection, 0)
    assert sieve.passed(EDGES) == [key for key in EDGES if key > span(0)[1]]
    sieve.load(connection, 10)
    assert sieve.passed(EDGES) == []


def test_the_slices_are_all_hashes() -> None:
    """One ends where the next begins."""
    spans = [span(number) for number in range(SLICES)]
    assert spans[0][0] == -(1 << 63)
    assert spans[-1][1] == (1 << 63) - 1
    assert all(before[1] + 1 == after[0] for before, after in pairwise(spans))
