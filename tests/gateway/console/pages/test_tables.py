import pytest

from gateway.audit import sheets
from tests.gateway.console.test_site import Scene
from tests.gateway.console.test_site import scene as scene  # noqa: PLC0414 - a fixture


@pytest.mark.parametrize(
    ("path", "heading"), [("/funnel", sheets.FUNNEL), ("/dead-letters", sheets.DEAD), ("/health", sheets.HEALTH)]
)
async def test_a_page_hands_its_table_out_by_a_link_on_it(scene: Scene, path: str, heading: tuple[str, ...]) -> None:
    """To whoever has signed in; the log says so before."""
    _, cookie = await scene.sign_in("mia")
    _, _, page = await scene.ask(("GET", path), cookie)
    assert f'href="{path}?storefront=shop&amp;format=csv"' in page
    assert [entry for entry in await scene.entries() if type(entry).__name__ == "Export"] == []
    status, answer, table = await scene.ask(("GET", f"{path}?format=csv"), cookie)
    assert (status, answer.content_type, table.partition("\r\n")[0]) == (200, "text/csv", ",".join(heading))
    (entry,) = [entry for entry in await scene.entries() if type(entry).__name__ == "Export"]
    assert entry.what.replace("_", "-") == path[1:]


async def test_what_cannot_be_meant_is_shown_as_a_page(scene: Scene) -> None:
    """With a word about it, and no table."""
    _, cookie = await scene.sign_in("mia")
    _, answer, _ = await scene.ask(("GET", "/funnel?format=csv&step=year"), cookie)
    assert answer.content_type == "text/html"
