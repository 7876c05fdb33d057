"""The architecture as a test: imports run downwards only, and the core knows no web framework."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Collection, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from server.app.workers import PRELOADED
from server.datasets import file_work
from server.datasets import work as datasets_work
from server.help import work as help_work
from server.jobs.worker_process import ByName
from server.reports import work as reports_work

ROOT = Path(__file__).parent.parent
# From the top down. Parts on one line do not know each other, except within themselves.
LAYERS = (
    ("run",),
    ("server.__main__",),
    ("server.serving", "server.working", "server.cli"),
    ("server.app",),
    ("views", "server.transports", "server.engines"),
    ("server.http",),
    ("server.operations",),
    ("server.care",),
    ("server.alerts", "server.deliveries", "server.schedules"),
    ("server.reports",),
    ("server.datasets",),
    ("server.uploads",),
    ("server.live",),
    ("server.monitoring", "server.delivery", "server.help"),
    ("server.jobs", "server.realtime"),
    ("server.auth",),
    ("server.storage",),
    (
        "server.settings",
        "server.logs",
        "server.places",
        "server.languages",
        "server.metrics",
        "server.tracing",
        "server.garbage",
        "server.service_manager",
    ),
    ("server.errors", "server.clock"),
    ("server.texts",),
    ("server.numerals", "server.figures", "server.base_path", "server.catalogues", "server.late"),
    ("jindu",),
)
CORE = (
    "server.auth",
    "server.storage",
    "server.jobs",
    "server.realtime",
    "server.live",
    "server.uploads",
    "server.datasets",
    "server.reports",
    "server.care",
    "server.alerts",
    "server.schedules",
    "server.deliveries",
    "server.delivery",
    "server.help",
    "server.monitoring",
    "server.operations",
)
MODULES = sorted(
    path
    for path in [
        ROOT / "run.py",
        *(path for part in ("jindu", "server", "views") for path in (ROOT / part).rglob("*.py")),
    ]
    if "migrations" not in path.parts and path != ROOT / "server" / "__init__.py"
)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def part_of(module: str) -> tuple[int, str]:
    """The layer's depth and the part's name; raises when the module stands in no layer."""
    for depth, parts in enumerate(LAYERS):
        for part in parts:
            if module == part or module.startswith(part + "."):
                return depth, part
    raise LookupError(f"{module} stands in no layer: add it to LAYERS")


@cache
def imported_by(path: Path) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from server.http import problems` imports server.http.problems
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def all_imports() -> Iterator[tuple[Path, str, str]]:
    """Each file, its name as a module, and the name of one thing that it imports."""
    for path in MODULES:
        for imported in sorted(imported_by(path)):
            yield path, module_name(path), imported


def top(name: str) -> str:
    return name.partition(".")[0]


def test_imports_run_downwards() -> None:
    wrong = []
    for _, name, imported in all_imports():
        depth, part = part_of(name)
        if top(imported) not in ("server", "views", "run", "jindu") or "." not in imported:
            continue
        if imported == "server.__version__":
            continue
        target_depth, target_part = part_of(imported)
        if target_depth <= depth and target_part != part:
            wrong.append(f"{name} imports {imported}, which is not below")
    assert wrong == []


def test_no_import_runs_in_a_circle() -> None:
    """Not even one that is made late, in a function or for types alone: what needs each other is one module."""
    names = {module_name(path): path for path in MODULES}
    imports = {name: _modules_among(imported_by(path), names) - {name} for name, path in names.items()}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def _modules_among(imported: set[str], names: Collection[str]) -> set[str]:
    """`server.clock.utc_now` means the module `server.clock`."""
    return {name if name in names else name.rpartition(".")[0] for name in imported} & set(names)


def test_the_core_knows_no_web_framework() -> None:
    found = {name for _, name, imported in all_imports() if top(imported).startswith("aiohttp")}
    assert {name for name in found if name.startswith(CORE)} == set()


REPLACEABLE = ("server.engines", "server.transports")


def test_only_the_wiring_names_engines_and_transports() -> None:
    """So that one is removed by deleting its file and its line in `server/app/`."""
    found = {
        f"{name} names {imported}"
        for _, name, imported in all_imports()
        if imported.startswith(REPLACEABLE) and part_of(name)[1] not in ("server.app", part_of(imported)[1])
    }
    assert found == set()


def test_the_application_has_one_key() -> None:
    """What handlers share stands in one typed place; another key would be a way around it."""
    found = [module_name(path) for path in MODULES if "AppKey(" in path.read_text("utf-8")]
    assert found == ["server.http.parts"]


def loaded_by(statement: str) -> set[str]:
    """The names of all modules that a process has in memory after `statement`."""
    program = f"{statement}; import sys; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(told.stdout.split())


READERS_AND_WRITERS = {"duckdb", "pyarrow", "python_calamine", "ruamel.yaml", "markdown_it", "quickjs"}
READERS_AND_WRITERS |= {"typst", "pypdfium2"}


def test_what_reads_the_files_and_templates_of_users_is_in_workers_alone() -> None:
    """It makes the server large and slow to start, and there should be no way to call it there."""
    in_server = loaded_by("import server.serving")
    assert not (READERS_AND_WRITERS | {"xlsxwriter", "chardet"}) & in_server
    in_workers = loaded_by(f"import {', '.join(PRELOADED)}")
    assert in_workers >= READERS_AND_WRITERS
    assert not {name for name in in_workers if name.startswith(("server.http", "server.operations", "aiohttp"))}


def test_graphql_is_not_loaded_where_nobody_wants_it() -> None:
    settings = "Settings(graphql={wanted}, data=Path('none'))"
    program = "from pathlib import Path; from server.settings import Settings; import server.serving; "
    program += f"from server.app.transports import wanted_transports; wanted_transports({settings})"
    found = {"strawberry", "graphql", "server.transports.graphql.door"}
    assert not found & loaded_by(program.format(wanted=False))
    assert loaded_by(program.format(wanted=True)) >= found


def test_grpc_is_not_loaded_where_nobody_wants_it() -> None:
    settings = "Settings(grpc_port={port}, data=Path('none'))"
    program = "from pathlib import Path; from server.settings import Settings; import server.serving; "
    program += f"from server.app.transports import wanted_transports; wanted_transports({settings})"
    found = {"grpclib", "h2", "google.protobuf", "server.transports.grpc.door"}
    assert not found & loaded_by(program.format(port=0))
    assert loaded_by(program.format(port=1)) >= found


ASKED = {"datasets": datasets_work, "files": file_work, "help": help_work, "reports": reports_work}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_workers_have_what_they_are_asked_for_by_name(asked: ModuleType) -> None:
    wanted = {name: each for name, each in vars(asked).items() if isinstance(each, ByName)}
    assert wanted
    in_workers = loaded_by(f"import {', '.join(PRELOADED)}")
    for name, each in wanted.items():
        assert each.name == name
        assert callable(getattr(import_module(each.module), name))
        assert each.module in in_workers


TESTED_ALONE = ("operations", "live", "engines")


@pytest.mark.parametrize("part", TESTED_ALONE)
def test_each_module_has_tests_of_its_own(part: str) -> None:
    """Where people's rights and the races between them are decided, a test goes by its own way to every branch."""
    modules = {path.stem for path in (ROOT / "server" / part).glob("*.py")} - {"__init__"}
    tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / "unit" / part).glob("test_*.py")}
    assert modules - tested == set(), f"write tests/unit/{part}/test_….py for these"


