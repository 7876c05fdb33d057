"""Each setting once: default, type, help. Flags win over `JINDU_*` (and `…_FILE`), then `jindu.toml`, then defaults."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from email.utils import parseaddr
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit

import msgspec

from server.base_path import BasePath
from server.errors import ConfigurationError

_MIB = 1024 * 1024


def _setting(default: Any, text: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"help": text, "secret": secret})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set from outside; values are checked when they are loaded, not when they are used."""

    host: str = _setting(
        "127.0.0.1",
        "Address to listen on, or several, comma-separated; :: is everywhere, unix:/run/jindu.sock a Unix socket.",
    )
    port: int = _setting(8000, "Port to listen on; 0 takes a free one.")
    data: Path = _setting(Path("data"), "Directory of the database, uploads, datasets and reports.")
    database_url: str = _setting(
        "",
        "PostgreSQL, as postgresql://user:password@host:5432/name; empty: SQLite in the data.",
        secret=True,
    )
    broker_url: str = _setting(
        "",
        "Valkey or Redis between several nodes, as redis://:password@host:6379/0; empty: this node is alone.",
        secret=True,
    )
    broker_subscribe_url: str = _setting(
        "",
        "A replica of it beside this node, to listen at: what others say comes there once for all nodes beside it. "
        "Empty: at JINDU_BROKER_URL.",
        secret=True,
    )
    node: str = _setting("", "What this node is called among several; empty: host:port, or the host when alone.")
    role: str = _setting(
        "all",
        "What this node does: all, or web (it serves people and runs no jobs); `jindu worker` runs jobs and serves "
        "nobody.",
    )
    lease_seconds: float = _setting(
        15.0, "A node that is not heard of for so long has lost its jobs, and others go on with them; at least 1."
    )
    worker_kinds: tuple[str, ...] = _setting(
        (), "Kinds of jobs that a worker runs, comma-separated, e.g. batch_report; empty: all."
    )
    worker_port: int = _setting(
        0, "Port on which a worker answers /healthz, /readyz and /metrics, at the address of `host`; 0: none."
    )
    broker_look_seconds: float = _setting(
        5.0, "How often the database is asked for what was kept for those who are connected and never heard of here."
    )
    credential_look_seconds: float = _setting(
        20.0, "How often it is asked whether those who are connected are still signed in, should no word of it come."
    )
    database_writers: int = _setting(4, "Connections to PostgreSQL that write, per node; at least 1.")
    database_readers: int = _setting(4, "Connections to PostgreSQL that read, per node; at least 1.")
    upgrade_at_start: bool = _setting(
        True,
        "A start changes the tables that an older version made; false: it refuses them, and only `jindu db upgrade` "
        "does.",
    )
    storage_url: str = _setting(
        "", "S3 store of files, as s3://bucket/prefix?endpoint=https://host&region=name; empty: files in the data."
    )
    storage_key_id: str = _setting(
        "", "Access key for it; empty: what the environment or the machine has (AWS_ACCESS_KEY_ID, a role)."
    )
    storage_secret: str = _setting("", "The secret that belongs to the access key.", secret=True)
    storage_cache_bytes: int = _setting(10 * 1024 * _MIB, "Room in the data for copies of what lies in the S3 store.")
    storage_download_url: str = _setting(
        "",
        "Address of the S3 store for browsers, e.g. https://s3.example.com: downloads then go there by addresses that "
        "are signed for a minute; empty: through the server.",
    )
    public_url: str = _setting("", "Address people use, e.g. https://reports.example.com; empty: as requested.")
    base_path: str = _setting(
        "", "Path that the server stands at, e.g. /jindu of https://intranet/jindu/; empty: none."
    )
    static_cache: str = _setting(
        "", "Directory for scripts and style sheets as browsers load them, packed; empty: cache in the data."
    )
    trusted_proxies: int = _setting(0, "How many reverse proxies in front set X-Forwarded-For, -Proto and -Host.")
    trusted_proxy_addresses: tuple[str, ...] = _setting(
        (), "Addresses or networks that the last of them comes from, comma-separated; empty: whoever connects is it."
    )
    forwarded_header: str = _setting("x-forwarded", "Which headers they set: x-forwarded, or forwarded (RFC 7239).")
    tls_cert: str = _setting("", "Certificate with its chain, a PEM file: the server then speaks TLS itself.")
    tls_key: str = _setting("", "Its key, a PEM file; empty: in the same file.")
    http_redirect_port: int = _setting(
        0, "Port at which http:// is sent on to https:// when the server speaks TLS itself; 0: none."
    )
    hsts_days: float = _setting(
        365.0, "Days for which browsers that came over TLS use nothing else, subdomains apart; 0: not told."
    )
    log_level: str = _setting("info", "One of debug, info, warning and error.")
    log_format: str = _setting("text", "How the log is written: text, or json for programs that collect logs.")
    secret_key: str = _setting(
        "", "Fernet key for the session cookie; empty: made once, kept in the data directory.", secret=True
    )
    admin_user: str = _setting("", "Creates this administrator at start when there is none.")
    admin_password: str = _setting("", "Password of that administrator.", secret=True)
    allowed_origins: tuple[str, ...] = _setting((), "Origins besides our own that may use the API, comma-separated.")

    session_days: int = _setting(14, "A session ends after so many days without use.")
    openid_issuer: str = _setting(
        "", "Address of an OpenID Connect provider to sign in with, to the last slash as it names itself; empty: none."
    )
    openid_client_id: str = _setting("", "What this server is called there.")
    openid_client_secret: str = _setting("", "Its secret there; empty for a public client.", secret=True)
    openid_scopes: tuple[str, ...] = _setting(("openid", "profile", "email"), "Scopes to ask for, comma-separated.")
    openid_label: str = _setting("", "What the button to sign in with it says; empty: the provider's host.")
    openid_new_accounts: str = _setting(
        "", "Role of accounts made for people who come from there: viewer, editor or admin; empty: none are made."
    )
    openid_domains: tuple[str, ...] = _setting(
        (), "Domains of confirmed e-mail addresses that may come in from there, comma-separated; empty: all."
    )
    openid_groups_claim: str = _setting("groups", "Claim of the ID token that lists groups.")
    openid_roles: tuple[str, ...] = _setting(
        (), "Roles by group, comma-separated, e.g. reporting-admins=admin,analysts=editor; empty: none is given."
    )
    openid_only: bool = _setting(False, "Passwords let nobody in whose account is linked to one there.")
    login_attempts: int = _setting(
        10, "Failed sign-ins at a user name from one address in five minutes before that address must wait."
    )

    share_links: bool = _setting(
        True, "Whether reports can be shown to people without an account by a link; off: links that were made rest."
    )
    link_max_days: int = _setting(
        365, "A share link ends after so many days at the latest; 0: it need not have an end."
    )

    require_second_factor: str = _setting(
        "nobody", "Who must have a second factor to use the server: nobody, administrators or everybody."
    )

    max_sockets: int = _setting(4_000, "TCP connections at once that carry no live connection.")
    max_sockets_per_address: int = _setting(
        500, "The same, per client address; not asked for when trusted_proxies is set, since all come from the proxy."
    )
    reserved_descriptors: int = _setting(
        256, "File descriptors that connections leave for the database, files and worker processes."
    )
    request_head_seconds: float = _setting(10.0, "Seconds for the whole head of a request to arrive.")
    body_grace_seconds: float = _setting(20.0, "Seconds over which the pace of a request's body is measured.")
    min_body_bytes_per_second: float = _setting(500.0, "Lowest pace of a request's body, in bytes per second.")
    keep_alive_seconds: float = _setting(75.0, "Seconds a connection may wait between two requests.")
    unread_answer_seconds: float = _setting(30.0, "Seconds without any of an answer being read before it is given up.")

    max_connections: int = _setting(10_000, "Live connections per node.")
    max_connections_per_user: int = _setting(20, "Live connections per user; the tabs of a browser share one.")
    max_connections_per_address: int = _setting(50, "Live connections per client address.")
    max_unauthenticated_connections: int = _setting(100, "Connections that may wait for their auth message at once.")
    max_unauthenticated_connections_per_address: int = _setting(10, "The same, per client address.")
    max_subscriptions: int = _setting(500, "Event names one connection may subscribe to.")
    max_event_name_length: int = _setting(128, "Characters an event name may have.")
    max_message_bytes: int = _setting(64 * 1024, "Largest message a client may send.")
    max_unsent_bytes: int = _setting(_MIB, "Unsent data per connection before it is closed with 4001.")
    messages_per_second: float = _setting(20.0, "Messages per second a client may send.")
    message_burst: int = _setting(40, "Messages a client may send at once.")
    ping_interval_seconds: float = _setting(25.0, "Seconds between pings.")
    pong_timeout_seconds: float = _setting(10.0, "Seconds without a pong before a connection counts as gone.")
    auth_deadline_seconds: float = _setting(10.0, "Seconds a connection may take to authenticate by message.")
    io_uring: bool = _setting(
        True, "Write broadcasts through Linux' io_uring where the kernel allows it, else socket by socket."
    )
    graphql: bool = _setting(False, "Offer GraphQL at /graphql; needs the extra graphql.")
    peer: bool = _setting(False, "People send files from browser to browser; the server only brings them together.")
    peer_max_bytes: int = _setting(4 * 1024 * _MIB, "Largest transfer from browser to browser, all its files together.")
    peer_offers_per_minute: int = _setting(10, "Transfers that one user may offer in a minute, per node.")
    stun_urls: tuple[str, ...] = _setting(
        (),
        "STUN servers by which browsers learn their outer addresses, comma-separated, e.g. stun:stun.example.com:3478.",
    )
    turn_urls: tuple[str, ...] = _setting(
        (),
        "TURN servers that relay where browsers do not reach each other, comma-separated, e.g. "
        "turn:turn.example.com:3478?transport=udp; needs turn_secret.",
    )
    turn_secret: str = _setting(
        "", "The secret shared with them (static-auth-secret of coturn); credentials last four hours.", secret=True
    )
    grpc_port: int = _setting(
        0, "Port on which gRPC is offered, at the addresses of `host`; 0: none. Needs the extra grpc."
    )
    grpc_host: str = _setting("", "Address for gRPC, or several, comma-separated; empty: those of `host`.")
    grpc_tls_cert: str = _setting("", "Certificate with its chain for gRPC, a PEM file; empty: that of `tls_cert`.")
    grpc_tls_key: str = _setting("", "Its key, a PEM file; empty: in the same file.")
    history_days: float = _setting(
        7.0, "Days for which messages are kept for clients that come back; 0: an hour at most."
    )
    history_messages: int = _setting(1000, "Messages that are kept per user for clients that come back, at most.")
    notification_days: float = _setting(90.0, "Days for which notifications can be read.")
    notification_messages: int = _setting(1000, "Notifications that can be read per user, at most.")

    workers: int = _setting(0, "Worker processes for imports and reports; 0: one per processor core.")
    worker_memory_mib: int = _setting(1500, "Memory limit per worker process, in MiB.")
    worker_niceness: int = _setting(
        10,
        "How far they stand back for the server at the processor, 0 to 19; those that pages wait for half as far. 0 "
        "where workers have a machine of their own.",
    )
    interactive_workers: int = _setting(
        0, "Worker processes for what somebody waits for at a page; 0: one per processor core, at least 4."
    )
    interactive_workers_per_user: int = _setting(2, "How many of those one user may occupy at once.")
    interactive_waiting_per_user: int = _setting(20, "Requests of one user that may wait for such a worker.")
    interactive_wait_seconds: float = _setting(
        30.0, "Seconds a request waits for such a worker before it is told how long it still would."
    )
    export_workers: int = _setting(2, "Worker processes that write exports; each user has one of them at once.")
    job_attempts: int = _setting(3, "Attempts of a job that is interrupted by crashes.")
    job_retries: int = _setting(
        3, "How often a job is tried again by itself after an error that may pass, such as a full disk; 0: never."
    )
    job_retry_seconds: float = _setting(
        10.0, "Seconds until then; each further time six times as many, at most ten minutes."
    )
    job_away_hours: float = _setting(
        24.0,
        "How long a job waits for a database or a store of files that is away, which uses up none of these; 0: it "
        "fails at once.",
    )
    import_seconds: float = _setting(21_600.0, "Time limit of an import's work in a worker process.")
    report_seconds: float = _setting(1_800.0, "Time limit of one report of a batch.")
    worker_silence_seconds: float = _setting(
        120.0,
        "A worker process that neither computes nor reports for so many seconds counts as frozen and is replaced.",
    )
    jobs_per_user: int = _setting(1_000, "Jobs and uploads of one user that may be unfinished at once.")
    external_job_silence_seconds: float = _setting(
        900.0, "A job that a script pushes fails when nothing was heard of the script for so many seconds."
    )
    external_jobs_per_user: int = _setting(500, "Jobs that one user's scripts may have running at once.")
    external_updates_per_second: float = _setting(100.0, "Updates per second that the scripts of one token may send.")
    drain_seconds: float = _setting(10.0, "Grace period for running jobs when the server stops.")
    drain_notice_seconds: float = _setting(
        1.0, "Seconds between /readyz turning 503 and the port being closed, for load balancers to look elsewhere."
    )
    reconnects_per_second: float = _setting(
        100.0, "How many clients a second are told to come back after the server stopped."
    )

    max_upload_bytes: int = _setting(10 * 1024 * _MIB, "Largest upload, in bytes.")
    upload_expiry_hours: int = _setting(72, "Unfinished uploads are removed after so many hours.")
    upload_silence_minutes: float = _setting(
        30.0, "The job of an unfinished upload ends when nothing came for so long; choosing the file again goes on."
    )
    import_hosts: tuple[str, ...] = _setting(
        (), "Hosts that files may be fetched from over HTTPS, e.g. data.example.com or *.example.com, comma-separated."
    )
    import_folders: tuple[str, ...] = _setting(
        (), "Folders that everybody may import files from, e.g. inbox=/srv/inbox, comma-separated."
    )
    min_free_bytes: int = _setting(256 * _MIB, "New data and reports are refused when the disk has less free space.")
    reserve_bytes: int = _setting(
        16 * _MIB,
        "Kept back on the disk, to sign in, cancel and delete when it is full; at most an eighth of it.",
    )
    upload_retention_days: float = _setting(
        30.0, "Whole uploads are removed so many days after their last import, or after they came; 0: never."
    )
    refused_upload_retention_days: float = _setting(
        7.0, "Uploads of which no import succeeded are removed so many days after the last one; 0: never."
    )
    version_retention_days: float = _setting(
        90.0, "Old versions of datasets are removed so many days after a newer one replaced them; 0: never."
    )
    reject_retention_days: float = _setting(
        90.0, "Lists of rows that imports left out are removed after so many days; 0: never."
    )
    report_retention_days: float = _setting(0.0, "Batches are removed so many days after their end; 0: never.")
    job_retention_days: float = _setting(90.0, "Jobs are removed so many days after their end; 0: never.")
    log_retention_days: float = _setting(30.0, "Logs of jobs are removed so many days after their end; 0: never.")
    audit_retention_days: float = _setting(365.0, "Lines of the audit log are removed after so many days; 0: never.")
    audit_address_days: float = _setting(
        90.0, "Addresses are taken out of the audit log after so many days, and its lines stay; 0: never."
    )
    link_retention_days: float = _setting(
        30.0, "Share links are removed from people's lists so many days after their end; 0: never."
    )
    monitoring_days: float = _setting(
        400.0, "The server's own figures over time are kept for so many days; 0: an hour at most."
    )
    metrics_addresses: tuple[str, ...] = _setting(
        (), "Addresses or networks that may read /metrics without a token, comma-separated, e.g. 10.0.0.0/8."
    )
    otlp_endpoint: str = _setting(
        "", "Address of an OpenTelemetry collector (OTLP over HTTP), e.g. http://localhost:4318; empty: none."
    )
    otlp_seconds: float = _setting(60.0, "How often the figures of /metrics go there; traces go as they come.")
    smtp_host: str = _setting("", "Mail server that mail goes out by; empty: no mail.")
    smtp_port: int = _setting(587, "Its port: mostly 587 for starttls, 465 for tls.")
    smtp_security: str = _setting("starttls", "How the line to it is kept private: starttls, tls or none.")
    smtp_user: str = _setting("", "User name at the mail server; empty: without signing in.")
    smtp_password: str = _setting("", "Password at the mail server.", secret=True)
    smtp_token_url: str = _setting(
        "",
        "Address that gives tokens for the mail server (OAuth 2), as Microsoft 365 and Google want it; empty: none.",
    )
    smtp_client_id: str = _setting("", "Application that asks for them.")
    smtp_client_secret: str = _setting("", "The secret that belongs to it.", secret=True)
    smtp_refresh_token: str = _setting("", "Refresh token of smtp_user; empty: client credentials.", secret=True)
    smtp_scope: str = _setting("", "What the token is for, e.g. https://outlook.office365.com/.default.")
    mail_from: str = _setting("", "Whom mail is from, e.g. Jindu <jindu@example.com>.")
    mail_domains: tuple[str, ...] = _setting(
        (), "Where reports may be mailed to, e.g. example.com (and what is below it), comma-separated; empty: anywhere."
    )
    mail_bytes: int = _setting(
        15 * _MIB, "Most that the files of one mail may have as they are written in it; larger ones become a link."
    )
    mail_a_minute: int = _setting(
        0,
        "Most mails a minute to the mail server, from all nodes together (Microsoft 365: 30); 0: as many as there are.",
    )
    bounces_to: str = _setting(
        "",
        "Address at which mails of reports come back, e.g. bounces@example.com: each is from bounces+tag@example.com, "
        "and what comes there has to lie in the mailbox of bounces_imap_url; empty: nobody reads what comes back.",
    )
    bounces_imap_url: str = _setting(
        "", "Mailbox that is read for it, as imaps://user@mail.example.com/INBOX (an @ in user as %40)."
    )
    bounces_password: str = _setting(
        "", "Password of that mailbox; empty: the token of smtp_token_url opens it.", secret=True
    )
    delivery_folders: tuple[str, ...] = _setting(
        (), "Folders that reports may be delivered to, e.g. archive=/srv/reports, comma-separated."
    )
    alert_mail_to: tuple[str, ...] = _setting((), "Who is told of alerts by mail, comma-separated.")
    alert_language: str = _setting("en", "Language of alerts by mail and webhook: en or zh-CN.")
    alert_webhook_url: str = _setting("", "Address that alerts are posted to as JSON; empty: none.", secret=True)
    alert_webhook_secret: str = _setting("", "Signs what is posted there (header Jindu-Signature).", secret=True)
    heartbeat_url: str = _setting(
        "", "Address that is asked for as long as everything works, for who watches from outside.", secret=True
    )
    heartbeat_seconds: float = _setting(60.0, "How often the heartbeat goes out.")
    outgoing_private: bool = _setting(
        False, "Whether webhook and heartbeat may go to addresses inside the server's own network."
    )
    webhook_hosts: tuple[str, ...] = _setting(
        (),
        "Hosts that webhooks and chat messages of deliveries may go to, e.g. hooks.slack.com, *.example.com or, inside "
        "the server's own network, jenkins.lan:8080 or 10.0.0.0/8, comma-separated, * for any public one; empty: that.",
    )
    push_hosts: tuple[str, ...] = _setting(
        ("fcm.googleapis.com", "*.push.services.mozilla.com", "*.push.apple.com", "*.notify.windows.com"),
        "Push services that notifications of browsers may go to, as webhook_hosts, comma-separated; empty: none.",
    )
    push_contact: str = _setting(
        "",
        "How those who run push services reach you: mailto:ops@example.com or https://…; empty: the address of "
        "mail_from, and without that one nothing goes to browsers.",
    )
    delivery_s3_url: str = _setting(
        "", "Where deliveries to S3 go, as s3://bucket/prefix?endpoint=https://host&region=name; empty: nowhere."
    )
    delivery_s3_key_id: str = _setting("", "Access key for it; empty: what the environment or the machine has.")
    delivery_s3_secret: str = _setting("", "The secret that belongs to that access key.", secret=True)
    backup_to: str = _setting(
        "", "Directory for backups: one each night, restored on trial, and those of schedules; empty: none are made."
    )
    backup_at: str = _setting(
        "03:00", "When in the day the nightly one is made, in UTC; empty: not each night, only as schedules say."
    )
    backup_keep_days: float = _setting(14.0, "Nightly backups are kept for so many days.")
    max_upload_bytes_per_user: int = _setting(50 * 1024 * _MIB, "Bytes that one user's uploads may take; 0: no limit.")
    max_upload_bytes_in_all: int = _setting(0, "Bytes that all uploads may take; 0: no limit.")
    max_dataset_bytes_per_user: int = _setting(
        50 * 1024 * _MIB, "Bytes that one user's datasets may take with all their versions; 0: no limit."
    )
    max_dataset_bytes_in_all: int = _setting(0, "Bytes that all datasets may take; 0: no limit.")
    max_report_bytes_per_user: int = _setting(50 * 1024 * _MIB, "Bytes that one user's reports may take; 0: no limit.")
    max_report_bytes_in_all: int = _setting(0, "Bytes that all reports may take; 0: no limit.")
    max_database_growth_per_user: int = _setting(
        256 * _MIB,
        "Bytes a day that one user may have the database keep: jobs, template versions, descriptions; 0: no limit.",
    )
    max_columns: int = _setting(1000, "Columns a dataset may have.")
    max_line_bytes: int = _setting(4 * _MIB, "Longest line of a text file, in bytes.")
    max_unpacked_bytes: int = _setting(2 * 1024 * _MIB, "Size an Excel or packed file may unpack to, in bytes.")
    reject_limit: int = _setting(100_000, "Rejected rows after which an import stops.")

    query_seconds: float = _setting(30.0, "Time limit of one query.")
    query_rows: int = _setting(
        100_000,
        "Rows of one query's answer; `truncated` says that there were more. A CSV file of the page has all rows.",
    )
    max_answer_bytes: int = _setting(32 * _MIB, "Largest answer of a query or a page of rows over the API, in bytes.")
    max_answers_per_user: int = _setting(8, "Large answers and exports that one user may be receiving at once.")
    max_reports_per_batch: int = _setting(5_000, "Reports one batch may hold.")


