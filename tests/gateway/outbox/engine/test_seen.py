"""The roll of sightings and its index: exact at every phase of merging, sweeping and reopening."""

from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.model.texts import EventId
from gateway.model.words import Kind
from gateway.outbox import DEDUP_SECONDS
from gateway.outbox.engine.codec import write_row
from gateway.outbox.engine.schema import OUTBOX
from gateway.outbox.engine.seen import NOT_SEEN, Identity, Seen, Sighting, was_accepted
from gateway.outbox.engine.sieve import SLICES, Sieve
from gateway.storage.file import connect, every
from tests.effort import counted
from tests.gateway.outbox.making import NOW, OTHER, SHOP, event

KEY = bytes(32)


@pytest.fixture
def connection(tmp_path: Path) -> apsw.Connection:
    """An empty store."""
    return connect(tmp_path, 1 << 26, None, OUTBOX)


def load(connection: apsw.Connection, generation: int = 7) -> Seen:
    """Load the index as after opening."""
    sieve = Sieve()
    seen = Seen(connection, KEY, generation, sieve)
    sieve.load(connection, seen.kept)
    return seen


def name(seen: Seen, number: int) -> Identity:
    """The identity of a numbered purchase."""
    return seen.identify(SHOP, Kind.PURCHASE, EventId(f"e{number}"))


def add(seen: Seen, connection: apsw.Connection, numbers: list[int], at: int = NOW, first_seq: int = 1) -> None:
    """Add sightings in one transaction: even numbers accepted, odd ones refused."""
    places = []
    for number in numbers:
        identity = name(seen, number)
        seq = None if number % 2 else first_seq
        place = seen.add(*identity, b"finger", at, number, 1, accepted=seq is not None)
        if seq is not None:
            places.append(place)
    seen.write(first_seq, places)
    connection.execute("update meta set next_pos = ?", (seen.next_pos,))


def find(seen: Seen, number: int) -> Sighting | None:
    """Look a number up."""
    identity = name(seen, number)
    (value,) = seen.look_up([identity[0]])
    return seen.find(identity[1], value)


def remembered(seen: Seen, upto: int) -> list[int]:
    """Which numbers are found, by the trace number that each was added with."""
    found = [(number, find(seen, number)) for number in range(upto)]
    assert all(sighting.trace == number for number, sighting in found if sighting is not None)
    return [number for number, sighting in found if sighting is not None]


@pytest.mark.parametrize("size", [1, 3, 20])
def test_every_sighting_is_found_at_every_phase(connection: apsw.Connection, size: int) -> None:
    """While a generation fills, while it merges, after it merged; and loaded anew at each of these moments."""
    seen = load(connection)
    for start in range(0, 120, size):
        add(seen, connection, list(range(start, start + size)))
        assert remembered(seen, start + size + 5) == list(range(start + size))
        again = load(connection)
        assert remembered(again, start + size) == list(range(start + size))
        if start % 9 == 0:
            seen = again
    assert len(every(connection, "select 1 from seen")) > 60


def test_a_sighting_comes_back_whole(connection: apsw.Connection) -> None:
    """Numbers of accepted events count from their row's first, refused ones have none."""
    seen = load(connection)
    add(seen, connection, [2, 3, 4], at=NOW + 1, first_seq=700)
    for _ in range(2):
        identity = name(seen, 4)
        assert find(seen, 4) == Sighting(identity[1], b"finger", NOW + 1, 4, 701, 1)
        assert find(seen, 3) == Sighting(name(seen, 3)[1], b"finger", NOW + 1, 3, None, 1)
        seen = load(connection)


def test_the_latest_sighting_of_an_identity_counts(connection: apsw.Connection) -> None:
    """Wherever the earlier one has got to by then."""
    seen = load(connection, generation=4)
    for at in range(NOW, NOW + 40):
        add(seen, connection, [2, 1000 + 2 * (at - NOW)], at=at, first_seq=at)
        found = find(seen, 2)
        assert found is not None
        assert found.at == at
        found = find(load(connection, generation=4), 2)
        assert found is not None
        assert found.at == at