NEEDED_BY = {
    **dict.fromkeys(("client", "async_job", "live", "requests", "uploads"), "aiohttp"),
    "bar": "tqdm",  # where it is installed
}


def test_the_client_stands_alone() -> None:
    """It is copied to machines that have nothing of ours, and most of it needs nothing but Python."""
    own = {*sys.stdlib_module_names, "jindu"}
    of_client = [(path.stem, top(name)) for path, module, name in all_imports() if top(module) == "jindu"]
    assert of_client
    assert {(stem, name) for stem, name in of_client if name not in own} <= NEEDED_BY.items()


def test_importing_the_client_does_not_import_aiohttp() -> None:
    assert not {"aiohttp", "server"} & loaded_by("import jindu")


def test_nothing_of_opentelemetry_is_loaded_where_nobody_collects() -> None:
    """It would double what the server takes to start, for those who have no use for it."""
    build = "from server.settings import Settings; from server.app.parts import build_parts; import tempfile, pathlib"
    build += "; build_parts(Settings(data=pathlib.Path(tempfile.mkdtemp()))); import server.serving"
    loaded = {name.split(".")[0] for name in loaded_by(build)}
    assert not {"opentelemetry", "google", "requests"} & loaded


def test_one_module_alone_knows_opentelemetry() -> None:
    assert {name for _, name, imported in all_imports() if top(imported) == "opentelemetry"} == {"server.engines.otlp"}
