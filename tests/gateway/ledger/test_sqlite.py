"""The embedded engine: the promises of every ledger, and those that only a file, a disk or a kill can break."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import apsw
import msgspec
import pytest
from hypothesis import HealthCheck, settings

from gateway.consent.table import RECORD_UNREADABLE
from gateway.ledger import HeldOrder, Proof, Version
from gateway.ledger.codec import number_of
from gateway.ledger.sqlite import SqliteLedger
from gateway.ledger.store import Options
from gateway.persons import Identifier, Persons
from gateway.storage import Shut, Unavailable
from gateway.storage.file import CannotOpen
from gateway.storage.keyring import BadKeyFile, Keyring
from tests.disk import Shim, killed
from tests.gateway.ledger.contract import LedgerContract
from tests.gateway.ledger.machine import LedgerMachine
from tests.gateway.ledger.making import DAY, NOW, OTHER, SHOP, SqliteEngine, deposit, fill, key, large, name, order, request

MIB: Final = 1 << 20


@pytest.fixture
def engine(tmp_path: Path) -> SqliteEngine:
    """An engine with nothing in it."""
    return SqliteEngine(tmp_path)


class TestPromises(LedgerContract):
    """The suite that every engine passes."""


class SqliteMachine(LedgerMachine):
    """The engine against the model."""

    def engine(self, folder: Path) -> SqliteEngine:
        """Make the embedded engine."""
        return SqliteEngine(folder)


class TestMachine(SqliteMachine.TestCase):  # type: ignore[misc, valid-type]  # hypothesis makes this class at run time
    """Whatever is done to a ledger in whatever order, it says what the model says."""

    settings = settings(max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))


def change(engine: SqliteEngine, *statements: str) -> None:
    """Change a closed ledger's file behind the engine's back."""
    connection = apsw.Connection(str(engine.file))
    for statement in statements:
        connection.execute(statement)
    connection.close()


def ask(engine: SqliteEngine, query: str) -> list[Any]:
    """Look into a closed ledger's file."""
    connection = apsw.Connection(str(engine.file))
    found = [row[0] for row in connection.execute(query)]
    connection.close()
    return found


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_nobody_else_may_read_the_file(engine: SqliteEngine) -> None:
    """It is 0600 from the beginning, its log too."""
    ledger = await engine.open()
    await ledger.deposit(deposit(1))
    assert {path.stat().st_mode & 0o777 for path in engine.directory.iterdir()} == {0o600}
    await ledger.close()


@pytest.mark.parametrize("offset", [0, 100, 4096])
async def test_a_damaged_file_is_refused(engine: SqliteEngine, offset: int) -> None:
    """And named as the ledger's, every time anew."""
    await (await engine.open()).close()
    size = engine.file.stat().st_size
    with engine.file.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * (100 if offset < 4096 else size - offset))
    for _ in range(2):
        with pytest.raises(CannotOpen, match=r"ledger: .* damaged"):
            await engine.open()


async def test_a_ledger_of_a_later_version_is_refused(engine: SqliteEngine) -> None:
    """It is not guessed at."""
    await (await engine.open()).close()
    change(engine, "pragma user_version = 99")
    with pytest.raises(CannotOpen, match=r"ledger: .* later version"):
        await engine.open()


