import subprocess
import sys
from pathlib import Path


def test_a_configuration_is_read_without_an_http_client() -> None:
    """What a destination is entered with is known before anything can be sent."""
    program = "import sys, gateway.settings; sys.exit('aiohttp' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[3], check=False)  # noqa: S603 - ourselves
    assert ran.returncode == 0
