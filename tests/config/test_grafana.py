"""The dashboard for Grafana: of the form that Grafana's own model has, and every query of it answered by a real Prometheus
that asks a whole gateway under some traffic.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files
from itertools import combinations
from math import isnan
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as grafana

from gateway.model.words import Destination
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.platforms import Platforms
from tests.doorway import edit
from tests.live import Process, install
from tests.prometheus import RECORDS, Rule, Running, exposed, grouped, mistakes, needs_prometheus, series, watching

BOARD: Final[dict[str, Any]] = json.loads(files("config").joinpath("grafana/consent-gateway.json").read_bytes())
PANELS: Final[list[Any]] = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
QUERIES: Final[Mapping[str, tuple[str, str]]] = {
    f"{panel['title']}/{target['refId']}": (target["expr"], target["legendFormat"])
    for panel in PANELS
    for target in panel["targets"]
}
BUILT_IN: Final = {"row", "stat", "timeseries", "state-timeline"}
"""Kinds of panel that every Grafana has."""
COLUMNS: Final = 24


# ── the form ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_grafanas_own_model_reads_it_and_loses_nothing() -> None:
    """Read into the types that Grafana publishes and written again, every key is still there: none is misspelt or misplaced."""
    read = grafana.Dashboard.from_json(json.loads(json.dumps(BOARD)))
    written = json.loads(JSONEncoder(sort_keys=True).encode(read))
    assert lost(BOARD, written) == []
    misplaced = json.loads(json.dumps(BOARD)) | {"refreshes": "1m"}
    written = json.loads(JSONEncoder(sort_keys=True).encode(grafana.Dashboard.from_json(misplaced)))
    assert lost(misplaced, written) == ["/refreshes"]


def lost(given: Any, kept: Any, path: str = "") -> list[str]:
    """Name what `given` has and `kept` has not, or has otherwise."""
    match given, kept:
        case dict(), dict():
            return [one for key in given for one in (lost(given[key], kept.get(key), f"{path}/{key}"))]
        case list(), list() if len(given) == len(kept):
            pairs = enumerate(zip(given, kept, strict=True))
            return [one for place, (ours, theirs) in pairs for one in lost(ours, theirs, f"{path}/{place}")]
    return [] if given == kept else [path]


def test_panels_are_of_kinds_that_every_grafana_has() -> None:
    """No plugin has to be installed."""
    assert {panel["type"] for panel in BOARD["panels"]} == BUILT_IN


def test_panels_have_numbers_and_places_of_their_own() -> None:
    """Inside the grid of 24 columns and nowhere over one another."""
    numbers = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    places = [panel["gridPos"] for panel in BOARD["panels"]]
    assert all(place["x"] + place["w"] <= COLUMNS for place in places)
    assert [pair for pair in combinations(places, 2) if overlap(*pair)] == []


def overlap(one: Any, other: Any) -> bool:
    """Tell whether two places share a cell of the grid."""
    across = one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
    down = one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"]
    return bool(across and down)


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_every_panel_says_what_it_shows(panel: Any) -> None:
    """A title, a sentence, a unit, and the Prometheus that was chosen at the top."""
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert {target["datasource"]["uid"] for target in panel["targets"]} | {panel["datasource"]["uid"]} == {"${datasource}"}


# ── what is asked ────────────────────────────────────────────────────────────────────────────────────────────────


def filled(expr: str) -> str:
    """Put in what Grafana would: everything chosen, and a short interval."""
    return re.sub(r"\$(storefront|destination)\b", ".*", expr).replace("$__rate_interval", "5s")


@pytest.mark.parametrize("query", QUERIES)
def test_queries_ask_for_what_there_is(query: str) -> None:
    """Series and labels of the gateway's own, of rules, or of Prometheus; also in what is written beside a line."""
    expr, legend = QUERIES[query]
    assert mistakes(filled(expr), exposed()) == []
    shown = set(re.findall(r"\{\{(\w+)\}\}", legend))
    known = exposed()
    assert shown <= grouped(expr) | {label for name, _ in series(filled(expr)) for label in known[name]}


