"""What a certificate says of itself: whom it is for and until when; and what of that somebody should look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from server.care.findings import CareFinding, error, warning
from server.settings import Settings

_NOTICE = timedelta(days=14)
_NOTICE_SHARE = 1 / 4  # of the life of those that live for days, and are renewed later than that


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateLife:
    begin: datetime
    end: datetime
    names: tuple[str, ...]

    def ends_soon(self, now: datetime) -> bool:
        """Whoever renews it should have done so by then."""
        return self.end - now < min(_NOTICE, (self.end - self.begin) * _NOTICE_SHARE)


def key_beside(certificate: Path, key: Path | None) -> Path:
    """One file may hold both."""
    return key or certificate


def read_certificate(path: Path) -> CertificateLife:
    """The first in the file, which is the server's own; raises `OSError` or `ValueError`."""
    from cryptography import x509  # here: not every server speaks TLS itself

    found = x509.load_pem_x509_certificates(path.read_bytes())[0]
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        told = tuple(str(each) for each in names.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        told = ()
    return CertificateLife(begin=found.not_valid_before_utc, end=found.not_valid_after_utc, names=told)


def own_certificate(settings: Settings) -> CertificateLife | None:
    """The server's; None without one, and for one that nobody can read: the log says so where it is taken."""
    if not settings.tls_cert:
        return None
    try:
        return read_certificate(Path(settings.tls_cert))
    except (OSError, ValueError):
        return None


def end_of(settings: Settings, now: datetime) -> datetime | None:
    """When the server's own certificate ends, if that is soon; None also when it has none, or one nobody can read."""
    found = own_certificate(settings)
    return found.end if found is not None and found.ends_soon(now) else None


def check_certificate(settings: Settings, now: datetime) -> Iterator[CareFinding]:
    """`Certificate` says more exactly at the start why it cannot be used."""
    if not settings.tls_cert:
        if settings.tls_key or settings.http_redirect_port:
            yield error("tls_wrong", "tls_key or http_redirect_port is set without tls_cert.", "Set JINDU_TLS_CERT.")
        return
    try:
        found = read_certificate(Path(settings.tls_cert))
    except (OSError, ValueError) as wrong:
        yield error(
            "certificate_unreadable",
            f"The certificate {settings.tls_cert} cannot be read: {wrong}.",
            "It is a PEM file with the server's certificate first, then its chain; the server's user must read it.",
        )
        return
    verb = "ended" if found.end <= now else "ends"
    when = f"The certificate {settings.tls_cert} {verb} at {found.end:%Y-%m-%d %H:%M} UTC"
    advice = "Renew it; the server takes the new file by itself within ten seconds."
    if found.end <= now:
        yield error("certificate_ended", f"{when}: browsers refuse it.", advice)
    elif found.begin > now:
        yield error(
            "certificate_not_yet",
            f"The certificate {settings.tls_cert} is good from {found.begin:%Y-%m-%d %H:%M} UTC on.",
            "See that the clock is right (timedatectl).",
        )
    elif found.ends_soon(now):
        yield warning("certificate_ends", f"{when}.", advice)
