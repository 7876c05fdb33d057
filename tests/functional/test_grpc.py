"""gRPC: what may be called, by whom, how much of it, and what hostile peers get."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import hashlib
import json
import os
import socket
import struct
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpclib import GRPCError, Status
from grpclib.client import Stream
from grpclib.health.v1.health_grpc import HealthStub
from grpclib.health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, ResponseReceived, StreamReset, TrailersReceived

from server.jobs.outcomes import Notice
from server.realtime.close_codes import CloseCode
from server.settings import Settings
from server.transports.grpc.call import MOST_BYTES, GrpcCall
from server.transports.grpc.made import jindu_pb2 as pb
from tests.conftest import PASSWORDS, Server, new_user, serving
from tests.functional.batches import put_template
from tests.functional.browsing import browser, sign_in
from tests.functional.certificates import Authority
from tests.functional.grpc_client import HOST, GrpcClient, grpc_of, live_over_grpc, token_of
from tests.ports import free_port
from tests.waiting import until

Client = aiohttp.ClientSession
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
TEMPLATE = """\
title: "{{ r }}"
formats: [html]
parameters:
  r: {type: text, each: [a]}
blocks:
  - heading: "{{ r }}"
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(
        settings,
        grpc_port=free_port(),
        ping_interval_seconds=0.5,
        pong_timeout_seconds=3.0,
        min_free_bytes=1,
        max_unsent_bytes=256 * 1024,
        request_head_seconds=1.0,
        body_grace_seconds=1.0,
    )


@pytest.fixture
async def hers(server: Server, alice: Client, settings: Settings) -> AsyncIterator[GrpcClient]:
    async with grpc_of(alice, settings.grpc_port) as client:
        yield client


@pytest.fixture
async def his(server: Server, bob: Client, settings: Settings) -> AsyncIterator[GrpcClient]:
    async with grpc_of(bob, settings.grpc_port) as client:
        yield client


def external(title: str = "Mine", **fields: Any) -> pb.JobsStartRequest:
    return pb.JobsStartRequest(external=pb.ExternalJob(title=title, **fields))


async def ended_by(stream: Stream[Any, Any], *, seconds: float = 10.0) -> dict[str, str]:
    """The trailers of a stream, whatever comes before."""
    async with asyncio.timeout(seconds):
        with suppress(GRPCError):
            while await stream.recv_message() is not None:
                pass
        # grpclib's own way to them wants the other direction ended first
        return dict(stream.trailing_metadata or await stream._stream.recv_trailers())


async def all_of(stream: Stream[Any, Any]) -> None:
    """Raises `GRPCError` for what it ends with."""
    while await stream.recv_message():
        pass
    await stream.recv_trailing_metadata()


async def tell(server: Server, client: Client, title: str) -> None:
    async with client.get("/api/v1/me") as response:
        user_id = (await response.json())["id"]
    await server.parts.live.notices.notify_who_asked(user_id, Notice(title=title))


async def test_a_job_of_a_program_from_its_beginning_to_its_end(
    server: Server, alice: Client, hers: GrpcClient
) -> None:
    begun = await hers.asked("Jobs/Start", external(total=10, unit="rows", detail_json='{"file": "a.csv"}'))
    job = begun.answer.job
    assert (job.kind, job.state, job.title, job.total, job.unit) == (
        "external",
        pb.JOB_STATE_RUNNING,
        "Mine",
        10,
        "rows",
    )
    assert begun.answer.silence_seconds > 0
    told = [
        pb.JobsReportRequest(job_id=job.job_id, progress=3, message="three"),
        pb.JobsReportRequest(progress=7, stage="nearly", detail_json='{"bad": 1}'),
        pb.JobsReportRequest(progress=10, state=pb.JOB_STATE_SUCCEEDED, result_json='{"rows": 10}'),
    ]
    over = (await hers.asked("Jobs/Report", *told)).answer.job
    assert (over.state, over.progress, over.stage) == (pb.JOB_STATE_SUCCEEDED, 10, "nearly")
    assert json.loads(over.detail_json) == {"file": "a.csv", "bad": 1}
    assert json.loads(over.result_json) == {"rows": 10}
    assert over.created_at.ToDatetime() <= over.finished_at.ToDatetime()
    async with alice.get(f"/api/v1/jobs/{job.job_id}") as response:
        shown = await response.json()
    assert (shown["state"], shown["progress"], shown["revision"]) == ("succeeded", 10, over.revision)
    assert over.finished_at.ToJsonString().removesuffix("Z") == shown["finished_at"].removesuffix("Z")
    listed = (
        await hers.asked("Jobs/List", pb.JobsListRequest(states=[pb.JOB_STATE_SUCCEEDED], kinds=["external"]))
    ).answer
    assert [each.job_id for each in listed.jobs] == [job.job_id]
    assert listed.total == 1
    failed = (await hers.asked("Jobs/Start", external("Bad"))).answer.job
    told = [pb.JobsReportRequest(job_id=failed.job_id, state=pb.JOB_STATE_FAILED, error=pb.Problem(message="no disk"))]
    over = (await hers.asked("Jobs/Report", *told)).answer.job
    assert (over.state, over.error.code, over.error.message) == (pb.JOB_STATE_FAILED, "script_failed", "no disk")


