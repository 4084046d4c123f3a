"""The embedded engine: the promises of every engine, and those that only a file, a disk or a kill can break."""

import asyncio
import json
import os
import random
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import apsw
import pytest
from hypothesis import HealthCheck, settings

from gateway.model.event import EmailDigests
from gateway.model.money import Money
from gateway.model.texts import EventId, EvidenceId, PageOrigin, Receipt, StorefrontId, TruncatedIp
from gateway.model.words import Kind, Reason, Refusal, Status
from gateway.outbox import Outbox
from gateway.outbox.answers import Explanation
from gateway.outbox.engine import explaining, sweeping, valuing
from gateway.outbox.engine.explaining import SLICE_SECONDS
from gateway.outbox.engine.schema import BACKLOGS, FIGURES, PAUSES, REPLAYS, SPAN, STEPS, UNDELIVERED
from gateway.outbox.engine.seeking import Look
from gateway.outbox.engine.sqlite import SqliteOutbox
from gateway.outbox.engine.store import Changes, Options, Store
from gateway.outbox.engine.subjects import Subjects
from gateway.outbox.engine.withdrawing import Order, Removed
from gateway.outbox.history import DeadWorth, Grain
from gateway.outbox.holdings import Person
from gateway.outbox.shapes import Left, Shape
from gateway.outbox.work import AllDone, Claim, Dead, Done, Lane, Later, Origin, Settlement, Withdrawn
from gateway.persons import Identifier, Persons
from gateway.places import OUTBOX_FILE
from gateway.storage import Shut, Swept, Unavailable
from gateway.storage.file import LOCK_NAME, PAGE_BYTES, CannotOpen, is_crowded
from gateway.storage.keyring import BadKeyFile, Keyring
from tests.disk import Shim, full_disk, killed
from tests.gateway.outbox.contract import OutboxContract, balanced
from tests.gateway.outbox.contract_history import HistoryContract, add_up, since
from tests.gateway.outbox.contract_people import PeopleContract
from tests.gateway.outbox.contract_refunds import RefundContract
from tests.gateway.outbox.machine import OutboxMachine
from tests.gateway.outbox.making import (
    ALL,
    DAY,
    FIRST,
    LANES,
    META,
    NOW,
    PINTEREST,
    SHOP,
    SqliteEngine,
    accept,
    claim_all,
    claim_fresh,
    deliver_all,
    digest,
    done,
    ids,
    refuse,
    reject,
)

MIB: Final = 1 << 20


@pytest.fixture
def engine(tmp_path: Path) -> SqliteEngine:
    """An engine with nothing in it."""
    return SqliteEngine(tmp_path)


class TestPromises(OutboxContract, PeopleContract, RefundContract, HistoryContract):
    """The suite that every engine passes."""


class SqliteMachine(OutboxMachine):
    """The engine against the model, with an index that merges after a few events."""

    def engine(self, folder: Path) -> SqliteEngine:
        """Make the embedded engine."""
        return SqliteEngine(folder, generation=5)


