"""`nodes`: which nodes there are, and how each does."""

from __future__ import annotations

from typing import Any

from server.cli.output import say, say_json
from server.cli.session import CliSession
from server.cli.statuses import DONE, FAILED


async def list_nodes(session: CliSession, options: dict[str, Any]) -> int:
    """What needs a look first; with `--json`, a line each. Fails where a node is lost, or does not reach the rest."""
    status = DONE
    for node in (await session.client.get("/api/v1/admin/nodes"))["items"]:
        lacks = _lacks(node)
        if session.as_json:
            say_json(node)
        else:
            since = node["started_at"] if node["state"] == "up" else node["seen_at"]
            says = [node["node"], node["role"], node["state"], since, node["version"], _doing(node), *lacks]
            say("  ".join(filter(None, says)))
        if node["state"] == "lost" or lacks:
            status = FAILED
    return status


def _doing(node: dict[str, Any]) -> str:
    if node["connections"] is None or node["jobs_running"] is None:
        return ""
    return f"{node['connections']} connected  {node['jobs_running']} running"


def _lacks(node: dict[str, Any]) -> list[str]:
    lacks = {"reaches_files": "reaches no files", "hears_others": "hears no others"}
    return [says for name, says in lacks.items() if node[name] is False]
