"""Every table once, for SQLite and PostgreSQL alike; `migrations/` brings a database to this shape."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    event,
    false,
    text,
)

from server.storage.word_tables import STATEMENTS


def in_utc(moment: datetime) -> datetime:
    """The same moment; those that lie just outside the calendar in UTC are its first or last."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC) if moment.year == 1 else datetime.max.replace(tzinfo=UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC moment in every database; SQLite forgets the zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return in_utc(value) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[str]:
    return Column("id", String(26), primary_key=True)


def _user(name: str = "owner_id") -> Column[str]:
    return Column(name, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True)


def _json(name: str, empty: str = "{}") -> Column[Any]:
    return Column(name, JSON, nullable=False, server_default=text(f"'{empty}'"))


def _sequence(table: str) -> Column[int]:
    """Its place among the rows of its table: ids are made by a wall clock, which may be set back.

    Rows that have one are added in exclusive turns (`Database.write()`), so that no two count the same.
    """
    following = text(f'(SELECT coalesce(max(sequence), 0) + 1 FROM "{table}")')  # noqa: S608 – a name of ours
    return Column("sequence", BigInteger, nullable=False, index=True, default=following)


users = Table(
    "users",
    metadata,
    _id(),
    Column("name", String(64), nullable=False),
    Column("name_key", String(64), nullable=False, unique=True),  # case-folded: Alice and alice are one person
    Column("password_hash", Text, nullable=False),
    Column("role", String(16), nullable=False),  # auth.permissions.Role
    Column("language", String(16)),
    Column("time_zone", String(64), nullable=False, server_default="UTC"),
    _json("notifications"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
    Column("seen_at", UtcDateTime),
    Column("second_factor_at", UtcDateTime),  # since when there is a row in `second_factors`
    _json("mailed"),  # live.notice_kinds that are told by mail as well
    Column("email", String(254), nullable=False, server_default=""),
    Column("email_confirmed_at", UtcDateTime),  # null: nobody has shown that mail there is theirs
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(26), primary_key=True),  # public handle, to list and revoke
    Column("secret_hash", String(64), nullable=False, unique=True),  # sha256 of what the cookie holds
    _user("user_id"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("user_agent", String(300), nullable=False, server_default=""),
    Column("address", String(64), nullable=False, server_default=""),
    Column("means", String(16), nullable=False, server_default="password"),  # auth.sessions.Means
)

tokens = Table(
    "tokens",
    metadata,
    _id(),
    _sequence("tokens"),
    Column("secret_hash", String(64), nullable=False, unique=True),
    _user("user_id"),
    Column("name", String(100), nullable=False),
    _json("scopes", "[]"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
    Column("last_address", String(64), nullable=False, server_default=""),
)

account_links = Table(
    "account_links",
    metadata,
    _id(),
    Column("kind", String(16), nullable=False),  # auth.account_links.LinkKind
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), index=True),  # whose password it sets
    Column("of_password", String(64), nullable=False, server_default=""),  # hash of the hash it replaces
    Column("name", String(64), nullable=False, server_default=""),  # that an invited person is proposed
    Column("role", String(16), nullable=False, server_default=""),  # that they get
    Column("made_by", ForeignKey("users.id", ondelete="CASCADE"), index=True),  # NULL: who runs the server
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

second_factors = Table(
    "second_factors",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("secret", Text, nullable=False),  # encrypted with the server's key
    Column("last_step", BigInteger, nullable=False),  # 30 seconds each; codes of it and before are used up
    Column("created_at", UtcDateTime, nullable=False),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("code_hash", String(64), primary_key=True),  # gone once it is used
)

passkeys = Table(
    "passkeys",
    metadata,
    _id(),
    _user("user_id"),
    Column("credential_id", String(1400), nullable=False, unique=True),  # base64url of at most 1,023 bytes
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("name", String(100), nullable=False),
    Column("is_synced", Boolean, nullable=False, server_default=false()),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
)

identities = Table(
    "identities",
    metadata,
    _id(),
    _user("user_id"),
    Column("issuer", String(300), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("label", String(200), nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    UniqueConstraint("issuer", "subject"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("via", String(16), nullable=False, server_default="session"),  # auth.audit.Via
    Column("user_id", String(26)),  # no foreign key: the line outlives the user
    Column("user_name", String(64), nullable=False, server_default=""),
    Column("token_id", String(26)),
    Column("action", String(64), nullable=False),
    Column("outcome", String(16), nullable=False, server_default="done"),  # auth.audit.Outcome
    Column("subject", String(200), nullable=False, server_default=""),
    Column("subject_id", String(40), nullable=False, server_default=""),
    _json("detail"),
    Column("address", String(64), nullable=False, server_default=""),
    Index("ix_audit_user_id", "user_id", "id"),
    Index("ix_audit_subject_id", "subject_id", "id"),
    Index("ix_audit_action", "action", "id"),
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", String(64), primary_key=True),  # e.g. the hash of the one-time set-up code
    Column("value", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    _id(),
    _sequence("jobs"),
    Column("kind", String(64), nullable=False),
    _user(),
    Column("title", String(300), nullable=False),
    Column("state", String(16), nullable=False),  # jobs.job.State
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("interruptions", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("not_before", UtcDateTime),
    Column("priority", String(8), nullable=False, server_default="normal"),  # jobs.job.Priority
    Column("revision", BigInteger, nullable=False, server_default="0"),
    Column("progress", Double, nullable=False, server_default="0"),  # whole numbers are exact to 2**53
    Column("total", Double),
    Column("unit", String(32), nullable=False),
    Column("stage", String(64), nullable=False, server_default=""),
    Column("message", Text, nullable=False, server_default=""),
    _json("detail"),
    Column("error", JSON),  # {code, message, parameters}: message is the English text to translate and fill
    Column("result", JSON),
    _json("parameters"),
    Column("cancel_requested", Boolean, nullable=False, server_default=false()),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("took_seconds", Double),  # of its last attempt, by a clock that nobody sets
    Column("outcome", String(16)),  # jobs.job.Completeness
    Column("stalled_since", UtcDateTime),
    # Where several nodes share the jobs (engines/lease_queue.py), by the database's clock alone:
    Column("lane", String(8), nullable=False, server_default=""),  # in which it waits, or ran last
    Column("due_at", UtcDateTime),  # since when it waits there, or from when on it does
    Column("node", String(100), nullable=False, server_default=""),  # that runs it, or did last
    Column("lease_until", UtcDateTime),  # when it counts as lost, unless whoever runs it says more
    Index("ix_jobs_owner_created", "owner_id", "created_at"),
    Index("ix_jobs_owner_kind", "owner_id", "kind", "sequence"),  # how long such a job took the last times
    Index("ix_jobs_state", "state"),
)

job_turns = Table(
    "job_turns",
    metadata,
    Column("owner_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("lane", String(8), primary_key=True),
    Column("taken_at", UtcDateTime, nullable=False),  # when the owner's last job began there
)

job_attempts = Table(
    "job_attempts",
    metadata,
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),  # of the job after it
    Column("number", Integer, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime, nullable=False),
    Column("ended_as", String(16), nullable=False),  # jobs.job.State
    Column("seconds", Double),
    Column("error", JSON),
    _json("stages", "[]"),
)

saved_views = Table(
    "saved_views",
    metadata,
    _id(),
    _user(),
    Column("list", String(16), nullable=False),  # auth.saved_views.ViewedList
    Column("name", String(60), nullable=False),
    _json("query"),  # of the list's address: {parameter: [values]}
    Column("is_shared", Boolean, nullable=False, server_default=false()),  # with everybody who has signed in
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("owner_id", "list", "name"),
)

job_keys = Table(
    "job_keys",
    metadata,
    # whose the key is: who asked, which need not be who owns the job
    Column("owner_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("fingerprint", String(64), nullable=False),  # of what was asked for under the key (jobs.keys)
    # Checked at the commit: whoever comes first with a key is known before the job of the others would be stored.
    Column(
        "job_id",
        ForeignKey("jobs.id", ondelete="CASCADE", deferrable=True, initially="DEFERRED"),
        nullable=False,
        index=True,
    ),
    Column("part_id", String(26), nullable=False, server_default=""),  # the upload, where several share the job
)

job_log = Table(
    "job_log",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("level", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("left_out", Integer, nullable=False, server_default="0"),  # lines in whose place this one stands
    Column("said", JSON(none_as_null=True)),  # {message, parameters}, where `message` is filled; for translation
)

uploads = Table(
    "uploads",
    metadata,
    _id(),
    _sequence("uploads"),
    _user(),
    Column("name", String(300), nullable=False),
    Column("media_type", String(120), nullable=False, server_default=""),
    Column("size", BigInteger),  # null while the client defers it
    Column("offset", BigInteger, nullable=False, server_default="0"),  # durable bytes only
    Column("writer", Integer, nullable=False, server_default="0"),  # who brings bytes: the highest is the last
    Column("sha256", String(64)),
    Column("metadata", JSON, nullable=False, server_default=text("'{}'")),
    Column("job_id", String(26)),
    Column("concat", Text),  # tus's header: "partial", "final;…", or "final;" while its parts are coming
    Column("part_of", String(26), index=True),  # the upload that this part goes into
    Column("created_at", UtcDateTime, nullable=False),
    Column("completed_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
)

datasets = Table(
    "datasets",
    metadata,
    _id(),
    _user(),
    Column("name", String(64), nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("version", Integer),  # the current version's number; null until the first import is published
    Column("search", Text, nullable=False, server_default=""),  # case-folded: what lists look for words in
    Column("tags", Text, nullable=False, server_default=""),  # each between line ends: one is found as a whole
    _json("column_notes"),  # by column name: datasets.dataset.ColumnNote
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("owner_id", "name"),
)

dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("dataset_id", ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("job_id", String(26), unique=True),  # an import that runs again finds the version it already published
    Column("mode", String(16), nullable=False),  # create, replace, append, restore
    Column("files", JSON, nullable=False),  # blob keys of the Parquet parts, in row order
    Column("row_count", BigInteger, nullable=False),
    Column("rejected_count", BigInteger, nullable=False, server_default="0"),
    Column("bytes", BigInteger, nullable=False),
    # what this version alone added to the disk: its part and its rejects, not the parts of the version before
    Column("own_bytes", BigInteger, nullable=False, server_default="0"),
    Column("rejects_bytes", BigInteger),  # of the list of its rejects, 0 without one; null: nobody has looked
    Column("columns", JSON, nullable=False),
    _json("statistics"),
    _json("source"),  # {upload_id, name, sha256, options}
    Column("created_at", UtcDateTime, nullable=False),
)

saved_queries = Table(
    "saved_queries",
    metadata,
    _id(),
    _user(),
    Column("name", String(100), nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("sql", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("owner_id", "name"),
)

query_runs = Table(
    "query_runs",
    metadata,
    _id(),
    _user(),
    Column("sql", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("rows", Integer),  # null: it failed
    Column("truncated", Boolean, nullable=False, server_default=false()),
    Column("seconds", Double, nullable=False),
)

templates = Table(
    "templates",
    metadata,
    _id(),
    _user(),
    Column("name", String(64), nullable=False),
    Column("title", String(300), nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("version", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("summary", Text),  # what the source says of itself, as JSON; null: to be read from the source
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("owner_id", "name"),
)

template_versions = Table(
    "template_versions",
    metadata,
    Column("template_id", ForeignKey("templates.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("saved_by", String(26)),  # a user, who may be gone by now
    Column("note", Text, nullable=False, server_default=""),  # what changed, in the words of whoever saved it
    Column("lines_added", Integer),  # to the version before; null: nobody counted
    Column("lines_removed", Integer),
    Column("restored_from", Integer),  # the number of the version that it is equal to
)

brands = Table(
    "brands",
    metadata,
    _id(),  # its owner's; "server" for that of all who have none
    Column("owner_id", ForeignKey("users.id", ondelete="CASCADE"), unique=True),
    _json("brand"),  # reports.brand.Brand
    Column("logo_bytes", BigInteger, nullable=False, server_default="0"),
    Column("updated_at", UtcDateTime, nullable=False),
)

batches = Table(
    "batches",
    metadata,
    _id(),
    _sequence("batches"),
    _user(),
    Column("job_id", String(26), nullable=False, unique=True),
    Column("name", String(300), nullable=False),
    Column("template_id", String(26)),  # which one it was, of whoever's; null: nobody noted it, and it was the owner's
    Column("template_name", String(64), nullable=False),
    Column("template_version", Integer, nullable=False),
    Column("template_source", Text, nullable=False),  # what was asked for stays what is made, whatever is edited later
    Column("requested", JSON),  # parameter sets, or {query}, or null: as the template's `each` says
    _json("formats", "[]"),
    Column("clock", UtcDateTime, nullable=False),  # "now" of every report in it, so that a retry gives the same bytes
    _json("images"),  # {name in the template: blob key}
    _json("brand"),  # reports.brand.Brand as it was then
    _json("dataset_versions"),  # {name: {version, files: [blob keys], columns}} as they were when it started
    Column("language", String(16), nullable=False),  # of whoever asked: built-in words and number formats
    Column("time_zone", String(64), nullable=False),
    Column("report_count", Integer, nullable=False, server_default="0"),
    Column("bytes", BigInteger, nullable=False, server_default="0"),  # of the files of its reports
    Column("created_at", UtcDateTime, nullable=False),
    Column("deliveries", JSON),  # delivery.wishes.WantedDeliveries
    Column("delivery_state", String(8), nullable=False, server_default="", index=True),  # deliveries.DeliveryStage
)

reports = Table(
    "reports",
    metadata,
    _id(),
    Column("batch_id", ForeignKey("batches.id", ondelete="CASCADE"), nullable=False, index=True),
    _user(),
    Column("position", Integer, nullable=False),
    Column("title", String(300), nullable=False),
    Column("words", String(500), nullable=False, server_default=""),  # case-folded: of its title and values
    _json("parameters"),
    _json("carried"),  # what else its row says, such as whom it goes to
    Column("state", String(16), nullable=False),
    Column("error", JSON),
    _json("artifacts", "[]"),  # [{file, format, type, size, sha256, blob}]
    _json("warnings", "[]"),
    _json("figures", "[]"),  # [{label, value, text}]
    Column("is_empty", Boolean, nullable=False, server_default=false()),  # it shows no row
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    UniqueConstraint("batch_id", "position"),
    Index("ix_reports_shown", "batch_id", "state", "words"),  # what lists of many batches count and look words up in
)

batch_words = Table(
    "batch_words",
    metadata,
    Column("batch_id", ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True),
    Column("words", Text, nullable=False),  # of its name, its template and all its reports, each once
)

report_values = Table(
    "report_values",
    metadata,
    # The parameters of a report again, one value a row, to be found by; a list has a row for each of its values.
    Column("report_id", ForeignKey("reports.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("value", String(200), primary_key=True),  # as texts have it
    Column("batch_id", ForeignKey("batches.id", ondelete="CASCADE"), nullable=False),
    Index("ix_report_values_batch_id", "batch_id", "name", "value"),
    Index("ix_report_values_value", "name", "value", "batch_id", "report_id"),
)

share_links = Table(
    "share_links",
    metadata,
    _id(),
    _sequence("share_links"),
    Column("secret_hash", String(64), nullable=False, unique=True),  # sha256 of what stands in its address
    Column("sealed", Text, nullable=False),  # the same, encrypted: to show it again to who made it
    _user("made_by"),
    Column("batch_id", ForeignKey("batches.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("report_id", ForeignKey("reports.id", ondelete="CASCADE"), index=True),  # NULL: of the whole batch
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, index=True),  # NULL: never
    Column("password_hash", Text, nullable=False, server_default=""),
    Column("openings", Integer, nullable=False, server_default="0"),
    Column("last_opened_at", UtcDateTime),
    Column("delivery_id", String(26), index=True),  # what it was made for; null: somebody made it by hand
)

groups = Table(
    "groups",
    metadata,
    _id(),
    Column("name", String(64), nullable=False),
    Column("name_key", String(64), nullable=False, unique=True),  # as that of users
    Column("created_at", UtcDateTime, nullable=False),
)

group_members = Table(
    "group_members",
    metadata,
    Column("group_id", ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True),
)

grants = Table(
    "grants",
    metadata,
    _id(),
    # What it is about: one of the three. By ids, which are never used again: what is made anew under an old name has
    # no grants, and neither has a person.
    Column("dataset_id", ForeignKey("datasets.id", ondelete="CASCADE"), index=True),
    Column("template_id", ForeignKey("templates.id", ondelete="CASCADE"), index=True),
    Column("batch_id", ForeignKey("batches.id", ondelete="CASCADE"), index=True),
    # To whom: a user, a group, or everybody who has signed in, which is never said by leaving both out.
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), index=True),
    Column("group_id", ForeignKey("groups.id", ondelete="CASCADE"), index=True),
    Column("everyone", Boolean, nullable=False, server_default=false()),
    Column("may", String(8), nullable=False),  # auth.access.Right
    Column("given_by", String(64), nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
)

comments = Table(
    "comments",
    metadata,
    _id(),
    _sequence("comments"),
    Column("report_id", ForeignKey("reports.id", ondelete="CASCADE"), nullable=False),
    _user("author_id"),
    Column("text", Text, nullable=False),  # empty once it is deleted and stands for what others answered
    _json("mentions", "[]"),  # reports.comments.Mention
    Column("created_at", UtcDateTime, nullable=False),
    Column("edited_at", UtcDateTime),
    Column("deleted_at", UtcDateTime),
    Column("asked_key", String(200)),  # the Idempotency-Key it was written under
    Column("asked_for", String(64)),  # and the fingerprint of what was asked for under it (jobs.keys)
    Index("ix_comments_report_id", "report_id", "sequence"),
    Index("ix_comments_asked_key", "author_id", "asked_key", unique=True),
)

comment_bells = Table(
    "comment_bells",
    metadata,
    # When whom the bell rang for whose comments: one ring for all that somebody writes in one go.
    Column("report_id", ForeignKey("reports.id", ondelete="CASCADE"), primary_key=True),
    Column("author_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("at", UtcDateTime, nullable=False),  # of the newest comment of that go
    Column("is_mention", Boolean, nullable=False),  # whether it rang because they were named
)


_THINGS = ("dataset", "template", "batch", "report")


def _one_thing() -> tuple[Column[str], ...]:
    """By ids, with which the row goes; one of the four is set."""
    return tuple(
        Column(
            f"{kind}_id",
            ForeignKey(f"{'batches' if kind == 'batch' else f'{kind}s'}.id", ondelete="CASCADE"),
            index=True,
        )
        for kind in _THINGS
    )


def _once_for_each_user(table: str) -> tuple[Index, ...]:
    return tuple(Index(f"uq_{table}_{kind}", "user_id", f"{kind}_id", unique=True) for kind in _THINGS)


favourites = Table(
    "favourites",
    metadata,
    _id(),
    _user("user_id"),
    *_one_thing(),
    Column("created_at", UtcDateTime, nullable=False),
    *_once_for_each_user("favourites"),
)

recently_seen = Table(
    "recently_seen",
    metadata,
    _id(),
    _user("user_id"),
    *_one_thing(),
    Column("at", UtcDateTime, nullable=False),
    *_once_for_each_user("recently_seen"),
)

_WHAT_IS_FOUND = {
    "dataset_id": datasets,
    "template_id": templates,
    "batch_id": batches,
    "report_id": reports,
    "job_id": jobs,
    "user_id": users,
}

findables = Table(
    "findables",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),  # storage.findable.FindableKind
    Column("name", String(300), nullable=False),  # as it is shown
    *(  # what it is about; a report has the id of its batch, too
        Column(name, ForeignKey(table.c.id, ondelete="CASCADE")) for name, table in _WHAT_IS_FOUND.items()
    ),
    Column("words", Text, nullable=False),  # storage.findable.written
    *(
        Index(
            f"ix_findables_{name}",
            name,
            sqlite_where=text(f"{name} IS NOT NULL"),  # and elsewhere: see engines/postgresql_migrating.py
        )
        for name in _WHAT_IS_FOUND
    ),
)

for _dialect, _statements in STATEMENTS.items():
    for _one in _statements:
        event.listen(findables, "after_create", DDL(_one).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]

streams = Table(
    "streams",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("epoch", String(26), nullable=False),
    Column("offset", BigInteger, nullable=False, server_default="0"),
    Column("read_offset", BigInteger, nullable=False, server_default="0"),
)

stream_messages = Table(
    "stream_messages",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("type", String(32), nullable=False),
    Column("body", LargeBinary, nullable=False),  # what it says, as JSON; the frame is made in the reader's language
    Column("waits", Boolean, nullable=False, server_default=false()),  # until its reader has seen it
    Index("ix_stream_messages_type", "user_id", "type", "offset"),  # each type has a retention of its own
)

samples = Table(
    "samples",
    metadata,
    Column("step", Integer, primary_key=True, autoincrement=False),  # seconds
    Column("at", BigInteger, primary_key=True, autoincrement=False),  # when it began, in seconds since 1970
    Column("node", String(100), primary_key=True),
    Column("figures", LargeBinary, nullable=False),  # JSON: `monitoring.summing.Sample`
)

nightly_backups = Table(
    "nightly_backups",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("run_id", String(26), nullable=False),  # of whoever began it first
    Column("began_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("proven_at", UtcDateTime),
    Column("file", Text, nullable=False, server_default=""),
    Column("bytes", BigInteger, nullable=False, server_default="0"),
    Column("problem", Text, nullable=False, server_default=""),
)

server_runs = Table(
    "server_runs",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("node", String(100), nullable=False),
    Column("version", String(40), nullable=False),
    Column("role", String(8), nullable=False, server_default="all"),  # as in the settings
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False, index=True),
    Column("ending", String(16)),  # none while it lives, and of one that could not say so
)

nodes = Table(
    "nodes",
    metadata,
    _id(),  # of one start
    Column("name", String(100), nullable=False),
    Column("host", String(255), nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),  # by the clock of the database, if it has one
    _json("setup"),  # storage.living_nodes.NodeSetup
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", String(200), nullable=False),
    Column("until", UtcDateTime, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    _id(),
    Column("channel", String(16), nullable=False),  # delivery.parcel.Channel
    Column("subject", String(300), nullable=False),
    Column("content", LargeBinary, nullable=False),  # JSON: what its channel carries
    Column("created_at", UtcDateTime, nullable=False, index=True),
    Column("state", String(16), nullable=False),  # delivery.parcel.ParcelState
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", UtcDateTime),  # none once it is over
    Column("error", JSON),  # {phrase, parameters}: of the last attempt
    Column("sent_at", UtcDateTime),
    Column("schedule_id", String(26)),  # whose owner is told when it does not arrive; else administrators are
    Index("ix_outbox_state_next", "state", "next_at"),
)

notice_mails = Table(
    "notice_mails",
    metadata,
    _id(),
    _user("user_id"),
    Column("parcel_id", String(26), nullable=False, index=True),  # the mail in the outbox that tells of it
    Column("kind", String(16), nullable=False),  # live.notice_kinds
    Column("body", LargeBinary, nullable=False),  # as stream_messages have it
    Column("at", UtcDateTime, nullable=False),
)

push_subscriptions = Table(
    "push_subscriptions",
    metadata,
    _id(),
    _user("user_id"),
    # One browser is one session, and whoever signs out is told no more there.
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("endpoint_hash", String(64), nullable=False, unique=True),  # a browser tells one person at a time
    Column("host", String(255), nullable=False),
    Column("sealed", Text, nullable=False),  # delivery.push.PushTarget
    _json("kinds", "[]"),  # live.notice_kinds
    Column("created_at", UtcDateTime, nullable=False),
    Column("held_at", UtcDateTime),  # restored from a backup then, and not seen since
)

channel_places = Table(
    "channel_places",
    metadata,
    Column("id", String(64), primary_key=True),  # delivery.places.place_id: its address is a secret
    Column("via", String(16), nullable=False),  # delivery.messages.ChannelVia
    Column("host", String(255), nullable=False),
    Column("free_at", UtcDateTime, nullable=False),  # as its pace has it
    Column("failing_since", UtcDateTime),
    Column("failed_at", UtcDateTime),  # the last time
    Column("given_up_at", UtcDateTime),
    Column("changed_at", UtcDateTime, nullable=False, index=True),
)

alert_rules = Table(
    "alert_rules",
    metadata,
    Column("id", String(64), primary_key=True),  # of those that are there by themselves the name of what they watch
    Column("subject", String(64), nullable=False),  # alerts.subjects
    Column("target", String(300), nullable=False, server_default=""),
    Column("threshold", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("is_on", Boolean, nullable=False),
    _json("channels", "[]"),
)

alerts = Table(
    "alerts",
    metadata,
    _id(),
    Column("rule_id", String(64), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("target", String(300), nullable=False, server_default=""),
    Column("node", String(100), nullable=False, server_default=""),  # of what is measured at each
    Column("threshold", Double, nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("fired_at", UtcDateTime),
    Column("well_since", UtcDateTime),
    Column("ended_at", UtcDateTime, index=True),
    Column("value", Double, nullable=False),
    Column("worst", Double, nullable=False),
    Column("told", String(16), nullable=False, server_default=""),  # alerts.alert.LastTold
    Column("told_at", UtcDateTime),
)

maintenance_windows = Table(
    "maintenance_windows",
    metadata,
    _id(),
    Column("begin", String(32), nullable=False),  # as the clock on the wall of its zone shows it
    Column("time_zone", String(64), nullable=False),
    Column("seconds", Double, nullable=False),
    Column("is_weekly", Boolean, nullable=False),
    Column("note", String(300), nullable=False, server_default=""),
    Column("created_by", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),  # cut short, or a weekly one that comes no more
)

wall_tokens = Table(
    "wall_tokens",
    metadata,
    _id(),
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("shows_names", Boolean, nullable=False, server_default=false()),
)

schedules = Table(
    "schedules",
    metadata,
    _id(),
    _user(),
    Column("name", String(300), nullable=False),
    Column("runs", String(8), nullable=False, server_default="batch"),  # schedules.plans.RunsWhat
    # of a batch; null: it is gone, and the schedule stops; the name stays, to say what is missing
    Column("template_id", ForeignKey("templates.id", ondelete="SET NULL"), index=True),
    Column("template_name", String(64), nullable=False),
    Column("ordered", JSON, nullable=False),  # schedules.schedule.Ordered
    Column("cron", String(100), nullable=False, server_default=""),
    Column("time_zone", String(64), nullable=False),
    Column("dataset_id", ForeignKey("datasets.id", ondelete="SET NULL"), index=True),
    Column("dataset_name", String(64), nullable=False, server_default=""),
    Column("quiet_seconds", Integer, nullable=False),
    Column("leader_id", String(26), index=True),  # the schedule that it comes after: rows are restored in any order
    Column("leader_name", String(300), nullable=False, server_default=""),
    Column("calendar", String(2), nullable=False, server_default=""),  # of which country; empty: days off as well
    Column("day_off", String(8), nullable=False, server_default="skip"),  # schedules.workdays.DayOff
    Column("told_until", String(10), nullable=False, server_default=""),  # the end of that calendar, told to its owner
    Column("missed", String(8), nullable=False),
    Column("overlap", String(8), nullable=False),
    Column("standing", String(8), nullable=False),
    Column("reason", String(16), nullable=False, server_default=""),  # schedules.schedule.StopReason
    Column("error", JSON),  # schedules.schedule.ScheduleError
    Column("planned_at", UtcDateTime),  # when it comes next; null unless a time begins it
    Column("armed_at", UtcDateTime, nullable=False),  # what was before is none of its business
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_schedules_standing_planned", "standing", "planned_at"),
)

schedule_runs = Table(
    "schedule_runs",
    metadata,
    _id(),
    Column("schedule_id", ForeignKey("schedules.id", ondelete="CASCADE"), nullable=False),
    Column("planned_at", UtcDateTime, nullable=False),
    Column("cause", String(16), nullable=False),  # schedules.schedule.Cause
    Column("state", String(16), nullable=False, index=True),  # schedules.schedule.RunState
    Column("is_late", Boolean, nullable=False, server_default=false()),
    Column("ordered", JSON, nullable=False),  # as it was then
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("holder", String(200)),  # the node that orders it
    Column("held_until", UtcDateTime),
    Column("batch_id", ForeignKey("batches.id", ondelete="SET NULL"), index=True),
    Column("job_id", String(26), index=True),
    Column("error", JSON),
    Column("result", JSON),  # schedules.plans.RunResult
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("asked_key", String(240)),  # of who had it run by hand: their id and their Idempotency-Key
    UniqueConstraint("schedule_id", "asked_key", name="uq_schedule_runs_asked_key"),
    UniqueConstraint(
        "schedule_id", "planned_at", name="uq_schedule_runs_planned_at"
    ),  # each time gives one run, whoever sees it first
)

# Files that a schedule has taken: none is taken twice. A place is a folder or an address, for one dataset.
schedule_files = Table(
    "schedule_files",
    metadata,
    _id(),
    Column("schedule_id", ForeignKey("schedules.id", ondelete="CASCADE"), nullable=False),
    Column("place_key", String(64), nullable=False),  # sha256
    Column("file_key", String(64), nullable=False),  # sha256 of its version
    Column("name", String(300), nullable=False),
    Column("version", Text, nullable=False, server_default=""),  # size and time, or what its server says
    Column("sha256", String(64), nullable=False, server_default=""),
    Column("run_id", String(26), nullable=False, index=True),  # that took it; like the next two it may be gone
    Column("upload_id", String(26), nullable=False, server_default=""),
    Column("job_id", String(26), nullable=False),  # that brings it here, later the one that imports it
    Column("taken_at", UtcDateTime, nullable=False),
    UniqueConstraint("schedule_id", "place_key", "file_key", name="uq_schedule_files_once"),
)

deliveries = Table(
    "deliveries",
    metadata,
    _id(),
    Column("batch_id", ForeignKey("batches.id", ondelete="CASCADE"), nullable=False, index=True),
    _user(),  # with whose rights it leaves
    Column("schedule_id", String(26), index=True),  # a name of what may be gone: rows are restored in any order
    Column("round", String(26), nullable=False),  # the job whose reports it carries; of a trial its own
    Column("position", Integer, nullable=False),  # of the wish in the order
    Column("via", String(16), nullable=False),  # delivery.wishes.Via
    Column("recipient", String(320), nullable=False),  # an address, a host, a place: never a secret
    Column("recipient_key", String(64), nullable=False),  # sha256 of who it is meant for, whatever its case
    Column("trial_for", String(320)),  # who it is meant for, while `recipient` tries it; null: it is no trial
    Column("report_id", String(26), nullable=False, server_default=""),  # empty: several, or the whole batch
    Column("report_count", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),  # JSON: deliveries.delivery.DeliveryContent
    Column("sealed", Text, nullable=False, server_default=""),  # where to, when that is a secret
    Column("state", String(16), nullable=False),  # deliveries.delivery.DeliveryState
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", UtcDateTime),
    Column("holder", String(200)),  # who has it in hand, and until when
    Column("held_until", UtcDateTime),
    Column("error", JSON),  # {phrase, parameters}
    Column("message_id", String(300), nullable=False),
    # What stands in the sender of its mail, by which it comes back; nobody guesses it. Empty: of before there was one.
    Column("bounce_tag", String(32), nullable=False, server_default="", index=True),
    Column("receipt", Text, nullable=False, server_default=""),  # what the other side answered, or where it lies
    Column("created_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Index("ix_deliveries_state_next", "state", "next_at"),
    UniqueConstraint("batch_id", "round", "position", "recipient_key", "report_id", name="uq_deliveries_once"),
)

delivery_optouts = Table(
    "delivery_optouts",
    metadata,
    _id(),
    Column("schedule_id", ForeignKey("schedules.id", ondelete="CASCADE"), nullable=False),
    Column("address", String(320), nullable=False),  # case-folded
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("schedule_id", "address", name="uq_delivery_optouts_address"),
)

held_addresses = Table(
    "held_addresses",
    metadata,
    _id(),
    _user(),  # whose mail goes there no more
    Column("address", String(320), nullable=False),  # case-folded
    Column("said", Text, nullable=False),  # by the other side
    Column("batch_id", String(26), nullable=False),  # whose mail came back; it may be gone
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("owner_id", "address", name="uq_held_addresses_address"),
)

# Rows of these change all the time, and each change leaves the row as it was: PostgreSQL cleans up after a fifth of a
# table has changed, which is late for a table that is read with every request.
OFTEN_CHANGED = (
    "deliveries",
    "jobs",
    "leases",
    "outbox",
    "sessions",
    "streams",
    "stream_messages",
    "tokens",
    "uploads",
)
_CLEANED_EARLY = "set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500)"
for _name in OFTEN_CHANGED:
    _statement = DDL(f'ALTER TABLE "{_name}" {_CLEANED_EARLY}')  # type: ignore[no-untyped-call]
    event.listen(metadata.tables[_name], "after_create", _statement.execute_if(dialect="postgresql"))