def test_a_transactions_own_sightings_are_seen_before_it_ends(connection: apsw.Connection) -> None:
    """A repeat within one request is one, and what was refused in it can still be accepted."""
    seen = load(connection)
    identity = name(seen, 2)
    for seq, accepted in ((None, False), (5, True)):
        seen.add(*identity, b"finger", NOW, 2, 1, accepted=seq is not None)
        value = seen.newest(identity[0], NOT_SEEN)
        assert was_accepted(value) is accepted
        assert seen.find(identity[1], value) is not None


def test_another_identity_with_the_same_hash_is_not_taken_for_it(connection: apsw.Connection) -> None:
    """The further bits tell them apart."""
    seen = load(connection)
    add(seen, connection, [2])
    identity = name(seen, 2)
    (value,) = seen.look_up([identity[0]])
    assert seen.find(b"else", value) is None


def test_identities_are_keyed_and_distinct(connection: apsw.Connection) -> None:
    """Storefront, kind and id all count, and without the key nobody can tell which id a hash stands for."""
    seen = load(connection)
    made = {
        (storefront, kind, number): seen.identify(storefront, kind, EventId(f"e{number}"))
        for storefront in (SHOP, OTHER)
        for kind in Kind
        for number in range(3)
    }
    assert len({identity[0] for identity in made.values()}) == len(made) == 18
    other = Seen(connection, bytes(31) + b"\1", 7, Sieve())
    assert other.identify(SHOP, Kind.PURCHASE, EventId("e1")) != made[SHOP, Kind.PURCHASE, 1]


def test_a_fingerprint_is_of_the_content(connection: apsw.Connection) -> None:
    """Equal content has equal fingerprints; another amount or other destinations have others."""
    seen = load(connection)
    row = write_row(event(1))
    assert seen.fingerprint(row, 1) == seen.fingerprint(write_row(event(1)), 1)
    others = {seen.fingerprint(row, 1), seen.fingerprint(row, 2), seen.fingerprint(write_row(event(1, money=None)), 1)}
    assert len(others) == 3


def test_expired_rows_of_the_roll_go_and_the_others_stay(connection: apsw.Connection) -> None:
    """Exactly those that no repeat can meet any more, with the counts of their repeats."""
    seen = load(connection)
    for day in range(4):
        add(seen, connection, list(range(day * 10, day * 10 + 10)), at=NOW + day, first_seq=1 + day * 5)
        (value,) = seen.look_up([name(seen, day * 10)[0]])
        seen.repeat(value)
        assert seen.repeats(value) == 1
    seen.discard(NOW + 1 + DEDUP_SECONDS)
    for _ in range(2):
        assert remembered(seen, 40) == list(range(20, 40))
        assert seen.first_seq(99) == 11
        assert len(every(connection, "select 1 from repeats")) == 2
        seen = load(connection)
    seen.discard(NOW + DEDUP_SECONDS + 50)
    assert remembered(seen, 40) == []
    assert seen.first_seq(99) == 99
    add(seen, connection, [2])
    assert remembered(seen, 40) == [2]


def test_what_came_in_a_flood_goes_in_pieces(connection: apsw.Connection) -> None:
    """Eight days after a shop's history was brought in, nobody waits for all of it to be forgotten at once."""
    seen = load(connection, generation=100_000)
    for start in range(0, 50_000, 500):
        add(seen, connection, list(range(start, start + 500)))
    add(seen, connection, [50_000], at=NOW + 10)
    left, more = [seen.kept], True
    while more:
        more = seen.discard(NOW + DEDUP_SECONDS)
        left.append(seen.kept)
    assert left == [50_001, 30_001, 10_001, 1]
    assert remembered(seen, 3) == []
    assert find(seen, 50_000) is not None
    assert seen.discard(NOW + DEDUP_SECONDS) is False


