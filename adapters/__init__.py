"""One page per ad platform. Only `gateway.settings` and `gateway.app` know which exist."""