def test_only_variables_that_exist_are_used() -> None:
    """What the top of the dashboard lets one choose, and Grafana's own."""
    variables = {variable["name"] for variable in BOARD["templating"]["list"]}
    used = {name for expr, _ in QUERIES.values() for name in re.findall(r"\$\{?(\w+)", expr)}
    assert used == {"storefront", "destination", "__rate_interval"}
    assert variables == {"datasource", "storefront", "destination"}
    for variable in BOARD["templating"]["list"]:
        if variable["type"] == "query":
            assert mistakes(f"sum by ({variable['name']}) (consent_gateway_destination_up)", exposed()) == []
            assert variable["query"]["query"] == f"label_values(consent_gateway_destination_up, {variable['name']})"


def test_everything_that_is_counted_is_shown() -> None:
    """A metric that no panel shows, directly or by a rule, is counted for nobody."""
    asked = [filled(expr) for expr, _ in QUERIES.values()]
    by_rule = {rule.record: rule.expr for rule in RECORDS}
    seen: set[str] = set()
    while asked:
        new = {name for name, _ in series(asked.pop())} - seen
        seen |= new
        asked += [by_rule[name] for name in new & by_rule.keys()]
    counted = {name.removesuffix("_sum").removesuffix("_bucket").removesuffix("_count") for name in exposed()}
    shown = {name.removesuffix("_bucket") for name in seen}
    assert counted - shown - {"ALERTS"} == set()


# ── a real Prometheus asks a real gateway ────────────────────────────────────────────────────────────────────────

SILENT: Final = {
    "Received, beside what is usual/B": "a week has to pass",
    "Had consent, beside what is usual/B": "a week has to pass",
    "Kept from leaving, by destination/A": "nothing is kept from leaving",
    "Persons' requests/A": "nobody asks for anything",
    "Next one due/A": "nobody asks for anything",
    "Age of what no checkpoint covers/A": "the signed log has no outlet",
    "Google's tag from strangers/A": "no tag knocks",
    "Not heard/A": "everybody speaks HTTP",
    "Shops' webhooks/A": "no shop is on a platform",
    "Tried out by the clock/A": "it is off as shipped",
    "Sign-ins to the console/A": "nobody signs in",
    "Held back/B": "no lane fails so often in a row that its breaker opens",
    "Time spent waiting for a quota/A": "quotas are large",
}
"""Queries that have no series here, and why."""
HAPPENED: Final = {"ConsentGatewayDeadLetters", "ConsentGatewayNewShapes", "ConsentGatewayUnreadableSignals"}
"""Alerts that the traffic is for."""
SETTINGS: Final = (
    ('banner_regions = ["FR"]', "hold_unmatched_minutes = 15"),
    ("backoff_base_seconds = 0.2", "backoff_base_seconds = 0.2\ninquiry_first_seconds = 0.2"),
)


def event(event_id: str, kind: str = "purchase", **changes: Any) -> dict[str, Any]:
    """An event with consent; `changes` replace its parts."""
    return {
        "event": kind,
        "event_id": event_id,
        "occurred_at": int(time.time()),
        "customer": {"email": f"{event_id}@example.com"},
        "client": {"country": "FR"},
        "order": {"value": "12.50", "currency": "EUR"},
        "consent": {"advertising": True},
    } | changes


