import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from gateway.adapter import Way
from gateway.app import Side
from gateway.console.door import SignIn
from gateway.delivery.contract import Violation
from gateway.delivery.contract_body import Place
from gateway.delivery.credentials import Standing
from gateway.delivery.grants import CredentialKind
from gateway.delivery.rehearsal import Finding
from gateway.delivery.watcher import Stage, Watcher
from gateway.ledger import Right
from gateway.listener import Unheard
from gateway.metrics import CONTENT_TYPE, DELIVERY_BUCKETS, MOST_AT_ONCE, Metrics
from gateway.model.texts import PlatformCode, StorefrontId
from gateway.model.words import Destination, Kind, Processing, Reason, Source, Status
from gateway.outbox.answers import Waiting
from gateway.outbox.work import Lane
from gateway.rights.desk import Via

DEMO = StorefrontId("demo")
META, GOOGLE = Lane(DEMO, Destination.META), Lane(StorefrontId("other"), Destination.GOOGLE_ADS)

DESIGN_NAMES: Mapping[str, set[str]] = {
    "events_total": {"storefront", "source", "event", "status", "reason"},
    "deliveries_total": {"storefront", "destination", "event", "outcome", "reason"},
    "delivery_seconds": {"destination"},
    "outbox_records": {"destination", "state"},
    "oldest_waiting_seconds": {"destination"},
    "store_used_ratio": {"store"},
    "destination_up": {"storefront", "destination"},
    "destination_paused": {"storefront", "destination"},
    "canary_up": {"storefront", "destination"},
    "value_total": {"storefront", "destination", "currency", "outcome"},
    "raw_bytes_total": set(),
    "sent_bytes_total": {"destination"},
    "requests_total": {"route", "status"},
    "unheard_total": {"listener", "reason"},
    "platform_warnings_total": {"storefront", "destination"},
    "unknown_fields_total": {"storefront", "object"},
    "differing_repeats_total": {"storefront"},
    "rights_total": {"storefront", "right", "via"},
    "open_requests": {"storefront"},
    "next_due_seconds": {"storefront"},
    "credential_seconds": {"storefront", "destination", "kind"},
    "processed_total": {"storefront", "destination", "processing", "reason"},
    "contract_violations_total": {"destination"},
    "new_shapes": {"storefront", "destination"},
    "sign_ins_total": {"outcome"},
    "test_mode": {"storefront", "destination", "switch"},
    "test_endpoints_allowed": set(),
    "log_entries_total": {"kind"},
    "log_up": set(),
    "log_checkpoint_seconds": set(),
    "build_info": {"version"},
}


def values(metrics: Metrics) -> dict[str, float]:
    """Read the text back: `name{label="value",…}` without the prefix, to its value."""
    found = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name.removeprefix('consent_gateway_')}{{{labels}}}"] = sample.value
    return found


def busy() -> Metrics:
    """Metrics in which every fact has happened once."""
    metrics = Metrics()
    metrics.events(DEMO, Source.EVENTS, Kind.PURCHASE, Status.ACCEPTED, "", 1)
    metrics.request("/v1/events", 202)
    metrics.unheard(Side.PUBLIC, Unheard.BAD_HTTP)
    metrics.raw_bytes(10)
    metrics.unknown_fields(DEMO, "customer.phone", 1)
    metrics.watch_credentials({META: lambda: Standing(CredentialKind.TOKEN, 1.0)})
    metrics.watch_stores({"outbox": lambda: 0.5})
    metrics.watch_repeats([DEMO], lambda _storefront: 1)
    metrics.watch_log(lambda: {"started": 1}, lambda: True, lambda: 3.0)
    metrics.right_done(DEMO, Right.ERASE, Via.OPERATOR)
    metrics.sign_in(SignIn.WRONG)
    metrics.watch_requests({DEMO: lambda: [100]})
    metrics.delivered(META, Kind.PURCHASE, Reason.CONFIRMED, [1.0], {"EUR": 1})
    metrics.dead(META, None, Reason.UNSEALABLE, 1, {})
    metrics.withdrawn(META, Kind.PURCHASE, Reason.WITHDRAWN, 1, {})
    metrics.retried(META, Reason.SERVER_ERROR, 1)
    metrics.sent_bytes(Destination.META, 20)
    metrics.warned(META, 2)
    metrics.up(META, up=True, reason=None, code=None)
    metrics.canary(META, Finding(Way.TOO_OLD, well=False, recorded=False, reason=Reason.CREDENTIAL, code=None))
    metrics.violated(META, Violation((Place("host", "(unknown)"),)))
    metrics.breaker(META, opened=True, reason=Reason.TIMED_OUT)
    metrics.throttled(META, 3.0)
    metrics.quota_waited(META, 3.0)
    metrics.processed(GOOGLE, Processing.USED, None, 1)
    metrics.misconfigured(GOOGLE, found=True, code=None)
    metrics.clock_jumped(META, 400.0)
    metrics.fault(META, Stage.BUILD, "ValueError", "adapters/meta.py:1")
    metrics.test_mode(META, "test_event_code")
    metrics.test_endpoints_allowed()
    metrics.watch_outbox([META], lambda _lane: Waiting(1, 1, 1, 0), lambda: 1.0)
    return metrics


