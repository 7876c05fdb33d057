"""How many files and sockets the operating system lets this process have open."""

from __future__ import annotations

import contextlib
import logging
import resource

_LOG = logging.getLogger("jindu")
_MOST = 1_048_576  # more is never needed, and some systems call the hard limit infinite


def raise_limit() -> None:
    """Take as many as we may have: the usual soft limit of 1,024 is for programs that still use select(2)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def limit() -> int:
    """Descriptors this process may have."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if soft == resource.RLIM_INFINITY else min(soft, _MOST)


def warn_if_few(*, live_connections: int, reserve: int) -> None:
    """Say at the start what would otherwise show on the busiest day."""
    if limit() < live_connections + reserve:
        _LOG.warning(
            "only %s files may be open, so there is room for %s connections, not for max_connections=%s beside "
            "reserved_descriptors=%s; raise the limit (ulimit -n, LimitNOFILE=)",
            limit(),
            max(0, limit() - reserve),
            live_connections,
            reserve,
            extra={"action": "descriptors"},
        )