async def test_a_library_that_can_lose_data_is_refused(engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite before 3.51.3 has a race at the log's reset."""
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")
    with pytest.raises(CannotOpen, match=r"3\.51\.3"):
        await engine.open()


async def test_another_key_file_opens_nothing(engine: SqliteEngine, tmp_path: Path) -> None:
    """Going on without the key would turn every record into a refusal, silently."""
    ledger = await engine.open()
    await ledger.deposit(deposit(1))
    await ledger.close()
    other = Keyring.create(tmp_path / "other.json")
    with pytest.raises(BadKeyFile, match="does not open"):
        await SqliteLedger.open(engine.directory, other, Options(64 * MIB, 0))


async def test_a_key_of_the_outbox_opens_nothing_here(engine: SqliteEngine) -> None:
    """The two stores' keys are wrapped for different purposes, so a file cannot be fed with the other's."""
    keyring = engine.keyring
    ledger = await engine.open()
    await ledger.deposit(deposit(1))
    await ledger.close()
    (day,) = ask(engine, "select day from data_keys")
    _, sealed = keyring.wrap(bytes(32), b"data key|1|%d" % day)
    change(engine, f"update data_keys set sealed = x'{sealed.hex()}'")  # noqa: S608 - of this test
    with pytest.raises(BadKeyFile):
        await engine.open()


async def test_sealing_keys_rotate(engine: SqliteEngine, tmp_path: Path) -> None:
    """After one start with the new key the old one can go."""
    ledger = await engine.open()
    await ledger.deposit(deposit(1))
    await ledger.close()
    Keyring.create(tmp_path / "new.json")
    old, new = (json.loads((tmp_path / file).read_text()) for file in ("keys.json", "new.json"))
    both = {"k1": old["sealing"]["k1"], "k2": new["sealing"]["k1"]}
    for sealing in (both, {"k2": both["k2"]}):
        (tmp_path / "keys.json").write_text(json.dumps({**old, "active": "k2", "sealing": sealing}))
        ledger = await engine.open()
        assert list(await ledger.find(SHOP, [key("browser")])) == [deposit(1).record]
        await ledger.close()


# ── secrecy, tampering, erasure ──────────────────────────────────────────────────────────────────────────────────


async def test_nothing_that_was_said_is_readable_in_the_files(engine: SqliteEngine) -> None:
    """Neither signals nor versions, nor what the shop calls an order: all of it is sealed, or a keyed hash."""
    persons = Persons(engine.keyring.pepper)
    order_key = persons.key(SHOP, Identifier.ORDER_ID, "CANARY-ORDER-1")
    kept = msgspec.structs.replace(
        deposit(1, place=("CANARY-PLACE", "CANARY-PLACE"), keys=(order_key,)),
        proofs=(Proof("tcf", "CANARY-SIGNAL" * 5, None),),
        banner_version=Version("CANARY-BANNER"),
    )
    ledger = await engine.open()
    await ledger.deposit(kept)
    await ledger.hold(HeldOrder(SHOP, (order_key,), NOW, b"CANARY-EVENT"))
    await ledger.register(msgspec.structs.replace(request(), persons=(order_key,)))
    assert len(await ledger.find(SHOP, [order_key])) == 1
    stored = contents(engine)
    await ledger.close()
    stored += contents(engine)
    assert len(stored) > 10_000
    assert b"CANARY" not in stored
    assert b"advertising" not in stored


def contents(engine: SqliteEngine) -> bytes:
    """All bytes of the ledger's files."""
    return b"".join(path.read_bytes() for path in engine.directory.iterdir())


@pytest.mark.parametrize(
    "tampering",
    [
        "update records set content = cast(x'01' || randomblob(100) as blob)",
        "update records set content = x''",
        "update records set received_at = received_at + 1",
        "update records set name = randomblob(12)",
        "update records set keys = cast(keys || x'0000000000000001' as blob)",
        "delete from data_keys",
        "update records set data_key = data_key + 1",
    ],
)
async def test_a_record_that_was_tampered_with_refuses(engine: SqliteEngine, tampering: str) -> None:
    """It may have been a refusal. It is found, and cannot be taken for a yes; the audit does not show it as kept."""
    ledger = await engine.open()
    await ledger.deposit(deposit(1, "cart"))
    await ledger.close()
    change(engine, tampering)
    ledger = await engine.open()
    (found,) = await ledger.find(SHOP, [key("cart")])
    assert found.statements == RECORD_UNREADABLE
    assert list(await ledger.read(SHOP, [key("cart")])) == []
    assert await ledger.withdraw(SHOP, [key("cart")], NOW + 1) == 1
    assert await ledger.erase(SHOP, [key("cart")]) == 1
    await ledger.close()


async def test_a_record_cannot_be_lent_to_another_order(engine: SqliteEngine) -> None:
    """Whoever writes another key into the index finds that the record does not have it."""
    ledger = await engine.open()
    await ledger.deposit(deposit(1, "cart"))
    await ledger.close()
    number = number_of(key("somebody's order"))
    change(engine, f"insert into record_keys select storefront, {number}, record from record_keys limit 1")  # noqa: S608 - a number
    ledger = await engine.open()
    assert list(await ledger.find(SHOP, [key("somebody's order")])) == []
    await ledger.close()


async def test_what_a_flooded_index_hides_stands_for_a_refusal(engine: SqliteEngine) -> None:
    """Nor can a refusal be buried under rows that lead to other records."""
    ledger = await engine.open()
    await ledger.deposit(deposit(0, "order", browser="refusing"))
    await asyncio.gather(*(ledger.deposit(deposit(n, browser=f"b{n}")) for n in range(1, 300)))
    await ledger.close()
    number = number_of(key("order"))
    change(engine, f"insert or ignore into record_keys select storefront, {number}, number from records")  # noqa: S608 - a number
    ledger = await engine.open()
    await ledger.deposit(deposit("last", "order", browser="accepting"))
    *_, last = await ledger.find(SHOP, [key("order")])
    assert last.statements == RECORD_UNREADABLE
    await ledger.close()


@pytest.mark.parametrize(
    "tampering",
    [
        "update held set content = cast(x'01' || randomblob(100) as blob)",
        "update held set until = until + 1",
        "update held set keys = randomblob(8)",
        "delete from data_keys",
    ],
)
async def test_a_held_order_that_was_tampered_with_is_not_given(engine: SqliteEngine, tampering: str) -> None:
    """It is deleted in time like any other."""
    ledger = await engine.open()
    await ledger.hold(order(1, "cart"))
    await ledger.close()
    change(engine, tampering)
    ledger = await engine.open()
    assert list(await ledger.release(SHOP, [key("cart")], NOW)) == []
    await ledger.sweep(NOW + 1801)
    await ledger.close()
    assert ask(engine, "select count(*) from held") == [0]


async def test_what_was_erased_is_in_no_file(engine: SqliteEngine) -> None:
    """Not as a row, not in a page that is free, not in the log; the others are as before."""
    ledger = await engine.open()
    for n in range(50):
        await ledger.deposit(deposit(n, f"cart {n}", browser=f"b{n}"))
        await ledger.hold(order(n, f"cart {n}"))
    await ledger.close()
    (content,) = ask(engine, "select content from records where number = 8")
    (held,) = ask(engine, "select content from held where number = 8")
    marks = [content[13:], held[13:], bytes.fromhex(key("cart 7")), bytes.fromhex(key("b7")), bytes.fromhex(name(7))]
    assert all(mark in contents(engine) for mark in marks)
    ledger = await engine.open()
    assert await ledger.erase(SHOP, [key("cart 7")]) == 1
    assert not any(mark in contents(engine) for mark in marks)
    assert len([n for n in range(50) if await ledger.look_up(SHOP, name(n))]) == 49
    await ledger.close()


async def test_data_keys_go_with_the_last_row_that_needs_them(engine: SqliteEngine) -> None:
    """By a sweep once their day is past, by an erasure at once."""
    ledger = await engine.open()
    await ledger.deposit(deposit(1))
    await ledger.deposit(deposit(2, received_at=NOW + DAY))
    await ledger.hold(order(1, "cart", until=NOW + 2 * DAY))
    await ledger.deposit(deposit(3, storefront=OTHER))
    await ledger.sweep(NOW + 3 * DAY)
    await ledger.close()
    days = "select day * 10 + storefront from data_keys order by 1"
    first = NOW // DAY * 10
    assert ask(engine, days) == [first + 1, first + 2, first + 11]
    ledger = await engine.open()
    assert await ledger.erase(OTHER, [key("browser")]) == 1
    await ledger.close()
    assert ask(engine, days) == [first + 1, first + 11]
    ledger = await engine.open()
    await ledger.sweep(NOW + 760 * DAY + 5)
    await ledger.deposit(deposit(4, received_at=NOW + 800 * DAY))
    await ledger.close()
    assert ask(engine, days) == [first + 11, first + 8001]


async def test_no_row_of_the_index_is_left_behind(engine: SqliteEngine) -> None:
    """Whatever way a record or an order ends."""
    ledger = await engine.open()
    for n in range(8):
        await ledger.deposit(deposit(n, f"cart {n}", browser=f"b{n}"))
        await ledger.hold(order(n, f"cart {n}"))
    await ledger.erase(SHOP, [key("cart 1")])
    await ledger.withdraw(SHOP, [key("cart 2")], NOW)
    ((number, _),) = await ledger.release(SHOP, [key("cart 3")], NOW)
    await ledger.let_go([number])
    await ledger.sweep(NOW + 761 * DAY)
    await ledger.close()
    for table in ("records", "record_keys", "held", "held_keys", "data_keys"):
        assert ask(engine, f"select count(*) from {table}") == [0]  # noqa: S608 - of this test


async def test_what_was_undone_leaves_no_trace_in_memory(engine: SqliteEngine) -> None:
    """A deposit that fails undoes those that share its flush; they are made again, with all that they need."""
    ledger = await engine.open(max_held=1)
    await ledger.deposit(deposit(1))
    answers: Sequence[object] = await asyncio.gather(
        ledger.deposit(deposit(2, storefront=OTHER)),
        ledger.deposit(deposit(3, received_at=NOW + DAY)),
        ledger.hold(order(1, "cart")),
        ledger.deposit(deposit(1)),
        return_exceptions=True,
    )
    assert list(answers[:3]) == [None, None, True]
    assert isinstance(answers[3], ValueError)
    await ledger.close()
    ledger = await engine.open()
    assert list(await ledger.find(OTHER, [key("browser")])) == [deposit(2).record]
    assert list(await ledger.find(SHOP, [key("browser")])) == [deposit(1).record, deposit(3, received_at=NOW + DAY).record]
    assert [held for _, held in await ledger.release(SHOP, [key("cart")], NOW)] == [order(1, "cart")]
    await ledger.close()


# ── a full ledger ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_full_ledger_keeps_the_rights_of_persons(engine: SqliteEngine) -> None:
    """It takes no record and holds no order; it finds, withdraws, registers and erases, and takes records again after that."""
    ledger = await engine.open(max_bytes=MIB)
    count = await fill(ledger)
    assert ledger.shut is Shut.FULL
    for adding in (ledger.hold(order(1, "cart")), ledger.deposit(deposit("small"))):
        with pytest.raises(Unavailable, match="store_full"):
            await adding
    await ledger.close()
    assert engine.file.stat().st_size < 0.97 * MIB
    ledger = await engine.open(max_bytes=MIB)
    assert ledger.shut is Shut.FULL
    line = await ledger.register(request())
    await ledger.close_request(line.number, NOW, [])
    for n in range(count):
        assert await ledger.withdraw(SHOP, [key(f"b{n}")], NOW) == 1
        assert await ledger.erase(SHOP, [key(f"b{n}")]) == 1
    async with asyncio.timeout(5):
        while ledger.shut is not None:  # noqa: ASYNC110 - a test looks on from outside
            await asyncio.sleep(0.005)
    await ledger.deposit(large(1))
    await ledger.close()


async def test_a_cap_that_is_met_head_on_loses_nothing(engine: SqliteEngine) -> None:
    """Of many deposits at once all are refused when they do not all fit; each that was taken is there, and no other."""
    ledger = await engine.open(max_bytes=MIB)
    answers: list[object] = []
    for start in range(0, 480, 60):
        deposits = (ledger.deposit(large(n)) for n in range(start, start + 60))
        answers += await asyncio.gather(*deposits, return_exceptions=True)
    refused = [one.why for one in answers if isinstance(one, Unavailable)]
    assert set(refused) == {Shut.FULL}
    assert answers.count(None) == 480 - len(refused) > 0
    for n, answer in enumerate(answers):
        assert len(await ledger.find(SHOP, [key(f"b{n}")])) == (answer is None)
    await ledger.close()


# ── a failing disk, a kill ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def shim() -> Iterator[Shim]:
    """A file system that can fail."""
    made = Shim()
    yield made
    made.unregister()


async def test_every_answer_follows_a_flush(engine: SqliteEngine, shim: Shim) -> None:
    """Whatever was changed is on stable storage before anybody hears of it."""
    ledger = await engine.open(vfs="shim")
    for answer in (
        lambda: ledger.deposit(deposit(1)),
        lambda: ledger.withdraw(SHOP, [key("browser")], NOW),
        lambda: ledger.hold(order(1, "cart")),
        lambda: ledger.let_go([1]),
        lambda: ledger.register(request()),
        lambda: ledger.close_request(1, NOW, []),
        lambda: ledger.erase(SHOP, [key("browser")]),
    ):
        before = shim.flushes
        await answer()
        assert shim.flushes > before
    await ledger.close()


async def test_deposits_share_a_flush(engine: SqliteEngine, shim: Shim) -> None:
    """A hundred that wait are one transaction, or a few."""
    ledger = await engine.open(vfs="shim")
    before = shim.flushes
    await asyncio.gather(*(ledger.deposit(deposit(n)) for n in range(100)))
    assert shim.flushes - before < 10
    await ledger.close()


async def test_after_a_failed_flush_nothing_is_accepted_ever_again(engine: SqliteEngine, shim: Shim) -> None:
    """Also when later flushes would succeed; what was answered before is there."""
    ledger = await engine.open(vfs="shim")
    await ledger.deposit(deposit(1))
    shim.broken = 1
    with pytest.raises(Unavailable, match="store_failed"):
        await ledger.deposit(deposit(2))
    assert shim.broken == 0
    assert ledger.failed.is_set()
    assert ledger.shut is Shut.FAILED
    for again in (ledger.deposit(deposit(3)), ledger.find(SHOP, []), ledger.erase(SHOP, []), ledger.sweep(NOW)):
        with pytest.raises(Unavailable, match="store_failed"):
            await again
    flushes = shim.flushes
    await ledger.close()
    assert shim.flushes == flushes
    ledger = await engine.open()
    assert name(1) in [record.id for record in await ledger.find(SHOP, [key("browser")])]
    await ledger.close()


async def test_a_failed_checkpoint_is_final_too(engine: SqliteEngine, shim: Shim) -> None:
    """An erasure is answered once nothing is left in the files, or not at all."""
    ledger = await engine.open(vfs="shim")
    await ledger.deposit(deposit(1))
    erasing = asyncio.create_task(ledger.erase(SHOP, [key("browser")]))
    flushes = shim.flushes
    async with asyncio.timeout(5):
        while shim.flushes == flushes:  # noqa: ASYNC110 - a test looks on from outside
            await asyncio.sleep(0)  # until the transaction is flushed and the checkpoint is still to come
    shim.broken = 1000
    with pytest.raises(Unavailable, match="store_failed"):
        await erasing
    assert ledger.failed.is_set()
    shim.broken = 0
    await ledger.close()


async def test_killed_processes_lose_nothing(engine: SqliteEngine) -> None:
    """Every record whose flush a process spoke of is there, by each of its keys."""
    kept: set[str] = set()
    for number in range(4):
        said = await killed("tests.gateway.ledger.victim", engine.directory.parent, f"r{number}", lines=40 + 53 * number)
        kept |= {label for _, label in said}
    assert len(kept) > 400
    ledger = await engine.open()
    for label in kept:
        for one in (label, f"order {label}"):
            assert [record.id for record in await ledger.find(SHOP, [key(one)])] == [name(label)]
    await ledger.close()
