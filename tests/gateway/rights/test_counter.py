"""The private API for the rights of a person, at a running gateway: what is posted, what is answered, what it never says."""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import jsonschema
import msgspec
import pytest

from gateway.keys import KeyId, KeyKind, make_key
from gateway.log import Log
from gateway.model.words import Destination
from gateway.rights.answers import Receipt
from gateway.rights.counter import PATHS, REGISTER, Disclosures, Receipts, Register
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.platforms import Platforms
from gateway.storage import Shut
from tests.config.test_openapi import API, SCHEMAS, validator
from tests.doorway import purchase
from tests.live import STOREFRONT, Installation, inside, install

CANARY: Final = "canary-7f3a"
JANE: Final = f"jane.{CANARY}@example.com"
ALL: Final = [destination.value for destination in Destination]
SECOND: Final = "second"


def with_second_storefront(there: Installation) -> None:
    """Add a storefront that is the first's copy, but for its name and keys."""
    text = there.config.read_text()
    head, table, rest = text.partition(f"[storefronts.{STOREFRONT}]")
    block = (table + rest).replace(f"storefronts.{STOREFRONT}", f"storefronts.{SECOND}")
    block = block.replace('id = "s1"', 'id = "s2"').replace('id = "p1"', 'id = "p2"')
    for kind in ("secret", "publishable"):
        key = make_key(KeyKind(kind), KeyId(f"{kind[0]}2"))
        path = there.folder / f"{kind}2.key"
        path.write_text(key)
        path.chmod(0o600)
        block = block.replace(f"file:{kind}.key", f"file:{kind}2.key")
    there.config.write_text(head + table + rest + block)


class There:
    """A running gateway with two storefronts, and a client for its listeners."""

    def __init__(self, installation: Installation, session: aiohttp.ClientSession, platforms: Platforms) -> None:
        self.installation = installation
        self.session = session
        self.platforms = platforms
        self.log = io.StringIO()

    async def ask(self, right: str, said: Any, **headers: str) -> tuple[int, Any]:
        """Ask for a right: JSON, or bytes as they are."""
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        given = {"Content-Type": "application/json", **self.installation.own} | headers
        url = f"{self.installation.private_url}/api/v1/{right}"
        async with self.session.post(url, data=body, headers=given) as answer:
            return answer.status, await answer.json()

    async def register(self, **query: str) -> tuple[int, Any]:
        """Read the register."""
        async with self.session.get(
            self.installation.private_url + REGISTER, params=query, headers=self.installation.own
        ) as answer:
            return answer.status, await answer.json()

    async def post(self, *events: dict[str, Any], file: str = "secret.key") -> None:
        """Post events as a server, and wait until none is waiting."""
        key = {"Authorization": f"Bearer {(self.installation.folder / file).read_text()}"}
        fresh = [event | {"occurred_at": int(time.time())} for event in events]
        async with self.session.post(f"{self.installation.url}/v1/events", json={"events": fresh}, headers=key) as answer:
            assert answer.status == 202
        for _ in range(600):
            if not any([await self.waiting(storefront) for storefront in (STOREFRONT, SECOND)]):
                return
            await asyncio.sleep(0.05)
        raise TimeoutError

    async def waiting(self, storefront: str) -> int:
        """How many events of a storefront wait, over all destinations."""
        books = await self.installation.ask("/api/v1/accounts", storefront=storefront)
        return sum(lane["waiting"] for lane in books["destinations"].values())


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[There]:
    """A gateway on three platforms."""
    async with Platforms.start() as platforms, aiohttp.ClientSession() as session:
        installation = install(tmp_path / "gateway", platforms.base_urls)
        with_second_storefront(installation)
        found = There(installation, session, platforms)
        async with inside(installation, Log(found.log)):
            yield found


def order(event_id: str, email: str = JANE) -> dict[str, Any]:
    """An order of somebody."""
    return purchase(event_id, customer={"email": email})


async def test_what_was_sent_is_told_to_whom_when_and_in_which_fields(there: There) -> None:
    """By access, for each platform with the event's id, and asked for at the platforms; the follow-up list is the same."""
    began = int(time.time())
    await there.post(order("1"))
    status, told = await there.ask("access", {"email": JANE, "storefront": STOREFRONT})
    (found,) = told["disclosures"]
    assert status == 200
    assert sorted((one["destination"], one["event_id"]) for one in found["sent"]) == sorted((name, "1") for name in ALL)
    assert all(one["at"] >= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)) for one in found["sent"])
    (meta,) = [one for one in found["sent"] if one["destination"] == "meta"]
    assert any("em" in field for field in meta["fields"])
    assert all(one["confirmed"] is True for one in found["sent"] if one["destination"] != "google_ads")
    assert [(task["destination"], [one["event_id"] for one in task["events"]]) for task in found["follow_up"]] == [
        (name, ["1"]) for name in ALL
    ]


async def test_an_erasure_ends_with_what_must_be_asked_of_the_platforms(there: There) -> None:
    """What was sent is told one last time, and then gone here."""
    await there.post(order("1"))
    status, told = await there.ask("erase", {"email": JANE, "storefront": STOREFRONT})
    (receipt,) = told["receipts"]
    assert status == 200
    assert receipt["sent"] == len(ALL)
    assert [task["destination"] for task in receipt["follow_up"]] == ALL
    _, told = await there.ask("access", {"email": JANE, "storefront": STOREFRONT})
    assert told["disclosures"][0]["sent"] == []


