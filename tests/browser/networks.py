"""Two networks that know nothing of each other, and the server between them: network namespaces of Linux, for root."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

SECRET = "of the relay and the server"
_TURN_PORT = 3478
_HOSTS = ("1", "2")  # 10.77.<host>.2, whose gateway, the middle, is 10.77.<host>.1


@dataclass(frozen=True)
class Networks:
    """`left` and `right` reach the `middle`; whether they reach each other, `let_through` says."""

    left: str
    right: str
    middle: str

    address = "10.77.1.1"  # of the middle, from both

    def let_through(self, is_open: bool) -> None:
        _run(*inside(self.middle), "sh", "-c", f"echo {int(is_open)} >/proc/sys/net/ipv4/ip_forward")

    def cut(self, name: str, *, is_cut: bool) -> None:
        """Pull the plug of one, or put it in again."""
        _run(*inside(name), "ip", "link", "set", "eth", "down" if is_cut else "up")
        if not is_cut:  # its way out goes with the plug
            host = _HOSTS[(self.left, self.right).index(name)]
            _run(*inside(name), "ip", "route", "replace", "default", "via", f"10.77.{host}.1")

    @property
    def turn_url(self) -> str:
        return f"turn:{self.address}:{_TURN_PORT}?transport=udp"


def inside(name: str) -> list[str]:
    """What a command begins with to run there."""
    return ["ip", "netns", "exec", name]


def can_be_made() -> bool:
    """Not without root, nor in a container that may not; a missing program is no such reason."""
    if os.geteuid() != 0:
        return False
    if shutil.which("ip") is None:
        return True
    name = f"jindu-t{os.getpid()}"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    if tried.returncode == 0:
        _run("ip", "netns", "delete", name)
    return tried.returncode == 0


@contextmanager
def networks() -> Iterator[Networks]:
    mark = f"{os.getpid()}"
    made = Networks(left=f"jindu-l{mark}", right=f"jindu-r{mark}", middle=f"jindu-m{mark}")
    with ExitStack() as stack:
        for name in (made.left, made.right, made.middle):
            _run("ip", "netns", "add", name)
            stack.callback(_run, "ip", "netns", "delete", name)
            _run(*inside(name), "ip", "link", "set", "lo", "up")
        for host, name in zip(_HOSTS, (made.left, made.right), strict=True):
            plug = f"to{host}"
            _run("ip", "link", "add", plug, "netns", made.middle, "type", "veth", "peer", "eth", "netns", name)
            _run(*inside(made.middle), "ip", "address", "add", f"10.77.{host}.1/24", "dev", plug)
            _run(*inside(made.middle), "ip", "link", "set", plug, "up")
            _run(*inside(name), "ip", "address", "add", f"10.77.{host}.2/24", "dev", "eth")
            _run(*inside(name), "ip", "link", "set", "eth", "up")
            _run(*inside(name), "ip", "route", "add", "default", "via", f"10.77.{host}.1")
        yield made


@contextmanager
def relay(networks: Networks, directory: Path) -> Iterator[None]:
    """coturn in the middle, as docs/peer-to-peer.md has it."""
    log = directory / "turn.log"
    program = shutil.which("turnserver", path=os.environ["PATH"] + ":/usr/sbin:/usr/bin")
    assert program, "coturn is not installed: make proxies"
    command = [
        *inside(networks.middle), program, "-n", "--listening-ip", networks.address, "--relay-ip", networks.address,
        "--listening-port", str(_TURN_PORT), "--realm", "test", "--use-auth-secret", "--static-auth-secret", SECRET,
        "--denied-peer-ip", "10.0.0.0-10.255.255.255", "--allowed-peer-ip", networks.address, "--no-multicast-peers",
        "--no-tls", "--no-dtls", "--no-cli", "--log-file", str(log), "--simple-log",
        "--pidfile", str(directory / "pid"), "--userdb", str(directory / "db"), "--verbose",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(log)
            yield
        finally:
            process.kill()


def has_relayed(directory: Path) -> bool:
    """Whether somebody was let use it."""
    return "ALLOCATE processed, success" in (directory / "turn.log").read_text("utf-8", errors="replace")


def browser_program(name: str, chromium: str, directory: Path) -> Path:
    """A program that is Chromium in that network."""
    program = directory / f"chromium-{name}"
    program.write_text(f'#!/bin/sh\nexec {" ".join(inside(name))} {chromium} "$@"\n')
    program.chmod(0o755)
    return program


def _wait_for(log: Path, *, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not (log.exists() and "listener opened on" in log.read_text("utf-8", errors="replace")):
        assert time.monotonic() < deadline, "the relay did not start"
        time.sleep(0.05)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
