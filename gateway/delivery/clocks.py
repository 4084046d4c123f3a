"""What time it is, when the wall clock may have been set.

The wall clock is compared with the monotonic one at every reading. A jump of more than five minutes is not believed
at once: for a quarter of an hour there are two times, the one before and the one after the jump. Pure: readings are
handed in.
"""

from typing import Final

import msgspec

JUMP_SECONDS: Final = 300.0
HOLD_SECONDS: Final = 900.0
"""How long a jump is doubted: time enough for a time service to correct it, or for a person to act."""


class Time(msgspec.Struct, frozen=True, gc=False):
    """Unix seconds by the wall clock, and the earliest and latest that it may really be; all equal unless in doubt."""

    wall: float
    earliest: float
    latest: float


class Clocks(msgspec.Struct, frozen=True, gc=False):
    """`offset` is wall minus monotonic as last believed. `doubt_until` is monotonic seconds; None when not in doubt."""

    offset: float
    doubt_until: float | None = None

    def read(self, wall: float, monotonic: float) -> tuple["Clocks", Time]:
        """Take both clocks' readings; give the next state and the time."""
        jump = wall - monotonic - self.offset
        if abs(jump) <= JUMP_SECONDS:  # slow drift is followed
            return Clocks(wall - monotonic), Time(wall, wall, wall)
        until = monotonic + HOLD_SECONDS if self.doubt_until is None else self.doubt_until
        if monotonic >= until:
            return Clocks(wall - monotonic), Time(wall, wall, wall)
        other = monotonic + self.offset
        return Clocks(self.offset, until), Time(wall, min(wall, other), max(wall, other))
