"""Runs kosoku's WebSocket conformance cases against a URL, those of compression (12, 13) left out; prints JSON."""

from __future__ import annotations

import asyncio
import json
import sys

from kosoku import FailureError, run_fuzzingclient


async def main(url: str) -> None:
    try:
        results = await run_fuzzingclient(url, exclude_cases=["12.*", "13.*"], concurrency=4)
    except FailureError as error:
        results = error.results
    failed = {
        result.case_id: f"{result.behavior.value}, closing {result.behavior_close.value}: {result.result}"
        for result in results
        if not result.passed
    }
    not_strict = [result.case_id for result in results if result.passed and result.behavior.value == "NON-STRICT"]
    json.dump({"count": len(results), "failed": failed, "not_strict": not_strict}, sys.stdout)


asyncio.run(main(sys.argv[1]))
