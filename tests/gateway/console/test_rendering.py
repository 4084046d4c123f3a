import re
from pathlib import Path
from typing import Final

import pytest
from jinja2 import UndefinedError

from gateway.console import rendering
from gateway.console.assets import Assets
from gateway.console.language import Words
from gateway.console.rendering import CSP, Renderer, marked

FOLDER: Final = Path(rendering.__file__).parent / "templates"
TEMPLATES: Final = sorted(path.name for path in FOLDER.iterdir())
ALONE: Final = "file.html"
"""No page: a file that is kept and printed, with its style in it and a policy that allows that and nothing else."""


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name != ALONE])
def test_no_template_holds_a_script_or_a_style_of_its_own(name: str) -> None:
    """The policy forbids them: what is written there would not happen. Scripts come from files, by `asset`."""
    text = (FOLDER / name).read_text()
    assert re.findall(r"\s(?:on[a-z]+|style)=", text) == []
    assert re.findall(r"<style|javascript:|https?://|\|\s*safe\b|autoescape", text) == []
    assert all("src=\"{{ asset('" in tag for tag in re.findall(r"<script[^>]*>", text))


def test_the_file_that_stands_alone_allows_itself_a_style_and_nothing_else() -> None:
    """Whoever opens it fetches nothing and runs nothing."""
    text = (FOLDER / ALONE).read_text()
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'\"" in text
    assert re.findall(r"<script|<link|<img|\son[a-z]+=|javascript:|https?://|\|\s*safe\b|autoescape", text) == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_form_that_posts_has_the_sessions_token(name: str) -> None:
    """But the one to sign in, where there is no session yet; it counts by where it stood."""
    forms = re.findall(r"<form[^>]*method=\"post\".*?</form>", (FOLDER / name).read_text(), re.DOTALL)
    assert [form for form in forms if "csrf_field()" not in form and 'action="/sign-in"' not in form] == []


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name not in {"parts.html", "privacy.html", "layout.html"}])
def test_a_name_that_nobody_gave_is_an_error(name: str) -> None:
    """Not an empty place where a figure should be."""
    with pytest.raises(UndefinedError):
        Renderer(Assets()).write(name, Words("en"), {})


def test_backticks_are_code_and_everything_is_escaped() -> None:
    """In the words of advice; half a pair is only a character."""
    assert marked("set `a<b>` & go") == "set <code>a&lt;b&gt;</code> &amp; go"
    assert marked("one ` <i>") == "one ` &lt;i&gt;"


def test_the_policy_lets_nothing_in() -> None:
    """No other host, no script in a page, nobody's frame."""
    assert CSP.startswith("default-src 'none';")
    assert not re.search(r"unsafe|https?:|\*", CSP)
    assert "frame-ancestors 'none'" in CSP
    assert "base-uri 'none'" in CSP