def load(
    flags: Mapping[str, Any] | None = None, *, environ: Mapping[str, str] | None = None, directory: Path | None = None
) -> Settings:
    """Merge all sources; raises `ConfigurationError` naming the source and key that is wrong."""
    return _checked(read(flags, environ=environ, directory=directory))


def read(
    flags: Mapping[str, Any] | None = None, *, environ: Mapping[str, str] | None = None, directory: Path | None = None
) -> Settings:
    """As they are given, whether they fit together or not."""
    merged = _merged(flags or {}, os.environ if environ is None else environ, directory or Path())
    types = get_type_hints(Settings)
    unknown = [f"{key} ({source})" for key, (source, _) in merged.items() if key not in types]
    if unknown:
        raise ConfigurationError(f"Unknown settings: {', '.join(sorted(unknown))}. See docs/settings.md.")
    return Settings(**{key: _convert(key, source, value, types[key]) for key, (source, value) in merged.items()})


def sources(
    flags: Mapping[str, Any] | None = None, *, environ: Mapping[str, str] | None = None, directory: Path | None = None
) -> dict[str, str]:
    """Where each setting that is set comes from; the others have their defaults."""
    environ = os.environ if environ is None else environ
    merged = _merged(flags or {}, environ, directory or Path())
    return {key: _in_full(key, source, environ) for key, (source, _) in merged.items()}