async def test_dead_letters_and_what_waits_are_taken_out(there: There) -> None:
    """Before the answer; what is dead at one platform was delivered at another, and that is left to be asked."""
    meta = there.platforms[Destination.META]
    meta.switch.set(Behaviour(mode=Mode.REFUSE_EVENTS, event_ids=frozenset({"1"})))
    await there.post(order("1"))
    await there.post(order("2", "joe@example.com"))
    _, told = await there.ask("withdraw", {"email": JANE, "storefront": STOREFRONT})
    (receipt,) = told["receipts"]
    assert receipt["removed"] == {"meta": {"waiting": 0, "on_the_wire": 0, "dead": 1}}
    assert [task["destination"] for task in receipt["follow_up"]] == ALL[1:]
    books = await there.installation.accounts()
    assert books["balanced"]
    assert (books["destinations"]["meta"]["dead"], books["destinations"]["meta"]["withdrawn"]) == (0, 1)


async def test_without_a_storefront_all_of_them_are_meant(there: There) -> None:
    """A receipt for each; with one, that one alone."""
    await there.post(order("1"), file="secret2.key")
    _, told = await there.ask("withdraw", {"email": JANE})
    assert [receipt["request"]["storefront"] for receipt in told["receipts"]] == [STOREFRONT, SECOND]
    _, told = await there.ask("access", {"email": JANE, "storefront": SECOND})
    assert [len(found["sent"]) for found in told["disclosures"]] == [3]
    _, told = await there.ask("access", {"email": JANE, "storefront": STOREFRONT})
    assert [len(found["sent"]) for found in told["disclosures"]] == [0]
    assert [line["right"] for line in (await there.register())[1]["requests"]] == ["access", "access", "withdraw", "withdraw"]
    assert [line["right"] for line in (await there.register(storefront=SECOND))[1]["requests"]] == ["access", "withdraw"]


@pytest.mark.parametrize("right", ["withdraw", "erase", "access"])
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"{", (400, {"error": "not_json"})),
        ({}, (400, {"error": "invalid_request", "reason": "missing", "field": None})),
        ({JANE: 1}, (400, {"error": "invalid_request", "reason": "not_one_of", "field": None})),
        ({"email": CANARY}, (400, {"error": "invalid_request", "reason": "bad_format", "field": "email"})),
        ({"email": JANE, "law": CANARY}, (400, {"error": "invalid_request", "reason": "not_one_of", "field": "law"})),
        ({"email": JANE, "storefront": CANARY}, (404, {"error": "unknown_storefront"})),
    ],
)
async def test_what_cannot_be_meant_is_not_done(there: There, right: str, said: Any, expected: tuple[int, Any]) -> None:
    """The answer names field and rule, never the value, and the register has no line of it."""
    assert await there.ask(right, said) == expected
    assert (await there.register())[1] == {"requests": []}


async def test_a_page_cannot_ask_for_it(there: There) -> None:
    """As all that changes something: JSON by name, from no other origin."""
    assert (await there.ask("erase", {"email": JANE}, **{"Content-Type": "text/plain"}))[0] == 415
    assert (await there.ask("erase", {"email": JANE}, Origin="https://evil.example"))[0] == 403
    assert (await there.register(storefront="nobody"))[0] == 404


async def test_nothing_of_the_person_is_logged_or_counted(there: There) -> None:
    """Neither the address nor its digest is in the log or the metrics, whatever was asked and however it was answered."""
    for right in PATHS.values():
        await there.ask(right, {"email": JANE, "order_id": CANARY, "receipt": CANARY})
        await there.ask(right, {"email": JANE, "order_id": [CANARY]})
        await there.ask(right, f'{{"email": "{JANE}"'.encode())
    async with there.session.get(f"{there.installation.private_url}/metrics") as answer:
        metrics = await answer.text()
    assert "request_done" in there.log.getvalue()
    assert CANARY not in there.log.getvalue() + metrics
    assert 'consent_gateway_rights_total{right="erase",storefront="shop",via="operator"} 1.0' in metrics


async def test_answers_are_as_they_are_described(there: There) -> None:
    """Every answer fits its schema, and so does what is asked."""
    await there.post(order("1"))
    said = {"email": JANE, "storefront": STOREFRONT, "law": "california"}
    validator("Person").validate(said)
    for right in ("access", "withdraw", "erase"):
        status, told = await there.ask(right, said)
        assert status == 200
        name = API["paths"][f"/api/v1/{right}"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        validator(name.rpartition("/")[2]).validate(told)
    validator("Register").validate((await there.register())[1])
    validator("Error").validate((await there.ask("erase", {}))[1])
    with pytest.raises(jsonschema.ValidationError):
        validator("Person").validate({"emial": JANE})


def test_the_description_has_the_schemas_of_the_code() -> None:
    """Made from the types that answers are made of, so neither can change without the other."""
    kinds = [Receipts, Disclosures, Register, Receipt]
    _, parts = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    assert {name: SCHEMAS.get(name) for name in parts} == parts


async def test_a_shut_store_is_said(tmp_path: Path) -> None:
    """503 with its code; nothing was begun."""
    async with Platforms.start() as platforms, aiohttp.ClientSession() as session:
        found = There(install(tmp_path / "gateway", platforms.base_urls), session, platforms)
        async with inside(found.installation, Log(found.log)) as gateway:
            await gateway.ledger.close()
            assert await found.ask("erase", {"email": JANE}) == (503, {"error": Shut.CLOSED})
