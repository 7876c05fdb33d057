"""A node whose settings do not fit those of nodes that run does not join them: it says which, and what to do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.cluster.conftest import Cluster, node
from tests.cluster.workshop import WorkerProcess
from tests.process import ServerProcess

pytestmark = pytest.mark.timeout(300)
_NOT_POSSIBLE = 2


def refused(process: ServerProcess) -> str:
    """What it says instead of serving."""
    with pytest.raises(RuntimeError):
        process.start()
    assert process.wait() == _NOT_POSSIBLE
    return "\n".join(process.log)


def test_misfits_are_refused_by_the_names_of_the_settings(
    cluster: Cluster, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "worker").mkdir()
    without_store = environment | {
        "JINDU_NODE": "worker",
        "JINDU_STORAGE_URL": "",
        "JINDU_SECRET_KEY": Fernet.generate_key().decode(),
    }
    elsewhere = {"JINDU_BROKER_URL": f"{cluster.valkey.url}?prefix=other:", "JINDU_ROLE": "web"}
    misfits = (
        WorkerProcess(tmp_path / "worker", environ=without_store),
        node(tmp_path, "deaf", environment, JINDU_BROKER_URL="", JINDU_ROLE="web"),
        node(tmp_path, "other", environment, **elsewhere),
        node(tmp_path, "twin", environment, JINDU_NODE="east", JINDU_ROLE="web"),
    )
    with ThreadPoolExecutor() as threads:
        worker, deaf, other, twin = threads.map(refused, misfits)
    assert "JINDU_STORAGE_URL names an S3 store, and here it is not set" in worker
    assert "JINDU_SECRET_KEY is another key" in worker
    assert "JINDU_BROKER_URL is set, and here it is not set" in deaf
    assert "JINDU_BROKER_URL names another server, or another database or prefix on it" in other
    assert "Node east" in twin
    assert "JINDU_NODE is the same at both" in twin
