"""Log lines that wait to be stored, in memory that no job can fill: what is too much goes out of the middle, marked."""

from __future__ import annotations

from server.jobs.job_log import LogLine, without_middle

_MOST, _MOST_OF_A_JOB = 10_000, 2_000
_AT_ONCE = 500  # so many lines more are cut at once: not each line on its own
_LEAST = 4  # lines of a job: its first ones, a mark, and its last one


class WaitingLines:
    """By job; each job's are in order."""

    def __init__(self) -> None:
        self._lines: dict[str, list[LogLine]] = {}
        self._count = 0

    def add(self, line: LogLine) -> None:
        self._extend([line])

    def take(self, job_id: str) -> list[LogLine]:
        lines = self._lines.pop(job_id, [])
        self._count -= len(lines)
        return lines

    def take_all(self) -> list[LogLine]:
        lines = [line for of_job in self._lines.values() for line in of_job]
        self._lines, self._count = {}, 0
        return lines

    def put_back(self, lines: list[LogLine]) -> None:
        """What was taken, before what came meanwhile."""
        newer: dict[str, list[LogLine]] = {}
        for job_id in {line.job_id for line in lines}:
            newer[job_id] = self.take(job_id)
        self._extend(lines)
        for later in newer.values():
            self._extend(later)

    def _extend(self, lines: list[LogLine]) -> None:
        for line in lines:
            of_job = self._lines.setdefault(line.job_id, [])
            of_job.append(line)
            self._count += 1
            if len(of_job) >= _MOST_OF_A_JOB + _AT_ONCE:
                self._cut(line.job_id, keep=_MOST_OF_A_JOB)
            elif self._count > _MOST:
                self._cut_longest()

    def _cut_longest(self) -> None:
        """Whoever says the most loses the most. One line of each of thousands of jobs stays: jobs are bounded."""
        longest = max(self._lines, key=lambda job_id: len(self._lines[job_id]))
        self._cut(longest, keep=max(_LEAST, len(self._lines[longest]) // 2))

    def _cut(self, job_id: str, *, keep: int) -> None:
        before = self._lines[job_id]
        self._lines[job_id] = without_middle(before, keep=keep)
        self._count -= len(before) - len(self._lines[job_id])
