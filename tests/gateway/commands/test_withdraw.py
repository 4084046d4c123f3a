"""`withdraw` asks nothing: taking consent back is as easy as giving it (art. 7(3) GDPR)."""

from gateway.cli import main
from tests.gateway.commands.doing import Capture
from tests.live import Installation


def test_it_is_done_at_once(stopped: Installation, capsys: Capture) -> None:
    """Without a question, also for somebody who is not known yet: what comes later is refused."""
    assert main(["withdraw", "--client-id", "1.2", "--config", str(stopped.config)]) == 0
    assert "Nothing was waiting or dead for this person." in capsys.readouterr().out