class TestMachine(SqliteMachine.TestCase):  # type: ignore[misc, valid-type]  # hypothesis makes this class at run time
    """Whatever is done to an outbox in whatever order, it says what the model says."""

    settings = settings(
        max_examples=60,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


async def test_a_slice_of_explanations_ends_when_its_time_is_over(
    engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow the disk is: then fewer events are explained at once, one at the least."""
    outbox = await engine.open()
    await outbox.put([accept(n) for n in range(40)])
    sizes: list[int] = []
    whole = Store.explain_some

    def noting(store: Store, *asked: Any) -> list[Explanation | None]:
        told = whole(store, *asked)
        sizes.append(len(told))
        return told

    monkeypatch.setattr(Store, "explain_some", noting)
    for seconds, expected in ((SLICE_SECONDS / 7.5, [8] * 5), (SLICE_SECONDS * 2, [1] * 40)):
        monkeypatch.setattr(explaining, "perf_counter", partial(next, count(0, seconds)))
        sizes.clear()
        told = await outbox.explain_many(SHOP, Kind.PURCHASE, [EventId(f"e{n}") for n in range(40)])
        assert (len(told), all(told), sizes) == (40, True, expected)
    await outbox.close()


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_second_outbox_on_the_same_directory_is_refused(engine: SqliteEngine) -> None:
    """Two writers would each believe themselves alone."""
    outbox = await engine.open()
    with pytest.raises(CannotOpen, match="another process"):
        await engine.open()
    await outbox.close()
    await (await engine.open()).close()


async def test_nobody_else_may_read_the_store(engine: SqliteEngine) -> None:
    """The directory is 0700, every file in it 0600, whatever they were before."""
    engine.directory.mkdir(mode=0o755)
    outbox = await engine.open()
    await outbox.put([accept(1)])
    assert engine.directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in engine.directory.iterdir()} == {0o600}
    await outbox.close()


async def test_a_library_that_can_lose_data_is_refused(engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite before 3.51.3 has a race at the log's reset."""
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")
    with pytest.raises(CannotOpen, match=r"3\.51\.3"):
        await engine.open()
    assert not engine.directory.exists()


@pytest.mark.parametrize("offset", [0, 100])
async def test_a_damaged_file_is_refused(engine: SqliteEngine, offset: int) -> None:
    """And named as such, without a word of what is in it; the directory stays free for the next try."""
    await (await engine.open()).close()
    with engine.file.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 100)
    for _ in range(2):
        with pytest.raises(CannotOpen, match="damaged"):
            await engine.open()


async def test_damage_beyond_the_first_page_is_told_too(engine: SqliteEngine) -> None:
    """It comes up later while a store opens, and is as much a damaged file."""
    outbox = await engine.open()
    await outbox.put([accept(n) for n in range(100)])
    await outbox.close()
    connection = apsw.Connection(str(engine.file))
    page = connection.execute("select rootpage from sqlite_schema where name = 'data_keys'").get
    connection.close()
    with engine.file.open("r+b") as file:
        file.seek((page - 1) * PAGE_BYTES)
        file.write(b"\xff" * PAGE_BYTES)
    for _ in range(2):
        with pytest.raises(CannotOpen, match=r"^outbox: .* damaged$"):
            await engine.open()


@pytest.mark.parametrize("stands_as", [".", LOCK_NAME, OUTBOX_FILE])
async def test_what_is_no_place_for_a_store_is_told(engine: SqliteEngine, stands_as: str) -> None:
    """A file where the directory belongs, and a folder where one of its files does: the setting is named, no path."""
    place = engine.directory / stands_as
    if stands_as == ".":
        place.touch()
    else:
        place.mkdir(parents=True)
    for _ in range(2):
        with pytest.raises(CannotOpen, match=r"^outbox: server\.data_dir, or a file in it, cannot be"):
            await engine.open()
    if stands_as != ".":
        place.rmdir()
        await (await engine.open()).close()


async def test_what_is_another_programs_file_is_told(engine: SqliteEngine) -> None:
    """A database with other tables, whatever version it says; nothing is made in it."""
    engine.directory.mkdir()
    for version in (0, 1, 99):
        change(engine, "create table if not exists notes(text)", f"pragma user_version = {version}")
        with pytest.raises(CannotOpen, match=r"^outbox: .* another store's"):
            await engine.open()
    connection = apsw.Connection(str(engine.file))
    assert connection.execute("select name from sqlite_schema").get == "notes"
    connection.close()


async def test_a_volume_without_room_is_told(engine: SqliteEngine) -> None:
    """Where a store would have to be made on it, in words."""
    shim = Shim()
    shim.full = True
    try:
        with pytest.raises(CannotOpen, match=r"^outbox: there is no room"):
            await engine.open(vfs="shim")
    finally:
        shim.unregister()


async def test_a_store_of_today_opens_without_room(engine: SqliteEngine) -> None:
    """Nothing is written to open it, so a gateway that was killed by a full disk can begin again and say so."""
    outbox = await engine.open()
    await outbox.put([accept(1)])
    await outbox.close()
    with full_disk():
        outbox = await engine.open()
        assert outbox.waiting(FIRST).waiting == 1
    await outbox.close()


async def test_a_file_that_another_program_has_open_is_told(engine: SqliteEngine) -> None:
    """Such as somebody who looks into it: that is no damage."""
    await (await engine.open()).close()
    connection = apsw.Connection(str(engine.file))
    connection.execute("begin immediate; update meta set swept_at = swept_at")
    with pytest.raises(CannotOpen, match=r"^outbox: another program"):
        await engine.open()
    connection.close(force=True)
    await (await engine.open()).close()


async def test_a_store_of_the_first_version_takes_the_steps_it_misses(engine: SqliteEngine) -> None:
    """With all that is in it; after that it asks after requests like any other."""
    outbox = await engine.open()
    await outbox.put([accept(n) for n in range(3)])
    await outbox.close()
    go_back_to(engine, 1)
    outbox = await engine.open()
    claim = await claim_all(outbox, LANES[2])
    assert ids(claim) == ["0", "1", "2"]
    receipt = Receipt("r1")
    await outbox.settle(claim, [Done(one.seq, Reason.ACCEPTED_FOR_PROCESSING, receipt=receipt) for one in claim.records], NOW)
    assert [one.events for one in await outbox.inquiries(LANES[2], 10, NOW + 1800)] == [3]
    await outbox.close()


async def test_requests_are_asked_after_as_soon_as_the_options_say(tmp_path: Path) -> None:
    """Half an hour is only what a platform recommends."""
    options = Options(max_bytes=64 << 20, min_free_bytes=0, inquiry_first_seconds=5.0)
    outbox = await SqliteOutbox.open(tmp_path / "data", Keyring.create(tmp_path / "keys.json"), LANES, options)
    await outbox.put([accept(1)])
    claim = await claim_all(outbox, LANES[2])
    await outbox.settle(claim, [Done(claim.records[0].seq, Reason.ACCEPTED_FOR_PROCESSING, receipt=Receipt("r1"))], NOW)
    assert await outbox.next_inquiry(LANES[2]) == NOW + 5
    await outbox.close()


async def test_a_store_of_a_later_version_is_refused(engine: SqliteEngine) -> None:
    """It is not guessed at."""
    await (await engine.open()).close()
    change(engine, "pragma user_version = 99")
    with pytest.raises(CannotOpen, match="later version"):
        await engine.open()


async def test_a_cap_without_room_is_refused(engine: SqliteEngine) -> None:
    """Less than a megabyte is a mistake in the settings."""
    with pytest.raises(ValueError, match="1 MiB"):
        await engine.open(max_bytes=MIB - 1)


async def test_a_missing_sealing_key_stops_the_start(engine: SqliteEngine, tmp_path: Path) -> None:
    """Records that need it exist, so going on without it would lose them silently."""
    outbox = await engine.open()
    await outbox.put([accept(1)])
    await outbox.close()
    other = Keyring.create(tmp_path / "other.json")
    with pytest.raises(BadKeyFile, match="does not open"):
        await SqliteOutbox.open(engine.directory, other, LANES, Options(64 * MIB, 0))
    content = json.loads((tmp_path / "other.json").read_text())
    content["sealing"] = {"k9": content["sealing"]["k1"]}
    (tmp_path / "other.json").write_text(json.dumps({**content, "active": "k9"}))
    with pytest.raises(BadKeyFile, match="missing"):
        await SqliteOutbox.open(engine.directory, Keyring.load(tmp_path / "other.json"), LANES, Options(64 * MIB, 0))
    outbox = await engine.open()
    assert await deliver_all(outbox, FIRST) == ["1"]
    await outbox.close()


async def test_sealing_keys_rotate(engine: SqliteEngine, tmp_path: Path) -> None:
    """After one start with the new key the old one can go, and repeats are still recognised."""
    outbox = await engine.open()
    await outbox.put([accept(1)])
    await outbox.close()
    Keyring.create(tmp_path / "new.json")
    old, new = (json.loads((tmp_path / name).read_text()) for name in ("keys.json", "new.json"))
    both = {"k1": old["sealing"]["k1"], "k2": new["sealing"]["k1"]}
    for sealing in (both, {"k2": both["k2"]}):
        (tmp_path / "keys.json").write_text(json.dumps({**old, "active": "k2", "sealing": sealing}))
        outbox = await engine.open()
        assert list(await outbox.put([accept(1)])) == [Status.DUPLICATE]
        await outbox.close()
    outbox = await engine.open()
    assert await deliver_all(outbox, FIRST) == ["1"]
    await outbox.close()


# ── secrecy and tampering ────────────────────────────────────────────────────────────────────────────────────────


def flip(*arguments: Any) -> bytes:
    """Change one bit of a blob."""
    blob, at = arguments
    return bytes(blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :])


def go_back_to(engine: SqliteEngine, version: int) -> None:
    """Make a closed store one of an earlier version: later steps only add tables, and lines or parts of lines to the books."""
    later = re.findall(r"create table (\w+)", "".join(STEPS[version:]))
    lines = FINER_LINES if version <= STEPS.index(UNDELIVERED) else ()
    change(engine, *lines, *(f"drop table {table}" for table in later), f"pragma user_version = {version}")


FINER_LINES: Final = (
    "create temp view finer as select * from books where line glob '[0-9]*|accepted|*|*' or line glob '[0-9]*|value|*|*|*|*'",
    "create temp table coarse as select rtrim(rtrim(line, replace(line, '|', '')), '|') line, sum(n) n from finer group by 1",
    "delete from books where line in (select line from finer)",
    "delete from books where line glob '[0-9]*|retrying*|*' or line glob '[0-9]*|lying|*'",
    "insert into books select line, n from coarse",
    "create temp view dead_lines as select id from figure_lines where line glob 'dead_value|*'",
    "delete from figure_hours where key & 1048575 in dead_lines",
    "delete from figure_days where key & 1048575 in dead_lines",
    "delete from figure_lines where id in dead_lines",
)
"""Makes the lines of a store those of before what is undelivered was told by kind."""


def change(engine: SqliteEngine, *statements: str) -> None:
    """Change a closed store's file behind the engine's back."""
    connection = apsw.Connection(str(engine.file))
    connection.create_scalar_function("flip", flip)
    for statement in statements:
        connection.execute(statement)
    connection.close()


async def test_no_identifier_is_readable_in_the_files(engine: SqliteEngine) -> None:
    """Event ids, origins, addresses and digests are on the disk only sealed or as keyed hashes."""
    outbox = await engine.open()
    sensitive = accept(
        "CANARY-ID-7781",
        email=EmailDigests(digest("abc123"), digest("abc123"), digest("def456")),
        ip=TruncatedIp("203.0.113.0"),
        page_origin=PageOrigin("https://canary.example"),
    )
    await outbox.put([sensitive, sensitive, *[accept(n, kind=Kind.PAGE_VIEW) for n in range(30)]])
    claim = await claim_all(outbox, FIRST, limit=1)
    await outbox.settle(claim, [Later(claim.records[0].seq, Reason.TIMED_OUT, NOW)], NOW)
    await outbox.withdraw(SHOP, Person((digest("abc123"),)), NOW)
    stored = b"".join(path.read_bytes() for path in engine.directory.iterdir())
    await outbox.close()
    stored += b"".join(path.read_bytes() for path in engine.directory.iterdir())
    assert len(stored) > 10_000
    for canary in ("CANARY", "canary.example", "203.0.113", digest("abc123"), "abc123", "def456"):
        assert canary.encode() not in stored
    for canary in (digest("abc123"), digest("def456")):
        assert bytes.fromhex(canary) not in stored


