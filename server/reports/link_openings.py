"""Who counts as somebody who opened a share link: people at browsers, each once in a while."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from server.auth.lately import Lately
from server.auth.networks import network_of

_AGAIN_AFTER_SECONDS = 600.0
# All browsers begin so; so do most machines that follow links, which say by one of these words that they are none.
_BROWSER = "Mozilla/"
_MACHINE = re.compile(
    r"bot\b|bot[/;-]|crawl|spider|slurp|preview|unfurl|scan|monitor|facebookexternalhit|whatsapp|skype|headless|"
    r"python|curl|wget|java/|okhttp|go-http|safelinks|barracuda|proofpoint|mimecast",
    re.IGNORECASE,
)


class LinkOpenings:
    """In memory: after a restart somebody may count twice, which is better than to keep who reads what."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._lately = Lately(most=1, within_seconds=_AGAIN_AFTER_SECONDS, most_keys=20_000, clock=clock)

    def is_new(self, link_id: str, *, address: str, user_agent: str) -> bool:
        """Whether this one counts; then it does not for a while."""
        if not user_agent.startswith(_BROWSER) or _MACHINE.search(user_agent):
            return False
        visitor = f"{link_id} {network_of(address)} {user_agent[:300]}"
        if self._lately.seconds_to_wait(visitor) > 0:
            return False
        self._lately.add(visitor)
        return True
