"""The kind of jobs that run in scripts of people: what pages and messages say of them."""

from __future__ import annotations

from collections.abc import Sequence

from server.jobs.job import OF_SCRIPTS, Job
from server.jobs.kinds import JobKind, JobLink
from server.texts import phrase


def _links(job: Job) -> Sequence[JobLink]:
    url = (job.result or {}).get("url")
    # What a script gives may be anything; `javascript:` must not become a link.
    is_web_address = isinstance(url, str) and url.startswith(("https://", "http://"))
    return [JobLink(url=str(url), label="Open the result", icon="external-link")] if is_web_address else []


# What the client of ours says of its own accord, word for word: on a page in Chinese it is Chinese.
SAID_BY_CLIENT = (
    phrase("The script ended without saying how this went."),
    phrase("The script was ended by SIGTERM."),
    phrase("The script was ended by SIGHUP."),
    phrase("The script failed."),
    phrase("The loop was left before its end."),
    phrase("An exception ended the loop; the script's own output says more."),
)
KIND = JobKind(
    name=OF_SCRIPTS,
    label="Script",
    icon="terminal",
    unit="steps",
    links=_links,
    lost="Its script is told so and should stop; what it has done so far stays as it is.",
    kept="Its script is told so. Start it anew where you started it.",
    function=None,
    heavy=False,
    stalls_after_seconds=120.0,
    can_retry=False,
)
