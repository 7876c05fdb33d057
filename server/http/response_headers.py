"""Headers of every answer: what browsers may do with it, and which request it belongs to."""

from __future__ import annotations

from aiohttp import web

from server.http.addresses import is_secure
from server.http.parts import parts_of
from server.http.problems import REQUEST_ID
from server.http.readiness import ServerPhase
from server.http.socket_handler import SERVER_NAME

_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "frame-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    )
)
_UNUSED_FEATURES = (
    "accelerometer",
    "browsing-topics",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "serial",
    "usb",
)
_ALWAYS = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _UNUSED_FEATURES),
}
# Whatever is answered below a share link, also that it is none: its address is the key.
_BY_LINK = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Cache-Control": "no-store",
}
_SWITCHING_PROTOCOLS = 101
_DAY_SECONDS = 86_400


def policy_with_styles(nonce: str) -> str:
    """For a page whose script writes a style sheet, which then carries the nonce."""
    return _CONTENT_SECURITY_POLICY.replace("style-src 'self'", f"style-src 'self' 'nonce-{nonce}'")


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """For `app.on_response_prepare`. What a handler has set itself stays: a report has a policy of its own."""
    headers = response.headers
    headers["Server"] = SERVER_NAME
    headers["X-Request-ID"] = request.get(REQUEST_ID, "")
    if response.status == _SWITCHING_PROTOCOLS:
        return  # no page, and what stands here is kept in memory as long as the socket is open
    for name, value in _ALWAYS.items():
        headers.setdefault(name, value)
    parts = parts_of(request)
    if is_secure(request):
        if parts.settings.hsts_days:
            headers.setdefault("Strict-Transport-Security", f"max-age={int(parts.settings.hsts_days * _DAY_SECONDS)}")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    if parts.readiness.phase is ServerPhase.DRAINING:
        response.force_close()  # the next request finds whoever serves then
        headers["Connection"] = "close"
    if request.path.startswith(("/s/", "/unsubscribe/")):
        headers.update(_BY_LINK)
    if request.path.startswith("/api/"):
        headers.setdefault("Cache-Control", "no-store")
