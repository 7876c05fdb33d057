import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class JobState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_STATE_UNSPECIFIED: _ClassVar[JobState]
    JOB_STATE_QUEUED: _ClassVar[JobState]
    JOB_STATE_RUNNING: _ClassVar[JobState]
    JOB_STATE_SUCCEEDED: _ClassVar[JobState]
    JOB_STATE_FAILED: _ClassVar[JobState]
    JOB_STATE_CANCELLED: _ClassVar[JobState]
JOB_STATE_UNSPECIFIED: JobState
JOB_STATE_QUEUED: JobState
JOB_STATE_RUNNING: JobState
JOB_STATE_SUCCEEDED: JobState
JOB_STATE_FAILED: JobState
JOB_STATE_CANCELLED: JobState

class Problem(_message.Message):
    __slots__ = ("code", "message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class Job(_message.Message):
    __slots__ = ("job_id", "kind", "title", "state", "attempt", "revision", "progress", "total", "unit", "percent", "rate", "eta_seconds", "stage", "message", "error", "result_json", "created_at", "started_at", "finished_at", "detail_json", "outcome", "stalled_since", "shown_state", "state_text", "priority", "place", "waiting_for")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    ETA_SECONDS_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    RESULT_JSON_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
    DETAIL_JSON_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    STALLED_SINCE_FIELD_NUMBER: _ClassVar[int]
    SHOWN_STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_TEXT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    WAITING_FOR_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    kind: str
    title: str
    state: JobState
    attempt: int
    revision: int
    progress: float
    total: float
    unit: str
    percent: float
    rate: float
    eta_seconds: float
    stage: str
    message: str
    error: Problem
    result_json: str
    created_at: _timestamp_pb2.Timestamp
    started_at: _timestamp_pb2.Timestamp
    finished_at: _timestamp_pb2.Timestamp
    detail_json: str
    outcome: str
    stalled_since: _timestamp_pb2.Timestamp
    shown_state: str
    state_text: str
    priority: str
    place: int
    waiting_for: str
    def __init__(self, job_id: _Optional[str] = ..., kind: _Optional[str] = ..., title: _Optional[str] = ..., state: _Optional[_Union[JobState, str]] = ..., attempt: _Optional[int] = ..., revision: _Optional[int] = ..., progress: _Optional[float] = ..., total: _Optional[float] = ..., unit: _Optional[str] = ..., percent: _Optional[float] = ..., rate: _Optional[float] = ..., eta_seconds: _Optional[float] = ..., stage: _Optional[str] = ..., message: _Optional[str] = ..., error: _Optional[_Union[Problem, _Mapping]] = ..., result_json: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finished_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., detail_json: _Optional[str] = ..., outcome: _Optional[str] = ..., stalled_since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., shown_state: _Optional[str] = ..., state_text: _Optional[str] = ..., priority: _Optional[str] = ..., place: _Optional[int] = ..., waiting_for: _Optional[str] = ...) -> None: ...

class LiveWatchRequest(_message.Message):
    __slots__ = ("since", "events", "client_id", "language")
    SINCE_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    since: str
    events: _containers.RepeatedScalarFieldContainer[str]
    client_id: str
    language: str
    def __init__(self, since: _Optional[str] = ..., events: _Optional[_Iterable[str]] = ..., client_id: _Optional[str] = ..., language: _Optional[str] = ...) -> None: ...

class LiveWatchResponse(_message.Message):
    __slots__ = ("type", "position", "json", "job", "recovered")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    RECOVERED_FIELD_NUMBER: _ClassVar[int]
    type: str
    position: str
    json: str
    job: Job
    recovered: bool
    def __init__(self, type: _Optional[str] = ..., position: _Optional[str] = ..., json: _Optional[str] = ..., job: _Optional[_Union[Job, _Mapping]] = ..., recovered: _Optional[bool] = ...) -> None: ...

class JobsListRequest(_message.Message):
    __slots__ = ("states", "kinds", "text", "page_size", "page_token")
    STATES_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    states: _containers.RepeatedScalarFieldContainer[JobState]
    kinds: _containers.RepeatedScalarFieldContainer[str]
    text: str
    page_size: int
    page_token: str
    def __init__(self, states: _Optional[_Iterable[_Union[JobState, str]]] = ..., kinds: _Optional[_Iterable[str]] = ..., text: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class JobsListResponse(_message.Message):
    __slots__ = ("jobs", "next_page_token", "total")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[Job]
    next_page_token: str
    total: int
    def __init__(self, jobs: _Optional[_Iterable[_Union[Job, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total: _Optional[int] = ...) -> None: ...

class JobsGetRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class JobsGetResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class ExternalJob(_message.Message):
    __slots__ = ("title", "total", "unit", "stage", "message", "detail_json")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_JSON_FIELD_NUMBER: _ClassVar[int]
    title: str
    total: float
    unit: str
    stage: str
    message: str
    detail_json: str
    def __init__(self, title: _Optional[str] = ..., total: _Optional[float] = ..., unit: _Optional[str] = ..., stage: _Optional[str] = ..., message: _Optional[str] = ..., detail_json: _Optional[str] = ...) -> None: ...

class BatchOrder(_message.Message):
    __slots__ = ("template", "owner", "parameters_json", "parameter_query", "formats", "name", "as_of")
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_JSON_FIELD_NUMBER: _ClassVar[int]
    PARAMETER_QUERY_FIELD_NUMBER: _ClassVar[int]
    FORMATS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    template: str
    owner: str
    parameters_json: str
    parameter_query: str
    formats: _containers.RepeatedScalarFieldContainer[str]
    name: str
    as_of: str
    def __init__(self, template: _Optional[str] = ..., owner: _Optional[str] = ..., parameters_json: _Optional[str] = ..., parameter_query: _Optional[str] = ..., formats: _Optional[_Iterable[str]] = ..., name: _Optional[str] = ..., as_of: _Optional[str] = ...) -> None: ...

class Demonstration(_message.Message):
    __slots__ = ("seconds", "total", "fail_at")
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    FAIL_AT_FIELD_NUMBER: _ClassVar[int]
    seconds: float
    total: int
    fail_at: int
    def __init__(self, seconds: _Optional[float] = ..., total: _Optional[int] = ..., fail_at: _Optional[int] = ...) -> None: ...

class JobsStartRequest(_message.Message):
    __slots__ = ("external", "batch", "demonstration", "idempotency_key")
    EXTERNAL_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    DEMONSTRATION_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    external: ExternalJob
    batch: BatchOrder
    demonstration: Demonstration
    idempotency_key: str
    def __init__(self, external: _Optional[_Union[ExternalJob, _Mapping]] = ..., batch: _Optional[_Union[BatchOrder, _Mapping]] = ..., demonstration: _Optional[_Union[Demonstration, _Mapping]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class JobsStartResponse(_message.Message):
    __slots__ = ("job", "batch_id", "silence_seconds")
    JOB_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    SILENCE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    job: Job
    batch_id: str
    silence_seconds: float
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ..., batch_id: _Optional[str] = ..., silence_seconds: _Optional[float] = ...) -> None: ...

class JobsReportRequest(_message.Message):
    __slots__ = ("job_id", "progress", "total", "stage", "message", "messages_left_out", "detail_json", "state", "error", "result_json")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    DETAIL_JSON_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    RESULT_JSON_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    progress: float
    total: float
    stage: str
    message: str
    messages_left_out: int
    detail_json: str
    state: JobState
    error: Problem
    result_json: str
    def __init__(self, job_id: _Optional[str] = ..., progress: _Optional[float] = ..., total: _Optional[float] = ..., stage: _Optional[str] = ..., message: _Optional[str] = ..., messages_left_out: _Optional[int] = ..., detail_json: _Optional[str] = ..., state: _Optional[_Union[JobState, str]] = ..., error: _Optional[_Union[Problem, _Mapping]] = ..., result_json: _Optional[str] = ...) -> None: ...

class JobsReportResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class JobsCancelRequest(_message.Message):
    __slots__ = ("job_id",)
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    def __init__(self, job_id: _Optional[str] = ...) -> None: ...

class JobsCancelResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class JobsRetryRequest(_message.Message):
    __slots__ = ("job_id", "idempotency_key")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    idempotency_key: str
    def __init__(self, job_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class JobsRetryResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class NewUpload(_message.Message):
    __slots__ = ("name", "size", "media_type", "dataset", "idempotency_key")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    name: str
    size: int
    media_type: str
    dataset: str
    idempotency_key: str
    def __init__(self, name: _Optional[str] = ..., size: _Optional[int] = ..., media_type: _Optional[str] = ..., dataset: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class UploadPlace(_message.Message):
    __slots__ = ("upload_id", "offset")
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    offset: int
    def __init__(self, upload_id: _Optional[str] = ..., offset: _Optional[int] = ...) -> None: ...

class UploadsPutRequest(_message.Message):
    __slots__ = ("new", "place", "chunk")
    NEW_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    new: NewUpload
    place: UploadPlace
    chunk: bytes
    def __init__(self, new: _Optional[_Union[NewUpload, _Mapping]] = ..., place: _Optional[_Union[UploadPlace, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class UploadsPutResponse(_message.Message):
    __slots__ = ("upload",)
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    upload: Upload
    def __init__(self, upload: _Optional[_Union[Upload, _Mapping]] = ...) -> None: ...

class UploadsGetRequest(_message.Message):
    __slots__ = ("upload_id",)
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    def __init__(self, upload_id: _Optional[str] = ...) -> None: ...

class UploadsGetResponse(_message.Message):
    __slots__ = ("upload",)
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    upload: Upload
    def __init__(self, upload: _Optional[_Union[Upload, _Mapping]] = ...) -> None: ...

class Upload(_message.Message):
    __slots__ = ("upload_id", "name", "size", "offset", "media_type", "sha256", "job_id", "expires_at", "created_at", "completed_at")
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_AT_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    name: str
    size: int
    offset: int
    media_type: str
    sha256: str
    job_id: str
    expires_at: _timestamp_pb2.Timestamp
    created_at: _timestamp_pb2.Timestamp
    completed_at: _timestamp_pb2.Timestamp
    def __init__(self, upload_id: _Optional[str] = ..., name: _Optional[str] = ..., size: _Optional[int] = ..., offset: _Optional[int] = ..., media_type: _Optional[str] = ..., sha256: _Optional[str] = ..., job_id: _Optional[str] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., completed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
