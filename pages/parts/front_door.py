"""What stands before every request: which hosts and origins are answered, and what browsers may do with a page."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config

from fmnist_core.environment import Environment
from pages.parts import visitor

_COOKIE_SECONDS = 30 * 24 * 3600


def middleware(environment: Environment) -> list[Middleware]:
    """For `st.App`: foreign hosts first, then the rest.

    Health checks call this machine 127.0.0.1; that makes it no origin whose pages may open web sockets.
    """
    hosts = [host.strip() for host in environment.hosts.split(",") if host.strip()]
    return [
        Middleware(TrustedHostMiddleware, allowed_hosts=[*hosts, "127.0.0.1"], www_redirect=False),
        Middleware(FrontDoor, environment=environment, hosts=hosts),
    ]


def policy(frame_ancestors: str) -> str:
    """The content security policy: everything from here, nothing from elsewhere.

    Streamlit writes its styles and one script into the page, and loads the code of components from blobs.
    """
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'unsafe-inline' blob:",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "media-src 'self' blob:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            f"frame-ancestors {frame_ancestors}",
        )
    )


class FrontDoor:
    """Refuses web sockets that another site's page opens, adds security headers, and knows a browser again."""

    def __init__(self, app: ASGIApp, environment: Environment, hosts: list[str]) -> None:
        self._app = app
        self._hosted = environment.hosted
        self._hosts = hosts
        self._in_foreign_frames = bool(set(environment.frame_ancestors.split()) - {"'self'", "'none'"})
        self._headers = {
            "Content-Security-Policy": policy(environment.frame_ancestors),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "websocket" and not self._may_connect(Headers(scope=scope)):
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                is_page = headers.get("content-type", "").startswith("text/html")
                if self._hosted and is_page and visitor.COOKIE not in Headers(scope=scope).get("cookie", ""):
                    headers.append("Set-Cookie", self._new_cookie(scope["scheme"] == "https"))
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _may_connect(self, headers: Headers) -> bool:
        """Whether the page that opens a web socket is ours; a program that is no browser names none."""
        origin = headers.get("origin")
        if origin is None or not config.get_option("server.enableCORS"):
            return True
        try:
            site = urlsplit(origin)
        except ValueError:
            return False
        return site.netloc == headers.get("host") or (site.hostname or "") in self._hosts

    def _new_cookie(self, secure: bool) -> str:
        cookie = f"{visitor.COOKIE}={secrets.token_hex(16)}; Path=/; Max-Age={_COOKIE_SECONDS}; HttpOnly"
        if self._in_foreign_frames:
            # In another site's frame a browser keeps no other kind, and this kind only over https.
            return f"{cookie}; SameSite=None; Secure; Partitioned"
        return f"{cookie}; SameSite=Lax" + ("; Secure" if secure else "")