def test_the_names_and_labels_are_the_published_ones() -> None:
    """People's alerts rely on them: each name of the design, with exactly its labels."""
    seen: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(busy().text().decode()):
        for sample in family.samples:
            name = re.sub(r"_(bucket|sum|count)$", "", sample.name.removeprefix("consent_gateway_"))
            seen.setdefault(name, set()).update(set(sample.labels) - {"le"})
    assert {name: seen.get(name) for name in DESIGN_NAMES} == dict(DESIGN_NAMES)
    further = {"throttles_total", "quota_wait_seconds_total", "breaker_openings_total", "clock_jumps_total", "faults_total"}
    assert set(seen) - set(DESIGN_NAMES) == further


def test_every_name_begins_alike_and_nothing_else_is_told() -> None:
    """No process or platform figures of the library's global registry."""
    lines = [line for line in busy().text().decode().splitlines() if not line.startswith("#")]
    assert all(line.startswith("consent_gateway_") for line in lines)
    assert CONTENT_TYPE.startswith("text/plain")


def test_what_many_storefronts_have_comes_in_pieces() -> None:
    """None has more values than are written in a few milliseconds, and together they are one text that says all once."""
    metrics, shops = Metrics(), [StorefrontId(f"shop-{number:04}") for number in range(2 * MOST_AT_ONCE + 1)]
    for shop in shops:
        metrics.events(shop, Source.EVENTS, Kind.PURCHASE, Status.ACCEPTED, "", 1)
        metrics.up(Lane(shop, Destination.META), up=True, reason=None, code=None)
    pieces = list(metrics.pieces())
    lines = [line for piece in pieces for line in piece.decode().splitlines()]
    assert max(sum(not line.startswith("#") for line in piece.decode().splitlines()) for piece in pieces) == MOST_AT_ONCE
    assert len({line for line in lines if line.startswith("#")}) == sum(line.startswith("#") for line in lines)
    assert b"".join(pieces) == metrics.text()
    for name in ("consent_gateway_events", "consent_gateway_destination_up"):
        (family,) = [one for one in text_string_to_metric_families(metrics.text().decode()) if one.name == name]
        assert [sample.labels["storefront"] for sample in family.samples] == shops


def test_a_storefront_that_comes_later_is_told_in_its_place() -> None:
    """The order of what is told is kept from one scrape to the next, and made anew when there is more to tell."""
    metrics = Metrics()
    for shop, counts in (("b", {"b": 1}), ("a", {"a": 1, "b": 1}), ("b", {"a": 1, "b": 2})):
        metrics.events(StorefrontId(shop), Source.EVENTS, Kind.PURCHASE, Status.ACCEPTED, "", 1)
        (family,) = [one for one in metrics.collect() if one.name == "consent_gateway_events"]
        assert [(sample.labels["storefront"], sample.value) for sample in family.samples] == list(counts.items())


