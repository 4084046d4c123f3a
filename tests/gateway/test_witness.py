import io
import json
import re
from typing import Any

import pytest

from gateway.adapter import Way
from gateway.delivery.rehearsal import Finding
from gateway.delivery.watcher import Stage, Watcher
from gateway.ledger import Right
from gateway.log import Log
from gateway.metrics import Metrics
from gateway.model.texts import PlatformCode, StorefrontId
from gateway.model.words import Destination, Kind, Processing, Reason
from gateway.outbox.work import Lane
from gateway.rights.desk import Teller, Via
from gateway.signing.entry import Entry, RightsRequest, encode, known
from gateway.signing.entry import Right as Asked
from gateway.witness import Witness

META = Lane(StorefrontId("demo"), Destination.META)
PINTEREST = Lane(StorefrontId("demo"), Destination.PINTEREST)


class Scene:
    """A witness with the log it writes to."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.metrics = Metrics()
        self.recorded: list[Entry] = []
        self.teller: Teller = Witness(self.metrics, Log(self.stream), self.recorded.append)
        self.witness: Watcher = Witness(self.metrics, Log(self.stream))

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What was written, without times."""
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [{key: value for key, value in line.items() if key != "time"} for line in lines]

    @property
    def happenings(self) -> list[str]:
        """What was written, by name."""
        return [line["happening"] for line in self.lines]


def test_a_persons_request_is_written_by_its_number(scene: Scene) -> None:
    """And counted by right and way; there is no place for anything of the person."""
    scene.teller.request_done(META.storefront, Right.ERASE, Via.OPERATOR, 12, None)
    said = {"level": "info", "happening": "request_done", "storefront": "demo", "number": 12, "right": "erase"}
    assert scene.lines == [said]
    assert 'rights_total{right="erase",storefront="demo",via="operator"} 1.0' in scene.metrics.text().decode()


def test_who_served_a_person_is_in_the_signed_log(scene: Scene) -> None:
    """Where somebody signed in, they themselves; not only the way that they came."""
    scene.teller.request_done(META.storefront, Right.ERASE, Via.OPERATOR, 12, "ab" * 32)
    assert scene.recorded[-1] == RightsRequest("demo", Asked.ERASE, 12, "ab" * 32)


@pytest.mark.parametrize("via", Via)
@pytest.mark.parametrize("right", Right)
def test_a_persons_request_is_in_the_signed_log(scene: Scene, right: Right, via: Via) -> None:
    """Every right, by every way, as an entry that keeps the log's rules."""
    scene.teller.request_done(META.storefront, right, via, 12, None)
    (entry,) = scene.recorded
    by = "private_listener" if via is Via.OPERATOR else via.value
    assert entry == RightsRequest("demo", Asked(right.value), 12, by)
    assert known(encode(entry, 0, 0)) == entry


def test_a_request_that_waits_is_written_and_not_counted(scene: Scene) -> None:
    """Nothing was done yet; somebody has to see to it."""
    scene.teller.request_noted(META.storefront, Right.ACCESS, 13)
    assert scene.lines == [
        {"level": "info", "happening": "request_noted", "storefront": "demo", "number": 13, "right": "access"}
    ]
    assert "rights_total{" not in scene.metrics.text().decode()


@pytest.fixture
def scene() -> Scene:
    """A witness that has seen nothing."""
    return Scene()


def test_numbers_are_counted_and_not_written(scene: Scene) -> None:
    """What happens to events is a metric, however often it happens."""
    scene.witness.delivered(META, Kind.PURCHASE, Reason.CONFIRMED, [1.0], {"EUR": 100})
    scene.witness.dead(META, Kind.PURCHASE, Reason.REJECTED, 1, {})
    scene.witness.withdrawn(META, Kind.PURCHASE, Reason.WITHDRAWN, 1, {})
    scene.witness.retried(META, Reason.SERVER_ERROR, 5)
    scene.witness.sent_bytes(Destination.META, 7)
    scene.witness.warned(META, 3)
    scene.witness.warned(META, 4)
    scene.witness.quota_waited(META, 1.5)
    assert scene.lines == []
    text = scene.metrics.text().decode()
    assert all(f'outcome="{outcome}"' in text for outcome in ("delivered", "dead", "withdrawn", "retried"))
    assert 'sent_bytes_total{destination="meta"} 7.0' in text
    assert re.search(r'platform_warnings_total\{destination="meta",storefront="[a-z]+"\} 7\.0', text)
    assert 'quota_wait_seconds_total{destination="meta",storefront="demo"} 1.5' in text


