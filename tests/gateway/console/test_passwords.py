import asyncio
import time
from functools import cache

import pytest

from gateway.console import passwords
from gateway.console.passwords import HASHER, NOBODYS, Busy, Passwords, fault_of_hash, fault_of_password, hash_password

WORD = "correct horse battery"


@cache
def hashed() -> str:
    """The hash of the password."""
    return hash_password(WORD)


async def test_the_right_password_fits_and_nothing_else() -> None:
    """Nor does the right one fit another name, or the hash itself."""
    there = Passwords({"ada": hashed()})
    assert await there.fits("ada", WORD)
    for wrong in ("", WORD + " ", WORD[:-1], WORD.upper(), hashed(), "x" * 10_000, "\ud800"):
        assert not await there.fits("ada", wrong)
    assert not await there.fits("bob", WORD)
    assert not await there.fits("", "")


async def test_one_password_is_one_however_it_is_typed() -> None:
    """A letter with its accent, or a letter and an accent."""
    there = Passwords({"ada": hash_password("caf\u00e9 caf\u00e9 caf\u00e9")})
    assert await there.fits("ada", "cafe\u0301 cafe\u0301 cafe\u0301")


async def test_an_unknown_name_costs_what_a_wrong_password_does() -> None:
    """The median of several, within half: nobody learns who exists by a clock."""
    there = Passwords({"ada": hashed()})

    async def cost(name: str) -> float:
        begun = time.perf_counter()
        await there.fits(name, "wrong")
        return time.perf_counter() - begun

    known, unknown = [], []
    for _ in range(5):
        known.append(await cost("ada"))
        unknown.append(await cost("nobody"))
    assert 0.5 < sorted(known)[2] / sorted(unknown)[2] < 2


async def test_only_a_few_are_held_at_once_and_a_few_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest are turned away at once: each costs 64 MiB and a processor."""
    at_work, most = 0, 0

    async def slow(*_: object) -> bool:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0.01)
        at_work -= 1
        return False

    there = Passwords({"ada": hashed()})
    monkeypatch.setattr(asyncio, "to_thread", slow)
    found = await asyncio.gather(*(there.fits("ada", "x") for _ in range(30)), return_exceptions=True)
    assert [type(one) for one in found].count(Busy) == 30 - passwords.MOST_WAITING
    assert most == passwords.AT_ONCE
    assert not await there.fits("ada", "x"), "and when it is quiet again, they are taken"


@pytest.mark.parametrize(
    "text",
    [
        WORD,
        "",
        "$argon2i$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo",
        "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo",
        "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo",
        "$argon2id$v=19$m=65536,t=0,p=1$c29tZXNhbHRzb21lc2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo",
        "$2b$12$abcdefghijklmnopqrstuv",
    ],
)
def test_what_is_no_strong_hash_is_a_fault(text: str) -> None:
    """A password in the hash's place, another function, too cheap or too dear."""
    fault = fault_of_hash(text)
    assert fault is not None
    assert not text or text not in fault
    assert fault_of_hash(hashed()) is None


def test_a_short_password_is_a_fault() -> None:
    """Twelve characters, of any kind."""
    assert fault_of_password("x" * 11) is not None
    assert fault_of_password("x" * 257) is not None
    assert fault_of_password("x" * 12) is None


def test_hashes_do_not_print() -> None:
    """Nor who has one."""
    assert repr(Passwords({"ada": hashed()})) == "<Passwords>"


def test_nobodys_hash_is_made_as_new_ones_are() -> None:
    """So that a name that does not exist goes on costing the same when hashes are made stronger."""
    assert not HASHER.check_needs_rehash(NOBODYS)
    assert fault_of_hash(NOBODYS) is None
