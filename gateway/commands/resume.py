"""`consent-gateway resume`: lets a paused destination go on; done where `pause` is."""

from gateway.commands.pause import run

__all__ = ["run"]