def _in_full(key: str, source: str, environ: Mapping[str, str]) -> str:
    if source != "environment":
        return source
    name = f"{environment_name(key)}_FILE"
    if environ.get(name) or environment_name(key) in environ:
        return name if environ.get(name) else environment_name(key)
    return next(other for other, ours in _NAMED_ELSEWHERE.items() if ours == key)


def _merged(flags: Mapping[str, Any], environ: Mapping[str, str], directory: Path) -> dict[str, tuple[str, Any]]:
    """By name the source that wins, and what it says."""
    merged: dict[str, tuple[str, Any]] = {}
    for source, values in (
        ("jindu.toml", _from_file(directory / "jindu.toml")),
        ("environment", _from_environment(environ)),
        ("command line", {key: value for key, value in flags.items() if value is not None}),
    ):
        merged.update({key: (source, value) for key, value in values.items()})
    return merged


def environment_name(name: str) -> str:
    """`max_connections` → `JINDU_MAX_CONNECTIONS`."""
    return f"JINDU_{name.upper()}"


def described() -> list[dataclasses.Field[Any]]:
    """Every setting with its default and help, for `--help`, the admin page and docs/settings.md."""
    return list(dataclasses.fields(Settings))


def _from_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}") from error


_OF_THE_CLIENT = frozenset({"JINDU_URL", "JINDU_TOKEN"})  # what `import`, `report` and `watch` read; no settings


