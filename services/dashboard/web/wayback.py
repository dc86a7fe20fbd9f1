"""Where somebody wanted to go who has to log in first: carried along as `next`, and never taken on trust.

Anybody can make a link to the login with any `next`. One that is not exactly the address of a page of ours, below the
path where a proxy shows us, counts as none: whoever logs in lands nowhere else.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote

from flask import Request, current_app, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RoutingException

#: The pages, by the endpoint that was asked for; of a piece of a page, that page.
PAGES = {
    "overview.index": "overview.index",
    "collection.index": "collection.index",
    "collection.part": "collection.index",
    "collection.item": "collection.item",
    "collection.panel": "collection.item",
    "logs.index": "logs.index",
    "setup.index": "setup.index",
}
_LONGEST = 2000
#: Path and query as a browser writes them: printable ASCII, one slash at the beginning, no backslash, no fragment.
_ADDRESS = re.compile(r"/(?!/)(?:(?![\\#])[!-~])*")


def login_address(asking: Request) -> str:
    """The address of the login for who asked for this page, and will be led back to it."""
    page, query = PAGES[asking.endpoint or ""], asking.query_string.decode(errors="replace")
    # A piece's own parameters are not the page's; a list's are.
    has_query = query and asking.endpoint != "collection.panel"
    back = url_for(page, **(asking.view_args or {})) + (f"?{query}" if has_query else "")
    is_usual = back == url_for("overview.index")
    return url_for("door.login") if is_usual or checked(back) is None else url_for("door.login", next=back)


def given(parameters: Mapping[str, str]) -> str | None:
    """The page that these parameters of a request lead back to; None for none, and for what is no page of ours."""
    return checked(parameters.get("next", ""))


def checked(address: str) -> str | None:
    """`address` when it is path and query of one of our pages, as the browser that asks writes them; else None."""
    root = request.script_root
    if len(address) > _LONGEST or not _ADDRESS.fullmatch(address) or not address.startswith(f"{root}/"):
        return None
    path = unquote(address.partition("?")[0].removeprefix(root))
    if {".", ".."} & set(path.split("/")) or not path.isprintable() or "\\" in path:
        return None
    adapter = current_app.create_url_adapter(request)
    assert adapter is not None
    try:
        endpoint, _ = adapter.match(path, method="GET")
    except (HTTPException, RoutingException):
        return None
    return address if PAGES.get(endpoint) == endpoint else None
