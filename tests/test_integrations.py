"""What shops are given to install says the same as the gateway reads: names of headers, cookies and fields."""

import json
import re
from pathlib import Path
from typing import Final

import pytest

from gateway.intake.webhooks import DIALECTS
from gateway.sources.woocommerce import CLIENT_META, RECEIPT_META
from tests import prestashop

ROOT: Final = Path(__file__).parent.parent
MODULE: Final = (ROOT / "integrations/prestashop/consentgateway/consentgateway.php").read_text()
PLUGIN: Final = (ROOT / "integrations/woocommerce/consent-gateway-receipt.php").read_text()
COOKIES: Final = ("consent_gateway_receipt", "consent_gateway_client_id")


def test_the_module_writes_the_fields_that_are_read() -> None:
    """No more and no less, in the order in which the example has them."""
    (written,) = re.findall(r"private function said\(.*?return \[(.*?)\n        \];", MODULE, re.DOTALL)
    fields = re.findall(r"^            '(\w+)' =>", written, re.MULTILINE)
    assert fields == list(prestashop.order())


def test_the_module_sends_the_headers_that_are_read() -> None:
    """The shop, the topic, the signature."""
    dialect = DIALECTS["/v1/prestashop/webhooks"]
    sent = re.findall(r"'(X-[A-Za-z-]+): ", MODULE)
    assert sorted(sent) == sorted([dialect.shop, dialect.topic, dialect.signature])
    assert "base64_encode(hash_hmac('sha256', $body, $secret, true))" in MODULE


def test_the_plugin_writes_the_fields_that_are_read() -> None:
    """A field is named as the cookie, behind an underscore."""
    assert {f"_{cookie}" for cookie in COOKIES} == {RECEIPT_META, CLIENT_META}
    assert "'_' . $name" in PLUGIN


@pytest.mark.parametrize("cookie", COOKIES)
def test_both_read_the_same_cookies(cookie: str) -> None:
    """So one snippet serves pages of either."""
    assert f"'{cookie}'" in MODULE
    assert f"'{cookie}'" in PLUGIN


def test_the_guides_example_is_what_the_module_writes() -> None:
    """Field for field."""
    guide = (ROOT / "docs/prestashop.md").read_text()
    (shown,) = re.findall(r"```json\n(.*?)```", guide, re.DOTALL)
    assert list(json.loads(shown)) == list(prestashop.order())


@pytest.mark.parametrize("text", [MODULE, PLUGIN], ids=["module", "plugin"])
def test_brackets_are_closed(text: str) -> None:
    """All that can be held against PHP's grammar where there is no PHP."""
    bare = re.sub(r"'(?:[^'\\]|\\.)*'|//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)
    assert all(bare.count(one) == bare.count(other) for one, other in ("()", "[]", "{}"))