def test_the_nearest_due_date_is_told() -> None:
    """Open requests are counted, and how long there is for the first; below zero when it is late, absent where none is open."""
    metrics, now = Metrics(), [1000.0]
    other = StorefrontId("other")
    metrics.watch_outbox([], lambda _lane: Waiting(0, 0, 0, None), lambda: now[0])
    metrics.watch_requests({DEMO: lambda: [1100, 5000], other: list})
    found = values(metrics)
    assert found[f"open_requests{{storefront={DEMO}}}"] == 2
    assert found["open_requests{storefront=other}"] == 0
    assert found[f"next_due_seconds{{storefront={DEMO}}}"] == 100
    assert "next_due_seconds{storefront=other}" not in found
    now[0] = 1200.0
    assert values(metrics)[f"next_due_seconds{{storefront={DEMO}}}"] == -100


def test_counts_add_up_by_their_labels() -> None:
    """A batch is one addition; the same labels share a number, others do not."""
    metrics = Metrics()
    for count in (3, 4):
        metrics.events(DEMO, Source.EVENTS, Kind.PURCHASE, Status.ACCEPTED, "", count)
    metrics.events(DEMO, Source.COLLECT, None, Status.INVALID, "bad_format", 2)
    found = values(metrics)
    assert found["events_total{event=purchase,reason=none,source=events,status=accepted,storefront=demo}"] == 7
    assert found["events_total{event=none,reason=bad_format,source=collect,status=invalid,storefront=demo}"] == 2


def test_deliveries_and_value_are_told_by_how_they_ended() -> None:
    """Money is told in major units of its own currency."""
    metrics = Metrics()
    metrics.delivered(META, Kind.PURCHASE, Reason.CONFIRMED, [1.0, 2.0], {"EUR": 12_990, "JPY": 1500, "KWD": 1})
    metrics.dead(META, Kind.PURCHASE, Reason.REJECTED, 1, {"EUR": 10})
    found = values(metrics)
    lane = "destination=meta,event=purchase"
    assert found[f"deliveries_total{{{lane},outcome=delivered,reason=confirmed,storefront=demo}}"] == 2
    assert found[f"deliveries_total{{{lane},outcome=dead,reason=rejected,storefront=demo}}"] == 1
    worth = {key: value for key, value in found.items() if key.startswith("value_total")}
    assert list(worth.values()) == [0.1, 129.9, 1500, 0.001]


@given(st.lists(st.integers(0, 10**9), max_size=50))
def test_money_is_exact_however_often_it_is_added(amounts: list[int]) -> None:
    """Sums are kept in minor units, so that no cent is lost among many additions."""
    metrics = Metrics()
    for amount in amounts:
        metrics.delivered(META, Kind.PURCHASE, Reason.CONFIRMED, [], {"EUR": amount})
    told = values(metrics).get("value_total{currency=EUR,destination=meta,outcome=delivered,storefront=demo}", 0.0)
    assert round(told * 100) == sum(amounts)


def test_an_unknown_currency_makes_no_label() -> None:
    """Labels come from closed sets."""
    metrics = Metrics()
    metrics.delivered(META, Kind.PURCHASE, Reason.CONFIRMED, [1.0], {"jane@example.com": 5})
    assert b"jane" not in metrics.text()


@given(st.lists(st.floats(0, 10**6), min_size=1))
def test_durations_fall_into_the_buckets_that_hold_them(seconds: list[float]) -> None:
    """Each bucket counts what is not longer than its end; the last counts all."""
    metrics = Metrics()
    metrics.delivered(META, Kind.PURCHASE, Reason.CONFIRMED, seconds, {})
    found = values(metrics)
    for end in DELIVERY_BUCKETS:
        assert found[f"delivery_seconds_bucket{{destination=meta,le={end}}}"] == sum(one <= end for one in seconds)
    assert found["delivery_seconds_bucket{destination=meta,le=+Inf}"] == len(seconds)
    assert found["delivery_seconds_count{destination=meta}"] == len(seconds)
    assert found["delivery_seconds_sum{destination=meta}"] == pytest.approx(sum(seconds))


