"""How a command ends that cannot do what it was asked: with an exit code, and sentences for standard error."""


class Ended(Exception):
    """A command ends here. `code` is the exit code: 1 failed, 2 wrong use or configuration; `lines` say why and what to do.

    They are for people and hold no value that is not theirs to see. A `heading` stands before them and stands out.
    """

    def __init__(self, code: int, *lines: str, heading: str | None = None) -> None:
        """Keep them."""
        super().__init__()
        self.code = code
        self.lines = lines
        self.heading = heading
