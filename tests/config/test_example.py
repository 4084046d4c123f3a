import re
import tomllib
from pathlib import Path

import pytest

from gateway.console.passwords import hash_password
from gateway.keys import KeyId, KeyKind, make_key
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination
from gateway.settings import BLOCKS, load, names

CONFIG = Path(__file__).parent.parent.parent / "config"
EXAMPLE = CONFIG / "gateway.example.toml"
LOCAL = CONFIG / "local.toml"
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$R4p8zGz8pQ1hGk6bGq7Y0Q2s2C2g2o0yQJ4tq7cE5xE"
TOKENS = {
    "META_ACCESS_TOKEN": "a",
    "PINTEREST_ACCESS_TOKEN": "b",
    "GOOGLE_ACCESS_TOKEN": "c",
    "SHOPIFY_WEBHOOK_SECRET": "d",
    "WOOCOMMERCE_WEBHOOK_SECRET": "e",
    "PRESTASHOP_WEBHOOK_SECRET": "f",
    "CONSOLE_ADA": HASH,
    "OIDC_CLIENT_SECRET": "g",
}

SETTING = re.compile(r"(?P<off># )?(?P<name>[a-z_]+) = (?P<value>.+)")


def shown() -> dict[str, str]:
    """Give every setting that the example shows, in use or behind a `#`, as `table.name`, with its text."""
    found: dict[str, str] = {}
    table = ""
    for line in EXAMPLE.read_text().splitlines():
        if head := re.fullmatch(r"\[+([a-z0-9_.]+)\]+", line):
            table = head[1].replace("storefronts.shop1", "storefronts.*")
        elif setting := SETTING.fullmatch(line):
            found[f"{table}.{setting['name']}"] = setting["value"]
    return found


def test_the_example_loads_as_it_stands() -> None:
    """With the tokens in the environment, nothing else is missing."""
    shop = load(EXAMPLE, TOKENS).storefronts[StorefrontId("shop1")]
    assert list(shop.destinations) == list(Destination)
    assert shop.test_endpoints == frozenset()


@pytest.mark.parametrize("name", names())
def test_every_setting_stands_in_the_example(name: str) -> None:
    """A setting that is not in the example does not exist for its users."""
    assert name in shown()


def test_the_example_shows_no_setting_that_does_not_exist() -> None:
    """What was renamed or removed goes from the example too."""
    assert set(shown()) <= set(names())


@pytest.mark.parametrize("name", names())
def test_every_setting_is_preceded_by_its_reason(name: str) -> None:
    """Above each setting, or above the run of settings it stands in, is a sentence; or one stands beside it."""
    table, _, field = name.rpartition(".")
    text = EXAMPLE.read_text()
    part = text[text.index(f"{table.replace('*', 'shop1')}]") :]
    at = re.search(rf"(?m)^(?:# )?{field} = .*$", part)
    assert at is not None
    before = [line for line in part[: at.start()].splitlines() if not SETTING.fullmatch(line)]
    assert " # " in at[0] or before[-1].startswith("# ") or before[-1].endswith("]"), name


def test_what_is_shown_as_a_default_is_the_default() -> None:
    """A setting behind a `#` shows what the program does without it, unless it has no default of its own."""
    for table, block in BLOCKS.items():
        for field, info in block.model_fields.items():
            if f"{table}.{field}" in BLOCKS:
                continue
            line = next(line for line in EXAMPLE.read_text().splitlines() if re.match(rf"(# )?{field} = ", line))
            if not line.startswith("# ") or info.is_required() or info.default in (None, (), frozenset(), {}):
                continue
            value = tomllib.loads(f"value = {shown()[f'{table}.{field}']}")["value"]
            if field == "max_bytes":
                value = int(value.removesuffix("GiB")) * 2**30
            shown_value = type(info.default)(value) if isinstance(value, list | str) else value
            assert shown_value == info.default, f"{table}.{field}"


def test_the_demos_configuration_loads_beside_what_it_refers_to(tmp_path: Path) -> None:
    """Copied into a folder with keys and tokens made there, it is complete, and sends to loopback only."""
    for name, text in {
        "secret.key": make_key(KeyKind.SECRET, KeyId("demo")),
        "publishable.key": make_key(KeyKind.PUBLISHABLE, KeyId("demo")),
        **{f"{destination.value}.token": "sandbox" for destination in Destination},
        "console.hash": hash_password("a password of the demo"),
    }.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "gateway.toml").write_text(LOCAL.read_text())
    loaded = load(tmp_path / "gateway.toml", {})
    demo = loaded.storefronts[StorefrontId("demo")]
    assert list(demo.destinations) == list(Destination)
    assert demo.test_endpoints == set(Destination)
    assert all(url.startswith("http://127.0.0.1:") for url in demo.base_urls.values())
    assert loaded.server.public.host == loaded.server.private.host == "127.0.0.1"


def test_no_secret_stands_in_a_shipped_configuration() -> None:
    """Credentials are references in every file that is shipped."""
    for path in CONFIG.glob("*.toml"):
        held = re.findall(r"(?m)^(?:# )?(?:credential|key) = \"(.*)\"", path.read_text())
        assert held
        assert all(re.fullmatch(r"(env|file):[A-Za-z_./]+", reference) for reference in held)
