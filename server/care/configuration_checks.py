"""What `serve` would refuse or stumble over, before it is started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from server.auth.secret_key import FILE_NAME, load_key
from server.care.certificates import check_certificate
from server.care.findings import CareFinding, error, warning
from server.clock import utc_now
from server.errors import ConfigurationError
from server.settings import Settings

_LEVELS = ("debug", "info", "warning", "error")
_MOST_PORT = 65_535
_AS_THE_USER = "Run this as the server's user, and see that the file is that user's."


def check_configuration(settings: Settings) -> Iterator[CareFinding]:
    """Of settings that could be read at all."""
    yield from _check_port_and_level(settings)
    yield from _check_addresses(settings)
    yield from _check_base_path(settings)
    yield from _check_data(settings.data)
    yield from _check_key(settings)
    yield from _check_folders(settings)
    yield from _check_store(settings)
    yield from _check_mail(settings)
    yield from _check_telemetry(settings)
    yield from check_certificate(settings, utc_now())


def _check_port_and_level(settings: Settings) -> Iterator[CareFinding]:
    if settings.port > _MOST_PORT:
        yield error("port_wrong", f"port is {settings.port}.", f"Set a port up to {_MOST_PORT}.")
    if settings.log_level.lower() not in _LEVELS:
        yield error("log_level_wrong", f"log_level is {settings.log_level!r}.", f"Set one of {', '.join(_LEVELS)}.")


def _check_addresses(settings: Settings) -> Iterator[CareFinding]:
    for name, given in (
        ("public_url", settings.public_url),
        *(("allowed_origins", x) for x in settings.allowed_origins),
    ):
        parts = urlsplit(given)
        if given and (parts.scheme not in ("http", "https") or not parts.hostname):
            advice = "Write it as https://reports.example.com."
            yield error(f"{name}_wrong", f"{name} has {given!r}, which is no address.", advice)
    is_reachable = not all(_is_only_for_this_machine(host.strip()) for host in settings.host.split(","))
    if settings.trusted_proxies and is_reachable and not settings.trusted_proxy_addresses:
        yield warning(
            "proxy_can_be_passed",
            f"trusted_proxies is {settings.trusted_proxies}, and the server listens on {settings.host}.",
            "Whoever reaches the port past the proxy can claim any address: listen on 127.0.0.1, close the port, or "
            "set JINDU_TRUSTED_PROXY_ADDRESSES.",
        )
    if settings.public_url.startswith("https:") and not settings.trusted_proxies and not settings.tls_cert:
        yield warning(
            "proxy_not_trusted",
            "public_url begins with https, but trusted_proxies is 0.",
            "Set JINDU_TRUSTED_PROXIES=1 behind a proxy: without it all people count as one address.",
        )


def _is_only_for_this_machine(host: str) -> bool:
    return host in ("127.0.0.1", "::1", "localhost") or host.startswith("unix:")


def _check_base_path(settings: Settings) -> Iterator[CareFinding]:
    public = urlsplit(settings.public_url)
    path = public.path.rstrip("/")
    if public.netloc and path and path != settings.base_path:
        yield warning(
            "base_path_differs",
            f"public_url ends with {path}, but base_path is {settings.base_path or 'not set'}.",
            f"Set JINDU_BASE_PATH={path}, or addresses in pages lead past the proxy's path.",
        )


def _check_mail(settings: Settings) -> Iterator[CareFinding]:
    """What would be found out when the first alert is to go out."""
    if settings.alert_mail_to and not (settings.smtp_host and settings.mail_from):
        yield warning(
            "mail_not_set_up",
            "alert_mail_to names somebody, but smtp_host or mail_from is empty.",
            "Set both, then send a test at Admin → Alerts: nobody is told by mail until then.",
        )
    if settings.smtp_password and settings.smtp_security == "none":
        yield warning(
            "mail_in_the_open",
            "smtp_security is none, so smtp_password is sent in the open.",
            "Set smtp_security to starttls or tls.",
        )


def _check_telemetry(settings: Settings) -> Iterator[CareFinding]:
    if settings.otlp_endpoint and find_spec("opentelemetry") is None:
        yield error(
            "opentelemetry_missing",
            "otlp_endpoint (or OTEL_EXPORTER_OTLP_ENDPOINT) is set, and the packages of OpenTelemetry are missing.",
            "pip install 'jindu-server[opentelemetry]', or unset it: the server does not start.",
        )


def _check_data(data: Path) -> Iterator[CareFinding]:
    """`serve` makes the directory if it can."""
    there = next(path for path in (data, *data.absolute().parents) if path.exists())
    if not there.is_dir():
        yield error("data_wrong", f"{there} is no directory, so data cannot be {data}.", "Name another directory.")
    elif not os.access(there, os.W_OK | os.X_OK):
        yield error("data_not_writable", f"{there} cannot be written to.", _AS_THE_USER)


def _check_key(settings: Settings) -> Iterator[CareFinding]:
    """Without making one."""
    if not settings.secret_key and not (settings.data / FILE_NAME).is_file():
        return
    try:
        load_key(settings.secret_key, settings.data)
    except ConfigurationError as wrong:
        yield error("secret_key_wrong", wrong.text, "Put the right key back; a new one signs everybody out.")
    except OSError as wrong:
        yield error("secret_key_unreadable", f"{settings.data / FILE_NAME}: {wrong.strerror}.", _AS_THE_USER)


def _check_store(settings: Settings) -> Iterator[CareFinding]:
    keys = {"storage_key_id": settings.storage_key_id, "storage_secret": settings.storage_secret}
    if any(keys.values()) and not settings.storage_url:
        yield error(
            "storage_url_missing",
            f"{' and '.join(name for name, value in keys.items() if value)}: set, and storage_url is not.",
            "Set JINDU_STORAGE_URL (in quotes, in a file that a shell reads), or take them out: as it is, files lie in "
            "the data directory.",
        )


def _check_folders(settings: Settings) -> Iterator[CareFinding]:
    for name, _, given in (each.partition("=") for each in settings.import_folders):
        folder = Path(given.strip())
        if not folder.is_dir():
            yield error("folder_gone", f"import_folders has {name}={folder}, which is not there.", "Mend the path.")
        elif not os.access(folder, os.R_OK | os.X_OK):
            yield error("folder_unreadable", f"The import folder {folder} cannot be read.", _AS_THE_USER)
    for name, _, given in (each.partition("=") for each in settings.delivery_folders):
        folder = Path(given.strip())
        if not folder.is_dir():
            yield error("folder_gone", f"delivery_folders has {name}={folder}, which is not there.", "Mend the path.")
        elif not os.access(folder, os.W_OK | os.X_OK):
            yield error("folder_readonly", f"The delivery folder {folder} cannot be written to.", _AS_THE_USER)