async def lost_visibly(outbox: SqliteOutbox, count: int) -> Claim:
    """Claim; `count` records must be unreadable. Settle them as dead and hold the accounts against each other."""
    claim = await claim_all(outbox, FIRST)
    assert len(claim.unreadable) == count
    with pytest.raises(ValueError, match="only be dead or withdrawn"):
        await outbox.settle(claim, [*done(claim), *(Done(seq, Reason.CONFIRMED) for seq in claim.unreadable)], NOW)
    with pytest.raises(ValueError, match="only be dead or withdrawn"):
        await outbox.settle(claim, AllDone(Reason.CONFIRMED), NOW)
    await outbox.settle(claim, [*done(claim), *(Dead(seq, Reason.UNSEALABLE) for seq in claim.unreadable)], NOW)
    book = await outbox.book(SHOP)
    balanced(book)
    assert sum(n for (_, _, outcome, reason), n in book.settled.items() if reason is Reason.UNSEALABLE) == count
    return claim


@pytest.mark.parametrize("at", [0, 1, 13, 40, -1])
async def test_a_changed_byte_makes_a_group_unreadable_and_not_lost(engine: SqliteEngine, at: int) -> None:
    """Its records are claimed as unreadable and can only end as dead letters; the next group is as before."""
    outbox = await engine.open()
    await outbox.put([accept(n, destinations=(META,)) for n in range(3)])
    await outbox.put([accept(9, destinations=(META,))])
    await outbox.close()
    where = at if at >= 0 else f"length(blob) - {-at}"
    change(engine, f"update groups set blob = flip(blob, {where}) where length(sorts) = 3")  # noqa: S608 - of this test
    outbox = await engine.open()
    assert ids(await lost_visibly(outbox, 3)) == ["9"]
    await outbox.close()


async def test_swapped_groups_do_not_open(engine: SqliteEngine) -> None:
    """A blob opens only in the place it was sealed for."""
    outbox = await engine.open()
    for n in range(2):
        await outbox.put([accept(n)])
    await outbox.close()
    change(
        engine,
        "create temp table was as select place, blob from groups",
        "update groups set blob = (select blob from was where was.place != groups.place)",
    )
    outbox = await engine.open()
    await lost_visibly(outbox, 2)
    await outbox.close()


@pytest.mark.parametrize("sorts", ["x'0101'", "x'01ff'"])
async def test_a_group_under_another_sort_does_not_open(engine: SqliteEngine, sorts: str) -> None:
    """Where a record goes is authenticated too: nobody can send it elsewhere by changing the file."""
    outbox = await engine.open()
    await outbox.put([accept(1), accept(2, destinations=(META,))])
    await outbox.close()
    change(engine, f"update groups set sorts = {sorts}")  # noqa: S608 - of this test
    outbox = await engine.open()
    assert (await claim_all(outbox, LANES[1])).unreadable
    await outbox.close()


async def test_an_exceptions_copy_does_not_open_in_another_lane(engine: SqliteEngine) -> None:
    """Its lane and number are part of what is authenticated."""
    outbox = await engine.open()
    await outbox.put([accept(1)])
    for lane in LANES:
        claim = await claim_all(outbox, lane)
        await outbox.settle(claim, [Later(claim.records[0].seq, Reason.TIMED_OUT, NOW)], NOW)
    await outbox.close()
    change(
        engine,
        "create temp table other as select blob from exceptions join lanes on lane = id where destination = 'pinterest'",
        "update exceptions set blob = (select blob from other) where lane in (select id from lanes where destination = 'meta')",
    )
    outbox = await engine.open()
    await lost_visibly(outbox, 1)
    assert ids(await claim_all(outbox, LANES[1])) == ["1"]
    await outbox.close()


async def test_a_dead_letter_that_cannot_be_read_stays_dead(engine: SqliteEngine) -> None:
    """Damaged, or never readable: it is looked at, left out of what is opened, and cannot be revived."""
    outbox = await engine.open([FIRST])
    await outbox.put([accept(n, destinations=(META,)) for n in range(3)])
    claim = await claim_all(outbox, FIRST)
    await outbox.settle(claim, [Dead(record.seq, Reason.REJECTED) for record in claim.records], NOW)
    (intact, contents) = claim.records[1], await outbox.open_letters(FIRST, await outbox.dead_letters(FIRST, 0, 9))
    await outbox.close()
    change(
        engine,
        "update exceptions set blob = zeroblob(100) where seq = (select min(seq) from exceptions)",
        "update exceptions set blob = null, data_key = null where seq = (select max(seq) from exceptions)",
    )
    outbox = await engine.open([FIRST])
    letters = await outbox.dead_letters(FIRST, 0, 9)
    assert [letter.seq for letter in letters] == [record.seq for record in claim.records]
    assert [record.seq for record in await outbox.open_letters(FIRST, letters)] == [intact.seq]
    never = [(letters[2], contents[2])]
    assert await outbox.revive(FIRST, never, NOW) == frozenset()
    balanced(await outbox.book(SHOP))
    await outbox.close()


async def test_a_replay_is_forgotten_when_its_event_is(engine: SqliteEngine) -> None:
    """Fourteen days after it, to the second, once the event is held for nothing any more."""
    outbox = await engine.open([FIRST])
    await outbox.put([accept(1, destinations=(META,))])
    claim = await claim_all(outbox, FIRST)
    await outbox.settle(claim, [Dead(claim.records[0].seq, Reason.REJECTED)], NOW)
    letters = await outbox.dead_letters(FIRST, 0, 9)
    contents = await outbox.open_letters(FIRST, letters)
    await outbox.revive(FIRST, list(zip(letters, contents, strict=True)), NOW + 5)
    assert await deliver_all(outbox, FIRST, now=NOW + 5) == ["1"]
    counts = []
    for at in (NOW + 5 + 14 * DAY - 1, NOW + 5 + 14 * DAY):
        await outbox.sweep(at)
        await outbox.close()
        connection = apsw.Connection(str(engine.file))
        counts.append(connection.execute("select count(*) from replays").fetchone())
        connection.close()
        outbox = await engine.open([FIRST])
    assert counts == [(1,), (0,)]
    await outbox.close()


async def test_a_store_from_before_replays_has_them_after_opening(engine: SqliteEngine) -> None:
    """What it held is there still, and its dead letters can be given back."""
    outbox = await engine.open([FIRST])
    await outbox.put([accept(1, destinations=(META,))])
    claim = await claim_all(outbox, FIRST)
    await outbox.settle(claim, [Dead(claim.records[0].seq, Reason.REJECTED)], NOW)
    await outbox.close()
    go_back_to(engine, STEPS.index(REPLAYS))
    outbox = await engine.open([FIRST])
    letters = await outbox.dead_letters(FIRST, 0, 9)
    contents = await outbox.open_letters(FIRST, letters)
    assert len(await outbox.revive(FIRST, list(zip(letters, contents, strict=True)), NOW)) == 1
    assert await deliver_all(outbox, FIRST) == ["1"]
    await outbox.close()


async def test_a_store_from_before_pauses_has_none_after_opening(engine: SqliteEngine) -> None:
    """What it held goes on, and its lanes can be paused."""
    outbox = await engine.open([FIRST])
    await outbox.put([accept(1, destinations=(META,))])
    await outbox.close()
    go_back_to(engine, STEPS.index(PAUSES))
    outbox = await engine.open([FIRST])
    assert outbox.paused(FIRST) is None
    assert await deliver_all(outbox, FIRST) == ["1"]
    assert await outbox.pause(FIRST, NOW)
    await outbox.close()


