"""How much a caller may send: buckets that fill at their rate, and addresses that are never kept."""

import pickle
from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.limits import KEY_SECONDS, MOST_ADDRESSES, Addresses, Bucket, network_of
from tests.strategies import IPS

A_LITTLE = 1e-6


def test_a_bucket_starts_full_and_says_how_long_to_wait() -> None:
    """The burst is there at once; after it, the wait is until enough has run in."""
    bucket = Bucket(rate=2.0, burst=10.0, now=100.0)
    assert bucket.take(10, 100.0) == 0.0
    assert bucket.take(1, 100.0) == pytest.approx(0.5)
    assert bucket.take(4, 100.5) == pytest.approx(1.5)
    assert bucket.take(1, 100.5) == 0.0


def test_more_than_the_burst_is_let_in_when_full_and_owed() -> None:
    """A request larger than the burst passes a full bucket, and the next ones wait until it is paid."""
    bucket = Bucket(rate=1.0, burst=10.0, now=0.0)
    assert bucket.take(25, 0.0) == 0.0
    assert bucket.take(1, 0.0) == pytest.approx(16.0)
    assert bucket.take(1, 16.0) == 0.0


def test_what_was_taken_before_for_the_same_request_is_not_missed() -> None:
    """The rest of a request larger than the burst is let in behind its first when the bucket was full, and only then."""
    full, less = Bucket(10.0, 20.0, 0.0), Bucket(10.0, 20.0, 0.0)
    assert (full.take(1, 0.0), full.take(499, 0.0, before=1)) == (0.0, 0.0)
    assert full.take(1, 47.9) > 0.0
    assert less.take(2, 0.0) == 0.0
    assert less.take(499, 0.0, before=1) == pytest.approx(0.1)


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    """A long silence saves up no more than the burst."""
    bucket = Bucket(rate=1.0, burst=3.0, now=0.0)
    assert bucket.take(3, 10_000.0) == 0.0
    assert bucket.take(1, 10_000.0) > 0


def test_a_clock_that_goes_back_gives_and_takes_nothing() -> None:
    """A moment before the last one changes nothing, neither then nor when time has caught up."""
    bucket = Bucket(rate=1.0, burst=3.0, now=50.0)
    assert bucket.take(2, 50.0) == 0.0
    assert bucket.take(1, 10.0) == 0.0
    assert bucket.take(1, 50.0) == pytest.approx(1.0)


TAKES = st.lists(st.tuples(st.integers(1, 40), st.floats(0, 20)), min_size=1, max_size=40)


@given(TAKES, st.floats(0.1, 50), st.floats(1, 50))
def test_over_any_time_no_more_than_rate_and_burst_is_let_in(takes: list[tuple[int, float]], rate: float, burst: float) -> None:
    """What was let in is at most the burst, what ran in since, and one request that was larger than the burst."""
    bucket, now, let_in, largest = Bucket(rate, burst, 0.0), 0.0, 0, 0
    for count, pause in takes:
        now += pause
        if bucket.take(count, now) == 0.0:
            let_in += count
            largest = max(largest, count)
    assert let_in <= burst + now * rate + max(0.0, largest - burst) + A_LITTLE


@given(TAKES, st.floats(0.1, 50), st.floats(1, 50))
def test_whoever_waits_as_told_is_let_in(takes: list[tuple[int, float]], rate: float, burst: float) -> None:
    """After the wait that was named, the same request passes."""
    bucket, now = Bucket(rate, burst, 0.0), 0.0
    for count, pause in takes:
        now += pause
        if wait := bucket.take(count, now):
            now += wait + A_LITTLE
            assert bucket.take(count, now) == 0.0


# ── addresses ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_network_has_a_bucket_of_its_own() -> None:
    """One network that has used up its share takes nothing from another."""
    addresses = Addresses(rate=1.0, burst=2.0, now=0.0)
    assert [addresses.take("203.0.113", 1, 0.0) for _ in range(2)] == [0.0, 0.0]
    assert addresses.take("203.0.113", 1, 0.0) > 0
    assert addresses.take("198.51.100", 1, 0.0) == 0.0


def test_buckets_are_forgotten_with_their_key() -> None:
    """After an hour key and buckets are gone, and nothing of the old names is left."""
    addresses = Addresses(rate=1e-5, burst=1.0, now=0.0)
    assert addresses.take("203.0.113", 1, 0.0) == 0.0
    assert addresses.take("203.0.113", 1, KEY_SECONDS) > 0
    before = set(addresses._buckets)
    assert addresses.take("203.0.113", 1, KEY_SECONDS + 1.0) == 0.0
    assert not before & set(addresses._buckets)


def test_no_address_is_kept() -> None:
    """Nothing that the limits hold contains the network in any readable form."""
    addresses = Addresses(rate=1.0, burst=1.0, now=0.0)
    addresses.take("203.0.113", 1, 0.0)
    assert b"203.0.113" not in pickle.dumps(list(addresses._buckets))
    assert all(len(name) == 12 for name in addresses._buckets)
    other = Addresses(rate=1.0, burst=1.0, now=0.0)
    other.take("203.0.113", 1, 0.0)
    assert not set(addresses._buckets) & set(other._buckets)


def test_a_flood_of_addresses_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the most addresses are known, all are forgotten and counting begins anew."""
    monkeypatch.setattr("gateway.limits.MOST_ADDRESSES", 50)
    addresses = Addresses(rate=1.0, burst=1.0, now=0.0)
    for n in range(500):
        addresses.take(str(n), 1, 0.0)
        assert len(addresses._buckets) <= 50
    assert MOST_ADDRESSES == 100_000


def test_odd_text_is_limited_like_any_other() -> None:
    """Text that no encoding takes is limited too, never an exception."""
    assert Addresses(rate=1.0, burst=1.0, now=0.0).take("\ud800", 1, 0.0) == 0.0


# ── networks ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.7", "203.0.113.200", True),
        ("203.0.113.7", "203.0.114.7", False),
        ("203.0.113.7", "203.0.113.7:51234", True),
        ("203.0.113.7:1", "203.0.113.7:2", True),
        ("203.0.113.7", "::ffff:203.0.113.9", True),
        ("::ffff:203.0.113.7", "::ffff:198.51.100.7", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:0DB8:1:2:0:0:0:1", True),
        ("2001:db8:1:2::1", "[2001:db8:1:2::3]:443", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "", True),
        ("unknown", "unknown2", False),
    ],
)
def test_who_shares_a_network_shares_a_limit(one: str, other: str, same: bool) -> None:
    """Addresses of one /24 or /64 are one caller, however they are written, and those of another are not."""
    assert (network_of(one) == network_of(other)) is same


GLOBAL = st.integers(0x2003 << 112, (0x4000 << 112) - 1).map(IPv6Address)


@given(GLOBAL, st.integers(0, 2**64 - 1))
def test_every_host_of_an_ipv6_network_is_one_caller(address: IPv6Address, host: int) -> None:
    """Whatever its last 64 bits, an address is limited with its network."""
    assert network_of(str(address)) == network_of(str(IPv6Address(int(address) >> 64 << 64 | host)))


@given(IPS | st.text(max_size=30))
def test_no_text_makes_naming_fail(text: str) -> None:
    """Any text has a network to be limited with."""
    assert isinstance(network_of(text), str)
