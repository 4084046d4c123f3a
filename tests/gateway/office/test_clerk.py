"""The privacy team's questions, asked of a whole gateway on three platforms by the token of its role."""

import io
import json
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import aiohttp
import msgspec
import pytest
from jsonschema import Draft202012Validator

from gateway.audit.processing import PrivacyReport
from gateway.console.language import Words
from gateway.console.printing import printed
from gateway.log import Log
from gateway.model.words import Kind
from gateway.private import OPENAPI, PARAMETERS
from gateway.sandbox.platforms import Platforms
from tests.console import people
from tests.doorway import purchase, refused
from tests.live import STOREFRONT, Installation, inside, install

API: Final = json.loads(OPENAPI)
CANARY: Final = "canary-7f3a@example.com"
DIGEST: Final = sha256(CANARY.encode()).hexdigest()
ANSWERS: Final = {
    "/api/v1/contracts": "Contracts",
    "/api/v1/example": "Examples",
    "/api/v1/consent-report": "ConsentReport",
    "/api/v1/proof": "Proof",
    "/api/v1/processing-record": "ProcessingRecord",
    "/api/v1/privacy-report": "PrivacyReport",
    "/api/v1/log": "SignedLog",
}


class There:
    """A running gateway, its client, and a token for each role."""

    def __init__(
        self, installation: Installation, session: aiohttp.ClientSession, tokens: dict[str, str], log: io.StringIO
    ) -> None:
        self.installation = installation
        self.session = session
        self.tokens = tokens
        self.log = log

    async def ask(self, path: str, role: str = "privacy", **query: str) -> tuple[int, Any]:
        """Ask the private listener, of the storefront where a route is asked of one."""
        of = {"storefront": STOREFRONT} if "storefront" in PARAMETERS["GET", path] else {}
        url, asked = self.installation.private_url + path, of | query
        async with self.session.get(url, params=asked, headers={"Authorization": f"Bearer {self.tokens[role]}"}) as answer:
            body = await answer.read()
            return answer.status, json.loads(body) if answer.content_type == "application/json" else body.decode()

    async def try_out(self, event: Any, role: str = "privacy", *, exact: bool = False, sender: Any = None) -> tuple[int, Any]:
        """Ask for a dry run."""
        said = {"storefront": STOREFRONT, "event": event, "exact": exact} | (sender or {})
        headers = {"Authorization": f"Bearer {self.tokens[role]}"}
        async with self.session.post(f"{self.installation.private_url}/api/v1/dry-run", json=said, headers=headers) as answer:
            return answer.status, await answer.json()

    async def post(self, *events: dict[str, Any]) -> None:
        """Post events as a server and wait until none is waiting."""
        key = {"Authorization": f"Bearer {self.installation.secret_key}"}
        said = {"events": [event | {"occurred_at": int(time.time())} for event in events]}
        async with self.session.post(f"{self.installation.url}/v1/events", json=said, headers=key) as answer:
            assert answer.status == 202
        await self.installation.quiet()


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[There]:
    """A gateway on three platforms."""
    async with Platforms.start() as platforms, aiohttp.ClientSession() as session:
        installation = install(tmp_path / "gateway", platforms.base_urls)
        tokens = people(installation)
        log = io.StringIO()
        async with inside(installation, Log(log)):
            yield There(installation, session, tokens, log)


async def test_every_answer_is_as_described(there: There) -> None:
    """With traffic and after it; the difference of contracts too."""
    await there.post(
        purchase("1001", client={"ip": "203.0.113.77", "country": "FR"}, page_url="https://shop.example/t?x=1"), refused("1002")
    )
    for path, name in [*ANSWERS.items(), ("/api/v1/contracts/diff", "ContractDiff")]:
        status, told = await there.ask(path, **({"destination": "meta"} if name == "ContractDiff" else {}))
        assert status == 200, path
        found = Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": API["components"]})
        assert [*found.iter_errors(told)] == [], path


async def test_only_the_privacy_team_and_operators_may(there: There) -> None:
    """A marketer is told that it may not."""
    for path in ANSWERS:
        assert (await there.ask(path, "marketer"))[0] == 403
        assert (await there.ask(path, "operator"))[0] == 200
    assert (await there.try_out(purchase(), "marketer"))[0] == 403