async def test_figures_of_a_store_from_before_them_have_no_date(engine: SqliteEngine) -> None:
    """What the books came to by then is carried over, so that all figures together are the books."""
    outbox = await engine.open()
    await outbox.put([accept(1), refuse(2), reject(), accept(3, kind=Kind.PAGE_VIEW, money=None), accept(1, money=None)])
    claim = await claim_all(outbox, FIRST)
    await outbox.settle(claim, done(claim), NOW)
    await outbox.close()
    go_back_to(engine, STEPS.index(FIGURES))
    outbox = await engine.open()
    await add_up(outbox)
    (undated,) = await since(outbox, 0, Grain.DAY)
    assert (undated.since, undated.until) == (0, 0)
    await outbox.put([accept(4)])
    await outbox.sweep(NOW + DAY)
    await add_up(outbox)
    assert len(await since(outbox, 0, Grain.DAY)) == 2
    await outbox.close()


async def test_what_is_undelivered_of_a_store_from_before_is_told_with_its_order_value(engine: SqliteEngine) -> None:
    """By kind, what was to be tried again too, whose copies are opened for it once; what died then has no reason."""
    outbox = await engine.open()
    await outbox.put([accept(n, money=Money(100 * n, "EUR")) for n in range(1, 5)])
    await outbox.put([accept(6, kind=Kind.ADD_TO_CART, money=Money(7, "JPY")), accept(7, kind=Kind.PAGE_VIEW, money=None)])
    claim = await claim_all(outbox, FIRST, limit=4)
    one, two, three, four = (record.seq for record in claim.records)
    ends: list[Settlement] = [
        Dead(one, Reason.REJECTED),
        Dead(two, Reason.EXPIRED),
        *(Later(seq, Reason.TIMED_OUT, NOW) for seq in (three, four)),
    ]
    await outbox.settle(claim, ends, NOW)
    await outbox.sweep(NOW + DAY)
    claim = await claim_all(outbox, LANES[1])
    await outbox.settle(claim, [Dead(record.seq, Reason.REJECTED) for record in claim.records], NOW + DAY)
    before = await outbox.undelivered(SHOP)
    assert {one.destination: one.retrying_value for one in before if one.retrying} == {META: {"EUR": 700}}
    await outbox.close()
    go_back_to(engine, STEPS.index(UNDELIVERED))
    outbox = await engine.open()
    assert list(await outbox.undelivered(SHOP)) == list(before)
    await add_up(outbox)
    told = await since(outbox, 0, Grain.DAY, only=(DeadWorth,))
    assert {figure.reason for stretch in told for figure in stretch.figures if isinstance(figure, DeadWorth)} == {None}
    await deliver_all(outbox, FIRST)
    assert [one for one in await outbox.undelivered(SHOP) if one.destination is META and one.retrying_value] == []
    await add_up(outbox)
    await outbox.close()


