"""Where the server listens: addresses that the settings name, or sockets that whoever started us opened already."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import MutableMapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

BACKLOG = 1024
UNIX = "unix:"  # before the path of a Unix socket
_FIRST_INHERITED = 3  # sd_listen_fds(3)
_FOR_THE_PROXYS_GROUP = 0o660


def hosts_of(setting: str) -> list[str]:
    """What `JINDU_HOST` names. `::` means everywhere, IPv4 too: by two sockets, so that each sees true addresses."""
    named = [host.strip() for host in setting.split(",") if host.strip()] or [""]
    if "::" in named and "0.0.0.0" not in named:  # noqa: S104
        named.append("0.0.0.0")  # noqa: S104
    return list(dict.fromkeys(named))


def url_of(host: str, port: int, *, scheme: str = "http") -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def url_of_socket(listening: socket.socket, *, scheme: str = "http") -> str:
    """Also of a Unix socket, which no browser can open."""
    name = listening.getsockname()
    return url_of(*name[:2], scheme=scheme) if isinstance(name, tuple) else UNIX + os.fsdecode(name)


def inherited_sockets(environ: MutableMapping[str, str]) -> list[socket.socket]:
    """Sockets that are open and listening already (systemd's `.socket` units): they outlive us, so nobody is refused
    while the server is started anew. They are only ever closed: `shutdown` would end them for our successor as well.

    The variables are taken out of `environ`, and children do not get the sockets.
    """
    pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdecimal():
        return []
    found = []
    for descriptor in range(_FIRST_INHERITED, _FIRST_INHERITED + int(count)):
        os.set_inheritable(descriptor, False)
        each = socket.socket(fileno=descriptor)
        each.setblocking(False)
        found.append(each)
    return found


async def open_sockets_at(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """A socket for each address that `hosts` stand for, all on one port; raises `OSError`."""
    loop = asyncio.get_running_loop()
    opened: list[socket.socket] = []
    try:
        for host in hosts:
            if host.startswith(UNIX):
                opened.append(_bound_to_path(Path(host.removeprefix(UNIX))))
                continue
            found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for family, _type, _protocol, _name, address in dict.fromkeys(found):
                if family == socket.AF_INET6 and host in ("", "::") and not _has_ipv6():
                    continue  # everywhere where the system can
                opened.append(_bound(family, (address[0], port, *address[2:])))
                port = port or opened[-1].getsockname()[1]  # a free one, which the next must have as well
    except OSError:
        for each in opened:
            close(each)
        raise
    return opened


def close(listening: socket.socket, *, is_inherited: bool = False) -> None:
    """A Unix socket of ours goes with its file."""
    if listening.family == socket.AF_UNIX and not is_inherited:
        with suppress(OSError):
            Path(os.fsdecode(listening.getsockname())).unlink()
    listening.close()


def _has_ipv6() -> bool:
    """Switched off in some kernels and many containers."""
    if not socket.has_ipv6:
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as tried:
            tried.bind(("::1", 0))
    except OSError:
        return False
    return True


def _bound(family: int, address: Any) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.setblocking(False)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise OSError(error.errno, f"cannot listen on {url_of(*address[:2])}: {error.strerror}") from error
    return listening


def _bound_to_path(path: Path) -> socket.socket:
    """For the server's user and group alone: put the proxy into that group."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_what_is_left(path)
        listening.setblocking(False)
        listening.bind(str(path))
        path.chmod(_FOR_THE_PROXYS_GROUP)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise OSError(error.errno, f"cannot listen on {UNIX}{path}: {error.strerror}") from error
    return listening


def _remove_what_is_left(path: Path) -> None:
    """The file of a server that was killed; one at which somebody still listens stays, and `bind` complains of it."""
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            try:
                asking.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
