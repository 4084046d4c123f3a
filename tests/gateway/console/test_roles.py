from typing import Final

import pytest

from gateway.console.pages import PAGES
from gateway.console.roles import EVERYBODY, FIELDS, NOBODY, WHO, Role, Route, may, methods, widest, withheld

MACHINES: Final = {("GET", "/metrics"), ("GET", "/livez"), ("GET", "/readyz"), ("GET", "/api/v1/openapi.json")}
SIGNING_IN: Final = {
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/sign-in/oidc"),
    ("GET", "/sign-in/oidc/callback"),
}


def test_nothing_is_open_but_health_and_the_way_in() -> None:
    """Whoever adds an open route must write it down here too."""
    assert {route for route, roles in WHO.items() if roles is None} == MACHINES | SIGNING_IN


@pytest.mark.parametrize("route", [("GET", "/api/v1/other"), ("DELETE", "/people"), ("POST", "/api/v1/funnel"), ("GET", "")])
def test_a_route_without_a_row_is_nobodys(route: Route) -> None:
    """Not even an operator's."""
    assert not may(route, EVERYBODY)
    assert not may(route, NOBODY)


@pytest.mark.parametrize("route", WHO, ids=" ".join)
def test_an_operator_may_everything(route: Route) -> None:
    """What both others may, and the rest."""
    assert may(route, frozenset({Role.OPERATOR}))


@pytest.mark.parametrize("route", [route for route in WHO if route not in MACHINES | SIGNING_IN], ids=" ".join)
def test_without_a_role_there_is_nothing(route: Route) -> None:
    """Somebody with no role may what nobody may."""
    assert not may(route, NOBODY)


def test_marketers_change_nothing_and_see_nothing_of_persons() -> None:
    """All that they may post is to leave, lists of orders, which are looked up and not kept, and what lines are made of."""
    marketer = frozenset({Role.MARKETER})
    assert {path for method, path in WHO if method == "POST" and may((method, path), marketer)} == {
        "/sign-in", "/sign-out", "/reconcile", "/api/v1/reconcile", "/snippet/make",
    }  # fmt: skip
    assert not any(may(("POST", f"/api/v1/{right}"), marketer) for right in ("withdraw", "erase", "access"))
    assert not may(("GET", "/api/v1/requests"), marketer)


def test_several_roles_count_together() -> None:
    """A person may do what any of their roles may, and nothing more."""
    both = frozenset({Role.MARKETER, Role.PRIVACY})
    for route in WHO:
        assert may(route, both) == any(may(route, frozenset({role})) for role in both)
    assert not may(("POST", "/api/v1/replay"), both)


def test_every_page_and_every_act_has_its_row() -> None:
    """A page that the table forgets could not be opened by anybody."""
    assert {("GET", path) for path in PAGES} <= set(WHO)
    assert {("POST", path) for page in PAGES.values() for path in page.acts} <= set(WHO)


def test_fields_are_withheld_from_those_who_may_not_see_them() -> None:
    """What a person's browser said is the privacy team's to read."""
    explain = ("GET", "/api/v1/explain")
    assert withheld(explain, frozenset({Role.MARKETER})) == {"signals", "fields", "evidence"}
    for role in (Role.PRIVACY, Role.OPERATOR):
        assert withheld(explain, frozenset({role})) == frozenset()
    assert withheld(("GET", "/api/v1/funnel"), NOBODY) == frozenset()
    assert set(FIELDS) <= set(WHO)


def test_methods_are_those_of_the_table() -> None:
    """So that another method is told from a path that is not there."""
    assert methods("/sign-in") == ("GET", "POST")
    assert methods("/nowhere") == ()


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        ({Role.MARKETER}, Role.MARKETER),
        ({Role.MARKETER, Role.PRIVACY}, Role.PRIVACY),
        ({Role.MARKETER, Role.PRIVACY, Role.OPERATOR}, Role.OPERATOR),
    ],
)
def test_the_widest_role_is_told(roles: set[Role], role: Role) -> None:
    """The one word that the signed log has for a sign-in."""
    assert widest(frozenset(roles)) is role