async def test_valuing_that_was_cut_off_is_finished(engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each copy counts once, however often a store of before is opened, and however many there are."""
    monkeypatch.setattr(valuing, "AT_A_TIME", 2)
    outbox = await engine.open([FIRST])
    await outbox.put([accept(n, destinations=(META,)) for n in range(5)])
    claim = await claim_all(outbox, FIRST)
    await outbox.settle(claim, [Later(record.seq, Reason.TIMED_OUT, NOW) for record in claim.records], NOW)
    await outbox.close()
    go_back_to(engine, STEPS.index(UNDELIVERED))
    real, calls = valuing.Valuing.value, count()

    def cut_off(self: valuing.Valuing) -> bool:
        if next(calls):
            raise OSError
        return real(self)

    monkeypatch.setattr(valuing.Valuing, "value", cut_off)
    with pytest.raises(OSError):  # noqa: PT011 - our own, without a word
        await engine.open([FIRST])
    monkeypatch.setattr(valuing.Valuing, "value", real)
    outbox = await engine.open([FIRST])
    (told,) = await outbox.undelivered(SHOP)
    assert (told.retrying, told.retrying_value) == (5, {"EUR": 5 * 1250})
    await outbox.close()


async def test_a_day_is_one_of_the_storefronts_own_time_zone(engine: SqliteEngine) -> None:
    """It begins at its midnight, and on the day that clocks are put back it has 25 hours."""
    options = Options(64 << 20, 0, zones={SHOP: ZoneInfo("Europe/Paris")})
    outbox = await SqliteOutbox.open(engine.directory, engine.keyring, LANES, options)
    autumn = int(datetime(2026, 10, 25, 12, tzinfo=UTC).timestamp())
    await outbox.put([accept(1, at=autumn)])
    await outbox.sweep(autumn + DAY)
    (day,) = await outbox.history(SHOP, Grain.DAY, autumn - DAY, autumn + DAY)
    assert datetime.fromtimestamp(day.since, UTC) == datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert day.until - day.since == 25 * 3_600
    await outbox.close()


async def test_what_is_booked_says_when(engine: SqliteEngine) -> None:
    """An operation that forgets to is undone, instead of adding to a wrong hour."""
    outbox = await engine.open()

    def forget(store: Store) -> None:
        store._books.add(1, 1, "differing")

    with pytest.raises(RuntimeError):
        await outbox._writer.change(forget)
    await outbox.put([accept(1)])
    await add_up(outbox)
    await outbox.close()


async def test_a_day_whose_key_is_gone_is_unreadable(engine: SqliteEngine) -> None:
    """Deleting a data key erases what it sealed, in every copy of the store."""
    outbox = await engine.open()
    await outbox.put([accept(1, destinations=(META,))])
    await outbox.put([accept(2, at=NOW + DAY, destinations=(META,))])
    await outbox.close()
    change(engine, "delete from data_keys where day = (select min(day) from data_keys where storefront != 0)")
    outbox = await engine.open()
    assert ids(await lost_visibly(outbox, 1)) == ["2"]
    await outbox.close()


async def test_nothing_is_kept_longer_than_it_serves(engine: SqliteEngine) -> None:
    """A withdrawn record's content goes at once, delivered groups and marks go when every lane is past them."""
    outbox = await engine.open([FIRST])
    await outbox.put([accept(n, destinations=(META,), email=EmailDigests(digest(n))) for n in range(3)])
    claim = await claim_all(outbox, FIRST)
    await outbox.mark_sent(claim, [record.seq for record in claim.records], NOW)
    gone, late, ready = claim.records
    fates: list[Settlement] = [
        Withdrawn(gone.seq, Reason.WITHDRAWN),
        Later(late.seq, Reason.TIMED_OUT, NOW),
        Done(ready.seq, Reason.CONFIRMED),
    ]
    await outbox.settle(claim, fates, NOW)
    claim = await claim_all(outbox, FIRST)
    await outbox.settle(claim, [Withdrawn(late.seq, Reason.WITHDRAWN)], NOW)
    await outbox.close()
    connection = apsw.Connection(str(engine.file))
    for table in ("groups", "marks", "exceptions where blob is not null or subjects is not null"):
        assert connection.execute(f"select count(*) from {table}").fetchone() == (0,)  # noqa: S608 - of this test
    connection.close()


def cells(file: Path, *queries: str) -> list[bytes]:
    """Read what some columns hold, from a copy of a store."""
    connection = apsw.Connection(str(file))
    found = [cell for query in queries for row in connection.execute(query) for cell in row if cell]
    connection.close()
    return found


def lies_in(directory: Path, needle: bytes) -> bool:
    """Say whether bytes are anywhere in a store's files. A long one is looked for in pieces, for pages part it."""
    stored = b"".join(path.read_bytes() for path in directory.iterdir())
    pieces = [needle[at : at + 16] for at in range(0, len(needle), 16)] if len(needle) > 64 else [needle]
    return any(piece in stored for piece in pieces)


async def test_nothing_of_a_withdrawn_person_is_left_in_the_files(engine: SqliteEngine) -> None:
    """Neither the sealed copies, in pages that are free or in the log, nor the hashes that led to them."""
    outbox = await engine.open([FIRST, LANES[1]])
    mine = EmailDigests(digest(1))
    await outbox.put([accept(n, destinations=(META, PINTEREST), email=mine) for n in range(4)])
    claim = await claim_all(outbox, FIRST)
    fates: list[Settlement] = [Later(one.seq, Reason.TIMED_OUT, NOW) for one in claim.records[:2]]
    await outbox.settle(claim, [*fates, *(Dead(one.seq, Reason.REJECTED) for one in claim.records[2:])], NOW)
    await outbox.put([accept(9, destinations=(META, PINTEREST))])
    before = engine.directory.parent / "before"
    shutil.copytree(engine.directory, before)
    sealed = cells(
        before / "outbox.db",
        "select blob from groups where length(sorts) = 4",
        "select blob from exceptions where blob is not null",
    )
    hashes = cells(before / "outbox.db", "select subjects from groups where length(sorts) = 4")
    assert len(sealed) == 5
    assert all(lies_in(engine.directory, one) for one in (*sealed, *hashes))
    await outbox.withdraw(SHOP, Person((digest(1),)), NOW)
    for _ in range(2):
        assert not any(lies_in(engine.directory, one) for one in (*sealed, *hashes))
        await outbox.close()
    assert cells(engine.file, "select subjects, blob from exceptions") == []
    left = cells(engine.file, "select subject from withdrawals")
    assert len(left) == 5, "one address and four orders"
    outbox = await engine.open([FIRST, LANES[1]])
    assert await deliver_all(outbox, FIRST) == ["9"]
    await outbox.close()


async def test_what_was_sent_lies_sealed_and_only_of_somebody(engine: SqliteEngine) -> None:
    """No event id, field or evidence is readable in it, and an event that belongs to nobody has no line."""
    outbox = await engine.open([FIRST])
    usual: dict[str, Any] = {"destinations": (META,), "evidence": EvidenceId("ab" * 12)}
    await outbox.put([accept("CANARY-7", **usual), accept(2, kind=Kind.PAGE_VIEW, money=None, **usual)])
    claim = await claim_all(outbox, FIRST)
    one, two = (record.seq for record in claim.records)
    left = [Left(Kind.PURCHASE, Shape("a=x"), (one,), 1), Left(Kind.PAGE_VIEW, Shape("a=x"), (two,), 1)]
    await outbox.mark_sent(claim, [one, two], NOW, left)
    assert not any(lies_in(engine.directory, text) for text in (b"CANARY", b"ab" * 12, bytes.fromhex("ab" * 12)))
    await outbox.settle(claim, done(claim), NOW)
    await outbox.close()
    assert cells(engine.file, "select told from sendings") == [b"\1"]
    change(engine, "update sendings set lane = lane, blob = flip(blob, 20)")
    outbox = await engine.open([FIRST])
    order = engine.persons.key(SHOP, Identifier.ORDER_ID, "eCANARY-7")
    assert (await outbox.holdings(SHOP, Person(keys=(order,)))).sent == (), "what was changed does not open"
    await outbox.close()


async def test_what_was_erased_of_what_was_sent_is_not_left_in_the_files(engine: SqliteEngine) -> None:
    """Neither the sealed line nor its hashes; and the keys of what was sent go with their day."""
    outbox = await engine.open([FIRST])
    await outbox.put([accept(n, destinations=(META,), email=EmailDigests(digest(n))) for n in range(2)])
    claim = await claim_all(outbox, FIRST)
    seqs = tuple(record.seq for record in claim.records)
    await outbox.mark_sent(claim, seqs, NOW, [Left(Kind.PURCHASE, Shape("a=x"), seqs, 1)])
    await outbox.settle(claim, done(claim), NOW)
    before = engine.directory.parent / "before"
    shutil.copytree(engine.directory, before)
    (sealed,) = cells(before / "outbox.db", "select blob from sendings")
    (hashes,) = cells(before / "outbox.db", "select subjects from sendings")
    assert lies_in(engine.directory, sealed)
    assert (await outbox.erase(SHOP, Person((digest(0),)), NOW)).sent == 1
    assert not any(lies_in(engine.directory, one) for one in (sealed, hashes))
    await outbox.sweep(NOW + 20 * DAY)
    await outbox.sweep(NOW + 395 * DAY)
    assert len((await outbox.holdings(SHOP, Person((digest(1),)))).sent) == 1
    await outbox.sweep(NOW + 397 * DAY)
    await outbox.close()
    assert cells(engine.file, "select 1 from sendings", "select id from data_keys where storefront != 0") == []


async def test_how_long_is_kept_is_an_option(tmp_path: Path) -> None:
    """What was sent, dead letters and withdrawals; a shorter time holds for letters that died before, too."""
    keyring = Keyring.create(tmp_path / "keys.json")
    usual = Options(64 << 20, 0)
    outbox = await SqliteOutbox.open(tmp_path / "data", keyring, [FIRST], usual)
    await outbox.put([accept(1, destinations=(META,))])
    claim = await claim_all(outbox, FIRST)
    seqs = (claim.records[0].seq,)
    await outbox.mark_sent(claim, seqs, NOW, [Left(Kind.PURCHASE, Shape("a=x"), seqs, 1)])
    await outbox.settle(claim, [Dead(seqs[0], Reason.REJECTED)], NOW)
    await outbox.withdraw(SHOP, Person((digest(1),)), NOW)
    await outbox.close()
    shorter = Options(64 << 20, 0, sendings_days=4, dead_days=2, withdrawals_days=3)
    outbox = await SqliteOutbox.open(tmp_path / "data", keyring, [FIRST], shorter)
    order = Person(keys=(Persons(keyring.pepper).key(SHOP, Identifier.ORDER_ID, "e1"),))
    left = []
    for at in (2 * DAY - 1, 2 * DAY, 3 * DAY + 1, 5 * DAY):
        await outbox.sweep(NOW + at)
        withdrawn = (await outbox.holdings(SHOP, Person((digest(1),)))).withdrawn_at is not None
        left.append((outbox.waiting(FIRST).dead, withdrawn, len((await outbox.holdings(SHOP, order)).sent)))
    assert left == [(1, True, 1), (0, True, 1), (0, False, 1), (0, False, 0)]
    await outbox.close()


async def test_what_is_put_while_a_person_is_looked_for_is_removed_too(
    engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look takes many turns, and events come in between; the transaction looks at what the look has not seen."""
    monkeypatch.setattr("gateway.outbox.engine.seeking.LOOKED_AT_ONCE", 2)
    outbox = await engine.open([FIRST])
    for n in range(12):
        await outbox.put([accept(n, destinations=(META,), email=EmailDigests(digest(1)))])
    withdrawing = asyncio.create_task(outbox.withdraw(SHOP, Person((digest(1),)), NOW))
    put = 0
    while not withdrawing.done():
        put += list(await outbox.put([accept(f"x{put}", destinations=(META,), email=EmailDigests(digest(1)))])) == [
            Status.ACCEPTED
        ]
    assert (await withdrawing).waiting == {META: 12 + put}
    assert put > 3
    assert await deliver_all(outbox, FIRST) == []
    balanced(await outbox.book(SHOP))
    await outbox.close()


async def test_a_person_who_turns_up_again_and_again_is_found_in_the_end(
    engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where every look turns up something more to look for, the transaction looks for itself."""
    monkeypatch.setattr("gateway.outbox.engine.people._MOST_LOOKS", 1)
    outbox = await engine.open([FIRST])
    for n in range(6):
        await outbox.put([accept(n, destinations=(META,), email=EmailDigests(digest(1)) if n % 2 else None)])
    order = engine.persons.key(SHOP, Identifier.ORDER_ID, "e3")
    assert (await outbox.withdraw(SHOP, Person(keys=(order,)), NOW)).waiting == {META: 3}
    assert await deliver_all(outbox, FIRST) == ["0", "2", "4"]
    await outbox.close()


def numbers(engine: SqliteEngine) -> list[int]:
    """The first number of each group in the closed store of one storefront."""
    connection = apsw.Connection(str(engine.file))
    found = [place % SPAN for (place,) in connection.execute("select place from groups order by place")]
    connection.close()
    return found


async def test_a_backlog_keeps_its_own_groups_and_no_others(engine: SqliteEngine) -> None:
    """What is delivered behind a lane's back goes at once: a long backlog must not keep the store from shrinking."""
    outbox = await engine.open(LANES[:2])
    for n in range(8):
        await outbox.put([accept(f"{n}{part}", at=NOW + n, destinations=(META, PINTEREST)) for part in "ab"])
    await outbox.close()
    assert numbers(engine) == [1, 3, 5, 7, 9, 11, 13, 15]
    outbox = await engine.open(LANES[:2])
    await outbox.set_aside(FIRST, NOW + 2)  # 1 … 4
    claim = await claim_fresh(outbox, FIRST, limit=4)  # 5 … 8
    await outbox.settle(claim, done(claim), NOW)
    await outbox.set_aside(FIRST, NOW + 6)  # 9 … 12
    while (claim := await claim_fresh(outbox, FIRST, limit=3)).origin is Origin.FRESH:
        await outbox.settle(claim, done(claim), NOW)
    await outbox.release(claim, maybe=False)
    await outbox.close()
    assert numbers(engine) == [1, 3, 5, 7, 9, 11, 13, 15], "the other lane has not had them"
    outbox = await engine.open(LANES[:2])
    await deliver_all(outbox, LANES[1], limit=3)
    await outbox.close()
    assert numbers(engine) == [1, 3, 9, 11]
    outbox = await engine.open(LANES[:2])
    claim = await claim_all(outbox, FIRST, limit=3)
    assert ids(claim) == ["0a", "0b", "1a"]
    await outbox.settle(claim, done(claim), NOW)
    await outbox.close()
    assert numbers(engine) == [3, 9, 11]
    outbox = await engine.open(LANES[:2])
    assert await deliver_all(outbox, FIRST, limit=3) == ["1b", "4a", "4b", "5a", "5b"]
    await outbox.close()
    assert numbers(engine) == []


async def test_backlogs_are_few(engine: SqliteEngine) -> None:
    """A lane that falls behind again and again without delivering anything in between has one backlog, in one row."""
    outbox = await engine.open([FIRST])
    for n in range(20):
        await outbox.put([accept(n, at=NOW + n, destinations=(META,))])
        await outbox.set_aside(FIRST, NOW + n + 1)
    await outbox.close()
    connection = apsw.Connection(str(engine.file))
    assert connection.execute("select count(*), min(cursor), max(upto) from backlogs").fetchone() == (1, 0, 20)
    connection.close()
    outbox = await engine.open([FIRST])
    assert await deliver_all(outbox, FIRST, limit=7) == [str(n) for n in range(20)]
    await outbox.close()
    connection = apsw.Connection(str(engine.file))
    assert connection.execute("select count(*) from backlogs").fetchone() == (0,)
    connection.close()


async def test_a_backlog_holds_something(engine: SqliteEngine) -> None:
    """Where all that is old is for other destinations, no row is written."""
    outbox = await engine.open(LANES[:2])
    await outbox.put([accept(1, destinations=(PINTEREST,))])
    await outbox.put([accept(2, at=NOW + 9, destinations=(META, PINTEREST))])
    await outbox.set_aside(FIRST, NOW + 1)
    await outbox.close()
    connection = apsw.Connection(str(engine.file))
    assert connection.execute("select count(*) from backlogs").fetchone() == (0,)
    connection.close()


async def test_a_store_from_before_there_were_backlogs_opens(engine: SqliteEngine) -> None:
    """It takes the step that it misses, and nothing that was waiting is lost."""
    outbox = await engine.open([FIRST])
    await outbox.put([accept(n, destinations=(META,)) for n in range(3)])
    await outbox.close()
    go_back_to(engine, STEPS.index(BACKLOGS))
    outbox = await engine.open([FIRST])
    await outbox.set_aside(FIRST, NOW + 1)
    assert await deliver_all(outbox, FIRST) == ["0", "1", "2"]
    await outbox.close()


async def test_keys_of_past_days_go_when_nothing_needs_them(engine: SqliteEngine) -> None:
    """Not before: a backlog and a dead letter keep theirs."""
    outbox = await engine.open([FIRST])
    for day in range(3):
        await outbox.put([accept(day, at=NOW + day * DAY, destinations=(META,))])
    claim = await claim_all(outbox, FIRST, limit=2)
    dead, delivered = claim.records
    await outbox.settle(claim, [Dead(dead.seq, Reason.REJECTED), Done(delivered.seq, Reason.CONFIRMED)], NOW + DAY)
    await outbox.sweep(NOW + 10 * DAY)
    await outbox.close()
    connection = apsw.Connection(str(engine.file))
    days = [day - NOW // DAY for (day,) in connection.execute("select day from data_keys where storefront != 0 order by day")]
    connection.close()
    assert days == [1, 2]


# ── a full store ─────────────────────────────────────────────────────────────────────────────────────────────────


async def fill(outbox: SqliteOutbox, most: int = 60) -> list[str]:
    """Put until the store is full; gives the ids that were accepted."""
    accepted: list[str] = []
    for n in range(most):
        names = [f"{n}-{i}-{random.getrandbits(160):x}" for i in range(100)]
        try:
            await outbox.put([accept(name, email=EmailDigests(digest(n * 1000 + i))) for i, name in enumerate(names)])
        except Unavailable as refused:
            assert refused.why is Shut.FULL  # noqa: PT017 - the loop goes on until then
            return accepted
        accepted += names
    raise AssertionError("the store never became full")


async def reopened(outbox: SqliteOutbox) -> None:
    """Wait until puts are taken again."""
    async with asyncio.timeout(5):
        while outbox.shut is not None:  # noqa: ASYNC110 - a test looks on from outside
            await asyncio.sleep(0.005)


async def test_a_full_store_refuses_settles_and_recovers(engine: SqliteEngine) -> None:
    """Puts are refused before the cap, couriers go on, even with an exception for each event, and then puts are taken again."""
    outbox = await engine.open(max_bytes=MIB)
    accepted = await fill(outbox)
    assert outbox.shut is Shut.FULL
    with pytest.raises(Unavailable):
        await outbox.put([accept("more")])
    claim = await claim_all(outbox, FIRST, limit=50)
    await outbox.settle(claim, [Later(record.seq, Reason.TIMED_OUT, NOW) for record in claim.records], NOW)
    for lane in LANES:
        assert sorted(await deliver_all(outbox, lane)) == sorted(accepted)
    await reopened(outbox)
    assert list(await outbox.put([accept("more")])) == [Status.ACCEPTED]
    balanced(await outbox.book(SHOP))
    await outbox.close()


async def test_a_full_store_opens_full(engine: SqliteEngine) -> None:
    """Reopening does not forget it, and nothing of what was accepted is lost."""
    outbox = await engine.open(max_bytes=MIB)
    accepted = await fill(outbox)
    await engine.crash(outbox)
    outbox = await engine.open(max_bytes=MIB)
    assert outbox.shut is Shut.FULL
    assert await deliver_all(outbox, FIRST) == accepted
    await outbox.close()


async def test_a_cap_that_is_met_head_on_loses_nothing(engine: SqliteEngine) -> None:
    """One request larger than what is left is refused whole; requests that fit are still taken or refused, never half."""
    outbox = await engine.open(max_bytes=MIB)
    requests = [[accept(f"{n}-{i}", email=EmailDigests(digest(n * 5000 + i))) for i in range(5000)] for n in range(4)]
    answers = await asyncio.gather(*map(outbox.put, requests), return_exceptions=True)
    assert [one.why for one in answers if isinstance(one, Unavailable)][-1] is Shut.FULL
    book = await outbox.book(SHOP)
    assert book.accepted.get(META, 0) % 5000 == 0
    balanced(book)
    await outbox.close()


async def test_a_volume_without_free_space_counts_as_full(engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts stop before the file system is full, and are taken again by themselves once there is space."""
    monkeypatch.setattr("gateway.storage.writer.LOOK_AGAIN_SECONDS", 0.01)
    free = [0]
    real = os.statvfs

    def statvfs(path: Any) -> os.statvfs_result:
        fields = list(real(path))
        fields[1], fields[4] = 4096, free[0] // 4096
        return os.statvfs_result(fields)

    monkeypatch.setattr(os, "statvfs", statvfs)
    outbox = await engine.open(min_free_bytes=MIB)
    assert outbox.shut is Shut.FULL
    with pytest.raises(Unavailable):
        await outbox.put([accept(1)])
    free[0] = 10 * MIB
    await reopened(outbox)
    assert list(await outbox.put([accept(1)])) == [Status.ACCEPTED]
    await outbox.close()


# ── a failing disk ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def shim() -> Iterator[Shim]:
    """A file system that can fail."""
    made = Shim()
    yield made
    made.unregister()


async def test_every_answer_follows_a_flush(engine: SqliteEngine, shim: Shim) -> None:
    """Puts, marks and settlements are on stable storage before anybody hears of them."""
    outbox = await engine.open(vfs="shim")
    for n in range(3):
        before = shim.flushes
        await outbox.put([accept(n)])
        assert shim.flushes > before
        claim = await claim_all(outbox, FIRST)
        before = shim.flushes
        await outbox.mark_sent(claim, [claim.records[0].seq], NOW)
        assert shim.flushes > before
        before = shim.flushes
        await outbox.settle(claim, done(claim), NOW)
        assert shim.flushes > before
    await outbox.close()


async def test_after_a_failed_flush_nothing_is_accepted_ever_again(engine: SqliteEngine, shim: Shim) -> None:
    """Every waiter hears of the failure, also when later flushes would succeed, and the process is told to end."""
    outbox = await engine.open(vfs="shim")
    await outbox.put([accept(1)])
    claim = await claim_all(outbox, FIRST)
    shim.broken = 1000
    waiting = [outbox.put([accept(2)]), outbox.put([accept(3)]), outbox.settle(claim, done(claim), NOW)]
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [one.why if isinstance(one, Unavailable) else one for one in answers] == [Shut.FAILED] * 3
    assert outbox.failed.is_set()
    shim.broken = 0
    assert outbox.shut is Shut.FAILED
    for again in (outbox.put([accept(4)]), outbox.book(SHOP), outbox.claim(LANES[1], 1, NOW), outbox.sweep(NOW)):
        with pytest.raises(Unavailable, match="store_failed"):
            await again
    flushes = shim.flushes
    await outbox.close()
    assert shim.flushes == flushes
    outbox = await engine.open()
    repeated = await outbox.put([accept(1), accept(2), accept(3)])
    assert repeated[0] is Status.DUPLICATE
    assert set(await deliver_all(outbox, LANES[1])) == {"1", "2", "3"}
    balanced(await outbox.book(SHOP))
    await outbox.close()


async def test_what_already_waited_when_a_flush_failed_is_not_tried(engine: SqliteEngine, shim: Shim) -> None:
    """Though the very next flush would succeed."""
    outbox = await engine.open(vfs="shim")
    requests = [[accept(f"{n}-{i}", money=None) for i in range(2000)] for n in range(4)]
    shim.broken = 1
    answers = await asyncio.gather(*map(outbox.put, requests), return_exceptions=True)
    assert shim.broken == 0
    assert [one.why if isinstance(one, Unavailable) else one for one in answers] == [Shut.FAILED] * 4
    await outbox.close()


async def test_a_log_that_cannot_be_emptied_undoes_nothing(engine: SqliteEngine, shim: Shim) -> None:
    """A withdrawal on a full volume is made and told to the claim under way, what shared its flush is made once, and the log
    is emptied as soon as there is room.
    """
    outbox = await engine.open(vfs="shim")
    await outbox.put([accept(n, email=EmailDigests(digest(n))) for n in range(4)])
    claim, other = await claim_all(outbox, FIRST), await claim_all(outbox, LANES[1])
    shim.full = True
    named = await outbox._writer.ask(partial(Store.known_by, person=Person((digest(2),))))

    def withdraw(store: Store) -> Removed:
        done = store.withdraw(SHOP, Order(named, NOW, leads=False, erase=False), Look(named))
        assert isinstance(done, Removed)
        return done

    removed, _, fates = await asyncio.gather(
        outbox._writer.change(withdraw, outbox._removed),
        outbox.settle(other, done(other), NOW),
        outbox.put([accept(5)]),
    )
    assert removed.removal.waiting == dict.fromkeys(ALL, 1)
    assert fates == [Status.ACCEPTED]
    assert outbox.withdrawn(claim) == {claim.records[2].seq: Reason.WITHDRAWN}
    book = await outbox.book(SHOP)
    balanced(book)
    assert sum(count for (where, *_), count in book.settled.items() if where is PINTEREST) == 4
    log = engine.file.with_name(engine.file.name + "-wal")
    assert log.stat().st_size
    shim.full = False
    await outbox.put([accept(6)])
    assert not log.stat().st_size
    await outbox.close()


async def test_a_log_that_an_earlier_process_left_is_emptied(engine: SqliteEngine) -> None:
    """By the first transaction: pages as they were before a removal may lie there."""
    outbox = await engine.open()
    await outbox.put([accept(1)])
    await outbox.put([accept(2)])
    await engine.crash(outbox)
    log = engine.file.with_name(engine.file.name + "-wal")
    assert log.stat().st_size
    outbox = await engine.open()
    await outbox.put([accept(3)])
    assert not log.stat().st_size
    await outbox.close()


async def test_a_fault_of_the_store_itself_is_final(engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails outside any one caller's change: nobody is left waiting, and nothing is accepted after it."""
    outbox = await engine.open()

    def fail(path: object) -> None:
        raise OSError(path)

    monkeypatch.setattr(os, "statvfs", fail)
    answers = await asyncio.gather(*(outbox.put([accept(n)]) for n in range(600)), return_exceptions=True)
    refused = [one.why for one in answers if isinstance(one, Unavailable)]
    assert answers.count([Status.ACCEPTED]) == 600 - refused.count(Shut.FAILED)
    assert outbox.failed.is_set()
    with pytest.raises(Unavailable, match="store_failed"):
        await outbox.put([accept(601)])
    await outbox.close()


# ── kills ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_killed_processes_lose_nothing_and_repeat_only_what_was_in_doubt(engine: SqliteEngine) -> None:
    """Whatever a process said it had accepted is delivered or waits; what it said it had delivered is not sent again."""
    put: set[str] = set()
    sent: set[str] = set()
    for number in range(4):
        said = await killed("tests.gateway.outbox.victim", engine.directory.parent, f"r{number}", lines=40 + 53 * number)
        put |= {name for what, name in said if what == "put"}
        sent |= {name for what, name in said if what == "sent"}
    assert len(sent) > 50
    outbox: Outbox = await engine.open()
    statuses = await outbox.put([accept(name, destinations=(META,)) for name in put])
    assert set(statuses) == {Status.DUPLICATE}
    book = await outbox.book(SHOP)
    balanced(book)
    rest = await deliver_all(outbox, FIRST)
    assert not set(rest) & sent
    assert book.accepted[META] - len(rest) >= len(sent)
    assert book.accepted[META] >= len(put)
    await add_up(outbox)
    await outbox.close()


async def test_storefronts_are_swept_a_few_at_a_time(engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, nobody who puts waits for a sweep of all of them."""
    shops = [StorefrontId(f"s{n}") for n in range(5)]
    lanes = [Lane(shop, META) for shop in shops]
    outbox = await engine.open(lanes)
    await outbox.put([accept(n, storefront=shop, destinations=(META,)) for n, shop in enumerate(shops)])
    for lane in lanes:
        claim = await claim_all(outbox, lane)
        await outbox.settle(claim, [Dead(claim.records[0].seq, Reason.UNKNOWN_ERROR)], NOW)
    pieces: list[int] = []
    whole = Store.sweep_storefronts

    def noting(store: Store, after: int, now: int) -> Any:
        pieces.append(after)
        return whole(store, after, now)

    monkeypatch.setattr(Store, "sweep_storefronts", noting)
    monkeypatch.setattr(sweeping, "STOREFRONTS_AT_ONCE", 2)
    gone = await outbox.sweep(NOW + 15 * DAY)
    assert (pieces, gone[Swept.DEAD_LETTERS]) == ([0, 2, 4], 5)
    assert [outbox.waiting(lane).dead for lane in lanes] == [0] * 5
    await outbox.close()


async def test_dead_letters_are_swept_a_few_at_a_time(engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What died together goes in short transactions, in the lane that has most of it too, and the books lose it with it."""
    outbox = await engine.open()
    await outbox.put([accept(n, destinations=(META,)) for n in range(25)])
    await outbox.put([accept("other", destinations=(PINTEREST,))])
    for lane in LANES[:2]:
        claim = await claim_all(outbox, lane)
        await outbox.settle(claim, [Dead(record.seq, Reason.REJECTED) for record in claim.records], NOW)
    monkeypatch.setattr(sweeping, "EXCEPTIONS_AT_ONCE", 10)
    left: list[int] = []
    whole = Store.changes

    def noting(store: Store) -> Changes:
        told = whole(store)
        left.extend(waiting.dead for lane, waiting in told.figures.items() if lane == FIRST)
        return told

    monkeypatch.setattr(Store, "changes", noting)
    gone = await outbox.sweep(NOW + 15 * DAY)
    assert (left, gone[Swept.DEAD_LETTERS]) == ([15, 5, 0], 26)
    assert not [told for told in await outbox.undelivered(SHOP) if told.dead]
    balanced(await outbox.book(SHOP))
    await outbox.close()


class Compared(Lane, frozen=True):
    """A lane that counts how often one of its kind was compared."""

    comparisons = 0

    def __eq__(self, other: object) -> bool:
        """Count, and compare."""
        Compared.comparisons += 1
        return isinstance(other, Lane) and (self.storefront, self.destination) == (other.storefront, other.destination)

    def __hash__(self) -> int:
        """As a lane."""
        return hash(Lane(self.storefront, self.destination))


async def test_a_lane_is_found_without_going_through_all(engine: SqliteEngine) -> None:
    """At the opening and with every claim: what thousands of storefronts cost grows as they do, not as their square."""
    lanes = [Compared(StorefrontId(f"s{n}"), META) for n in range(200)]
    await (await engine.open(lanes)).close()
    Compared.comparisons = 0
    outbox = await engine.open(lanes)
    for lane in lanes:
        assert await outbox.claim(lane, 1, NOW) is None
    assert Compared.comparisons < 20 * len(lanes)
    await outbox.close()


async def test_who_withdrew_is_asked_for_those_who_came(engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for every storefront where somebody ever has."""
    shops = [StorefrontId(f"s{n}") for n in range(20)]
    outbox = await engine.open([Lane(shop, META) for shop in shops])
    for shop in shops:
        await outbox.withdraw(shop, Person((digest(1),)), NOW)
    asked: list[int] = []
    whole = Subjects.withdrawn

    def noting(subjects: Subjects, storefront: int, hashes: bytes) -> dict[bytes, int]:
        asked.append(storefront)
        return whole(subjects, storefront, hashes)

    monkeypatch.setattr(Subjects, "withdrawn", noting)
    entries = [accept(n, storefront=shops[n % 2], destinations=(META,), email=EmailDigests(digest(n % 3))) for n in range(6)]
    fates = await outbox.put(entries)
    assert fates == [Refusal.WITHDRAWN if n % 3 == 1 else Status.ACCEPTED for n in range(6)]
    assert len(asked) == 2
    await outbox.close()


async def test_what_was_sent_gives_way_to_what_comes_in(engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it leaves too little room, its oldest rows go before their time, and no more of them than need be."""
    monkeypatch.setattr("gateway.outbox.engine.store.SHED_AT_ONCE", 1)
    outbox = await engine.open([FIRST])
    for n in range(3):
        await outbox.put([accept(n, destinations=(META,), email=EmailDigests(digest(1)))])
        claim = await claim_all(outbox, FIRST)
        seqs = tuple(record.seq for record in claim.records)
        await outbox.mark_sent(claim, seqs, NOW + n, [Left(Kind.PURCHASE, Shape("a=x"), seqs, 1)])
        await outbox.settle(claim, done(claim), NOW + n)
    assert await outbox.sweep(NOW + 10) == {}
    crowded = iter((True, True, False))
    monkeypatch.setattr("gateway.outbox.engine.store.is_crowded", lambda _connection, _cap: next(crowded))
    assert await outbox.sweep(NOW + 10) == {Swept.SENT_EARLY: 2}
    (left,) = (await outbox.holdings(SHOP, Person((digest(1),)))).sent
    assert left.at == NOW + 2
    await outbox.close()


async def test_a_store_is_crowded_above_its_share(engine: SqliteEngine) -> None:
    """At 60 % of the cap, well before anything is refused."""
    outbox = await engine.open([FIRST])
    assert not await outbox._writer.ask(lambda store: is_crowded(store._connection, 64 << 20))
    assert await outbox._writer.ask(lambda store: is_crowded(store._connection, 1 << 16))
    await outbox.close()


async def test_swept_sightings_pass_the_sieve_no_more(engine: SqliteEngine) -> None:
    """A gateway that runs for months must not come to ask the tree of every event; what it holds still passes."""
    outbox = await engine.open([FIRST])
    for n in range(200):
        await outbox.put([accept(n, destinations=(META,))])

    def held(store: Store) -> list[int]:
        return [key for (key,) in store._connection.execute("select hash from seen")]

    async def passed(hashes: list[int]) -> list[int]:
        return await outbox._writer.ask(lambda store: store._sieve.passed(hashes))

    before = await outbox._writer.ask(held)
    assert len(before) > 100
    assert await passed(before) == before
    for at in (NOW + 9 * DAY, NOW + 10 * DAY):
        await outbox.sweep(at)
        assert await passed(left := await outbox._writer.ask(held)) == left
    assert len(left) == len(await passed(before)) == 0
    await outbox.close()
