"""What a request was aimed at, as it may stand in an answer's URI references."""

from urllib.parse import quote

from fastapi import Request

_QUERY = "!$&'()*+,;=:@/?%-._~"  # RFC 3986, section 3.4


def path_of(request: Request) -> str:
    """Answer the path, percent-encoded whatever bytes came."""
    return quote(request.scope["path"], safe="/:@!$&'()*+,;=-._~")


def target_of(request: Request) -> str:
    """Answer path and query, percent-encoded whatever bytes came."""
    query = quote(request.scope["query_string"], safe=_QUERY)
    return path_of(request) + (f"?{query}" if query else "")
