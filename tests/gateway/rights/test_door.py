"""Withdrawals at the front door: a shop's server names anybody and gets a receipt, a page names its own browser alone."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.intake.front_door import WITHDRAW_BYTES
from gateway.ledger import Right
from gateway.model.words import Destination
from gateway.persons import Identifier
from tests.config.test_openapi import API, validator
from tests.doorway import BURST, NOW, SHOP, Doorway, as_bytes, doorway, is_error, purchase
from tests.live import ORIGIN

CANARY: Final = "canary-7f3a"
JANE: Final = f"jane.{CANARY}@example.com"
RECEIPT: Final = "page-receipt-0123456789"
CLIENT: Final = "1.1795000000.42"
ALL: Final = [destination.value for destination in Destination]


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Doorway]:
    """An open door."""
    async with doorway(tmp_path) as opened:
        yield opened


def order(event_id: str = "1", email: str = JANE, **consent: Any) -> dict[str, Any]:
    """An order of somebody."""
    return purchase(event_id, customer={"email": email}, consent={"advertising": True} | consent)


async def waiting(door: Doorway) -> list[str]:
    """The ids that wait for Meta."""
    return [event.event_id for event in await door.stored()]


# ── servers ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("said", [{"email": JANE}, {"email": f" {JANE.upper()} "}, {"order_id": "1"}, {"order_id": 1}])
async def test_a_server_gets_a_receipt(door: Doorway, said: Any) -> None:
    """What waits is gone before the answer; the receipt says how much, by destination, and is as it is described."""
    await door.post({"events": [order("1"), order("2", "joe@example.com")]})
    answer = await door.withdraw(said)
    assert answer.status == 200
    assert answer.json["removed"] == {name: {"waiting": 1, "on_the_wire": 0, "dead": 0} for name in ALL}
    assert await waiting(door) == ["2"]
    validator("Receipt").validate(answer.json)
    assert CANARY not in answer.body.decode()


async def test_a_server_may_say_under_which_law(door: Doorway) -> None:
    """California's due date; a storefront it may not name, since its key says which."""
    answer = await door.withdraw({"client_id": CLIENT, "law": "california"})
    (line,) = await door.desk.requests(SHOP)
    assert (answer.status, line.due_at) == (200, NOW + 45 * 86_400)
    answer = await door.withdraw({"client_id": CLIENT, "storefront": "shop"})
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"{", {"error": "not_json"}),
        ({}, {"error": "invalid_request", "reason": "missing", "field": None}),
        ({"email": CANARY}, {"error": "invalid_request", "reason": "bad_format", "field": "email"}),
        ({JANE: JANE}, {"error": "invalid_request", "reason": "not_one_of", "field": None}),
        ({"receipt": [JANE]}, {"error": "invalid_request", "reason": "wrong_type", "field": "receipt"}),
    ],
)
async def test_what_cannot_be_meant_is_not_done(door: Doorway, said: Any, expected: dict[str, Any]) -> None:
    """The answer names the field and the rule, never the value; nothing was taken out, and no line written."""
    await door.post(order())
    answer = await door.withdraw(said)
    assert (answer.status, answer.json) == (400, expected)
    assert await waiting(door) == ["1"]
    assert await door.desk.requests(SHOP) == []


async def test_a_server_needs_its_secret_key(door: Doorway) -> None:
    """As for events; a body that is too large, compressed oddly or not said to be JSON is refused as there."""
    assert is_error(await door.withdraw({"email": JANE}, key="sk_x"), 401, "unknown_key")
    assert is_error(await door.withdraw({"email": JANE}, key=door.installation.publishable_key), 403, "not_a_secret_key")
    assert is_error(await door.ask("POST", "/v1/consent/withdraw", as_bytes({"email": JANE})), 401, "unknown_key")
    assert is_error(await door.withdraw(b" " * (WITHDRAW_BYTES + 1)), 413, "body_too_large")
    assert is_error(await door.withdraw({"email": JANE}, Content_Type="text/plain"), 415, "content_type")
    assert is_error(await door.ask("GET", "/v1/consent/withdraw"), 405, "method_not_allowed")


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("said", [{"receipt": RECEIPT}, {"client_id": CLIENT}])
async def test_a_page_takes_its_browsers_choice_back(door: Doorway, said: Any) -> None:
    """What waits under it is taken out and its record marked; the answer is an empty 204 that the page may read."""
    await door.tell({"consent": {"advertising": True, "receipt": RECEIPT, "join": {"client_id": CLIENT}}})
    await door.post(order("1", receipt=RECEIPT, join={"client_id": CLIENT}))
    answer = await door.take_back(said)
    assert (answer.status, answer.body, answer.headers["Access-Control-Allow-Origin"]) == (204, b"", ORIGIN)
    assert await waiting(door) == []
    (kept,) = await door.kept(Identifier.RECEIPT, RECEIPT)
    assert kept.withdrawn_at == NOW


