"""What axe-core finds on a page that not everybody can use."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def complaints(page: Page) -> str:
    """axe's violations, a paragraph for each element; empty when all is well."""
    # What fades in is not judged while it is half there.
    page.evaluate(
        "Promise.allSettled(document.getAnimations().map((one) => one.effect.getComputedTiming().iterations"
        " === Infinity ? one.cancel() : one.finished))"
    )
    found: dict[str, Any] = Axe().run(page, options={"runOnly": _RULES}).response
    return "\n\n".join(
        f"{rule['id']}: {node['html'][:160]}\n{node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    )
