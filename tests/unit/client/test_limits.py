"""What the client cuts to is what the server takes."""

from __future__ import annotations

import jindu.limits as of_client
import server.jobs.external_limits as of_server
from jindu import report, tracking
from jindu.handle import ENDED_BY_SIGNAL, LOOP_LEFT, LeftOpen
from server.jobs import external_kind


def test_client_and_server_have_the_same_limits() -> None:
    shared = {name for name in vars(of_server) if name.isupper()} - {"DETAIL_BYTES_IN_ALL"}
    assert shared <= vars(of_client).keys()
    assert {name: getattr(of_client, name) for name in shared} == {name: getattr(of_server, name) for name in shared}
    assert of_client.DETAIL_BYTES <= of_server.DETAIL_BYTES_IN_ALL


def test_what_the_client_says_of_its_own_accord_is_known_to_the_server_which_translates_it() -> None:
    signals = [ENDED_BY_SIGNAL.format(name=name) for name in ("SIGTERM", "SIGHUP")]
    said = {str(LeftOpen()), *signals, report.SAYS_NOTHING, LOOP_LEFT, tracking.EXCEPTION}
    assert said == {text["phrase"] for text in external_kind.SAID_BY_CLIENT}
