"""The proxy alone, with stand-ins behind it: TLS, and logins of an OIDC provider."""

import re
import ssl
import subprocess
import threading
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from fraud_assets_tests.integration.conftest import require
from fraud_assets_tests.integration.servers import ROOT, answers, free_port, running

SITES = ("8080", "5001", "9090", "3000", "8079")
# Certificates of these tests are signed by nobody.
pytestmark = pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
UPSTREAMS = ("webserver:3070", "viewer-webserver:3071", "mlflow:5000", "prometheus:9090",
             "grafana:3000", "identity:9292", "oauth2-proxy:4180")  # fmt: skip


@contextmanager
def listening(answer):
    """A server that answers each request with status and headers of `answer(name, headers)`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.server.name
            status, headers, body = answer(name, self.path, dict(self.headers.items()))
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    servers = {}
    for name in UPSTREAMS:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.name = name
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers[name] = server
    try:
        yield {name: server.server_port for name, server in servers.items()}
    finally:
        for server in servers.values():
            server.shutdown()
            server.server_close()


@contextmanager
def proxy(folder, upstreams, login="local", **env):
    """The committed Caddyfile on free ports; yields the port of each site."""
    ports = {site: free_port() for site in SITES}
    for name in ("Caddyfile", f"login-{login}.caddy"):
        text = (ROOT / "deploy" / name).read_text()
        for address, port in upstreams.items():
            text = re.sub(rf"(?<![\w-]){address}", f"127.0.0.1:{port}", text)
        for site, port in ports.items():
            text = re.sub(rf"(http://\}}|127\.0\.0\.1):{site}\b", rf"\g<1>:{port}", text)
        (folder / name).write_text(text.replace("/etc/fraud/certs", str(folder)))
    env |= {"FRAUD_LOGIN": str(folder / f"login-{login}.caddy"), "MLFLOW_AUTHORIZATION": "Basic a",
            "MLFLOW_READER_AUTHORIZATION": "Basic r", "XDG_DATA_HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}  # fmt: skip
    command = [require("caddy"), "run", "--config", str(folder / "Caddyfile")]
    command += ["--adapter", "caddyfile"]
    with running(command, env, folder / "caddy.log", f"http://127.0.0.1:{ports['8079']}"):
        yield ports


def everybody_is_a_viewer(name, path, headers):
    if name.startswith("identity"):
        return 200, {"Remote-User": "anna", "Remote-Role": "viewer"}, ""
    return 200, {}, f"{name} {headers.get('Remote-User')} {headers.get('Authorization')}"


@pytest.mark.parametrize("mode", ["internal", "files"])
def test_one_variable_turns_on_tls_and_nothing_is_answered_without_it(tmp_path, mode):
    host = "fraud.example"
    if mode == "files":
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
             f"/CN={host}", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"],
            check=True, capture_output=True,
        )  # fmt: skip
    tls = {"FRAUD_TLS": mode, "FRAUD_ADDRESS": f"https://{host}", "FRAUD_HOST": host}
    with listening(everybody_is_a_viewer) as upstreams, proxy(tmp_path, upstreams, **tls) as ports:
        port = ports["8080"]
        own = {"Host": f"{host}:{port}", "Origin": f"https://{host}:{port}"}
        url = f"https://127.0.0.1:{port}/"
        found = requests.get(url, headers=own, verify=False, timeout=30)
        assert found.text == "viewer-webserver:3071 anna None"
        assert found.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert ssl.get_server_certificate(("127.0.0.1", port)).startswith("-----BEGIN")
        assert requests.get(f"http://127.0.0.1:{port}/", timeout=30).status_code == 400
        other = own | {"Origin": f"http://{host}:1"}
        assert requests.get(url, headers=other, verify=False, timeout=30).status_code == 403


def oidc(name, path, headers):
    """What oauth2-proxy answers: the cookie stands for the groups of a person."""
    if not name.startswith("oauth2-proxy"):
        seen = {key: headers.get(key) for key in ("Remote-User", "Remote-Role", "Authorization")}
        return 200, {}, f"{name} {list(seen.values())}"
    if path.startswith("/oauth2/sign_in"):
        return 200, {}, "log in here"
    groups = headers.get("Cookie", "").partition("groups=")[2]
    if not groups:
        return 401, {}, "not logged in"
    known = {"X-Auth-Request-Email": "anna@fraud.example", "X-Auth-Request-Groups": groups}
    return 202, known, ""


def test_groups_of_an_oidc_provider_become_roles_and_nobody_else_gets_in(tmp_path):
    with listening(oidc) as upstreams, proxy(tmp_path, upstreams, "oidc") as ports:

        def ask(groups, **headers):
            cookie = {"Cookie": f"groups={groups}"} if groups else {}
            url = f"http://127.0.0.1:{ports['8080']}/runs?a=b"
            return requests.get(url, headers=cookie | headers, timeout=10, allow_redirects=False)

        read_only = "viewer-webserver:3071 ['anna@fraud.example', '{}', None]"
        assert ask("staff,fraud-viewers").text == read_only.format("viewer")
        assert ask("fraud-analysts,staff").text == read_only.format("analyst")
        launches = "webserver:3070 ['anna@fraud.example', '{}', None]"
        assert ask("fraud-operators").text == launches.format("operator")
        assert ask("fraud-operators,fraud-admins").text == launches.format("admin")
        for groups in ("staff", "not-fraud-admins", "fraud-admins-of-old"):
            refused = ask(
                groups, **{"Remote-Role": "admin", "X-Auth-Request-Groups": "fraud-admins"}
            )
            assert refused.status_code == 403
        forged = {"Remote-User": "x", "Remote-Role": "admin", "Remote-Groups": "fraud-admins",
                  "X-Auth-Request-Groups": "fraud-admins"}  # fmt: skip
        to_login = ask(None, **forged)
        assert to_login.status_code == 302
        assert to_login.headers["Location"].startswith("/oauth2/sign_in?rd=http://127.0.0.1")
        assert answers(f"http://127.0.0.1:{ports['8080']}/oauth2/sign_in")
        assert ask("fraud-viewers", **forged).text == read_only.format("viewer")


@contextmanager
def asked_as(role, tmp_path):
    """The proxy in front of stand-ins, for somebody with a role; yields what asks a site."""

    def answer(name, path, headers):
        if name.startswith("identity"):
            return 200, {"Remote-User": "anna", "Remote-Role": role}, ""
        return 200, {}, f"{name} {headers.get('Remote-User')} {headers.get('Remote-Role')}"

    with listening(answer) as upstreams, proxy(tmp_path, upstreams) as ports:

        def ask(site, path="/", method="GET", **headers):
            # Not by a client that would tidy the path first.
            connection = HTTPConnection("127.0.0.1", ports[site], timeout=30)
            own = {
                name: value.format(f"127.0.0.1:{ports[site]}") for name, value in headers.items()
            }
            connection.request(method, path, headers=own)
            found = connection.getresponse()
            text = found.read().decode()
            connection.close()
            return found.status, text

        yield ask


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_no_request_takes_the_login_off_that_the_proxy_puts_on(tmp_path, role):
    upstream = "webserver:3070" if role == "operator" else "viewer-webserver:3071"
    with asked_as(role, tmp_path) as ask:
        for named in ("Remote-User", "remote-role, REMOTE-USER", "keep-alive, Remote-User"):
            forged = {"Connection": named, "Remote-User": "x", "Remote-Role": "admin"}
            assert ask("8080", **forged) == (200, f"{upstream} anna {role}"), named


def test_a_reader_of_mlflow_searches_by_post_and_nothing_else_that_looks_like_it(tmp_path):
    searches = "/api/2.0/mlflow/runs/search", "/ajax-api/3.0/mlflow/traces/search", "/graphql"
    others = (
        "/api/2.0/mlflow-artifacts/artifacts/search", "/gateway/x/graphql", "/search",
        "/api/2.0/mlflow/experiments/create", "/api/2.0/mlflow/experiments/create;/search",
        "/api/2.0/mlflow/experiments/create%2f..%2fsearch",
        "/api/2.0/mlflow-artifacts/mpu/create/../../../mlflow/runs/search", "//graphql",
        "/api/2.0/mlflow/runs/../experiments/create", "/api/2.0/mlflow/experiments/create?/search",
    )  # fmt: skip
    with asked_as("operator", tmp_path) as ask:
        for path in searches:
            assert ask("5001", path, "POST")[0] == 200, path
            for method in ("PUT", "DELETE", "PATCH"):
                assert ask("5001", path, method)[0] == 403, (method, path)
        for path in others:
            assert ask("5001", path, "POST")[0] == 403, path


def test_an_origin_is_compared_whole(tmp_path):
    with asked_as("viewer", tmp_path) as ask:
        assert ask("8080", Origin="http://{}")[0] == 200
        for origin in (
            "null",
            "x://{}",
            "http://evil.example://{}",
            "http://evil.example, http://{}",
        ):
            assert ask("8080", Origin=origin)[0] == 403, origin
