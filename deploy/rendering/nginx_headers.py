"""The headers for browsers that nginx puts on every answer, its own included."""

from shared.api.security_headers import PAGE_HEADERS, SNIFFING

_HEADERS = dict([SNIFFING, *PAGE_HEADERS.items()])


def render_security_headers() -> str:
    """The directives that add them."""
    return "\n".join(f"add_header {name} {value} always;" for name, value in _HEADERS.items())


def render_hidden_headers() -> str:
    """The directives that take a function's own away, so that none is sent twice."""
    return "\n".join(f"proxy_hide_header {name};" for name in _HEADERS)
