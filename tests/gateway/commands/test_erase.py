"""`erase` under its law: the date that is printed is the law's."""

import json
from datetime import datetime, timedelta

from gateway.cli import main
from tests.gateway.commands.doing import Capture
from tests.live import Installation


def test_the_law_says_until_when(stopped: Installation, capsys: Capture) -> None:
    """45 days in California."""
    law = ("--law", "california")
    assert main(["erase", "--order-id", "1", "--yes", "--json", *law, "--config", str(stopped.config)]) == 0
    (receipt,) = json.loads(capsys.readouterr().out)["receipts"]
    asked, due = (datetime.fromisoformat(receipt["request"][name]) for name in ("asked_at", "due_at"))
    assert due - asked == timedelta(days=45)
