"""deploy/cluster/: what can be told of it without the machines it is for. What balancers do is in tests/cluster."""

from __future__ import annotations

import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from server.__main__ import parser
from server.settings import Settings, described, environment_name
from tests.functional.certificates import Authority
from tests.process import ROOT
from tests.unit.test_deploy import MOST_EXPOSURE

CLUSTER = ROOT / "deploy" / "cluster"
TEMPLATES = {"jindu@.service": "8000", "jindu-worker@.service": "1"}
MARGIN_SECONDS = 20
SETTINGS = {environment_name(field.name) for field in described()}
COMPOSE: dict[str, Any] = YAML(typ="safe", pure=True).load((CLUSTER / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "web", "worker")


def service_section(path: Path) -> dict[str, str]:
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
    given = service_section(CLUSTER / name)
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
    for name in ("haproxy.cfg", "nginx.conf", "compose.yaml", *TEMPLATES):
        assert f"deploy/cluster/{name}" in docs
    for name in ("haproxy.cfg", "nginx.conf"):
        text = (CLUSTER / name).read_text("utf-8")
        assert set(re.findall(r"10\.0\.0\.\d+:\d+", text)) == {"10.0.0.1:8000", "10.0.0.2:8000"}
        assert set(re.findall(r"JINDU_[A-Z_]+", text)) <= SETTINGS


def test_what_containers_are_told_are_settings_and_commands_that_there_are() -> None:
    for name in OURS:
        given = SERVICES[name]["environment"]
        assert {each.removesuffix("_FILE") for each in given} <= SETTINGS
        assert all(isinstance(value, str) for value in given.values())
        program, *arguments = SERVICES[name]["command"]
        assert program == "jindu"
        parser().parse_args(arguments)
        for each, value in given.items():  # secrets come as files, and by their names
            if value.startswith("/run/secrets/"):
                assert each.endswith("_FILE")
                assert value.removeprefix("/run/secrets/") in SERVICES[name]["secrets"]
        secret = {field.name for field in described() if field.metadata["secret"]} - {"broker_url"}
        assert not {each for each in given if each.removeprefix("JINDU_").lower() in secret}
    assert SERVICES["web"]["command"] == ["jindu", "serve", "--role", "web"]


def test_containers_that_serve_wait_for_the_tables_and_have_time_to_leave() -> None:
    assert SERVICES["migrate"]["command"] == ["jindu", "db", "upgrade"]
    assert SERVICES["migrate"]["restart"] == "no"
    settings = Settings()
    for name in ("web", "worker"):
        given = SERVICES[name]
        assert given["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
        assert given["environment"]["JINDU_UPGRADE_AT_START"] == "false"
        notice = float(given["environment"].get("JINDU_DRAIN_NOTICE_SECONDS", settings.drain_notice_seconds))
        grace = int(given["stop_grace_period"].removesuffix("s"))
        assert grace >= notice + settings.drain_seconds + MARGIN_SECONDS
    for name, service in SERVICES.items():
        assert "healthcheck" in service or name == "migrate"
        assert ":latest" not in service["image"] or name in OURS
        assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
        for other, wanted in service.get("depends_on", {}).items():
            assert other in SERVICES
            if wanted["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other]


def test_engines_are_as_the_docs_want_them() -> None:
    assert "--locale=C.UTF-8" in SERVICES["postgres"]["environment"]["POSTGRES_INITDB_ARGS"]
    assert SERVICES["valkey"]["command"] == ["valkey-server", "--save", "", "--appendonly", "no"]
    assert "volumes" not in SERVICES["valkey"]
    for secret in COMPOSE["secrets"].values():
        assert secret["file"].startswith("./secrets/")
    assert "/deploy/cluster/secrets/" in (ROOT / ".gitignore").read_text("utf-8")
    assert "deploy/cluster/secrets" in (ROOT / ".dockerignore").read_text("utf-8")


def test_haproxy_of_containers_balances_as_the_other_one_does(tmp_path: Path) -> None:
    containers, nodes = ((CLUSTER / name).read_text("utf-8") for name in ("compose-haproxy.cfg", "haproxy.cfg"))
    for section in ("global", "defaults"):
        assert _section(containers, section) == _section(nodes, section)
    haproxy = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if haproxy is None:
        pytest.skip("haproxy is not installed (make proxies)")
    Authority(tmp_path).issue()
    config = tmp_path / "haproxy.cfg"
    text = containers.replace("/run/secrets/certificate", f"{tmp_path}/server.pem")
    config.write_text(text.replace("maxconn 20000", "maxconn 200"), "utf-8")  # as many files as a test may open
    checked = subprocess.run([haproxy, "-c", "-f", str(config)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def _section(text: str, name: str) -> str:
    return text.partition(f"\n{name}\n")[2].partition("\n\n")[0]


def test_addresses_that_a_shell_may_read_are_in_quotes() -> None:
    """It takes `&` for its own, and leaves the setting empty."""
    for path in (*(ROOT / "docs").glob("*.md"), *(ROOT / "deploy").rglob("*.*"), ROOT / "README.md"):
        for value in re.findall(r"JINDU_STORAGE_URL[=:] *(\S+)", path.read_text("utf-8")):
            assert "&" not in value or value[0] in "\"'", path
