"""Pages as bytes: templates with every value escaped, in the reader's language, none of them with a script inside.

A name that a template uses and nobody gave is an error, not an empty place. Templates are compiled once, for all languages.
"""

from collections.abc import Mapping
from typing import Any, Final

from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup, escape

from gateway.console.assets import Assets
from gateway.console.language import LANGUAGES, Words

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CSP,
    "Referrer-Policy": "same-origin",  # under no-referrer, browsers hide the origin of the console's own forms from it
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Vary": "Accept-Language, Cookie",
}
"""On every page, beside those that every answer carries (`no-store`, `nosniff`)."""
HTML: Final = "text/html; charset=utf-8"


class _Compiled(BytecodeCache):
    """What was compiled in this process, by the template's name and source: the language is not in it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give a template that was compiled before."""
        if (kept := self._kept.get((bucket.key, bucket.checksum))) is not None:
            bucket.bytecode_from_string(kept)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template."""
        self._kept[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


COMPILED: Final = _Compiled()


class Renderer:
    """Writes pages out."""

    def __init__(self, assets: Assets) -> None:
        self._environments = {language: _environment(language, assets) for language in LANGUAGES}

    def write(self, template: str, words: Words, values: Mapping[str, Any]) -> bytes:
        """Fill a template. `values` are what templates of this name may use, beside `words` and `asset`."""
        page = self._environments[words.language].get_template(template)
        return page.render(words=words, **values).encode()


def _environment(language: str, assets: Assets) -> Environment:
    environment = Environment(
        loader=PackageLoader("gateway.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        bytecode_cache=COMPILED,
        extensions=["jinja2.ext.i18n"],
    )
    words = Words(language)
    environment.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]  # of the extension
    environment.globals["asset"] = assets.path
    environment.filters["marked"] = marked
    return environment


def marked(text: str) -> Markup:
    """Set what stands between backticks as code; everything is escaped all the same."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(parts))