def traffic(name: str) -> list[dict[str, Any]]:
    """Some of everything: what is taken, refused, unreadable, invalid, held, repeated otherwise, and too much."""
    return [
        *(event(f"{name}-{number}", kind) for number, kind in enumerate(("purchase", "add_to_cart", "page_view") * 3)),
        *(event(f"{name}-gpp-{number}", consent={"advertising": True, "gpp": "?", "gpp_sid": [7]}) for number in range(12)),
        event(f"{name}-dead"),
        event(f"{name}-no", consent={}),
        event(f"{name}-held", consent={"join": {"cart_token": f"{name}-cart"}}),
        event(f"{name}-0", order={"value": "13.50", "currency": "EUR"}),
        event(f"{name}-more", customer={"email": "jane@example.com", "phone": "+33123456789"}),
        event(f"{name}-bad", order={"value": "a lot", "currency": "EUR"}),
    ]


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[Running]:
    """Run a gateway with platforms that refuse an event and ask for patience, and a Prometheus that asks it; traffic twice,
    so that every counter is seen to grow.
    """
    async with Platforms.start() as platforms:
        dead = frozenset({"first-dead", "second-dead"})
        platforms[Destination.PINTEREST].switch.set(Behaviour(mode=Mode.REFUSE_EVENTS, event_ids=dead))
        there = install(folder / "gateway", platforms.base_urls)
        edit(there, *SETTINGS)
        process = Process(there)
        await process.start()
        try:
            async with watching(folder / "prometheus", there.private_url.removeprefix("http://")) as prometheus:
                for name in ("first", "second"):
                    platforms[Destination.META].switch.set(Behaviour(mode=Mode.THROTTLE, requests=1, seconds=0.2))
                    await post(there.url, there.secret_key, name)
                    await prometheus.settled(
                        f'sum(consent_gateway_events_total{{status="refused"}}) >= {14 * (1 + (name == "second"))}'
                    )
                await process.quiet(30)
                yield prometheus
        finally:
            await process.stop()


async def post(url: str, key: str, name: str) -> None:
    """Post some traffic and a consent record, as a shop's server does."""
    headers = {"Authorization": f"Bearer {key}"}
    record = {"consent": {"advertising": True, "receipt": f"{name}-receipt-0123456789"}}
    async with aiohttp.ClientSession(headers=headers) as session:
        for path, body, status in (("/v1/events", {"events": traffic(name)}, 202), ("/v1/consent", record, 201)):
            async with session.post(url + path, json=body) as answer:
                assert answer.status == status, await answer.text()


def trouble(found: list[Any]) -> str:
    """Say what is wrong with a query's answer; empty when nothing is."""
    if not found:
        return "no series"
    return "no number" if any(isnan(float(one["value"][1])) for one in found) else ""


async def unanswered(prometheus: Running) -> dict[str, str]:
    """Ask every query of the dashboard until all have numbers, at most for half a minute; what is wrong with which."""
    wrong = {}
    for _ in range(60):
        wrong = {query: trouble(await prometheus.query(filled(expr))) for query, (expr, _) in QUERIES.items()}
        if not {query for query, what in wrong.items() if what} - SILENT.keys():
            break
        await asyncio.sleep(0.5)
    return {query: what for query, what in wrong.items() if what}


def mislabelled(rule: Rule, found: list[Any]) -> list[Any]:
    """Give the series of a recorded figure that have other labels than its name says."""
    labels = {"__name__", *rule.record.partition(":")[0].split("_")}
    return [one["metric"] for one in found if set(one["metric"]) != labels]


@needs_prometheus
async def test_a_real_prometheus_answers_every_query_of_the_dashboard(tmp_path: Path) -> None:
    """Rules work on what the gateway really tells, alerts fire for what happened and for nothing else, no panel is empty."""
    async with watched(tmp_path) as prometheus:
        assert await unanswered(prometheus) == dict.fromkeys(SILENT, "no series")
        groups = (await prometheus.ask("rules"))["groups"]
        assert {
            (rule["name"], rule["health"]) for group in groups for rule in group["rules"] if rule["health"] != "ok"
        } == set()
        for rule in RECORDS:
            assert mislabelled(rule, await prometheus.query(rule.record)) == []
        await prometheus.settled(f'count(ALERTS{{alertstate="firing"}}) >= {len(HAPPENED)}')
        alerts = (await prometheus.ask("alerts"))["alerts"]
    firing = {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}
    assert firing == HAPPENED
    assert "ConsentGatewayTestEndpoints" in {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "pending"}
    assert not re.search(r"error expanding|<no value>", json.dumps([alert["annotations"] for alert in alerts]))
