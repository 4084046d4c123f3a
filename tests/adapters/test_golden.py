"""Golden cases: the exact bytes that leave and the verdicts that come back, as data, for every platform alike."""

from typing import Any

import orjson
import pytest

from gateway.adapter import Processed
from gateway.model.words import Destination
from tests.adapters.cases import BY_NAME, golden_cases, golden_events, golden_reply, made, shown

CASES = golden_cases()
REQUESTS = [pytest.param(d, c, id=f"{d}-{name}") for d, name, c in CASES if "request" in c]
REPLIES = [
    pytest.param(d, c, row, id=f"{d}-{name}-{row['about']}") for d, name, c in CASES for row in c.get("replies", ())
]  # fmt: skip

ASKED = [
    pytest.param(d, c, row, id=f"{d}-{name}-{row['about']}") for d, name, c in CASES for row in c.get("asked", ())
]  # fmt: skip


@pytest.mark.parametrize(("destination", "case"), REQUESTS)
def test_the_exact_bytes_that_leave(destination: Destination, case: dict[str, Any]) -> None:
    """A golden case's events become its request, byte for byte, and nothing else."""
    adapter = made(destination, **case["settings"])
    events = golden_events(case["events"])
    assert [adapter.refuses(event) for event in events] == [None] * len(events)
    request = adapter.build(events)
    assert request.path == case["request"]["path"]
    assert dict(request.headers) == case["request"].get("headers", {})
    assert request.body == orjson.dumps(case["request"]["body"])


@pytest.mark.parametrize(("destination", "case", "row"), REPLIES)
def test_the_verdicts_that_come_back(destination: Destination, case: dict[str, Any], row: dict[str, Any]) -> None:
    """A golden reply means exactly its verdicts, in the order of the events, and makes so many remarks."""
    count = case["count"] if "count" in case else len(case["events"])
    adapter = made(destination, **case["settings"])
    verdicts = adapter.interpret(golden_reply(row), count)
    assert adapter.warnings(golden_reply(row)) == row.get("warnings", 0)
    assert [shown(verdict) for verdict in verdicts] == (row["verdicts"] if "verdicts" in row else [row["each"]] * count)


@pytest.mark.parametrize(("destination", "case", "row"), ASKED)
def test_what_became_of_it_later(destination: Destination, case: dict[str, Any], row: dict[str, Any]) -> None:
    """A golden answer to the question what became of a request means exactly its counts, or the verdict on the question."""
    processed = made(destination, **case["settings"]).read_processed(golden_reply(row), case["count"])
    if isinstance(processed, Processed):
        counts = [[str(what), code, many] for what, code, many in processed.counts]
        assert {"final": processed.final, "counts": counts} == row["processed"]
    else:
        assert shown(processed) == row["verdict"]


def test_every_platform_has_golden_replies() -> None:
    """Each platform has at least 25 golden replies, and no folder belongs to nobody."""
    counts = dict.fromkeys(BY_NAME, 0)
    for destination, _, case in CASES:
        counts[destination] += len(case.get("replies", ()))
    assert min(counts.values()) >= 25


@pytest.mark.parametrize("transport", ["data_manager", "ads_api"])
def test_each_of_google_s_services_has_golden_replies(transport: str) -> None:
    """Google's two services have at least 25 different golden replies each."""
    mine = [case for destination, _, case in CASES if destination is Destination.GOOGLE_ADS]
    rows = [
        row
        for case in mine
        if case["settings"].get("transport", "data_manager") == transport
        for row in case.get("replies", ())
    ]
    assert len({repr((row["status"], row.get("body", row.get("text")))) for row in rows}) >= 25
