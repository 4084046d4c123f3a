import json

from gateway.sandbox.google_faults import (
    Violation,
    bare,
    denied,
    entries_of,
    exhausted,
    in_a_list,
    misfit,
    nowhere,
    refusal,
    retry_info,
)


def test_a_refusal_names_the_fields() -> None:
    """The violations that have a field are listed with their reasons, and the first reason is the ledger's."""
    answer = refusal([Violation("", ""), Violation("events.events[1].currency", "INVALID_CURRENCY_CODE")], 3)
    error = json.loads(answer.body)["error"]
    (violations,) = [detail["fieldViolations"] for detail in error["details"] if "fieldViolations" in detail]
    assert [(v["field"], v["reason"]) for v in violations] == [("events.events[1].currency", "INVALID_CURRENCY_CODE")]
    assert (answer.status, error["status"], answer.reason, answer.events) == (
        400,
        "INVALID_ARGUMENT",
        "INVALID_CURRENCY_CODE",
        3,
    )


def test_a_misfit_is_told_as_google_tells_it() -> None:
    """An unknown name is told at its parent, a wrong value at its place and with what was given."""
    unknown = misfit({"type": "extra_forbidden", "loc": ("events", 3, "colour"), "input": "red"})
    wrong = misfit({"type": "string_type", "loc": ("events", 3, "transactionId"), "input": 7})
    assert (unknown.field, wrong.field) == ("events[3]", "events[3].transaction_id")
    assert 'Unknown name "colour"' in unknown.description
    assert "TYPE_STRING), 7" in wrong.description


def test_entries_are_counted_as_far_as_they_can_be() -> None:
    """A body of another shape has none."""
    bodies: list[object] = [{"events": [1, 2]}, {"events": {}}, {}, []]
    assert [entries_of(body, "events") for body in bodies] == [2, 0, 0, 0]


def test_the_envelopes() -> None:
    """A bare error has no details, a quota names its limit and wait, a denial its reason, a list wraps the whole."""
    assert "details" not in json.loads(bare(503, "UNAVAILABLE", "x").body)["error"]
    assert json.loads(denied("SERVICE_DISABLED", "x").body)["error"]["details"][0]["reason"] == "SERVICE_DISABLED"
    quota = json.loads(in_a_list(exhausted("PerDay", retry_info(7))).body)[0]["error"]
    assert (quota["code"], quota["details"][0]["metadata"]["quota_limit"]) == (429, "PerDay")
    assert quota["details"][-1]["retryDelay"] == "7s"
    assert (nowhere().status, nowhere().content_type) == (404, "text/html")