_NAMED_ELSEWHERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "otlp_endpoint"}  # by a standard; ours win


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    values = {ours: environ[name] for name, ours in _NAMED_ELSEWHERE.items() if environ.get(name)}
    ours = {name: value for name, value in environ.items() if name.startswith("JINDU_") and name not in _OF_THE_CLIENT}
    files = {name: path for name, path in ours.items() if name.endswith("_FILE")}
    values |= {_key_of(name): value for name, value in ours.items() if name not in files}
    for name, path in files.items():
        if path:
            plain = name.removesuffix("_FILE")
            values[_key_of(plain)] = _read_secret(name, Path(path))
            _require_one(plain, name, values[_key_of(plain)], environ)
    return values


def _key_of(name: str) -> str:
    return name.removeprefix("JINDU_").lower()


def _require_one(plain: str, name: str, content: str, environ: Mapping[str, str]) -> None:
    """Whoever says something in two ways must not say two things."""
    if environ.get(plain, content) not in ("", content):
        raise ConfigurationError("{plain} and {name} are both set, and differ; unset one.", plain=plain, name=name)


def _read_secret(name: str, path: Path) -> str:
    try:
        content = path.read_text("utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"{name} names {path}, which cannot be read: {error.strerror}") from error
    if not content:  # of an address of a database it would mean another one, which is new
        raise ConfigurationError(f"{name} names {path}, which is empty: write the value into it, or unset {name}.")
    return content


def _convert(key: str, source: str, value: Any, target: Any) -> Any:
    if target == tuple[str, ...] and isinstance(value, str):
        parts = [part.strip() for part in value.split(",") if part.strip()]
        if value.strip() and not parts:
            raise ConfigurationError(f"{key} from the {source} is {value!r}, which names nothing; leave it empty.")
        value = parts
    if target is Path:
        return Path(value)
    try:
        return msgspec.convert(value, target, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{key} from the {source} is wrong: {error}") from error


def _check_openid(settings: Settings) -> None:
    if not settings.openid_issuer:
        return
    parts = urlsplit(settings.openid_issuer)
    is_here = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not (parts.scheme == "https" or is_here) or not parts.hostname or parts.query or parts.fragment:
        raise ConfigurationError("openid_issuer must be an https:// address, as the provider names itself.")
    if not settings.openid_client_id:
        raise ConfigurationError("openid_issuer is set, and openid_client_id is not.")
    if "openid" not in settings.openid_scopes:
        raise ConfigurationError("openid_scopes must hold openid.")
    roles = [role for _group, _, role in (pair.rpartition("=") for pair in settings.openid_roles)]
    if unknown := {*roles, settings.openid_new_accounts} - {"viewer", "editor", "admin", ""}:
        raise ConfigurationError(f"openid_new_accounts and openid_roles know no role {unknown.pop()!r}.")
    if not all(role and pair.rpartition("=")[0] for role, pair in zip(roles, settings.openid_roles, strict=True)):
        raise ConfigurationError("openid_roles has a pair that is none; write group=role.")


_LONGEST_NODE = 100
_MOST_NICE = 19
_HOST = re.compile(r"(?:\*\.)?[\w-]+(?:\.[\w-]+)*(?::\d{1,5})?")
_OUTGOING_HOST = re.compile(r"\*|(?:\*\.)?[\w-]+(?:\.[\w-]+)*(?::\d{1,5})?|\[[0-9a-f:.]+\](?::\d{1,5})?")
_LONGEST_TAGGED = 38  # letters before the @ of a mail address, which has 64 with its tag
_MAIL = re.compile(r"[^@\s<>,]+@[\w.-]+")
_FORWARDED_HEADERS = frozenset({"x-forwarded", "forwarded"})
_PLACEHOLDERS = frozenset({"changeme", "change-me", "secret", "password", "admin", "example", "placeholder", "xxx"})


def _checked(settings: Settings) -> Settings:
    for setting in described():
        value = getattr(settings, setting.name)
        if setting.metadata["secret"] and str(value).lower() in _PLACEHOLDERS:
            raise ConfigurationError(f"{environment_name(setting.name)} is a placeholder; set a real secret.")
        if isinstance(value, int | float) and value < 0:
            raise ConfigurationError(f"{setting.name} must not be negative.")
    if not settings.database_writers or not settings.database_readers:
        raise ConfigurationError("database_writers and database_readers must be at least 1.")
    if not 0 <= settings.worker_niceness <= _MOST_NICE:
        raise ConfigurationError(f"worker_niceness must be from 0 to {_MOST_NICE}.")
    if settings.require_second_factor not in ("nobody", "administrators", "everybody"):
        raise ConfigurationError("require_second_factor must be nobody, administrators or everybody.")
    _check_cluster(settings)
    _check_formats(settings)
    return _with_plain_base_path(settings)


def _check_cluster(settings: Settings) -> None:
    if settings.role not in ("all", "web", "worker"):
        raise ConfigurationError(f"role is {settings.role!r}; write all or web, or start it as `jindu worker`.")
    if settings.lease_seconds < 1:
        raise ConfigurationError("lease_seconds must be at least 1.")
    if len(settings.node) > _LONGEST_NODE:
        raise ConfigurationError(f"node has at most {_LONGEST_NODE} characters.")
    if settings.broker_subscribe_url and not settings.broker_url:
        raise ConfigurationError("broker_subscribe_url is a replica of what broker_url names: set that, too.")
    is_one_of_many = settings.role != "all"
    for name, is_set in ((f"role={settings.role}", is_one_of_many), ("broker_url", settings.broker_url)):
        if is_set and not settings.database_url:
            alone = f"remove {name.partition('=')[0]}"
            raise ConfigurationError(
                f"{name} is for several nodes, which share a PostgreSQL: set database_url, or {alone}."
            )
        if is_set and not settings.secret_key:
            raise ConfigurationError(f"{name} is for several nodes, which need the same secret_key: set it.")


def _check_formats(settings: Settings) -> None:
    for name in ("import_folders", "delivery_folders"):
        for folder in getattr(settings, name):
            if not all(part.strip() for part in (*folder.partition("=")[::2],)):
                raise ConfigurationError(f"{name} has {folder!r}; write name=/path.")
    _check_hosts(settings)
    _check_openid(settings)
    _check_backups(settings)
    _check_downloads(settings)
    for name in ("metrics_addresses", "trusted_proxy_addresses"):
        for network in getattr(settings, name):
            if not _is_network(network):
                raise ConfigurationError(f"{name} has {network!r}; write 10.1.2.3 or 10.0.0.0/8.")
    if settings.forwarded_header not in _FORWARDED_HEADERS:
        raise ConfigurationError(f"forwarded_header is {settings.forwarded_header!r}; set x-forwarded or forwarded.")
    _check_ways(settings)
    _check_words(settings)


def _check_ways(settings: Settings) -> None:
    for name, schemes, example in (
        ("stun_urls", ("stun:", "stuns:"), "stun:stun.example.com:3478"),
        ("turn_urls", ("turn:", "turns:"), "turn:turn.example.com:3478?transport=udp"),
    ):
        for url in getattr(settings, name):
            if not url.startswith(schemes):
                raise ConfigurationError(f"{name} has {url!r}; write {example}.")
    if settings.turn_urls and not settings.turn_secret:
        raise ConfigurationError("turn_urls needs turn_secret, which the TURN server shares; set both.")


def _check_hosts(settings: Settings) -> None:
    for host in settings.import_hosts:
        if not _HOST.fullmatch(host):
            raise ConfigurationError(f"import_hosts has {host!r}; write data.example.com, or *.example.com:8443.")
    for name in ("webhook_hosts", "push_hosts"):
        for host in getattr(settings, name):
            if not (_OUTGOING_HOST.fullmatch(host) or _is_network(host)):
                raise ConfigurationError(
                    f"{name} has {host!r}; write hooks.example.com, *.example.com, jenkins.lan:8080 or 10.0.0.0/8."
                )
    if settings.push_contact and not settings.push_contact.startswith(("mailto:", "https://")):
        raise ConfigurationError(
            f"push_contact is {settings.push_contact!r}; write mailto:ops@example.com or an address with https://."
        )
    if settings.delivery_s3_url and not settings.delivery_s3_url.startswith("s3://"):
        raise ConfigurationError(
            "delivery_s3_url is no S3 store; write s3://bucket/prefix?endpoint=https://s3.example.com."
        )


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _check_words(settings: Settings) -> None:
    if settings.log_format not in ("text", "json"):
        raise ConfigurationError(f"log_format is {settings.log_format!r}; write text or json.")
    if settings.smtp_security not in ("starttls", "tls", "none"):
        raise ConfigurationError(f"smtp_security is {settings.smtp_security!r}; write starttls, tls or none.")
    _check_tokens(settings)
    _check_bounces(settings)
    for address in (*settings.alert_mail_to, *([settings.mail_from] if settings.mail_from else [])):
        if not _MAIL.fullmatch(parseaddr(address)[1]):
            raise ConfigurationError(f"{address!r} is no mail address; write somebody@example.com.")
    for name in ("alert_webhook_url", "heartbeat_url", "otlp_endpoint"):  # their ends may be secret: they are not said
        url = getattr(settings, name)
        if url and not url.startswith(("https://", "http://")):
            raise ConfigurationError(f"{name} is no address; write https://example.com/….")


def _check_bounces(settings: Settings) -> None:
    if bool(settings.bounces_to) != bool(settings.bounces_imap_url):
        raise ConfigurationError("bounces_to and bounces_imap_url belong together; set both, or none.")
    if not settings.bounces_to:
        return
    local = settings.bounces_to.partition("@")[0]
    if not _MAIL.fullmatch(settings.bounces_to) or len(local) > _LONGEST_TAGGED:
        raise ConfigurationError(
            f"bounces_to is {settings.bounces_to!r}; write bounces@example.com, with at most {_LONGEST_TAGGED} letters "
            "before the @."
        )
    try:
        parts = urlsplit(settings.bounces_imap_url)
        has_port = parts.port != 0
    except ValueError:
        has_port = False
    is_here = has_port and parts.hostname in ("127.0.0.1", "localhost")
    is_safe = has_port and (parts.scheme == "imaps" or (parts.scheme == "imap" and is_here))
    if (
        not is_safe or not (parts.hostname and parts.username) or parts.password
    ):  # which may stand in it: it is not said
        raise ConfigurationError(
            "bounces_imap_url is no safe address; write imaps://user@mail.example.com/INBOX, and the password in "
            "bounces_password."
        )


def _check_tokens(settings: Settings) -> None:
    if not settings.smtp_token_url:
        return
    if not settings.smtp_token_url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise ConfigurationError("smtp_token_url is no safe address; write https://….")
    if not (settings.smtp_user and settings.smtp_client_id):
        raise ConfigurationError("smtp_token_url needs smtp_user and smtp_client_id.")
    if settings.smtp_password:
        raise ConfigurationError("smtp_password and smtp_token_url are both set; leave one out.")


def _check_downloads(settings: Settings) -> None:
    if not (address := settings.storage_download_url):
        return
    parts = urlsplit(address)
    if parts.scheme not in ("https", "http") or not parts.netloc or "@" in parts.netloc or parts.query:
        raise ConfigurationError(f"storage_download_url is {address!r}; write https://s3.example.com.")
    if not (settings.storage_url and settings.storage_key_id and settings.storage_secret):
        raise ConfigurationError(
            "storage_download_url signs addresses: set storage_url, storage_key_id and storage_secret, too."
        )


def _check_backups(settings: Settings) -> None:
    try:
        time.fromisoformat(settings.backup_at or "03:00")
    except ValueError:
        raise ConfigurationError(f"backup_at is {settings.backup_at!r}; write 03:00.") from None
    if settings.backup_to and not Path(settings.backup_to).is_dir():
        raise ConfigurationError(f"backup_to names {settings.backup_to}, which is no directory; make it first.")
    if settings.backup_to and Path(settings.backup_to).resolve().is_relative_to(settings.data.resolve()):
        raise ConfigurationError("backup_to lies in the data directory, and would be lost with it; name another place.")


def _with_plain_base_path(settings: Settings) -> Settings:
    """`jindu/` as `/jindu`."""
    try:
        return dataclasses.replace(settings, base_path=BasePath.read(settings.base_path).text)
    except ValueError:
        raise ConfigurationError(f"base_path has {settings.base_path!r}; write it like /jindu.") from None