def test_the_index_is_swept_slice_by_slice(connection: apsw.Connection) -> None:
    """All slices together delete every expired entry and nothing else, down to the first that is kept."""
    seen = load(connection, generation=10)
    add(seen, connection, list(range(200)), at=NOW)
    add(seen, connection, [201, 200, *range(202, 400)], at=NOW + 9, first_seq=101)
    add(seen, connection, list(range(400, 800)), at=NOW + 9, first_seq=201)
    add(seen, connection, list(range(800, 802)), at=NOW + 9, first_seq=401)
    before = len(every(connection, "select 1 from seen"))
    seen.discard(NOW + DEDUP_SECONDS)
    for number in range(SLICES):
        seen.discard_slice(number)
    assert before - len(every(connection, "select 1 from seen")) == 200
    assert remembered(seen, 802) == list(range(200, 802))
    assert remembered(load(connection, generation=10), 802) == list(range(200, 802))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    generation=st.integers(1, 12),
    steps=st.lists(
        st.tuples(st.lists(st.integers(0, 40), max_size=9), st.booleans(), st.integers(0, 3 * 86_400)), min_size=1, max_size=25
    ),
)
def test_the_index_knows_what_a_dict_would(
    tmp_path_factory: pytest.TempPathFactory, generation: int, steps: list[tuple[list[int], bool, int]]
) -> None:
    """Whatever is added, reopened and expired in whatever order."""
    connection = connect(tmp_path_factory.mktemp("store"), 1 << 26, None, OUTBOX)
    seen, known, now, seq = load(connection, generation), {}, NOW, 1
    for numbers, reopen, wait in steps:
        now += wait
        add(seen, connection, numbers, at=now, first_seq=seq)
        seq += len(numbers)
        known.update(dict.fromkeys(numbers, now))
        seen.discard(now)
        seen.discard_slice(now % SLICES)
        if reopen:
            seen = load(connection, generation)
        for number in range(41):
            at = known.get(number)
            found = find(seen, number)
            if at is not None and at + DEDUP_SECONDS > now:
                assert found is not None
                assert found.at == at
            else:
                assert found is None or found.at + DEDUP_SECONDS <= now
    connection.close()


STEPS = st.lists(
    st.tuples(st.lists(st.integers(0, 12), min_size=1, max_size=5), st.sets(st.integers(0, 12), max_size=4), st.booleans()),
    max_size=12,
)


@given(STEPS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_what_is_forgotten_stays_forgotten(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[list[int], set[int], bool]]
) -> None:
    """Wherever it lies: in memory, in a generation that is being merged, in the tree; also when the store is opened anew."""
    connection = connect(tmp_path_factory.mktemp("seen"), 1 << 26, None, OUTBOX)
    seen, known = load(connection, 6), set[int]()
    for numbers, gone, reopened in steps:
        add(seen, connection, list(dict.fromkeys(numbers)))
        known |= set(numbers)
        assert seen.forget([name(seen, number) for number in gone]) == len(gone & known)
        known -= gone
        assert remembered(seen, 13) == sorted(known)
        if reopened:
            seen = load(connection, 6)
            assert remembered(seen, 13) == sorted(known)
    connection.close()


def test_many_events_are_forgotten_by_looking_through_the_roll_once(connection: apsw.Connection) -> None:
    """Whose sightings are in memory still are looked for in all of that: for a person with many events not once for each."""
    seen = load(connection, generation=10_000)
    for start in range(0, 3_000, 3):
        add(seen, connection, [start, start + 1, start + 2])
    with counted(connection) as one:
        assert seen.forget([name(seen, 7)]) == 1
    with counted(connection) as many:
        assert seen.forget([name(seen, number) for number in range(100, 150)]) == 50
    assert one[0] > 20
    assert many[0] < 3 * one[0]
    assert remembered(seen, 3_000) == [*range(7), *range(8, 100), *range(150, 3_000)]
