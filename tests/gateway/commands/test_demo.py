import asyncio
from pathlib import Path

from tests.showing import ENV, command, first_free_port


async def test_a_demo_whose_key_file_is_damaged_says_so(tmp_path: Path) -> None:
    """As any gateway does: a sentence, what to do, exit code 2 and no traceback."""
    (tmp_path / "sealing.json").write_text("no key file")
    (tmp_path / "sealing.json").chmod(0o600)
    process = await asyncio.create_subprocess_exec(
        *command("demo", "--port", str(first_free_port()), "--state", str(tmp_path)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=ENV,
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert b"The key file cannot be used: key file: must be JSON" in said
    assert b"Traceback" not in said