def test_a_replay_is_counted_and_written(scene: Scene) -> None:
    """Somebody asked for it, so the log says what was given back, by what it had died of."""
    scene.witness.replayed(META, Kind.PURCHASE, Reason.REJECTED, 3, {"EUR": 250})
    expected = {"storefront": "demo", "destination": "meta", "reason": "rejected", "count": 3}
    assert scene.lines == [{"level": "info", "happening": "dead_letters_replayed", **expected}]
    text = scene.metrics.text().decode()
    labels = 'destination="meta",event="purchase",outcome="replayed",reason="rejected",storefront="demo"'
    assert f"deliveries_total{{{labels}}} 3.0" in text
    assert 'value_total{currency="EUR",destination="meta",outcome="replayed",storefront="demo"} 2.5' in text


def test_a_lane_is_written_when_it_fails_and_when_it_recovers(scene: Scene) -> None:
    """Once each; a healthy start says nothing, and each lane stands for itself."""
    scene.witness.up(META, up=True, reason=None, code=None)
    for _ in range(3):
        scene.witness.up(META, up=False, reason=Reason.TIMED_OUT, code=None)
    scene.witness.up(PINTEREST, up=True, reason=None, code=None)
    for _ in range(2):
        scene.witness.up(META, up=True, reason=None, code=None)
    assert scene.happenings == ["destination_down", "destination_up"]


def test_a_lane_that_only_a_person_can_mend_is_paused(scene: Scene) -> None:
    """The line names the reason and the platform's code; another reason is another line."""
    scene.witness.up(META, up=False, reason=Reason.SERVER_ERROR, code=None)
    scene.witness.up(META, up=False, reason=Reason.CREDENTIAL, code=PlatformCode("190"))
    assert scene.happenings == ["destination_down", "destination_paused"]
    assert scene.lines[1] == {
        "level": "error",
        "happening": "destination_paused",
        "storefront": "demo",
        "destination": "meta",
        "reason": "credential",
        "code": "190",
    }


def test_a_lane_that_an_operator_paused_is_no_error(scene: Scene) -> None:
    """Somebody meant it: a warning, by a name of its own; what is still wrong afterwards is written again."""
    scene.witness.up(META, up=False, reason=Reason.CREDENTIAL, code=None)
    scene.witness.up(META, up=False, reason=Reason.PAUSED_BY_OPERATOR, code=None)
    scene.witness.up(META, up=False, reason=Reason.CREDENTIAL, code=None)
    assert scene.happenings == ["destination_paused", "destination_halted", "destination_paused"]
    expected = {"storefront": "demo", "destination": "meta", "reason": "paused_by_operator"}
    assert scene.lines[1] == {"level": "warning", "happening": "destination_halted", **expected}


def test_a_lane_down_for_no_known_reason_is_written_once(scene: Scene) -> None:
    """None is a reason like another."""
    for _ in range(2):
        scene.witness.up(META, up=False, reason=None, code=None)
    assert scene.happenings == ["destination_down"]


def test_throttling_is_written_once_until_events_flow_again(scene: Scene) -> None:
    """A platform that throttles every minute of a sale fills no log."""
    for _ in range(3):
        scene.witness.throttled(META, 30.0)
    scene.witness.delivered(META, Kind.PURCHASE, Reason.CONFIRMED, [1.0], {})
    scene.witness.throttled(META, 60.0)
    assert [(line["happening"], line["seconds"]) for line in scene.lines] == [("throttled", 30.0), ("throttled", 60.0)]
    assert 'throttles_total{destination="meta",storefront="demo"} 4.0' in scene.metrics.text().decode()


