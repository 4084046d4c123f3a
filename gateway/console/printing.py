"""Reports as files that stand alone: no script, no request, a style for paper; a browser makes a PDF of them."""

from functools import cache
from typing import Final

from gateway.audit.comparison import Comparison
from gateway.audit.processing import PrivacyReport
from gateway.console.assets import Assets
from gateway.console.language import Words
from gateway.console.rendering import Renderer

HTML: Final = "text/html; charset=utf-8"


@cache
def _renderer() -> Renderer:
    return Renderer(Assets())


def printed(report: PrivacyReport, words: Words) -> bytes:
    """Write the report out in a reader's language."""
    return _renderer().write("report_file.html", words, {"report": report, "language": words.language})


def compared(report: Comparison, words: Words) -> bytes:
    """Write out how an old container and this gateway compare."""
    return _renderer().write("comparison_file.html", words, {"report": report, "language": words.language})
