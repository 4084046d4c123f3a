"""Who is calling: keys, origins, addresses and places, over real sockets."""

from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path
from typing import Final

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from gateway.consent.place import UNREADABLE, Mention
from gateway.intake.callers import Callers, Edge
from gateway.keys import Doorkeeper, KeyId, KeyKind, make_key
from tests.doorway import FULL_AGENT, NULL_ORIGIN, PROXIES, Doorway, as_bytes, doorway, edit, is_error, purchase
from tests.live import ORIGIN


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Doorway]:
    """An open door."""
    async with doorway(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    "said", ["", "Bearer", "Bearer ", "Basic {key}", "{key}", "Bearer x{key}", "Bearer {key}x", "Bearer sk_s1_"]
)
async def test_a_wrong_key_is_401(door: Doorway, said: str) -> None:
    """No key, half a key, another scheme or a neighbour of the key: 401 that says how to authenticate."""
    answer = await door.post(purchase(), Authorization=said.format(key=door.installation.secret_key))
    assert is_error(answer, 401, "unknown_key")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert await door.stored() == []


async def test_the_scheme_is_read_in_any_case(door: Doorway) -> None:
    """Schemes are case-insensitive (RFC 9110, 11.1)."""
    assert (await door.post(purchase(), Authorization=f"bEARER  {door.installation.secret_key}")).status == 202


async def test_each_key_opens_its_own_door_only(door: Doorway) -> None:
    """A publishable key is 403 on events; a secret key is 403 on collect, though it would be a leak to have it there."""
    assert is_error(await door.post(purchase(), key=door.installation.publishable_key), 403, "not_a_secret_key")
    assert is_error(await door.collect(purchase(), key=door.installation.secret_key), 403, "unknown_key")
    assert await door.stored() == []


async def test_two_keys_are_active_at_once_and_a_revoked_one_is_not(tmp_path: Path) -> None:
    """The old key and its successor both work until the old one is taken out."""
    new = make_key(KeyKind.SECRET, KeyId("s2"))
    second = '[[storefronts.shop.keys]]\nid = "s2"\nkind = "secret"\nkey = "file:second.key"\n'
    (tmp_path / "second.key").write_text(new)
    (tmp_path / "second.key").chmod(0o600)
    anchor = "[[storefronts.shop.keys]]"
    async with doorway(tmp_path, (anchor, second + anchor)) as door:
        assert (await door.post(purchase("1"))).status == 202
        assert (await door.post(purchase("2"), key=new)).status == 202
        installation = door.installation
    edit(installation, ('id = "s1"\nkind = "secret"\nkey = "file:secret.key"\n', ""), (f"{anchor}\n{anchor}", anchor))
    async with doorway(tmp_path) as door:
        assert is_error(await door.post(purchase("3")), 401, "unknown_key")
        assert (await door.post(purchase("3"), key=new)).status == 202


@pytest.mark.parametrize("key", ["", "pk_p1_", "x", "pk_p1_" + "A" * 43, "%00"])
async def test_an_unknown_publishable_key_is_403(door: Doorway, key: str) -> None:
    """Without the storefront's key, 403 and no word for the page."""
    answer = await door.ask("POST", f"/v1/collect?k={key}", as_bytes(purchase()), Origin=ORIGIN)
    assert is_error(answer, 403, "unknown_key")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert is_error(await door.ask("POST", "/v1/collect", as_bytes(purchase()), Origin=ORIGIN), 403, "unknown_key")


@pytest.mark.parametrize("origin", [
    "null", "", "https://shop.example.evil.example", "http://shop.example", "https://shop.example:444", "https://SHOP.example",
    "https://shop.example/", "https://sub.shop.example",
])  # fmt: skip
async def test_a_foreign_origin_is_403(door: Doorway, origin: str) -> None:
    """Origins are compared whole; `null` is nobody unless the storefront says so."""
    answer = await door.collect(purchase(), Origin=origin)
    assert is_error(answer, 403, "unknown_origin")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert await door.stored() == []


async def test_the_null_origin_is_taken_where_the_storefront_says_so(tmp_path: Path) -> None:
    """Sandboxed pixels have the origin `null`, and are told so."""
    async with doorway(tmp_path, NULL_ORIGIN) as door:
        answer = await door.collect(purchase(), Origin="null")
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "null"
        assert is_error(await door.collect(purchase(), Origin="https://other.example"), 403, "unknown_origin")


async def test_a_browsers_own_address_and_agent_count(tmp_path: Path) -> None:
    """What the body says of the client is not believed; without proxies X-Forwarded-For is not even read."""
    async with doorway(tmp_path, FULL_AGENT) as door:
        client = {"ip": "203.0.113.77", "user_agent": "Liar/1.0"}
        await door.collect(purchase(client=client), User_Agent="Browser/2.0", X_Forwarded_For="203.0.113.78")
        event = await door.only()
        assert event.user_agent == "Browser/2.0"
        assert event.ip is None  # the connection comes from loopback


