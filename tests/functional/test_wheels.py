"""The two wheels, as `make wheels` builds them, each installed without the tree and started from elsewhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

import jindu
import server
from tests.conftest import PASSWORDS
from tests.process import ROOT, ServerProcess

BUILT_FROM = ("jindu", "server", "views", "static", "templates", "locales", "examples", "docs")
SCRIPT = """
import importlib.util, sys, jindu
assert importlib.util.find_spec("aiohttp") is None and importlib.util.find_spec("server") is None
with jindu.job("Counting", total=3, unit="sheep", strict=True) as job:
    for _ in range(3):
        job.advance()
print(jindu.__file__)
"""


@dataclass(frozen=True, slots=True)
class Wheels:
    """The two files."""

    client: Path
    server: Path


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    """Built in a copy, so that what building leaves behind is in nobody's way."""
    tree = tmp_path_factory.mktemp("tree")
    for name in BUILT_FROM:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build"))
    for name in ("Makefile", "setup.cfg", "pyproject.toml", "README.md", "LICENSE", "requirements.lock"):
        shutil.copy2(ROOT / name, tree)
    done("make", "--assume-old=install-test", "wheels", f"VENV={sys.prefix}", cwd=tree)
    assert not [left for left in ("build", "jindu/build", "jindu/jindu.egg-info") if (tree / left).exists()]
    (client,) = (tree / "dist").glob("jindu-*.whl")
    (of_server,) = (tree / "dist").glob("jindu_server-*.whl")
    return Wheels(client, of_server)


def done(*command: str | Path, cwd: Path, **environ: str) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("JINDU_", "MAKE", "PYTHON"))}
    ended = subprocess.run(command, cwd=cwd, env=clean | environ, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def environment(directory: Path, *wheels: Path) -> Path:
    """The commands of a new virtual environment that has nothing but these wheels."""
    done(sys.executable, "-m", "venv", "--without-pip", directory, cwd=directory.parent)
    pip = (sys.executable, "-m", "pip", "--python", directory / "bin" / "python", "install", "--quiet")
    done(*pip, "--no-deps", "--no-index", "--disable-pip-version-check", *wheels, cwd=directory.parent)
    return directory / "bin"


def lend_packages(bin_directory: Path) -> None:
    """What others wrote, from our own environment: fetching it again would take minutes. Ours is not in there."""
    (theirs,) = [place for place in sys.path if place.endswith("site-packages")]
    (site,) = (bin_directory.parent / "lib").glob("python*/site-packages")
    (site / "lent.pth").write_text(theirs + "\n", "utf-8")


@contextmanager
def serving(command: Path, directory: Path) -> Iterator[ServerProcess]:
    process = ServerProcess(directory / "data", command=(str(command),), cwd=directory)
    process.start()
    try:
        yield process
    finally:
        process.kill()


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as file:
        return {name for name in file.namelist() if ".dist-info/" not in name}


def files_under(directory: str, pattern: str = "*") -> set[str]:
    found = (path.relative_to(ROOT) for path in (ROOT / directory).rglob(pattern) if path.is_file())
    return {str(path) for path in found if "__pycache__" not in path.parts and "egg-info" not in str(path)}


def test_the_wheels_have_the_same_version_and_ask_for_each_other(wheels: Wheels) -> None:
    assert server.__version__ == jindu.__version__
    for wheel in (wheels.client, wheels.server):
        assert wheel.name.split("-")[1] == server.__version__
    with zipfile.ZipFile(wheels.server) as file:
        (metadata,) = [name for name in file.namelist() if name.endswith("/METADATA")]
        needed = re.findall(r"^Requires-Dist: (.*)$", file.read(metadata).decode(), re.MULTILINE)
    assert f"jindu[async]=={server.__version__}" in needed


def test_the_client_needs_python_3_9_and_nothing_else(wheels: Wheels) -> None:
    with zipfile.ZipFile(wheels.client) as file:
        (name,) = [name for name in file.namelist() if name.endswith("/METADATA")]
        metadata = file.read(name).decode()
        assert not [name for name in file.namelist() if name.endswith("entry_points.txt")]
    assert "Requires-Python: >=3.9" in metadata
    needed = re.findall(r"^Requires-Dist: (.*)$", metadata, re.MULTILINE)
    assert needed
    assert all('extra == "async"' in each for each in needed)


def test_everything_the_tree_has_is_in_the_wheels(wheels: Wheels) -> None:
    """A new package or a new kind of file must not be missing in what people install."""
    assert names_in(wheels.client) == files_under("jindu", "*.py") | {"jindu/py.typed"}
    wanted = files_under("server") | files_under("views")
    for mapped in ("static", "templates", "locales", "examples"):
        wanted |= {f"server/{name}" for name in files_under(mapped)}
    wanted |= {f"server/{name}" for name in files_under("docs") if not name.startswith("docs/decisions/")}
    assert names_in(wheels.server) == wanted


async def test_an_installed_server_and_an_installed_client_meet(wheels: Wheels, tmp_path: Path) -> None:
    commands = environment(tmp_path / "server", wheels.server, wheels.client)
    lend_packages(commands)
    own = environment(tmp_path / "client", wheels.client)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert done(commands / "jindu", "--version", cwd=elsewhere) == f"jindu {server.__version__}\n"
    assert not (own / "jindu").exists()
    with serving(commands / "jindu", elsewhere) as process:
        async with aiohttp.ClientSession(process.url) as person:
            credentials = {"username": "admin", "password": PASSWORDS["admin"], "name": "tests"}
            async with person.post("/api/v1/tokens", json=credentials) as response:
                token = (await response.json())["token"]
            async with person.get("/login", headers={"Accept-Language": "zh-CN"}) as response:
                assert "登录" in await response.text()
            async with person.get("/help/zh-CN/analysts") as response:
                assert "导入文件" in await response.text()
            async with person.get("/static/js/app.js") as response:
                assert await response.read() == (ROOT / "static/js/app.js").read_bytes()
        access = {"JINDU_URL": process.url, "JINDU_TOKEN": token}
        place = done(own / "python", "-I", "-c", SCRIPT, cwd=elsewhere, **access)
        assert place.startswith(str(own.parent))
        # A worker process reads it, which is started from this directory as well.
        shutil.copy(ROOT / "examples" / "orders.csv", elsewhere)
        told = done(commands / "jindu", "import", "orders.csv", "--dataset=orders", "--json", cwd=elsewhere, **access)
        assert json.loads(told)["row_count"] > 49_000
        told = done(commands / "jindu", "jobs", "list", "--kind=external", "--json", cwd=elsewhere, **access)
        (job,) = map(json.loads, told.splitlines())
        assert (job["title"], job["state"]) == ("Counting", "succeeded")
