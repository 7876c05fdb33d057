"""deploy/: what can be told of it without the machine it is for. What proxies do is in tests/functional."""

from __future__ import annotations

import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

from server.care.configuration_checks import check_configuration
from server.settings import Settings, load
from tests.process import ROOT

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
MOST_EXPOSURE = 20  # in tenths, as `systemd-analyze security` counts


def unit(name: str) -> RawConfigParser:
    read = RawConfigParser(strict=False, delimiters=("=",))
    read.optionxform = str  # type: ignore[assignment,method-assign]  # names are told apart by case
    read.read(DEPLOY / name)
    return read


def test_systemd_understands_the_units_and_calls_the_service_well_hardened(tmp_path: Path) -> None:
    """Only looks at files: nothing is started or installed."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    program = shutil.which("true")
    for name in ("jindu.service", "jindu.socket"):
        text = (DEPLOY / name).read_text("utf-8").replace("/opt/jindu/.venv/bin/jindu", str(program))
        (tmp_path / name).write_text(text)
    units = [str(tmp_path / "jindu.service"), str(tmp_path / "jindu.socket")]
    verified = subprocess.run(
        [analyze, "verify", "--man=no", "--generators=no", *units], capture_output=True, text=True, check=False
    )
    ours = [line for line in verified.stderr.splitlines() if "jindu" in line]
    assert (ours, verified.returncode) == ([], 0)
    security = subprocess.run(
        [analyze, "security", "--offline=true", f"--threshold={MOST_EXPOSURE}", "--no-pager", units[0]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert security.returncode == 0, security.stdout[-3000:]


def test_the_unit_says_what_the_server_does() -> None:
    service, socket = unit("jindu.service"), unit("jindu.socket")
    given = dict(service["Service"])
    assert (given["Type"], given["NotifyAccess"]) == ("notify", "main")
    assert int(given["WatchdogSec"]) >= 30
    settings = Settings()
    assert int(given["TimeoutStopSec"]) >= settings.drain_notice_seconds + settings.drain_seconds + 15
    assert "jindu.socket" in service["Unit"]["Requires"]
    assert "jindu.socket" in service["Unit"]["After"]
    assert socket["Socket"]["ListenStream"] == "127.0.0.1:8000"
    assert socket["Socket"]["SocketGroup"] == given["Group"]
    needed = {"AF_INET", "AF_INET6", "AF_UNIX"}
    assert set(given["RestrictAddressFamilies"].split()) == needed
    assert given["CapabilityBoundingSet"] == ""


def instructions() -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def test_the_container_is_nobodys_root_and_looks_after_itself() -> None:
    given = dict(instructions())  # of each the last, which is the image's own
    assert re.fullmatch(r"\d+(:0)?", given["USER"])  # a number, which whoever runs it can check
    assert not given["USER"].startswith("0")
    assert given["VOLUME"] == "/data"
    assert given["STOPSIGNAL"] == "SIGTERM"
    assert given["CMD"] == '["jindu", "serve"]'  # no shell between the signal and the server
    assert given["HEALTHCHECK"].endswith('CMD ["jindu", "health", "--alive"]')
    for name, rest in instructions():
        assert name in {
            "FROM",
            "COPY",
            "RUN",
            "USER",
            "WORKDIR",
            "ENV",
            "VOLUME",
            "EXPOSE",
            "HEALTHCHECK",
            "STOPSIGNAL",
            "CMD",
        }
        if name == "FROM":
            assert re.search(r":[\w.-]*\d", rest), "the version of a base is named"
            assert ":latest" not in rest
        if name == "RUN":
            assert "sudo" not in rest
            if "pip install" in rest or "pip wheel" in rest:
                assert "--no-cache-dir" in rest
                assert "--constraint" in rest or "--no-deps" in rest
    assert "secret" not in DOCKERFILE.lower()
    assert "password" not in DOCKERFILE.lower()


def test_what_the_image_is_built_from_holds_no_data() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert {".git", ".venv", "data"} <= set(ignored)


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile", "haproxy.cfg", "apache.conf"])
def test_each_proxy_can_be_set_to_a_path_and_is_in_the_docs(name: str) -> None:
    text = (DEPLOY / name).read_text("utf-8")
    assert len(re.findall(r"^\s*# below a path: .*jindu", text, re.MULTILINE)) == 1
    assert "JINDU_BASE_PATH=/jindu" in text
    assert "JINDU_TRUSTED_PROXIES=1" in text
    assert f"deploy/{name}" in (ROOT / "docs" / "operations.md").read_text("utf-8")


def test_the_settings_of_the_recorded_installation_have_nothing_wrong(tmp_path: Path) -> None:
    """docs/operations.md, "Install it as a service": what it writes down is what `config check` is content with."""
    docs = (ROOT / "docs" / "operations.md").read_text("utf-8")
    recorded = docs.partition("## Install it as a service")[2].partition("```sh\n")[2].partition("```")[0]
    environ = dict(line.strip().split("=", 1) for line in recorded.splitlines() if line.strip())
    settings = load(environ=environ | {"JINDU_DATA": str(tmp_path)}, directory=tmp_path)
    assert (settings.base_path, settings.trusted_proxies) == ("/jindu", 1)
    assert list(check_configuration(settings)) == []
    for named in re.findall(r"/opt/jindu/(deploy/[\w.]+)", docs):
        assert (ROOT / named).is_file()
