"""Servers as processes of their own, begun by a process that has imported all of the server: to import it takes longer
than all the rest of a start, and hundreds are started.

It is forked before anything runs in it. What a server then is differs from what `run.py` gives in nothing that can be
seen: its pid, its output, its signals and its end are its own. Run as a program this is the process that begins them.

Commands are begun so, too: a program that starts in no time hands on what it was given, and ends as they do.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import IO

_ROOT = Path(__file__).parent.parent
_NUMBER_BYTES = 12  # each, always: of a pid, and then of an exit status
_MOST_BYTES = 1 << 18  # of what is asked for: an environment, mostly


class Begun:
    """One process that was begun so; as a `subprocess.Popen`, as far as tests need one."""

    def __init__(self, pid: int, told: int, stdout: IO[str]) -> None:
        self.pid = pid
        self.stdout = stdout
        self.returncode: int | None = None
        self._told = told
        self._lock = threading.Lock()
        weakref.finalize(self, os.close, told)

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, or the signal below zero. Raises `subprocess.TimeoutExpired`."""
        if self.returncode is None and not select.select([self._told], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("run.py", timeout or 0.0)
        with self._lock:
            if self.returncode is None:
                self.returncode = int(os.read(self._told, _NUMBER_BYTES))
            return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and that was not told yet
                os.kill(self.pid, number)


class _Beginner:
    """The process that begins them, one for each process of tests. It ends when that does."""

    def __init__(self) -> None:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MOST_BYTES)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__],
                cwd=_ROOT,
                stdin=theirs,
                stdout=subprocess.PIPE,  # as those of servers are: Python looks once what they can do
                stderr=subprocess.STDOUT,
                text=True,
            )
        self._lock = threading.Lock()

    @property
    def line(self) -> int:
        """Its descriptor: whoever has it may ask, too."""
        return self._line.fileno()

    def begin(self, arguments: Sequence[str], environ: Mapping[str, str]) -> Begun:
        said, their_said = os.pipe()
        told, their_told = os.pipe()
        nothing = os.open(os.devnull, os.O_RDONLY)
        try:
            with self._lock:
                socket.send_fds(self._line, [_asked(arguments, environ)], [nothing, their_said, their_said, their_told])
        finally:
            for each in (nothing, their_said, their_told):
                os.close(each)
        if not (pid := os.read(told, _NUMBER_BYTES)):
            raise RuntimeError(self._process.communicate()[0])
        return Begun(int(pid), told, os.fdopen(said))


_beginner = functools.cache(_Beginner)


def begin(arguments: Sequence[str], environ: Mapping[str, str]) -> Begun:
    """`python run.py …` in the root of the tree; what it writes is its `stdout`, errors too."""
    return _beginner().begin(arguments, environ)


def command(arguments: Sequence[str], environ: Mapping[str, str]) -> tuple[Sequence[str], Sequence[int]]:
    """What to start for `python run.py …` in the root of the tree, and the descriptors that it must inherit.

    It takes SIGINT, SIGTERM and SIGHUP for the command, and ends as that does; SIGKILL would end it alone.
    """
    line = _beginner().line
    return [sys.executable, "-I", "-S", "-c", _HAND_ON, str(line), _asked(arguments, environ).decode()], [line]


_HAND_ON = """
import _signal, _socket, os, struct, sys
taken = (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP)
_signal.pthread_sigmask(_signal.SIG_BLOCK, taken)
heard, told = os.pipe()
line = _socket.socket(fileno=int(sys.argv[1]))
given = struct.pack("4i", 0, 1, 2, told)
line.sendmsg([sys.argv[2].encode()], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, given)])
line.close()
for each in (0, 1, 2, told):
    os.close(each)
pid = int(os.read(heard, 12))
for number in taken:
    _signal.signal(number, lambda number, _: os.kill(pid, number))
_signal.pthread_sigmask(_signal.SIG_UNBLOCK, taken)
status = int(os.read(heard, 12))
if status < 0:
    if -status in taken:
        _signal.signal(-status, _signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
"""


def _asked(arguments: Sequence[str], environ: Mapping[str, str]) -> bytes:
    return json.dumps({"arguments": [*arguments], "environ": {**environ}}).encode()


def _serve_beginnings() -> Sequence[str] | None:
    """Returns in each process that is to be a server, with its arguments; and with None when nobody asks any more."""
    line = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    while True:
        asked, descriptors, _, _ = socket.recv_fds(line, _MOST_BYTES, 4)
        if not asked:
            return None
        with contextlib.suppress(ChildProcessError):  # there may be none yet
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if os.fork() == 0:
            line.close()
            *streams, told = descriptors
            return _begun(asked, streams, told)
        for each in descriptors:
            os.close(each)


def _begun(asked: bytes, streams: Sequence[int], told: int) -> Sequence[str]:
    """Returns in the server; beside it stays somebody who waits for its end, and says how it was."""
    if pid := os.fork():
        for each in (*streams, 1, 2):
            os.close(each)
        with contextlib.suppress(BrokenPipeError):  # the tests were killed
            os.write(told, _number(pid))
            _, status = os.waitpid(pid, 0)
            os.write(told, _number(os.waitstatus_to_exitcode(status)))
        os._exit(0)
    os.close(told)
    for number, each in enumerate(streams):
        os.dup2(each, number)
        os.close(each)
    wanted = json.loads(asked)
    os.environ.clear()
    os.environ.update(wanted["environ"])
    return list(wanted["arguments"])


def _number(value: int) -> bytes:
    return str(value).encode().ljust(_NUMBER_BYTES)


def _be_run_py(main: ModuleType, arguments: Sequence[str]) -> None:
    """Worker processes of a server begin by importing what its main program is."""
    sys.argv = ["run.py", *arguments]
    main.__file__, main.__spec__ = str(_ROOT / "run.py"), None


if __name__ == "__main__":
    import gc
    import importlib
    import pkgutil

    gc.disable()  # as `run.py serve` does before it imports all this
    import server.cli
    import server.serving
    import server.working
    from server.__main__ import main as run
    from server.languages import Languages
    from server.places import LOCALES

    for each in pkgutil.iter_modules(server.cli.__path__, "server.cli."):
        importlib.import_module(each.name)
    Languages.load(LOCALES)  # they are kept, and each would read them anew
    gc.freeze()
    gc.enable()  # servers put it off, commands do not
    if (arguments := _serve_beginnings()) is not None:
        _be_run_py(sys.modules["__main__"], arguments)
        sys.exit(run(arguments))
