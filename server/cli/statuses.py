"""What the exit status of a command says; docs/command-line.md lists the same."""

from __future__ import annotations

DONE = 0
FAILED = 1  # the job, or a part of it, failed or was cancelled
NOT_POSSIBLE = 2  # nothing was begun: wrong arguments, no connection, not allowed. argparse's own, too
REJECTS = 3  # done, but rows were rejected, and --fail-on-rejects was given
INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it
