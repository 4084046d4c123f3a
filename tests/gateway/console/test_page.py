import pytest

from gateway.console.page import Caller, Form, navigation
from gateway.console.pages import PAGES
from gateway.console.roles import Role
from tests.gateway.console.test_sessions import session


def caller(*roles: Role) -> Caller:
    """Somebody with these roles."""
    return Caller("ada", frozenset(roles), "command")


@pytest.mark.parametrize("role", Role)
def test_the_navigation_leads_only_where_the_reader_may_go(role: Role) -> None:
    """Each page that a role may see and that has a section, once; the page that is open is marked."""
    links = [link for links in navigation(PAGES, caller(role), "/").values() for link in links]
    may = [page.path for page in PAGES.values() if page.section is not None and caller(role).may("GET", page.path)]
    assert sorted(link.path for link in links) == sorted(may)
    assert [link.path for link in links if link.here] == ["/"]
    assert ("/people" in may) is (role is Role.OPERATOR)


def test_nobody_has_no_navigation() -> None:
    """Sections without a page are left out."""
    assert navigation(PAGES, caller(), "/") == {}


@pytest.mark.parametrize(
    ("fields", "header", "there"),
    [
        ({"csrf": "c"}, "", True),
        ({}, "c", True),
        ({"csrf": "c"}, "d", False),
        ({"csrf": "d"}, "", False),
        ({"csrf": ""}, "", False),
        ({}, "", False),
        ({"csrf": "\ud800"}, "", False),
    ],
)
def test_a_form_counts_with_the_sessions_own_token(fields: dict[str, str], header: str, there: bool) -> None:
    """In a field or in a header; a header that is wrong is not made good by a field."""
    assert Form(fields).has_csrf(session(), header) is there


def test_forms_and_callers_do_not_print() -> None:
    """What was typed, and who typed it."""
    assert repr(Form({"password": "x"})) == "<Form>"
    assert repr(caller(Role.PRIVACY)) == "<Caller>"
    assert Form({}).get("nothing") == ""
