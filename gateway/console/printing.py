"""The privacy report as one file that stands alone: no script, no request, a style for paper; a browser makes a PDF of it."""

from functools import cache
from typing import Final

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
