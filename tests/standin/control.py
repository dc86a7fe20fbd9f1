"""`/_standin/...`: how tests outside this process turn the knobs."""

from collections.abc import Callable
from typing import Any

from standin.exchange import Request, Response, as_json
from standin.requestlog import RequestLog
from standin.site import Site


class Control:
    """Answers control calls. Nothing here is part of Bandcamp."""

    def __init__(self, site: Site, log: RequestLog) -> None:
        self._site = site
        self._log = log

    def respond(self, request: Request, call: str) -> Response:
        """One control call; what cannot be done is a 400 that says why."""
        calls: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("GET", "log"): lambda _: self._log.report(),
            ("POST", "reset_log"): lambda _: self._log.clear(),
            ("GET", "rules"): lambda _: self._site.rules.report(),
            ("POST", "rules"): self._add_rules,
            ("POST", "rules/clear"): lambda _: self._site.rules.clear(),
            ("GET", "world"): lambda _: self._site.world.truth(),
            ("POST", "world"): self._change_world,
            ("POST", "settings"): self._site.settings.update,
            ("GET", "health"): lambda _: {"ok": True},
        }
        chosen = calls.get((request.method, call))
        if chosen is None:
            return as_json({"error": f"no call {request.method} {call}"}, 404)
        try:
            answer = chosen(request.json() if request.method == "POST" else None)
        except (ValueError, KeyError, TypeError) as problem:
            return as_json({"error": str(problem)}, 400)
        return as_json({"ok": True} if answer is None else answer)

    def _add_rules(self, data: Any) -> dict[str, Any]:
        rules = data if isinstance(data, list) else [data]
        return {"ok": True, "numbers": [self._site.rules.add_json(rule).number for rule in rules]}

    def _change_world(self, data: Any) -> dict[str, Any]:
        """`{"action": name, ...}`; the answer holds what the action returned, under `result`."""
        world, data = self._site.world, dict(data)
        actions: dict[str, Callable[..., Any]] = {
            "release_preorder": world.release_preorder,
            "add_purchase": world.add_purchase,
            "grow_release": world.grow_release,
            "remove_purchase": world.remove_purchase,
            "set_hidden": world.set_hidden,
            "set_identity": world.set_identity,
            "log_out": world.log_out,
        }
        name = data.pop("action", None)
        if name not in actions:
            raise ValueError(f"action is one of {sorted(actions)}")
        return {"ok": True, "result": actions[name](**data)}
