"""Imports go one way, and what calls itself pure touches nothing."""

import ast
from collections.abc import Iterator
from pathlib import Path

import bandcamp_sync
import pytest

ROOT = Path(bandcamp_sync.__file__).parent
NAME = "bandcamp_sync"

#: From above to below: a module imports from its own line and from those below it. A package stands for its modules.
LAYERS = (
    {"cli", "__main__", "loops", "bootstrap", "health.listener", "health.publish"},
    {"stages", "views", "show"},
    {"ledger", "listing", "lately", "plan", "fetch", "notify", "backup", "itemview", "drop"},
    {
        "actions",
        "deeds",
        "reconciles",
        "books",
        "control",
        "choice",
        "ignore",
        "alarms",
        "bandcamp",
        "collection",
        "spool",
        "library",
        "health",
        "logs",
        "throughput",
        "covers",
        "folders",
    },
    {"files", "settings", "errors", "clock", "paths", "processes", "pictures", "kept", "machine", "signals"},
)
#: Values that anyone may import, wherever they stand: settings need them to know what is allowed.
PURE_VALUES = {"bandcamp.formats", "library.names"}
#: Which of the edges know of each other: a session knows the log's redaction, receipts are jobs, and jobs purchases.
EDGES = {"bandcamp", "collection", "spool", "library", "health", "logs"}
SHARED_VALUES = {"collection.item", "spool.job", "logs.redact", *PURE_VALUES}

MUST_BE_PURE = {
    "collection.item",
    "collection.diff",
    "collection.walk",
    "books",
    "plan",
    "spool.job",
    "spool.retry",
    "bandcamp.answers",
    "bandcamp.fans",
    "bandcamp.listings",
    "bandcamp.downloads",
    "bandcamp.stats",
    "bandcamp.formats",
    "bandcamp.hosts",
    "library.names",
    "fetch.directory",
}
EFFECTS = {
    "os",
    "socket",
    "requests",
    "subprocess",
    "random",
    "time",
    "secrets",
    "shutil",
    "tempfile",
    "threading",
    "urllib3",
    "http",
    "selectors",
    "sqlite3",
    "signal",
    "fcntl",
    "filelock",
}
EFFECT_CALLS = {
    "open",
    "now",
    "today",
    "utcnow",
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "getenv",
    "print",
}

#: Not pure as a whole, but what pure modules take from them is: errors, how a time is written, a frame's length.
TOUCHLESS = {"errors", "clock", "library.mp3_frames"}


def modules() -> dict[str, ast.Module]:
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


MODULES = modules()


def imported(tree: ast.Module) -> Iterator[str]:
    """The full names that a module imports, also within functions, but not for types alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a thing comes from"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(tree: ast.Module) -> set[str]:
    """Our own modules that a module imports, without the package's name."""
    found = set()
    for name in imported(tree):
        parts = name.split(".")
        if parts[0] != NAME:
            continue
        inner = ".".join(parts[1:])
        found.add(inner if inner in MODULES else ".".join(parts[1:-1]))
    return found - {""}


def layer(module: str) -> int:
    for name in (module, module.split(".")[0]):
        for number, names in enumerate(LAYERS):
            if name in names:
                return number
    raise AssertionError(f"{module} has no place in LAYERS")


def is_pure(module: str) -> bool:
    said = (ast.get_docstring(MODULES[module]) or "").replace(";", ".")
    return module in MUST_BE_PURE or "Pure." in said.split("\n\n")[0]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_from_its_own_line_or_below(module: str) -> None:
    above = {name for name in ours(MODULES[module]) - PURE_VALUES if layer(name) < layer(module)}
    assert not above, f"{module} stands below {sorted(above)}"


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name.split(".")[0] in EDGES))
def test_the_edges_know_of_each_other_by_values_alone(module: str) -> None:
    package = module.split(".")[0]
    others = {name for name in ours(MODULES[module]) if name.split(".")[0] in EDGES - {package}}
    assert not others - SHARED_VALUES, f"{module} knows {sorted(others - SHARED_VALUES)}"


def test_nobody_imports_the_command_line_but_the_doors() -> None:
    assert {name for name, tree in MODULES.items() if "cli" in ours(tree)} <= {"__main__", "bootstrap"}


def test_no_ring_of_imports() -> None:
    seen: set[str] = set()

    def follow(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way, module))
        if module not in seen:
            for name in ours(MODULES[module]):
                follow(name, (*way, module))
            seen.add(module)

    for module in MODULES:
        follow(module, ())


PURE = sorted(name for name in MODULES if is_pure(name))


def test_what_must_be_pure_is_there() -> None:
    assert set(MODULES) >= MUST_BE_PURE


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_imports_nothing_that_touches_the_world(module: str) -> None:
    roots = {name.split(".")[0] for name in imported(MODULES[module])}
    assert not roots & EFFECTS
    assert not {name for name in imported(MODULES[module]) if name.startswith(("pathlib.", "urllib.request"))}
    impure = {name for name in ours(MODULES[module]) if not is_pure(name)}
    assert impure <= TOUCHLESS, f"{module} needs {sorted(impure)}"


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_reads_no_clock_file_or_environment(module: str) -> None:
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            assert name not in EFFECT_CALLS, f"{module}:{node.lineno} calls {name}()"
        assert not (isinstance(node, ast.Attribute) and node.attr == "environ"), f"{module}:{node.lineno} reads environ"


def test_a_pure_module_takes_from_the_clock_how_a_time_is_written_and_no_more() -> None:
    for module in PURE:
        taken = {name for name in imported(MODULES[module]) if name.startswith(f"{NAME}.clock")}
        assert taken <= {f"{NAME}.clock.rfc3339"}, module
