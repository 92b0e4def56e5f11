"""Which hosts and origins are answered, and how a browser is known again."""

import re

import pytest
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp

from fmnist_core.environment import Environment
from pages.parts import front_door
from tests.asynchronous import finish

PUBLIC, INNER = "fashion.example.org", "dashboard.internal"


async def page(scope, receive, send):
    """What stands behind the front door: it answers requests and takes every web socket."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    else:
        await HTMLResponse("a page")(scope, receive, send)


def ask(environment, kind="http", path="/", **headers):
    """The first message of the answer."""
    app: ASGIApp = page
    for layer in reversed(front_door.middleware(environment)):
        app = layer.cls(app, *layer.args, **layer.kwargs)
    messages = []

    async def send(message):
        messages.append(message)

    async def receive():
        return {"type": f"{kind}.disconnect"}

    scope = {
        "type": kind,
        "method": "GET",
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    finish(app(scope, receive, send))
    return messages[0]


def status(environment, **headers):
    return ask(environment, **headers)["status"]


def cookie_of(environment):
    headers = dict(ask(environment, host=PUBLIC)["headers"])
    return headers[b"set-cookie"].decode()


def test_a_health_check_is_answered_by_the_name_of_this_machine_and_a_foreign_name_is_not():
    environment = Environment(hosts=PUBLIC)
    assert status(environment, host="127.0.0.1:8501", path="/_stcore/health") == 200
    assert status(environment, host=PUBLIC) == 200
    assert status(environment, host="evil.example") == 400


def test_the_name_of_this_machine_is_no_origin_that_may_open_web_sockets():
    environment = Environment(hosts=PUBLIC)
    refused = ask(environment, "websocket", host=PUBLIC, origin="http://127.0.0.1:9999")
    assert refused["type"] == "websocket.close"


@pytest.mark.parametrize(("origin", "answer"), [(PUBLIC, "websocket.accept"), ("evil.example", "websocket.close")])
def test_behind_a_proxy_that_changes_the_host_both_names_are_needed_and_enough(origin, answer):
    both = Environment(hosts=f"{PUBLIC},{INNER}")
    assert ask(both, "websocket", host=INNER, origin=f"https://{origin}")["type"] == answer
    assert ask(Environment(hosts=INNER), "websocket", host=INNER, origin=f"https://{PUBLIC}")["type"] != (
        "websocket.accept"
    )
    assert status(Environment(hosts=PUBLIC), host=INNER) == 400


@pytest.mark.parametrize(
    ("frames", "ending"),
    [
        ("'self'", "SameSite=Lax"),
        ("'none'", "SameSite=Lax"),
        ("https://huggingface.co", "SameSite=None; Secure; Partitioned"),
        ("'self' https://huggingface.co", "SameSite=None; Secure; Partitioned"),
    ],
)
def test_in_another_sites_frame_the_cookie_is_one_that_browsers_keep_there(frames, ending):
    cookie = cookie_of(Environment(hosted=True, frame_ancestors=frames))
    assert re.fullmatch(rf"fmnist_visitor=[0-9a-f]{{32}}; Path=/; Max-Age=\d+; HttpOnly; {ending}", cookie)
