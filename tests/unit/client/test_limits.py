"""What the client cuts to is what the server takes."""

from __future__ import annotations

import jindu.limits as of_client
import server.jobs.external_limits as of_server


def test_client_and_server_have_the_same_limits() -> None:
    shared = {name for name in vars(of_server) if name.isupper()} - {"DETAIL_BYTES_IN_ALL"}
    assert shared <= vars(of_client).keys()
    assert {name: getattr(of_client, name) for name in shared} == {name: getattr(of_server, name) for name in shared}
    assert of_client.DETAIL_BYTES <= of_server.DETAIL_BYTES_IN_ALL
