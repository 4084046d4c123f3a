"""The rules for Prometheus: read by Prometheus itself, tried alert by alert, and the same that the pages tell of."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.gateway.test_metrics import busy
from tests.prometheus import ALERTS, CONFIG, RECORDS, Rule, exposed, mistakes, needs_prometheus, promtool

ROOT: Final = Path(__file__).parent.parent.parent
METRICS: Final = (ROOT / "docs/metrics.md").read_text()
TRIED: Final = sorted((ROOT / "tests/data/prometheus").glob("*.test.yml"))
CASES: Final[list[Any]] = [case for path in TRIED for case in yaml.safe_load(path.read_text())["tests"]]
SEVERITIES: Final = {"critical", "warning"}


def named(rule: Rule) -> str:
    """Name a test's rule."""
    return rule.alert or rule.record


# ── Prometheus reads them ────────────────────────────────────────────────────────────────────────────────────────


@needs_prometheus
async def test_prometheus_reads_the_example_and_its_rules() -> None:
    """The example works as it is shipped, and finds the files of rules beside it."""
    code, said = await promtool("check", "config", str(CONFIG / "prometheus.example.yml"))
    assert code == 0, said
    assert f"SUCCESS: {len(RECORDS)} rules found" in said
    assert f"SUCCESS: {len(ALERTS)} rules found" in said


@needs_prometheus
@pytest.mark.parametrize("path", TRIED, ids=lambda path: path.name)
async def test_alerts_fire_when_they_should_and_only_then(path: Path) -> None:
    """Series as a gateway makes them, and the moments at which each alert fires."""
    code, said = await promtool("test", "rules", str(path))
    assert code == 0, said


@needs_prometheus
async def test_prometheus_finds_no_fault_with_what_the_gateway_tells() -> None:
    """Names, types and units of the gateway's own metrics as Prometheus would have them."""
    code, said = await promtool("check", "metrics", stdin=busy().text())
    assert (code, said) == (0, "")


# ── every alert is tried ─────────────────────────────────────────────────────────────────────────────────────────


def fires(case: Any, alert: str) -> set[bool]:
    """Say of an alert's case at which moments it fires: at some (True), at some not (False)."""
    moments = [moment for moment in case["promql_expr_test"] if "ALERTS{" in moment["expr"]]
    return {any(f'alertname="{alert}"' in sample["labels"] for sample in moment["exp_samples"]) for moment in moments}


@pytest.mark.parametrize("alert", ALERTS, ids=named)
def test_every_alert_is_seen_to_fire_and_to_keep_still(alert: Rule) -> None:
    """An alert that never fires, and one that always does, help nobody."""
    seen = {moment for case in CASES if case["name"] == alert.alert for moment in fires(case, alert.alert)}
    assert seen == {True, False}


def test_only_alerts_that_exist_are_tried() -> None:
    """What was renamed is tried under its name."""
    assert {case["name"] for case in CASES} == {alert.alert for alert in ALERTS}


# ── what they say and ask ────────────────────────────────────────────────────────────────────────────────────────


def anchors(page: Path) -> set[str]:
    """Give the places of a page that can be linked to, by GitHub's rule: lower case, no punctuation, hyphens for blanks."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("alert", ALERTS, ids=named)
def test_every_alert_says_what_to_do(alert: Rule) -> None:
    """How urgent it is, what happened, what to do, and a section that exists and says more."""
    assert set(alert.labels) == {"severity"}
    assert alert.labels["severity"] in SEVERITIES
    assert set(alert.annotations) == {"summary", "description", "runbook"}
    page, _, place = alert.annotations["runbook"].partition("#")
    assert place in anchors(ROOT / page)


@pytest.mark.parametrize("rule", [*RECORDS, *ALERTS], ids=named)
def test_rules_ask_for_what_there_is(rule: Rule) -> None:
    """Series and labels of the gateway's own, of rules, or of Prometheus; `week` is made where it is used."""
    assert [mistake for mistake in mistakes(rule.expr, exposed()) if mistake != "by (week)"] == []


@pytest.mark.parametrize("rule", RECORDS, ids=named)
def test_recorded_names_say_their_labels_metric_and_operation(rule: Rule) -> None:
    """level:metric:operations (https://prometheus.io/docs/practices/rules/, read 2026-11-26)."""
    assert re.fullmatch(r"[a-z_]+:consent_gateway_[a-z_]+:[a-z0-9_]+", rule.record)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("sum by (storefront) (consent_gateway_events_total)", []),
        ("consent_gateway_event_total", ["consent_gateway_event_total"]),
        ('consent_gateway_events_total{destination="meta"}', ["consent_gateway_events_total{destination}"]),
        ("sum by (status, lane) (rate(consent_gateway_events_total[5m]))", ["by (lane)"]),
        ("destination:consent_gateway_faults:increase1h", ["destination:consent_gateway_faults:increase1h"]),
        ("vector(1)", ["no series"]),
    ],
)  # fmt: skip
def test_what_nobody_has_is_found(expr: str, expected: list[str]) -> None:
    """A wrong name, a label of another series, a group by nothing: a query with one of these would be silent for ever."""
    assert mistakes(expr, exposed()) == expected


# ── the pages tell the same ──────────────────────────────────────────────────────────────────────────────────────


def test_the_pages_have_every_alert_and_no_other() -> None:
    """With its severity and how long it has to last."""
    written = re.findall(r"^\| `(ConsentGateway\w+)` \| (\w+) \| (\w*) ?\|", METRICS, re.MULTILINE)
    assert sorted(written) == sorted((alert.alert, alert.labels["severity"], alert.wait) for alert in ALERTS)


def test_the_pages_have_every_recorded_figure_and_no_other() -> None:
    """With its labels."""
    written = re.findall(r"^\| `([a-z_]+:consent_gateway_[^`]+)` \| ([a-z, ]+) \|", METRICS, re.MULTILINE)
    assert {(name, tuple(labels.split(", "))) for name, labels in written} == {
        (rule.record, tuple(rule.record.partition(":")[0].split("_"))) for rule in RECORDS
    }


def test_the_pages_name_every_file() -> None:
    """What is shipped can be found."""
    for path in [*CONFIG.iterdir(), *(CONFIG.parent / "grafana").iterdir()]:
        assert f"`{path.name}`" in METRICS