async def test_nothing_of_anybody_is_in_any_answer(there: There) -> None:
    """Neither the address and IP that came in, nor a hash of them, nor the event's id."""
    event = purchase("ORDER-4711", customer={"email": CANARY}, client={"ip": "203.0.113.77"})
    await there.post(event)
    said = [json.dumps((await there.ask(path))[1]) for path in ANSWERS]
    said.append(json.dumps((await there.try_out(event | {"occurred_at": int(time.time())}))[1]))
    assert not any(word in text for text in said for word in (CANARY, "203.0.113", "ORDER-4711", DIGEST))


async def test_what_left_stands_beside_what_may(there: There) -> None:
    """The fields of one purchase, counted; the contract's version by the log's own entry, and its text kept."""
    await there.post(purchase("1001"), purchase("1002"))
    _, told = await there.ask("/api/v1/contracts")
    meta = told["contracts"][0]
    seen = {field["path"]: field["seen"] for field in meta["fields"] if field["seen"]}
    assert seen["data[].event_id"] == seen["data[].user_data.em[]"] == 2
    assert (meta["versions"][0]["digest"], meta["versions"][0]["kept"]) == (meta["digest"], True)


async def test_the_table_is_handed_out_and_that_is_recorded(there: There) -> None:
    """As CSV, with an entry in the signed log; the report too."""
    status, table = await there.ask("/api/v1/contracts", format="csv")
    assert (status, table.splitlines()[0].split(",")[:3]) == (200, ["destination", "version", "request"])
    await there.ask("/api/v1/privacy-report")
    _, log = await there.ask("/api/v1/log", kind="export")
    assert [line["what"]["what"] for line in log["lines"]] == ["report", "contracts"]


@pytest.mark.parametrize("zone", ["America/Toronto", "Pacific/Auckland", "UTC"])
async def test_the_period_that_is_printed_is_the_one_that_was_asked_for(there: There, zone: str) -> None:
    """Its days are those of UTC, and no others to a reader elsewhere."""
    _, told = await there.ask("/api/v1/privacy-report", since="2026-11-01", until="2026-11-09")
    sheet = printed(msgspec.convert(told, PrivacyReport), Words("en", ZoneInfo(zone))).decode()
    assert "From 1 Nov 2026 until before 10 Nov 2026" in sheet


async def test_the_proof_holds_and_counts_what_allowed_each_event(there: There) -> None:
    """Three accepted by the shop's own banner, one refused."""
    await there.post(*(purchase(f"{n}") for n in range(3)), refused("9"))
    _, proof = await there.ask("/api/v1/proof")
    assert proof["holds"]
    assert proof["refused"] == 1
    assert {name: (lane["by_ground"], lane["untold"]) for name, lane in proof["destinations"].items()} == dict.fromkeys(
        ("meta", "pinterest", "google_ads"), ({"advertising": 3}, 0)
    )


async def test_the_consent_report_has_small_groups_told_together(there: There) -> None:
    """Twelve refusals are told by reason, two are not."""
    await there.post(*(refused(f"r{n}") for n in range(12)))
    _, told = await there.ask("/api/v1/consent-report")
    assert told["refusals"]["meta"]["reasons"] == {"advertising_denied": 12}
    assert told["refusals"]["meta"]["by_signal"] == {"advertising": {"advertising_denied": 12}}
    assert told["tables"][0]["version"] == "2"
    assert told["regime"]["banner_regions"] == ["FR"]