def test_breaker_and_clock_are_written(scene: Scene) -> None:
    """Both directions of the breaker, and each jump."""
    scene.witness.breaker(META, opened=True, reason=Reason.CONNECTION_LOST)
    scene.witness.breaker(META, opened=False, reason=None)
    scene.witness.clock_jumped(META, -400.0)
    assert scene.happenings == ["breaker_opened", "breaker_closed", "clock_jumped"]


def test_unreadable_records_are_a_loss_that_is_written(scene: Scene) -> None:
    """Other dead letters are numbers."""
    scene.witness.dead(META, None, Reason.UNSEALABLE, 3, {})
    assert [(line["happening"], line["count"]) for line in scene.lines] == [("record_unreadable", 3)]


def test_a_bug_is_written_by_class_and_place(scene: Scene) -> None:
    """What does not look like a class or a place is left out, whatever it is."""
    scene.witness.fault(META, Stage.BUILD, "ValueError", "adapters/meta.py:12")
    scene.witness.fault(META, Stage.BUILD, "jane@example.com broke it", "body: jane@example.com")
    assert scene.lines[0]["error"] == "ValueError"
    assert scene.lines[0]["where"] == "adapters/meta.py:12"
    assert "error" not in scene.lines[1]
    assert "where" not in scene.lines[1]
    assert "jane" not in scene.stream.getvalue()


def test_a_replaced_credential_is_written(scene: Scene) -> None:
    """Taken in, or left out because nobody could use it: that wants a look."""
    witness = Witness(scene.metrics, Log(scene.stream))
    witness.credential(META, usable=True)
    witness.credential(PINTEREST, usable=False)
    assert scene.lines == [
        {"level": "info", "happening": "credential_renewed", "storefront": "demo", "destination": "meta"},
        {"level": "warning", "happening": "credential_unusable", "storefront": "demo", "destination": "pinterest"},
    ]


def test_a_later_word_is_counted_and_what_is_not_set_up_is_written(scene: Scene) -> None:
    """What became of events is a metric; that somebody must set something up is a line, and that it was done another."""
    scene.witness.processed(META, Processing.NOT_USED, PlatformCode("TOO_OLD"), 7)
    scene.witness.misconfigured(META, found=True, code=PlatformCode("NO_CONSENT"))
    scene.witness.misconfigured(META, found=False, code=None)
    where = {"storefront": "demo", "destination": "meta"}
    assert scene.lines == [
        {"level": "error", "happening": "processing_misconfigured", **where, "code": "NO_CONSENT"},
        {"level": "info", "happening": "processing_mended", **where},
    ]
    assert 'processing="not_used",reason="TOO_OLD",storefront="demo"} 7.0' in scene.metrics.text().decode()


def test_a_canary_is_written_when_what_it_finds_changes(scene: Scene) -> None:
    """Not at each look: when it turns bad, when it is bad for another cause, and when it is good again; each lane apart."""
    well = Finding(Way.VALIDATED, well=True, recorded=False, reason=Reason.CONFIRMED, code=None)
    refused = Finding(Way.VALIDATED, well=False, recorded=False, reason=Reason.CREDENTIAL, code=PlatformCode("190"))
    denied = Finding(Way.VALIDATED, well=False, recorded=False, reason=Reason.PERMISSION, code=PlatformCode("10"))
    for finding in (well, refused, refused, denied, well, well, refused):
        scene.witness.canary(META, finding)
    scene.witness.canary(PINTEREST, well)
    told = [(line["happening"], line["level"], line.get("reason"), line.get("code")) for line in scene.lines]
    assert told == [
        ("canary_failed", "warning", "credential", "190"),
        ("canary_failed", "warning", "permission", "10"),
        ("canary_well", "info", None, None),
        ("canary_failed", "warning", "credential", "190"),
    ]
