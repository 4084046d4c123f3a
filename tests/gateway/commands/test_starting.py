import asyncio
import re
from pathlib import Path

from tests.live import Inside, Installation
from tests.showing import ENV, command


async def test_a_second_gateway_says_why_it_does_not_start(running: Inside) -> None:
    """The store is in use, or the port is taken: a sentence, exit code 1, and no traceback."""
    said = await served(running.installation)
    assert said == (1, ["The store cannot be opened", "If a gateway is running on it"])
    other = running.installation.folder / "other.toml"
    other.write_text(running.installation.config.read_text().replace('data_dir = "store"', 'data_dir = "other"'))
    said = await served(running.installation, other)
    assert said == (1, [f"The gateway cannot listen on 127.0.0.1:{running.installation.private}", "Stop what has the port"])


async def test_a_damaged_store_says_where_it_is_told_what_to_do(running: Inside) -> None:
    """No other gateway is to be asked then."""
    there = running.installation
    await running.stop()
    file = there.folder / "store/ledger.db"
    before = file.read_bytes()
    file.write_bytes(bytes(100) + before[100:])
    code, said = await served(there)
    assert (code, said) == (1, ["The store cannot be opened", "docs/operating.md"])
    file.write_bytes(before)
    await running.start()


async def test_a_data_directory_in_which_the_hosts_token_cannot_be_written_is_told(running: Inside) -> None:
    """In a sentence, not as a bug."""
    there = running.installation
    await running.stop()
    (there.folder / "store/console.token.new").mkdir()
    code, said = await served(there)
    assert (code, said) == (1, ["The store cannot be opened", "docs/operating.md"])
    (there.folder / "store/console.token.new").rmdir()
    await running.start()


async def test_a_log_that_goes_back_on_a_checkpoint_says_why_nothing_starts(running: Inside) -> None:
    """Exit code 1, what happened, and where it is explained."""
    there = running.installation
    await running.stop()
    log = there.folder / "store/signed-log/entries.ndjson"
    before = log.read_bytes()
    log.write_bytes(before[:-10])
    code, said = await served(there)
    assert (code, said[1]) == (1, "docs/signed-log.md says what each of these means and what to do. Nothing was changed.")
    assert said[0].startswith("signed log")
    log.write_bytes(before)
    await running.start()


async def served(there: Installation, config: Path | None = None) -> tuple[int | None, list[str]]:
    """Start a gateway that cannot start: exit code, and how each line that is for people begins."""
    process = await asyncio.create_subprocess_exec(
        *command("serve", "--config", str(config or there.config)), stderr=asyncio.subprocess.PIPE, env=ENV
    )
    _, said = await process.communicate()
    lines = [line for line in said.decode().splitlines() if not line.startswith("{")]
    return process.returncode, [
        re.split(r"[:,]", line)[0] if "listen on" not in line else line.rpartition(":")[0] for line in lines
    ]