async def test_an_example_says_what_became_of_every_field(there: There) -> None:
    """The address is hashed, the IP is cut, the user agent is gone; less leaves than came."""
    event = purchase(
        "1001", client={"ip": "8.8.8.8", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/144.0"}, surprise="x" * 400
    )
    await there.post(event)
    _, told = await there.ask("/api/v1/example")
    meta = next(one for one in told["examples"] if one["destination"] == "meta")
    fates = {field["name"]: field["fate"] for field in meta["fields"]}
    assert (fates["customer.email"], fates["client.ip"], fates["client.user_agent"]) == (
        "transformed",
        "transformed",
        "removed",
    )
    assert meta["unknown_fields"] == 1
    assert 0 < meta["bytes_out"] < meta["bytes_in"]


async def test_a_dry_run_shows_kinds_or_values_and_keeps_nothing(there: There) -> None:
    """The same bytes as would leave; the books, the metrics and the log are as they were."""
    event = purchase("D-1", customer={"email": CANARY}) | {"occurred_at": int(time.time())}
    before = await there.installation.accounts(), await there.installation.ask("/metrics")
    _, kinds = await there.try_out(event)
    _, values = await there.try_out(event, exact=True)
    meta = [told["destinations"]["meta"]["body"]["data"][0] for told in (kinds, values)]
    assert (meta[0]["event_id"], meta[1]["event_id"]) == ("<event_id>", "D-1")
    assert meta[0]["user_data"]["em"] == ["<sha256>"]
    assert len(meta[1]["user_data"]["em"][0]) == 64
    after = await there.installation.accounts(), await there.installation.ask("/metrics")
    assert before[0] == after[0]
    counts = [
        [line for line in told.splitlines() if line.startswith("consent_gateway_events_total")]
        for told in (before[1], after[1])
    ]
    assert counts[0] == counts[1]
    assert (await there.ask("/api/v1/explain", event="purchase", event_id="D-1"))[0] == 404
    assert "D-1" not in there.log.getvalue()


async def test_a_dry_run_is_what_really_leaves(there: There) -> None:
    """Word for word what the platform then got, but for the event's id."""
    event = purchase("L-1") | {"occurred_at": int(time.time()) - 5}
    _, told = await there.try_out(event, exact=True)
    _, example = await there.ask("/api/v1/contracts")
    assert example
    assert all(way["goes"] and not way["violation"] for way in told["destinations"].values())
    await there.post(purchase("L-1"))
    _, after = await there.ask("/api/v1/contracts")
    left = {f"{field['path']}={field['kind']}" for field in after["contracts"][0]["fields"] if field["seen"]}
    assert set(told["destinations"]["meta"]["left"]) == left


async def test_a_dry_run_as_a_browser_takes_what_the_connection_says(there: There) -> None:
    """The body's own word on the address does not count, and `Sec-GPC` refuses."""
    event = purchase("B-1", client={"ip": "8.8.8.8"}) | {"occurred_at": int(time.time())}
    _, told = await there.try_out(event, exact=True, sender={"as": "browser", "browser": {"ip": "9.9.9.9"}})
    assert told["destinations"]["meta"]["body"]["data"][0]["user_data"]["client_ip_address"] == "9.9.9.0"
    _, refused_ = await there.try_out(event, sender={"as": "browser", "browser": {"gpc": True}})
    assert (refused_["status"], refused_["reason"]) == ("refused", "gpc")


@pytest.mark.parametrize(
    ("event", "status", "answer"),
    [
        ({"event": "purchase"}, 200, ("invalid", "missing")),
        ([1], 400, None),
        ({"events": []}, 400, None),
        ("jane@example.com", 400, None),
    ],
)
async def test_what_is_no_event_is_said_without_its_words(there: There, event: Any, status: int, answer: Any) -> None:
    """An event that breaks a rule is told by field; what is none at all is an error."""
    code, told = await there.try_out(event)
    assert code == status
    assert answer is None or (told["status"], told["reason"]) == answer
    assert "jane" not in json.dumps(told)


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/api/v1/consent-report", {"since": "yesterday"}, "since"),
        ("/api/v1/consent-report", {"until": "2999-01-01"}, "until"),
        ("/api/v1/contracts/diff", {"destination": "tiktok"}, "destination"),
        ("/api/v1/contracts/diff", {"destination": "meta", "after": "ab" * 32}, "after"),
        ("/api/v1/contracts/diff", {"destination": "meta", "before": "../x"}, "before"),
        ("/api/v1/log", {"kind": "gossip"}, "kind"),
        ("/api/v1/log", {"count": "0"}, "count"),
    ],
)
async def test_what_cannot_be_meant_is_named(there: There, path: str, query: dict[str, str], code: str) -> None:
    """By the part of the question, without what stood there."""
    assert await there.ask(path, **query) == (400, {"error": code})


async def test_explain_names_the_consent_record(there: There) -> None:
    """An order that cites a receipt: the record that allowed it, for the privacy team alone."""
    key = {"Authorization": f"Bearer {there.installation.secret_key}"}
    said = {"consent": {"advertising": True, "join": {"order_id": "1001"}}}
    async with there.session.post(f"{there.installation.url}/v1/consent", json=said, headers=key) as answer:
        assert answer.status == 201
    await there.post(purchase("1001", consent={"join": {"order_id": "1001"}}))
    asked = {"event": Kind.PURCHASE.value, "event_id": "1001"}
    _, told = await there.ask("/api/v1/explain", **asked)
    assert len(told["evidence"]) == 24
    assert "evidence" not in (await there.ask("/api/v1/explain", "marketer", **asked))[1]
