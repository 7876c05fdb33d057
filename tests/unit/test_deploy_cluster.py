"""deploy/cluster/: what can be told of it without the machines it is for. What balancers do is in tests/cluster."""

from __future__ import annotations

import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

from server.settings import Settings, described, environment_name
from tests.process import ROOT
from tests.unit.test_deploy import MOST_EXPOSURE

CLUSTER = ROOT / "deploy" / "cluster"
TEMPLATES = {"jindu@.service": "8000", "jindu-worker@.service": "1"}
MARGIN_SECONDS = 20
SETTINGS = {environment_name(field.name) for field in described()}


def service(path: Path) -> dict[str, str]:
    read = RawConfigParser(strict=False, delimiters=("=",))
    read.optionxform = str  # type: ignore[assignment,method-assign]  # names are told apart by case
    read.read(path)
    return dict(read["Service"])


@pytest.mark.parametrize("name", TEMPLATES)
def test_systemd_understands_an_instance_and_calls_it_well_hardened(name: str, tmp_path: Path) -> None:
    """Only looks at files: nothing is started or installed."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    text = (CLUSTER / name).read_text("utf-8").replace("/opt/jindu/.venv/bin/jindu", str(shutil.which("true")))
    (tmp_path / name).write_text(text)
    instance = tmp_path / name.replace("@", f"@{TEMPLATES[name]}")
    instance.symlink_to(tmp_path / name)
    verified = subprocess.run(
        [analyze, "verify", "--man=no", "--generators=no", str(instance)], capture_output=True, text=True, check=False
    )
    ours = [line for line in verified.stderr.splitlines() if "jindu" in line]
    assert (ours, verified.returncode) == ([], 0)
    security = subprocess.run(
        [analyze, "security", "--offline=true", f"--threshold={MOST_EXPOSURE}", "--no-pager", str(instance)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert security.returncode == 0, security.stdout[-3000:]


@pytest.mark.parametrize(("name", "command"), [("jindu@.service", "serve"), ("jindu-worker@.service", "worker")])
def test_an_instance_has_a_name_and_data_of_its_own_and_time_to_leave(name: str, command: str) -> None:
    given = service(CLUSTER / name)
    assert given["ExecStart"].endswith(f"/jindu {command}")
    assert (given["Type"], given["NotifyAccess"], given["KillMode"]) == ("notify", "main", "mixed")
    settings = Settings()
    assert int(given["TimeoutStopSec"]) >= settings.drain_notice_seconds + settings.drain_seconds + MARGIN_SECONDS
    text = (CLUSTER / name).read_text("utf-8")
    own = dict(each.split("=") for each in re.findall(r"JINDU_\w+=\S+", text))
    assert set(own) <= SETTINGS
    assert "%i" in own["JINDU_NODE"]
    assert own["JINDU_DATA"] == given["WorkingDirectory"] == f"/var/lib/{given['StateDirectory']}"
    assert "%i" in own["JINDU_DATA"]
    assert own["JINDU_UPGRADE_AT_START"] == "false"


@pytest.mark.parametrize("name", TEMPLATES)
def test_an_instance_is_walled_in_as_the_single_server_is(name: str) -> None:
    def walls(path: Path) -> str:
        return path.read_text("utf-8").partition("ProtectSystem=")[2].partition("[Install]")[0]

    assert walls(CLUSTER / name) == walls(ROOT / "deploy" / "jindu.service")


def test_balancers_are_in_the_docs_and_have_the_same_nodes() -> None:
    docs = (ROOT / "docs" / "cluster.md").read_text("utf-8")
    for name in ("haproxy.cfg", "nginx.conf", *TEMPLATES):
        assert f"deploy/cluster/{name}" in docs
    for name in ("haproxy.cfg", "nginx.conf"):
        text = (CLUSTER / name).read_text("utf-8")
        assert set(re.findall(r"10\.0\.0\.\d+:\d+", text)) == {"10.0.0.1:8000", "10.0.0.2:8000"}
        assert set(re.findall(r"JINDU_[A-Z_]+", text)) <= SETTINGS