def test_the_backlog_is_read_at_each_scrape_and_added_by_destination() -> None:
    """Two storefronts' lanes to one destination are one figure; the oldest of them counts."""
    other = Lane(StorefrontId("other"), Destination.META)
    backlog = {META: Waiting(3, 2, 1, 100), other: Waiting(14, 0, 0, 40, 4), GOOGLE: Waiting(0, 0, 5, None)}
    clock = [160.0]
    metrics = Metrics()
    metrics.watch_outbox(list(backlog), backlog.__getitem__, lambda: clock[0])
    found = values(metrics)
    states = ("waiting", "backlog", "retrying", "dead")
    assert [found[f"outbox_records{{destination=meta,state={state}}}"] for state in states] == [13, 4, 2, 1]
    assert found["oldest_waiting_seconds{destination=meta}"] == 120
    assert found["oldest_waiting_seconds{destination=google_ads}"] == 0
    clock[0], backlog[META] = 30.0, Waiting(0, 0, 0, None)
    found = values(metrics)
    assert found["outbox_records{destination=meta,state=waiting}"] == 10
    assert found["oldest_waiting_seconds{destination=meta}"] == 0


def test_states_are_told_as_they_are_now() -> None:
    """Up and down follow the last word; test switches show by name."""
    metrics = Metrics()
    metrics.up(META, up=True, reason=None, code=None)
    metrics.up(META, up=False, reason=Reason.CREDENTIAL, code=None)
    assert values(metrics)["destination_up{destination=meta,storefront=demo}"] == 0
    assert values(metrics)["test_endpoints_allowed{}"] == 0
    assert values(metrics)["destination_paused{destination=meta,storefront=demo}"] == 0
    metrics.up(META, up=False, reason=Reason.PAUSED_BY_OPERATOR, code=None)
    assert values(metrics)["destination_paused{destination=meta,storefront=demo}"] == 1
    metrics.test_endpoints_allowed()
    metrics.test_mode(GOOGLE, "validateOnly")
    assert values(metrics)["test_endpoints_allowed{}"] == 1
    assert values(metrics)["test_mode{destination=google_ads,storefront=other,switch=validateOnly}"] == 1


def test_the_age_of_a_token_is_asked_for_at_each_scrape() -> None:
    """By its kind; a lane that has no token yet has no age."""
    metrics = Metrics()
    ages: dict[Lane, float | None] = {META: 5.0, GOOGLE: None}
    metrics.watch_credentials(
        {
            META: lambda: Standing(CredentialKind.TOKEN, ages[META]),
            GOOGLE: lambda: Standing(CredentialKind.SERVICE_ACCOUNT, ages[GOOGLE]),
        }
    )
    told = {name: value for name, value in values(metrics).items() if name.startswith("credential")}
    assert told == {"credential_seconds{destination=meta,kind=token,storefront=demo}": 5}
    ages.update({META: 6.0, GOOGLE: 0.0})
    assert values(metrics)["credential_seconds{destination=meta,kind=token,storefront=demo}"] == 6
    assert values(metrics)["credential_seconds{destination=google_ads,kind=service_account,storefront=other}"] == 0


def test_waits_for_a_quota_add_up_in_seconds() -> None:
    """However short each is."""
    metrics = Metrics()
    for _ in range(1000):
        metrics.quota_waited(META, 0.0123)
    assert values(metrics)["quota_wait_seconds_total{destination=meta,storefront=demo}"] == 12.0


def test_last_words_are_counted_by_outcome_and_code() -> None:
    """Events, not requests."""
    metrics = Metrics()
    metrics.processed(GOOGLE, Processing.USED, None, 90)
    metrics.processed(GOOGLE, Processing.NOT_USED, PlatformCode("TOO_OLD"), 10)
    metrics.processed(GOOGLE, Processing.USED, None, 5)
    told = {name: value for name, value in values(metrics).items() if name.startswith("processed")}
    assert told == {
        "processed_total{destination=google_ads,processing=not_used,reason=TOO_OLD,storefront=other}": 10,
        "processed_total{destination=google_ads,processing=used,reason=none,storefront=other}": 95,
    }


def test_two_metrics_do_not_share_anything() -> None:
    """Nothing is global: several gateways can live in one process."""
    first, second = busy(), Metrics()
    assert values(first)["raw_bytes_total{}"] == 10
    assert values(second)["raw_bytes_total{}"] == 0


def test_metrics_are_a_watcher() -> None:
    """What couriers are told to report to; the type checker holds the signatures against each other."""
    watcher: Watcher = Metrics()
    watcher.breaker(META, opened=False, reason=None)
    assert isinstance(watcher, Metrics)
    assert values(watcher)["breaker_openings_total{destination=meta,storefront=demo}"] == 0
