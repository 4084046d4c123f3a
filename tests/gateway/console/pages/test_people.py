from gateway.console.pages.people import in_order, rights
from gateway.console.roles import WHO, Role


def test_roles_are_told_in_one_order() -> None:
    """Whatever order they were written in."""
    assert in_order(frozenset({Role.OPERATOR, Role.MARKETER})) == (Role.MARKETER, Role.OPERATOR)


def test_every_right_is_shown() -> None:
    """The page shows the very table that is obeyed; None is everybody."""
    assert {((right.method, right.path), right.roles is None) for right in rights()} == {
        (route, roles is None) for route, roles in WHO.items()
    }
