"""What several nodes need beside the server is named when it is missing, with what to do about it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.process import ROOT

_WITHOUT = """
import runpy, sys
sys.modules[sys.argv.pop(1)] = None
runpy.run_path("run.py", run_name="__main__")
"""


def run(package: str, *words: str, data: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith("JINDU_")}
    return subprocess.run(
        [sys.executable, "-c", _WITHOUT, package, *words, "--data", str(data)],
        cwd=ROOT,
        env=known | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("package", "extra", "environ"),
    [
        ("psycopg", "postgresql", {"JINDU_DATABASE_URL": "postgresql://127.0.0.1:1/none"}),
        ("obstore", "s3", {"JINDU_STORAGE_URL": "s3://none?endpoint=http://127.0.0.1:1"}),
        (
            "redis",
            "valkey",
            {
                "JINDU_BROKER_URL": "redis://127.0.0.1:1",
                "JINDU_DATABASE_URL": "postgresql://127.0.0.1:1/none",
                "JINDU_SECRET_KEY": Fernet.generate_key().decode(),
            },
        ),
    ],
)
def test_a_start_without_the_package_of_an_engine_says_which_extra_to_install(
    tmp_path: Path, package: str, extra: str, environ: dict[str, str]
) -> None:
    started = run(package, "serve", "--port", "0", data=tmp_path, **environ)
    assert started.returncode != 0
    assert f"jindu-server[{extra}]" in started.stderr
    assert "jindu-server[cluster]" in started.stderr
    assert "Traceback" not in started.stderr
    checked = run(package, "config", "check", data=tmp_path, **environ)
    assert checked.returncode == 2
    assert f"jindu-server[{extra}]" in checked.stdout


def test_graphql_without_its_package_says_which_extra_to_install(tmp_path: Path) -> None:
    started = run("strawberry", "serve", "--port", "0", data=tmp_path, JINDU_GRAPHQL="1")
    assert started.returncode != 0
    assert "pip install 'jindu-server[graphql]'" in started.stderr
    assert "Traceback" not in started.stderr
    checked = run("strawberry", "config", "check", data=tmp_path, JINDU_GRAPHQL="1")
    assert checked.returncode == 2
    assert "jindu-server[graphql]" in checked.stdout


def test_grpc_without_its_package_says_which_extra_to_install(tmp_path: Path) -> None:
    started = run("grpclib", "serve", "--port", "0", data=tmp_path, JINDU_GRPC_PORT="1")
    assert started.returncode != 0
    assert "pip install 'jindu-server[grpc]'" in started.stderr
    assert "Traceback" not in started.stderr
    checked = run("grpclib", "config", "check", data=tmp_path, JINDU_GRPC_PORT="1")
    assert checked.returncode == 2
    assert "grpc_missing" in checked.stdout


def test_an_engine_that_is_none_is_named_at_the_start(tmp_path: Path) -> None:
    started = run("nothing-at-all", "serve", data=tmp_path, JINDU_DATABASE_URL="oracle://somewhere")
    assert started.returncode != 0
    assert "database_url begins with postgresql://" in started.stderr
