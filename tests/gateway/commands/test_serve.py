from tests.live import Process


async def test_a_gateway_runs_until_it_is_told_to_stop(running: Process) -> None:
    """It answers meanwhile; SIGTERM ends it with exit code 0."""
    assert (await running.ask("/readyz"))["ready"]
    assert await running.stop() == 0
    assert await running.ask("/readyz") is None