async def test_reports_that_come_too_fast_wait_and_a_cancelled_job_ends_them(server: Server, hers: GrpcClient) -> None:
    job_id = (await hers.asked("Jobs/Start", external(total=1_000))).answer.job.job_id
    told = [pb.JobsReportRequest(job_id=job_id, progress=number) for number in range(1, 301)]  # 100 a second may come
    assert (await hers.asked("Jobs/Report", *told)).answer.job.progress == 300
    assert (await hers.asked("Jobs/Cancel", pb.JobsCancelRequest(job_id=job_id))).answer.job.job_id == job_id
    ended = await hers.asked("Jobs/Report", pb.JobsReportRequest(job_id=job_id, progress=301))
    assert (ended.status, ended.code) == (Status.FAILED_PRECONDITION, "job_cancelled")


async def test_nobody_sees_or_changes_what_is_anothers_by_any_method(
    server: Server, alice: Client, hers: GrpcClient, his: GrpcClient
) -> None:
    job_id = (await hers.asked("Jobs/Start", external())).answer.job.job_id
    put = [pb.UploadsPutRequest(new=pb.NewUpload(name="a.csv", size=4)), pb.UploadsPutRequest(chunk=b"a,")]
    upload_id = (await hers.asked("Uploads/Put", *put)).answer.upload.upload_id
    await put_template(alice, "report", TEMPLATE)
    tried = {
        "Jobs/Get": [pb.JobsGetRequest(job_id=job_id)],
        "Jobs/Report": [pb.JobsReportRequest(job_id=job_id, progress=1)],
        "Jobs/Cancel": [pb.JobsCancelRequest(job_id=job_id)],
        "Jobs/Retry": [pb.JobsRetryRequest(job_id=job_id)],
        "Jobs/Start": [pb.JobsStartRequest(batch=pb.BatchOrder(template="report", owner="alice"))],
        "Uploads/Get": [pb.UploadsGetRequest(upload_id=upload_id)],
        "Uploads/Put": [
            pb.UploadsPutRequest(place=pb.UploadPlace(upload_id=upload_id, offset=2)),
            pb.UploadsPutRequest(chunk=b"b\n"),
        ],
    }
    for path, messages in tried.items():
        found = await his.asked(path, *messages)
        assert (found.status, found.code) == (Status.NOT_FOUND, "not_found"), path
    assert (await his.asked("Jobs/List", pb.JobsListRequest())).answer.total == 0
    async with his.opened("Live/Watch") as stream:
        await stream.send_message(pb.LiveWatchRequest(events=[f"job:{job_id}"]), end=True)
        assert (await ended_by(stream))["jindu-code"] == "not_found"
    methods = {
        f"{service.name}/{method.name}"
        for service in pb.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    assert methods == {*tried, "Jobs/List", "Live/Watch"}
    assert (await hers.asked("Jobs/Get", pb.JobsGetRequest(job_id=job_id))).answer.job.state == pb.JOB_STATE_RUNNING
    assert (await hers.asked("Uploads/Get", pb.UploadsGetRequest(upload_id=upload_id))).answer.upload.offset == 2


async def test_who_comes_in_and_what_tokens_may(
    server: Server, admin: Client, alice: Client, hers: GrpcClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = (await hers.asked("Jobs/Start", external())).answer.job.job_id
    get, port = pb.JobsGetRequest(job_id=job_id), settings.grpc_port
    for token in (None, "wrong", "x" * 5_000):
        stranger = GrpcClient(port, token)
        found = await stranger.asked("Jobs/Get", get)
        assert found.status is Status.UNAUTHENTICATED
        assert found.code == ("token_unknown" if token == "wrong" else "not_signed_in")
        checked = await HealthStub(stranger.channel).Check(HealthCheckRequest(service="jindu.v1.Live"))
        assert checked.status == HealthCheckResponse.SERVING
        stranger.close()
    monkeypatch.setitem(PASSWORDS, "vera", "correct-horse-vera")
    viewer = await new_user(server, admin, "vera", role="viewer")
    async with alice.post("/api/v1/tokens", json={"name": "r", "scopes": ["read"]}) as response:
        reading = Client(server.url, headers={"Authorization": f"Bearer {(await response.json())['token']}"})
    async with viewer, reading:
        for client in (viewer, reading):
            async with grpc_of(client, port) as reader:
                assert (await reader.asked("Jobs/List", pb.JobsListRequest())).status is Status.OK
                changes = {
                    "Jobs/Start": external(),
                    "Jobs/Cancel": pb.JobsCancelRequest(job_id=job_id),
                    "Jobs/Retry": pb.JobsRetryRequest(job_id=job_id),
                    "Jobs/Report": pb.JobsReportRequest(job_id=job_id, progress=1),
                    "Uploads/Put": pb.UploadsPutRequest(new=pb.NewUpload(name="a", size=0)),
                }
                for path, message in changes.items():
                    found = await reader.asked(path, message)
                    assert (found.status, found.code) == (Status.PERMISSION_DENIED, "forbidden"), path
            async with live_over_grpc(client, port=port) as stream:
                await stream.next("connection")
    async with grpc_of(alice, port, **{"accept-language": "zh-CN"}) as chinese:
        found = await chinese.asked("Jobs/Get", pb.JobsGetRequest(job_id="none"))
        assert (found.status, found.message) == (Status.NOT_FOUND, "这里没有内容，或者不属于您。")


async def test_wrong_values_are_refused_and_say_what_is_wrong(hers: GrpcClient) -> None:
    job_id = (await hers.asked("Jobs/Start", external())).answer.job.job_id
    wrong = {
        ("Jobs/Start", ""): pb.JobsStartRequest(),
        ("Jobs/Start", "title"): external(" "),
        ("Jobs/Start", "total"): external(total=float("nan")),
        ("Jobs/Start", "detail_json: The body is not valid JSON: Input data was truncated"): external(detail_json="{"),
        ("Jobs/Start", "detail_json: The type is object, not array."): external(detail_json="[1]"),
        ("Jobs/Start", "detail_json.a: A text cannot hold the character NUL"): external(detail_json=r'{"a": "\u0000"}'),
        ("Jobs/Start", "detail_json: This is larger than 4096 bytes."): external(
            detail_json=json.dumps({"a": "x" * 50_000})
        ),
        ("Jobs/Start", "title "): external("a\0b"),
        ("Jobs/Start", "idempotency_key"): pb.JobsStartRequest(
            demonstration=pb.Demonstration(), idempotency_key="ä" * 300
        ),
        ("Jobs/Start", "formats"): pb.JobsStartRequest(batch=pb.BatchOrder(template="x", formats=["doc"])),
        ("Jobs/Start", "parameters_json"): pb.JobsStartRequest(batch=pb.BatchOrder(template="x", parameters_json="1")),
        ("Jobs/List", "page_size: Ask for 0 to 100 at once, and for more with page_token."): pb.JobsListRequest(
            page_size=101
        ),
        ("Jobs/List", "page_size"): pb.JobsListRequest(page_size=-1),
        ("Jobs/List", "states"): pb.JobsListRequest(states=[0]),
        ("Jobs/Report", "job_id"): pb.JobsReportRequest(progress=1),
        ("Jobs/Report", "error"): pb.JobsReportRequest(job_id=job_id, error=pb.Problem(message="why")),
        ("Jobs/Report", "progress"): pb.JobsReportRequest(job_id=job_id, progress=-1),
        ("Uploads/Put", "idempotency_key"): pb.UploadsPutRequest(new=pb.NewUpload(name="a", idempotency_key="x" * 300)),
        ("Uploads/Put", ""): pb.UploadsPutRequest(chunk=b"a"),
        ("Uploads/Put", "size"): pb.UploadsPutRequest(new=pb.NewUpload(name="a", size=-1)),
    }
    for (path, field), message in wrong.items():
        found = await hers.asked(path, message)
        assert found.status is Status.INVALID_ARGUMENT, (path, field, found)
        assert found.code == "invalid_input", (path, field, found)
        assert field.strip() in found.message, (path, field, found)
    async with hers.opened("Jobs/Start") as stream:
        await stream.send_message(external(" "), end=True)
        with pytest.raises(GRPCError) as refused:
            await stream.recv_message()
    reasons = [each.reason for each in refused.value.details if isinstance(each, ErrorInfo)]
    fields = [
        one.field for each in refused.value.details if isinstance(each, BadRequest) for one in each.field_violations
    ]
    assert (reasons, fields) == (["invalid_input"], ["title"])


async def test_a_job_is_started_once_under_its_key_and_again_when_it_failed(server: Server, hers: GrpcClient) -> None:
    asked = pb.JobsStartRequest(demonstration=pb.Demonstration(seconds=0, total=5, fail_at=2), idempotency_key="mine")
    job_id = (await hers.asked("Jobs/Start", asked)).answer.job.job_id
    assert (await hers.asked("Jobs/Start", asked)).answer.job.job_id == job_id

    async def state() -> int:
        return (await hers.asked("Jobs/Get", pb.JobsGetRequest(job_id=job_id))).answer.job.state

    async with asyncio.timeout(30):
        while await state() != pb.JOB_STATE_FAILED:
            await asyncio.sleep(0.02)
    assert (await hers.asked("Jobs/Retry", pb.JobsRetryRequest(job_id=job_id))).answer.job.attempt >= 1


async def test_a_file_comes_in_pieces_and_goes_on_where_it_broke_off(
    server: Server, alice: Client, hers: GrpcClient
) -> None:
    content = bytes(range(256)) * 2_000
    new = pb.UploadsPutRequest(new=pb.NewUpload(name="订单.csv", size=len(content), media_type="text/csv"))
    async with hers.opened("Uploads/Put") as stream:
        await stream.send_message(new)
        await stream.recv_initial_metadata()
        upload_id = str(stream.initial_metadata["jindu-upload-id"])
        await stream.send_message(pb.UploadsPutRequest(chunk=content[:100_000]))
        async with asyncio.timeout(15):
            while not (await hers.asked("Jobs/List", pb.JobsListRequest())).answer.jobs[0].progress:
                await asyncio.sleep(0.02)
        await stream.cancel()

    async def come() -> int:
        return (await hers.asked("Uploads/Get", pb.UploadsGetRequest(upload_id=upload_id))).answer.upload.offset

    async with asyncio.timeout(15):
        while not (offset := await come()):
            await asyncio.sleep(0.02)
    assert offset == 100_000
    wrong = await hers.asked(
        "Uploads/Put",
        pb.UploadsPutRequest(place=pb.UploadPlace(upload_id=upload_id, offset=1)),
        pb.UploadsPutRequest(chunk=b"x"),
    )
    assert (wrong.status, wrong.code) == (Status.FAILED_PRECONDITION, "wrong_offset")
    assert wrong.begun["jindu-upload-offset"] == str(offset), "where it goes on, not what was asked"
    rest = [pb.UploadsPutRequest(chunk=content[at : at + 65_536]) for at in range(offset, len(content), 65_536)]
    place = pb.UploadsPutRequest(place=pb.UploadPlace(upload_id=upload_id, offset=offset))
    put = await hers.asked("Uploads/Put", place, *rest)
    assert put.begun["jindu-upload-offset"] == str(offset)
    upload = put.answer.upload
    assert (upload.name, upload.offset, upload.size) == ("订单.csv", len(content), len(content))
    assert upload.sha256 in ("", hashlib.sha256(content).hexdigest())
    async with alice.get(f"/api/v1/uploads/{upload_id}/content") as response:
        assert await response.read() == content
    unknown = pb.UploadsPutRequest(new=pb.NewUpload(name="b.csv"))
    upload = (await hers.asked("Uploads/Put", unknown, pb.UploadsPutRequest(chunk=b"a,b\n"))).answer.upload
    assert (upload.size, upload.sha256) == (4, hashlib.sha256(b"a,b\n").hexdigest())
    huge = pb.UploadsPutRequest(new=pb.NewUpload(name="c.csv", size=2**50))
    assert (await hers.asked("Uploads/Put", huge)).code == "too_large"
    more = [pb.UploadsPutRequest(new=pb.NewUpload(name="d", size=1)), pb.UploadsPutRequest(chunk=b"ab")]
    assert (await hers.asked("Uploads/Put", *more)).code == "too_large"


async def test_a_file_of_which_less_came_than_was_said_is_stored_so_far_and_goes_on(hers: GrpcClient) -> None:
    """As with tus: that is no error, and its offset says where to go on."""
    new = pb.UploadsPutRequest(new=pb.NewUpload(name="a.csv", size=6))
    upload = (await hers.asked("Uploads/Put", new, pb.UploadsPutRequest(chunk=b"a,b\n"))).answer.upload
    assert (upload.offset, upload.size, upload.HasField("completed_at")) == (4, 6, False)
    place = pb.UploadsPutRequest(place=pb.UploadPlace(upload_id=upload.upload_id, offset=upload.offset))
    upload = (await hers.asked("Uploads/Put", place, pb.UploadsPutRequest(chunk=b"1\n"))).answer.upload
    assert (upload.offset, upload.HasField("completed_at")) == (6, True)


async def test_a_call_whose_client_is_gone_without_a_word_is_ended_and_one_that_is_only_quiet_is_not(
    server: Server, alice: Client, hers: GrpcClient, settings: Settings
) -> None:
    job_id = (await hers.asked("Jobs/Start", external())).answer.job.job_id
    report = pb.JobsReportRequest(job_id=job_id, progress=1)
    async with hers.opened("Jobs/Report") as quiet, Raw(settings.grpc_port) as gone:
        await quiet.send_message(report)
        content = report.SerializeToString()
        gone.h2.initiate_connection()
        gone.h2.send_headers(1, _headers("/jindu.v1.Jobs/Report", authorization=f"Bearer {token_of(alice)}"))
        gone.h2.send_data(1, b"\0" + struct.pack(">I", len(content)) + content)
        await gone.send(gone.h2.data_to_send())
        assert await gone.is_ended()  # what it is sent is taken by its kernel, and answered by nobody
        await quiet.send_message(pb.JobsReportRequest(progress=2), end=True)
        assert (await quiet.recv_message()).job.progress == 2


async def test_whoever_sends_nothing_more_of_a_file_is_told_so(server: Server, hers: GrpcClient) -> None:
    async with hers.opened("Uploads/Put") as stream:
        await stream.send_message(pb.UploadsPutRequest(new=pb.NewUpload(name="a", size=10)))
        await stream.send_message(pb.UploadsPutRequest(chunk=b"abc"))
        assert (await ended_by(stream))["jindu-code"] == "too_slow"
    upload_id = stream.initial_metadata["jindu-upload-id"]
    assert (await hers.asked("Uploads/Get", pb.UploadsGetRequest(upload_id=upload_id))).answer.upload.offset == 3


async def test_positions_lead_back_and_jobs_are_told_as_jobs(
    server: Server, alice: Client, hers: GrpcClient, settings: Settings
) -> None:
    port = settings.grpc_port
    async with hers.opened("Live/Watch") as stream:
        await stream.send_message(pb.LiveWatchRequest(language="zh-CN"), end=True)
        first = await stream.recv_message()
        assert (first.type, first.recovered) == ("connection", False)
        assert "连接成功" in json.loads(first.json)["message"]
        job_id = (await hers.asked("Jobs/Start", external())).answer.job.job_id
        while (message := await stream.recv_message()).type != "job":
            pass
        assert (message.job.job_id, message.job.state) == (job_id, pb.JOB_STATE_RUNNING)
        assert message.position
        assert json.loads(message.json)["job_id"] == job_id
        await stream.cancel()
    await tell(server, alice, "while away")
    async with live_over_grpc(alice, port=port, since=message.position) as again:
        assert (await again.next())["recovered"] is True
        assert again.positions == [message.position]
        assert (await again.next())["title"] == "while away"
    async with live_over_grpc(alice, port=port, since=again.positions[-1], events=["free_name"]) as last:
        assert (await last.next())["missed"] == 0
        await last.next("subscription")
        async with alice.post("/api/v1/events/free_name", json={"a": 1}) as response:
            assert response.status < 300
        assert (await last.next("event"))["data"] == {"a": 1}


async def test_a_quiet_stream_is_kept_open_and_is_not_taken_for_gone(
    server: Server, alice: Client, settings: Settings
) -> None:
    async with live_over_grpc(alice, port=settings.grpc_port) as stream:
        await stream.next("connection")
        for _ in range(12):  # 6 s of silence, and 3.5 s is what a peer may not answer
            assert (await stream.message()).type == "heartbeat"
        assert server.parts.realtime.manager.statistics().connections == 1


async def test_streams_of_a_program_end_with_its_token(server: Server, alice: Client, settings: Settings) -> None:
    async with alice.post("/api/v1/tokens", json={"name": "t", "scopes": ["read", "write"]}) as response:
        made = await response.json()
    program = GrpcClient(settings.grpc_port, made["token"])
    job_id = (await program.asked("Jobs/Start", external())).answer.job.job_id
    async with program.opened("Jobs/Report") as reporting, program.opened("Live/Watch") as watching:
        await reporting.send_message(pb.JobsReportRequest(job_id=job_id, progress=1))
        await watching.send_message(pb.LiveWatchRequest(), end=True)
        assert (await watching.recv_message()).type == "connection"
        async with alice.delete(f"/api/v1/tokens/{made['id']}") as response:
            assert response.status == 204
        for stream in (reporting, watching):
            assert (await ended_by(stream))["jindu-close-code"] == str(int(CloseCode.SIGNED_OUT))
    program.close()


async def test_thousands_of_calls_that_fail_leave_the_connection_good(server: Server, hers: GrpcClient) -> None:
    """Whatever of their requests is not read counts as read: else the window is eaten up, call by call."""
    big = pb.UploadsPutRequest(chunk=b"x" * 8_000)

    async def fail(count: int) -> None:
        for _ in range(count):
            found = await hers.asked("Uploads/Put", big, seconds=60)
            assert found.code == "invalid_input"

    await asyncio.gather(*(fail(50) for _ in range(8)))  # 3 MB of a window of 64 KB
    assert (await hers.asked("Jobs/List", pb.JobsListRequest())).status is Status.OK


@pytest.mark.parametrize("window_bytes", [65_535, 4 * 1024 * 1024])
@pytest.mark.parametrize("is_of_one_channel", [False, True], ids=["another channel", "the same channel"])
async def test_a_stream_that_is_not_read_is_ended_alone_and_costs_nobody_else_anything(
    server: Server, alice: Client, settings: Settings, is_of_one_channel: bool, window_bytes: int
) -> None:
    manager = server.parts.realtime.manager
    async with (
        grpc_of(alice, settings.grpc_port, window_bytes=window_bytes) as hers,
        grpc_of(alice, settings.grpc_port, window_bytes=window_bytes) as other,
        hers.opened("Live/Watch") as stuck,
        (hers if is_of_one_channel else other).opened("Live/Watch") as good,
    ):
        for stream in (stuck, good):
            await stream.send_message(pb.LiveWatchRequest(), end=True)
            assert (await stream.recv_message()).type == "connection"
        (user_id,) = manager.user_connections
        count = 0
        while not manager.statistics().closed:  # `stuck` is not read from here on
            manager.send_json_to_user(user_id, {"type": "event", "event": "big", "data": "x" * 10_000})
            async with asyncio.timeout(10):
                message = await good.recv_message()
            count += message.type == "event"
        assert count >= 10
        assert (await hers.asked("Jobs/List", pb.JobsListRequest())).status is Status.OK
        assert manager.statistics().closed == {"slow_consumer": 1}
        assert (await ended_by(stuck))["jindu-close-code"] == str(int(CloseCode.SLOW_CONSUMER))
        manager.send_json_to_user(user_id, {"type": "event", "event": "small", "data": 1})
        while json.loads((message := await good.recv_message()).json or "{}").get("event") != "small":
            assert message is not None
    await until(lambda: not manager.active_connections, seconds=15)


class Raw:
    """A peer that sends what it likes."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.h2 = H2Connection(
            H2Configuration(client_side=True, header_encoding="utf-8", validate_outbound_headers=False)
        )

    async def __aenter__(self) -> Raw:
        self.reader, self.writer = await asyncio.open_connection(HOST, self._port)
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.writer.close()

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def is_ended(self, *, seconds: float = 15.0) -> bool:
        """By the server, whatever it says before."""
        try:
            async with asyncio.timeout(seconds):
                while await self.reader.read(65_536):
                    pass
        except ConnectionError:
            pass
        except TimeoutError:
            return False
        return True


def frame(kind: int, body: bytes = b"", *, flags: int = 0, stream: int = 0) -> bytes:
    return len(body).to_bytes(3, "big") + bytes((kind, flags)) + struct.pack(">I", stream) + body


SETTINGS = frame(4)
FLOODS = {
    "http/1.1": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "nothing of it": b"\0" * 100,
    "pings": PREFACE + SETTINGS + frame(6, b"12345678") * 20_000,
    "settings": PREFACE + SETTINGS * 20_000,
    "empty data": PREFACE + SETTINGS + frame(0, stream=1) * 20_000,
    "priorities": PREFACE + SETTINGS + frame(2, b"\0\0\0\1\0", stream=3) * 20_000,
    "resets of nothing": PREFACE + SETTINGS + frame(3, b"\0\0\0\0", stream=1) * 20_000,
    "a frame too large": PREFACE + SETTINGS + b"\xff\xff\xff\0\0\0\0\0\1",
    "headers without end": PREFACE
    + SETTINGS
    + frame(1, b"\x82", stream=1)
    + frame(9, b"\x40\x01a\x7f\x00" + b"a" * 10_000, stream=1) * 60,
    "headers that are none": PREFACE + SETTINGS + frame(1, b"\xff" * 50, flags=4, stream=1),
    "a name in no letters": PREFACE + SETTINGS + frame(1, b"\x82\x00\x01\xff\x01\xff", flags=4, stream=1),
    "data of no stream": PREFACE + SETTINGS + frame(0, b"abc", stream=99),
}


@pytest.mark.parametrize("sent", FLOODS.values(), ids=FLOODS)
async def test_what_is_no_grpc_ends_its_connection_and_holds_nobody_up(
    hers: GrpcClient, settings: Settings, sent: bytes
) -> None:
    """That the loop is held for no longer than 20 ms is what the watchdog of every test server says."""
    async with Raw(settings.grpc_port) as raw:
        with suppress(ConnectionError):
            await raw.send(sent)
        assert await raw.is_ended()
    assert (await hers.asked("Jobs/List", pb.JobsListRequest())).status is Status.OK


async def test_a_frame_that_is_too_large_is_refused_before_it_has_come(settings: Settings, hers: GrpcClient) -> None:
    """Nobody has to say who they are for it: 16 MiB of each connection would wait in memory."""
    async with Raw(settings.grpc_port) as raw:
        raw.h2.initiate_connection()
        await raw.send(raw.h2.data_to_send() + b"\xff\xff\xff\0\0\0\0\0\1")
        heard = b""
        async with asyncio.timeout(15):
            while data := await raw.reader.read(65_536):
                heard += data
    (goodbye,) = (each for each in raw.h2.receive_data(heard) if isinstance(each, ConnectionTerminated))
    assert goodbye.error_code is ErrorCodes.FRAME_SIZE_ERROR


async def test_calls_that_are_taken_back_at_once_end_the_connection_of_who_makes_thousands(
    hers: GrpcClient, settings: Settings
) -> None:
    async with Raw(settings.grpc_port) as raw:
        raw.h2.initiate_connection()
        for number in range(3_000):
            stream_id = 1 + 2 * number
            raw.h2.send_headers(stream_id, _headers("/jindu.v1.Jobs/List"))
            raw.h2.reset_stream(stream_id)
        with suppress(ConnectionError):
            await raw.send(raw.h2.data_to_send())
        assert await raw.is_ended()
    assert (await hers.asked("Jobs/List", pb.JobsListRequest())).status is Status.OK


async def test_calls_that_are_taken_back_leave_nothing_behind(
    server: Server, alice: Client, hers: GrpcClient, settings: Settings
) -> None:
    """Neither those that had not begun, nor those in the middle of a question to the database."""
    authorization, open_files = {"authorization": f"Bearer {token_of(alice)}"}, []
    for _ in range(3):
        async with Raw(settings.grpc_port) as raw:
            raw.h2.initiate_connection()
            for number in range(150):
                stream_id = 1 + 2 * number
                raw.h2.send_headers(stream_id, _headers("/jindu.v1.Jobs/List", **authorization))
                if number % 3:  # and the others at once
                    raw.h2.send_data(stream_id, b"\0\0\0\0\0", end_stream=True)
                    await raw.send(raw.h2.data_to_send())
                    await asyncio.sleep(number % 10 / 1000)
                raw.h2.reset_stream(stream_id)
            await raw.send(raw.h2.data_to_send())
            await until(lambda: not calls_under_way())
        open_files.append(len(os.listdir("/proc/self/fd")))
    # After the first: the pool of the database opens as many as are used at once.
    assert open_files[2] <= open_files[1] + 2, open_files
    assert (await hers.asked("Jobs/List", pb.JobsListRequest())).status is Status.OK


def calls_under_way() -> list[GrpcCall]:
    gc.collect()
    return [each for each in gc.get_objects() if isinstance(each, GrpcCall)]


def _headers(path: str, **more: str) -> list[tuple[str, str]]:
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "x"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        *more.items(),
    ]


async def test_messages_that_are_too_large_or_none_end_their_call_alone(
    alice: Client, hers: GrpcClient, settings: Settings
) -> None:
    token = {"authorization": f"Bearer {token_of(alice)}"}
    bodies = {
        b"\0" + (MOST_BYTES + 1).to_bytes(4, "big"): "8",  # RESOURCE_EXHAUSTED
        b"\1\0\0\0\1a": "12",  # compressed: UNIMPLEMENTED
        b"\0\0\0\0\4\xff\xff\xff\xff": "3",  # no message
        b"\0\0\0\0\4a": "3",  # ends before its end
        b"\0\0": "3",
        b"": "3",
    }
    for body, status in bodies.items():
        assert (await _raw_call(settings, _headers("/jindu.v1.Jobs/List", **token), body))["grpc-status"] == status, (
            body
        )
    found = await _raw_call(settings, _headers("/jindu.v1.Jobs/None", **token), b"")
    assert (found["grpc-status"], found["jindu-code"]) == ("12", "unimplemented")
    found = await _raw_call(settings, _headers("/jindu.v1.Jobs/List", **token | {"grpc-timeout": "soon"}), b"")
    assert found["grpc-status"] == "3"
    found = await _raw_call(settings, [(":method", "GET"), *_headers("/")[1:]], b"")
    assert found[":status"] == "405"
    silent = await hers.asked("Uploads/Get", pb.UploadsGetRequest(upload_id="x" * 10_000))
    assert silent.status is Status.NOT_FOUND
    whole = b"x" * 1024 * 1024
    put = await hers.asked(
        "Uploads/Put", pb.UploadsPutRequest(new=pb.NewUpload(name="a")), pb.UploadsPutRequest(chunk=whole)
    )
    assert (put.status, put.answer.upload.offset) == (Status.OK, len(whole))


async def test_more_of_a_value_than_anybody_needs_is_refused_and_holds_nobody_up(hers: GrpcClient) -> None:
    """A thousand words once took the server twelve seconds, and all of its memory after a while."""
    for asked, code in (
        (pb.JobsListRequest(text="ab " * 1_000), "search_too_long"),
        (pb.JobsListRequest(text="ab " * 50), "search_too_long"),
        (pb.JobsListRequest(text="x" * 60_000), "invalid_input"),
        (pb.JobsListRequest(kinds=["x"] * 5_000), "invalid_input"),
        (
            pb.JobsStartRequest(batch=pb.BatchOrder(template="x", parameters_json=f"[{'{},' * 300_000}{{}}]")),
            "invalid_input",
        ),
    ):
        path = "Jobs/List" if isinstance(asked, pb.JobsListRequest) else "Jobs/Start"
        refused = await hers.asked(path, asked, seconds=3)
        assert (refused.status, refused.code) == (Status.INVALID_ARGUMENT, code)
    assert (await hers.asked("Jobs/List", pb.JobsListRequest(text="ab " * 8))).status is Status.OK
    large = await hers.asked("Jobs/List", pb.JobsListRequest(text="x" * 100_000))
    assert large.status is Status.RESOURCE_EXHAUSTED


async def _raw_call(settings: Settings, headers: list[tuple[str, str]], body: bytes) -> dict[str, str]:
    """Headers and trailers of the answer."""
    found: dict[str, str] = {}
    async with Raw(settings.grpc_port) as raw, asyncio.timeout(15):
        raw.h2.initiate_connection()
        raw.h2.send_headers(1, headers, end_stream=not body)
        if body:
            raw.h2.send_data(1, body, end_stream=True)
        await raw.send(raw.h2.data_to_send())
        while True:
            for event in raw.h2.receive_data(await raw.reader.read(65_536)):
                assert not isinstance(event, ConnectionTerminated | StreamReset), event
                found |= dict(getattr(event, "headers", None) or ())
                if "grpc-status" in found or found.get(":status", "200") != "200":
                    return found


async def test_whoever_connects_and_asks_nothing_is_ended(hers: GrpcClient, settings: Settings) -> None:
    async with Raw(settings.grpc_port) as silent, Raw(settings.grpc_port) as polite:
        polite.h2.initiate_connection()
        await polite.send(polite.h2.data_to_send())
        assert await silent.is_ended(seconds=10)
        assert await polite.is_ended(seconds=10)


async def test_a_call_ends_when_its_time_is_over(server: Server, hers: GrpcClient) -> None:
    with suppress(GRPCError, TimeoutError):  # whichever side says it first
        async with asyncio.timeout(10), hers.opened("Live/Watch", timeout=0.5) as stream:
            await stream.send_message(pb.LiveWatchRequest(), end=True)
            while await stream.recv_message():
                pass
    await until(lambda: not server.parts.realtime.manager.active_connections, seconds=15)


async def test_what_many_connections_send_at_once_holds_up_none_of_the_others(
    hers: GrpcClient, settings: Settings
) -> None:
    """Each has sent less than ends it: that the loop is held for 20 ms by none of it is what the watchdog says."""
    requests = H2Connection(H2Configuration(client_side=True, validate_outbound_headers=False))
    requests.initiate_connection()
    for number in range(400):
        requests.send_headers(1 + 2 * number, _headers("/jindu.v1.Jobs/List"))
        requests.reset_stream(1 + 2 * number)
    sent = requests.data_to_send()
    async with AsyncExitStack() as opened:
        for each in [await opened.enter_async_context(Raw(settings.grpc_port)) for _ in range(15)]:
            await each.send(sent)
        assert (await hers.asked("Jobs/List", pb.JobsListRequest())).status is Status.OK


async def test_metadata_that_is_no_text_is_a_fault_of_its_call_alone(
    alice: Client, hers: GrpcClient, settings: Settings
) -> None:
    async with Raw(settings.grpc_port) as raw, asyncio.timeout(15):
        raw.h2.initiate_connection()
        token = {"authorization": f"Bearer {token_of(alice)}"}
        wrong: list[tuple[bytes, bytes]] = [
            *((name.encode(), value.encode()) for name, value in _headers("/jindu.v1.Jobs/List", **token).copy()),
            (b"note", b"caf\xe9"),
        ]
        raw.h2.send_headers(1, wrong, end_stream=True)
        raw.h2.send_headers(3, _headers("/jindu.v1.Jobs/List", **token))
        raw.h2.send_data(3, b"\0\0\0\0\0", end_stream=True)
        await raw.send(raw.h2.data_to_send())
        found: dict[int, dict[str, str]] = {1: {}, 3: {}}
        while not all("grpc-status" in each for each in found.values()):
            for event in raw.h2.receive_data(await raw.reader.read(65_536)):
                assert not isinstance(event, ConnectionTerminated), event
                if isinstance(event, ResponseReceived | TrailersReceived):
                    assert event.stream_id is not None
                    found[event.stream_id] |= _texts(event.headers)
    assert (found[1]["grpc-status"], found[1]["jindu-code"]) == ("3", "malformed_request")
    assert "note" in found[1]["grpc-message"]
    assert found[3]["grpc-status"] == "0"


def _texts(headers: Iterable[Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in headers}


async def test_why_a_stream_ends_is_said_in_the_language_of_its_user(
    server: Server, alice: Client, settings: Settings
) -> None:
    async with (
        grpc_of(alice, settings.grpc_port, **{"accept-language": "zh-CN"}) as chinese,
        chinese.opened("Live/Watch") as stream,
    ):
        await stream.send_message(pb.LiveWatchRequest(client_id="a"), end=True)
        assert (await stream.recv_message()).type == "connection"
        async with live_over_grpc(alice, "a", port=settings.grpc_port) as newer:
            await newer.next("connection")
            with pytest.raises(GRPCError) as ended:
                await all_of(stream)
    assert ended.value.message == "同一客户端的新连接取代了此连接。"


async def test_calls_are_counted_as_requests_are(server: Server, hers: GrpcClient) -> None:
    await hers.asked("Jobs/List", pb.JobsListRequest())
    await hers.asked("Jobs/Get", pb.JobsGetRequest(job_id="none"))
    counted = server.web.traffic.statistics().by_route
    assert counted["GRPC", "/jindu.v1.Jobs/List", 200] == 1
    assert counted["GRPC", "/jindu.v1.Jobs/Get", 404] == 1
    statistics = server.web.open_sockets.statistics()
    assert statistics.open >= 1


async def test_a_server_that_stops_answers_what_was_asked_and_sends_streams_away(settings: Settings) -> None:
    async with serving(settings) as server:
        admin = await _admin(server)
        async with (
            admin,
            grpc_of(admin, settings.grpc_port) as client,
            live_over_grpc(admin, port=settings.grpc_port) as stream,
        ):
            await stream.next("connection")
            job_id = (await client.asked("Jobs/Start", external())).answer.job.job_id
            async with client.opened("Jobs/Report") as reporting:
                await reporting.send_message(pb.JobsReportRequest(job_id=job_id, progress=1))
                await stream.next(lambda message: message.get("progress") == 1)
                stopping = asyncio.create_task(server.app.shutdown())
                assert await stream.closed_with() == CloseCode.DRAINING
                await stopping
                await reporting.send_message(pb.JobsReportRequest(progress=2), end=True)
                assert (await reporting.recv_message()).job.progress == 2
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(HOST, settings.grpc_port)
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind((HOST, settings.grpc_port))


async def test_it_speaks_tls_with_a_certificate_of_its_own(settings: Settings, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.issue()
    certificate = {"grpc_tls_cert": str(tmp_path / "server.crt"), "grpc_tls_key": str(tmp_path / "server.key")}
    async with serving(dataclasses.replace(settings, **certificate)) as server, await _admin(server) as admin:
        async with grpc_of(admin, settings.grpc_port, tls=authority.trusting()) as client:
            assert (await client.asked("Jobs/List", pb.JobsListRequest())).status is Status.OK
            async with client.opened("Live/Watch") as stream:
                await stream.send_message(pb.LiveWatchRequest(), end=True)
                assert (await stream.recv_message()).type == "connection"
        async with Raw(settings.grpc_port) as plain:
            await plain.send(PREFACE + SETTINGS)
            assert await plain.is_ended()


async def test_whoever_guesses_tokens_waits_and_those_who_are_known_do_not(
    server: Server, hers: GrpcClient, settings: Settings
) -> None:
    get = pb.JobsGetRequest(job_id="none")
    assert (await hers.asked("Jobs/Get", get)).status is Status.NOT_FOUND
    guessing = GrpcClient(settings.grpc_port, "a-guess")
    for _ in range(30):
        assert (await guessing.asked("Jobs/Get", get)).status is Status.UNAUTHENTICATED
    began = time.monotonic()
    assert (await guessing.asked("Jobs/Get", get)).status is Status.UNAUTHENTICATED
    assert time.monotonic() - began >= 1
    began = time.monotonic()
    assert (await hers.asked("Jobs/Get", get)).status is Status.NOT_FOUND
    assert time.monotonic() - began < 1
    guessing.close()


async def test_the_page_of_connections_shows_it_by_its_name(
    server: Server, admin: Client, alice: Client, settings: Settings
) -> None:
    async with live_over_grpc(alice, port=settings.grpc_port) as stream:
        await stream.next("connection")
        async with browser(server) as visitor:
            await sign_in(visitor, "admin")
            async with visitor.get("/admin/connections") as response:
                assert " · gRPC" in await response.text()


async def _admin(server: Server) -> Client:
    credentials = {"username": "admin", "password": PASSWORDS["admin"], "name": "tests"}
    async with Client(server.url) as nobody, nobody.post("/api/v1/tokens", json=credentials) as response:
        return Client(server.url, headers={"Authorization": f"Bearer {(await response.json())['token']}"})
