import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from fraud_assets.access.origin import OwnOriginOnly, refusal

HOST = "127.0.0.1:8080"
SOCKET = f"ws://{HOST}/graphql"
OWN = {"host": HOST, "origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}
OTHER = {"host": HOST, "origin": "http://127.0.0.1:9999", "sec-fetch-site": "same-site"}
JSON = {"content-type": "application/json"}


def refused(method, path, headers, hosts=("127.0.0.1", "fraud.example")):
    return refusal(method, path, headers, hosts)


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/graphql", OWN | JSON),
        ("POST", "/graphql", OWN | {"content-type": "application/json; charset=utf-8"}),
        ("POST", "/graphql", {"host": HOST} | JSON),
        ("POST", "/report_asset_check/a", {"host": HOST} | JSON),
        ("GET", "/assets", {"host": HOST, "sec-fetch-site": "none", "sec-fetch-mode": "navigate"}),
        # A link in a mail or in Grafana.
        ("GET", "/runs/1", {"host": HOST, "sec-fetch-site": "cross-site",
                            "sec-fetch-mode": "navigate"}),
        ("GET", "/graphql", OWN | {"accept": "text/html"}),
        ("WEBSOCKET", "/graphql", OWN),
        ("WEBSOCKET", "/graphql", {"host": HOST}),
        ("GET", "/server_info", {"host": "FRAUD.example"}),
        ("POST", "/graphql", {"host": "fraud.example", "origin": "https://fraud.example"} | JSON),
    ],
)  # fmt: skip
def test_what_the_pages_themselves_people_and_programs_send_is_passed_on(method, path, headers):
    assert refused(method, path, headers) is None


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/graphql", OTHER | JSON),
        ("POST", "/graphql", {"host": HOST, "origin": "null"} | JSON),
        ("POST", "/graphql", {"host": HOST, "content-type": "text/plain"}),
        ("POST", "/graphql", {"host": HOST, "content-type": "text/plain; application/json"}),
        ("POST", "/graphql", {"host": HOST, "content-type": "application/graphql"}),
        ("POST", "/graphql", {"host": HOST}),
        ("POST", "/report_asset_materialization/a", OTHER | JSON),
        ("DELETE", "/graphql", {"host": HOST}),
        ("GET", "/graphql", {"host": HOST, "accept": "image/*"}),
        ("GET", "/graphql", OWN),
        ("HEAD", "/graphql", {"host": HOST}),
        # An image and a frame of another site.
        ("GET", "/logs/1", {"host": HOST, "sec-fetch-site": "cross-site",
                            "sec-fetch-mode": "no-cors"}),
        ("GET", "/graphql", {"host": HOST, "sec-fetch-site": "cross-site", "accept": "text/html",
                             "sec-fetch-mode": "navigate"}),
        ("WEBSOCKET", "/graphql", OTHER),
        ("WEBSOCKET", "/graphql", {"host": HOST, "sec-fetch-site": "cross-site"}),
        # A name that somebody else made lead here.
        ("GET", "/", {"host": "evil.example:8080"}),
        ("POST", "/graphql", {"host": "evil.example", "origin": "http://evil.example"} | JSON),
        ("GET", "/", {}),
    ],
)  # fmt: skip
def test_what_another_site_can_make_a_browser_send_is_refused(method, path, headers):
    assert refused(method, path, headers)


@pytest.fixture
def client():
    async def socket(websocket):
        await websocket.accept()
        await websocket.send_text("welcome")
        await websocket.close()

    async def page(request):
        return PlainTextResponse(f"{request.method} reached")

    routes = [
        Route("/graphql", page, methods=["GET", "POST"]),
        WebSocketRoute("/graphql", socket),
    ]
    with TestClient(OwnOriginOnly(Starlette(routes=routes)), base_url=f"http://{HOST}") as made:
        yield made


def test_a_refusal_says_why_and_reaches_nothing(client):
    answer = client.post("/graphql?query=mutation", content="x", headers={"origin": "http://e"})
    assert answer.status_code == 403
    assert answer.text == "requests from http://e are refused: they come from another site"
    assert client.get("/graphql?query=mutation").status_code == 403
    assert client.post("/graphql", json={}).text == "POST reached"


def test_a_websocket_of_another_origin_is_closed_before_it_is_open(client):
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(SOCKET, headers={"origin": "http://evil.example"}),
    ):
        pass
    with client.websocket_connect(SOCKET, headers={"origin": f"http://{HOST}"}) as socket:
        assert socket.receive_text() == "welcome"
