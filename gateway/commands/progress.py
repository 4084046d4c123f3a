"""The bar of commands that take their time: on standard error, so that what they print can be piped."""

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.commands.showing import err


def bar(counted: str) -> Progress:
    """Make a bar for tasks that say how far they are; `counted` is written after it and names the tasks' own fields, such as
    `{task.fields[events]} events`.
    """
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        TextColumn(counted),
        console=err,
    )
