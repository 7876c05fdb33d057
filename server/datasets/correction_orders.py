"""What is ordered of a correction of rejected rows, and what is told of one that is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from server.datasets.dataset import Mode, Version, address_of, page_of
from server.jobs.job import Job
from server.jobs.kinds import JobLink

CORRECTION_KIND = "import_correction"
MOST_ROWS = 200  # at once: they stand in the job


class CorrectionParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of such a job. `rows` are the cells of each row by the line where it starts in the file."""

    import_id: str
    upload_id: str
    dataset: str
    mode: Mode
    rows: dict[int, list[str | None]]

    @classmethod
    def of(cls, job: Job) -> CorrectionParameters:
        return msgspec.convert(job.parameters, cls, strict=False)


def links_of_correction(job: Job) -> Sequence[JobLink]:
    wanted = CorrectionParameters.of(job)
    links = [JobLink(url=f"/imports/{wanted.import_id}/correct", label="Rejected rows", icon="file-x")]
    if result := job.result:
        page = result.get("links", {}).get("dataset_page") or f"/datasets/{quote(result['dataset'])}"
        links.insert(0, JobLink(url=page, label="Open the dataset", icon="table-2"))
    return links


def result_of_correction(job: Job, version: Version) -> dict[str, Any]:
    """`row_count` is of the dataset, `corrected_count` are the rows that were added, `left_count` those in the list."""
    told = version.source["corrects"]
    return {
        "dataset": version.dataset,
        "version": version.number,
        "before": version.number - 1,
        "row_count": version.row_count,
        "corrected_count": told["rows"],
        "wrong_count": told["wrong"],
        "missing_count": len(told["missing"]),
        "missing_lines": told["missing"],
        "left_count": version.rejected_count,
        "warnings": told.get("warnings", []),
        **version.source.get("upserted", {}),
        "links": {
            "dataset": address_of(version, job.owner_id),
            "dataset_page": page_of(version, job.owner_id),
            "import": f"/api/v1/imports/{told['import_id']}",
            "rows": f"/api/v1/imports/{told['import_id']}/rejects/rows",
            "page": f"/imports/{told['import_id']}/correct",
        },
    }