@pytest.mark.parametrize(
    "said",
    [
        {"email": JANE},
        {"order_id": "1"},
        {"receipt": RECEIPT, "order_id": "1"},
        {"cart_token": "c"},
        {"receipt": RECEIPT, "law": "gdpr"},
        {},
        [],
        b"{",
        b"",
    ],
)
async def test_a_page_names_nobody_else(door: Doorway, said: Any) -> None:
    """Whatever it says, it is answered alike: an order's number can be guessed, and an address known."""
    await door.post(order("1", receipt=RECEIPT))
    answer = await door.take_back(said)
    assert (answer.status, answer.body) == (204, b"")
    assert await waiting(door) == ["1"]
    assert await door.desk.requests(SHOP) == []


async def test_a_page_needs_its_key_and_its_origin(door: Doorway) -> None:
    """And asks first, as for events."""
    assert is_error(await door.take_back({"receipt": RECEIPT}, key="pk_x"), 403, "unknown_key")
    assert is_error(await door.take_back({"receipt": RECEIPT}, Origin="https://evil.example"), 403, "unknown_origin")
    target = f"/v1/consent/withdraw?k={door.installation.publishable_key}"
    answer = await door.ask("OPTIONS", target, Origin=ORIGIN)
    assert (answer.status, answer.headers["Access-Control-Allow-Methods"]) == (204, "POST")


async def test_a_page_takes_nothing_back_but_what_its_browser_named(door: Doorway) -> None:
    """Anybody can post an event with somebody's address and a receipt of their own: that withdraws nobody else."""
    await door.post(order("1", receipt=RECEIPT))
    await door.post(order("2", receipt="another-receipt-0123"))
    assert (await door.take_back({"receipt": "another-receipt-0123"})).status == 204
    assert await waiting(door) == ["1"]
    (line,) = await door.desk.requests(SHOP)
    assert line.right is Right.WITHDRAW


async def test_withdrawals_are_dearer_than_events(door: Doorway) -> None:
    """A network has ten at once, then one a second: each looks through all that waits. What finds nothing leaves no line."""
    answers = [await door.take_back({"client_id": f"{n}"}) for n in range(11)]
    assert [answer.status for answer in answers] == [204] * 10 + [429]
    assert answers[-1].retry_after >= 1
    assert answers[-1].headers["Access-Control-Allow-Origin"] == ORIGIN
    assert await door.desk.requests(SHOP) == []
    door.clock.pass_by(5)
    assert (await door.take_back({"client_id": "11"})).status == 204


# ── both ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_busy_storefront_says_when_to_come_back(tmp_path: Path) -> None:
    """Servers share the storefront's bucket with their events."""
    async with doorway(tmp_path, BURST) as door:
        answers = [await door.withdraw({"client_id": f"{n}"}) for n in range(21)]
        assert [answer.status for answer in answers] == [200] * 20 + [429]


async def test_nothing_is_begun_while_the_gateway_stops(door: Doorway) -> None:
    """503 with a time, for both; and where the ledger is shut, since what cannot be proven is not begun."""
    await door.post(order())
    await door.ledger.close()
    for answer in (await door.withdraw({"order_id": "1"}), await door.take_back({"receipt": RECEIPT})):
        assert is_error(answer, 503, "stopping")
        assert answer.retry_after >= 5
    assert await waiting(door) == ["1"]
    door.intake.close()
    assert is_error(await door.withdraw({"order_id": "1"}), 503, "stopping")


async def test_a_full_store_still_lets_go(tmp_path: Path) -> None:
    """What is to be taken out needs no room: it makes some."""
    async with doorway(tmp_path, max_bytes="1MiB") as door:
        await door.post(order())
        n = 0
        while (await door.post({"events": [order(f"{n}-{i}", "joe@example.com") for i in range(500)]})).status == 202:
            n += 1
        assert (await door.withdraw({"email": JANE})).json["removed"]["meta"]["waiting"] == 1
        assert (await door.take_back({"receipt": RECEIPT})).status == 204


async def test_nothing_of_the_person_is_left_anywhere(door: Doorway, tmp_path: Path) -> None:
    """No mark of what was posted is in the log, the metrics or a file, however it was read."""
    await door.post(order())
    for said in ({"email": JANE}, {"receipt": JANE}, {JANE: 1}, f'{{"email": "{JANE}"'.encode(), {"email": JANE, "law": JANE}):
        await door.withdraw(said)
        await door.take_back(said)
    left = door.log.getvalue().encode() + door.metrics.text()
    left += b"".join(path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file())
    assert b"request_done" in left
    assert CANARY.encode() not in left


def test_every_answer_is_described() -> None:
    """The statuses met here are those that the description has."""
    described = {int(status) for status in API["paths"]["/v1/consent/withdraw"]["post"]["responses"]}
    assert described == {200, 204, 400, 401, 403, 408, 413, 415, 429, 503}
