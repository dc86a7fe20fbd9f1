"""Cookie files in the forms that browsers' add-ons export."""

import json
from pathlib import Path

STYLES = ("netscape", "json", "header")
_EXPIRY = 1_893_456_000  # the first day of 2030


def cookie_file(identity: str, style: str, *, domain: str = ".bandcamp.com", http_only: bool = False) -> str:
    """The text of a cookie file that logs in, with a neighbour that does not matter."""
    if style == "netscape":
        prefix = "#HttpOnly_" if http_only else ""
        rows = (
            (domain, "TRUE", "/", "TRUE", str(_EXPIRY), "js_logged_in", "1"),
            (prefix + domain, "TRUE", "/", "TRUE", str(_EXPIRY), "identity", identity),
        )
        lines = ["# Netscape HTTP Cookie File", ""]
        return "\n".join([*lines, *("\t".join(row) for row in rows)]) + "\n"
    if style == "json":
        cookies = [
            {
                "name": name,
                "value": value,
                "domain": domain,
                "path": "/",
                "expirationDate": _EXPIRY + 0.5,
                "httpOnly": name == "identity",
                "secure": True,
            }
            for name, value in (("js_logged_in", "1"), ("identity", identity))
        ]
        return json.dumps(cookies, indent=2) + "\n"
    if style == "header":
        return f"Cookie: js_logged_in=1; identity={identity}\n"
    raise ValueError(f"style is one of {STYLES}, not {style!r}")


def write(path: Path, text: str) -> None:
    """Write a cookie file that only its owner reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