@pytest.mark.parametrize(
    ("forwarded", "network"),
    [
        (["203.0.113.77"], "203.0.113.0"),
        (["198.51.100.1, 203.0.113.77"], "203.0.113.0"),
        (["198.51.100.1", "203.0.113.77"], "203.0.113.0"),
        (["203.0.113.77, 10.1.2.3"], "203.0.113.0"),
        (["198.51.100.1, 203.0.113.77", "10.1.2.3,10.0.0.1"], "203.0.113.0"),
        (["203.0.113.77, ::ffff:10.1.2.3"], "203.0.113.0"),
        (["203.0.113.77, 10.1.2.3:4711"], "203.0.113.0"),
        (["203.0.113.77, [2001:db8:ffff::1]:443"], "203.0.113.0"),
        (["203.0.113.77:1234"], "203.0.113.0"),
        (["[2001:db8:1:2::3]:1234"], "2001:db8:1::"),
        (["203.0.113.77, unknown"], None),
        (["203.0.113.77, "], None),
        (["10.1.2.3"], None),
        ([""], None),
        ([], None),
    ],
)
async def test_behind_proxies_the_rightmost_stranger_is_the_visitor(
    tmp_path: Path, forwarded: list[str], network: str | None
) -> None:
    """What is left of it was said by the visitor and may be a lie; where proxies name nobody, there is no address."""
    async with doorway(tmp_path, PROXIES) as door:
        key = door.installation.publishable_key
        headers = [("Origin", ORIGIN), *(("X-Forwarded-For", value) for value in forwarded)]
        async with door.session.post(f"{door.url}/v1/collect?k={key}", data=as_bytes(purchase()), headers=headers) as answer:
            assert answer.status == 204
        assert (await door.only()).ip == network


@pytest.mark.parametrize("forwarded", ["", "10.1.2.3", "10.1.2.3, 203.0.113.9"])
async def test_a_proxys_public_address_is_never_a_visitors(tmp_path: Path, forwarded: str) -> None:
    """A proxy that is reached over a public address and names nobody leaves the visitor without one."""
    edit_proxies = (PROXIES[0], PROXIES[1].replace('"10.0.0.0/8"', '"10.0.0.0/8", "203.0.113.9/32"'))
    async with doorway(tmp_path, edit_proxies) as door:
        request = make_mocked_request("POST", "/v1/collect", {"X-Forwarded-For": forwarded}).clone(remote="203.0.113.9")
        assert not door.callers.address(request)
        visitor = make_mocked_request("POST", "/v1/collect", {"X-Forwarded-For": "198.51.100.7"})
        assert door.callers.address(visitor.clone(remote="203.0.113.9")) == "198.51.100.7"
        assert door.callers.address(visitor.clone(remote="203.0.113.8")) == "203.0.113.8"


# ── where the edge sees a browser ────────────────────────────────────────────────────────────────────────────────

TRUSTED: Final = (ip_network("10.0.0.0/8"),)
EDGE: Final = Edge(TRUSTED, "CF-IPCountry", "CF-Region-Code")


def seen(edge: Edge, *headers: tuple[str, str], peer: str = "10.0.0.1") -> Mention | None:
    """Where a browser is said to be by a request with these headers that came from `peer`."""
    request = make_mocked_request("POST", "/v1/collect", CIMultiDict(headers)).clone(remote=peer)
    return Callers(Doorkeeper(b"p" * 32, {}), {}, edge).place(request)


def test_the_edges_word_is_heard_from_trusted_proxies_alone() -> None:
    """From anybody else the header is the visitor's own word."""
    california = (("CF-IPCountry", "US"), ("CF-Region-Code", "CA"))
    assert seen(EDGE, *california) == ("US", "CA")
    assert seen(EDGE, *california, peer="203.0.113.9") is None
    assert seen(Edge(TRUSTED), *california) is None
    assert seen(Edge((), "CF-IPCountry", None), *california) is None


@pytest.mark.parametrize(
    ("headers", "place"),
    [
        ((), None),
        ((("CF-IPCountry", ""),), None),
        ((("CF-IPCountry", " FR "),), ("FR", None)),
        ((("CF-IPCountry", "US"), ("CF-IPCountry", "US")), ("US", None)),
        ((("CF-IPCountry", "US"), ("CF-IPCountry", "FR")), (UNREADABLE, None)),
        ((("CF-IPCountry", "XX"),), (UNREADABLE, None)),
        ((("CF-Region-Code", "CA"),), (None, "CA")),
    ],
)
def test_what_the_edge_says_is_taken_strictly(headers: tuple[tuple[str, str], ...], place: Mention | None) -> None:
    """Two different countries, or its code for none, are unreadable: that is where consent must be asked for."""
    assert seen(EDGE, *headers) == place
