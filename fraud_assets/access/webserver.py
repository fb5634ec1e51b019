"""Dagster's webserver, with the guard of `origin.py` in front of all that it answers."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from fraud_assets.access.origin import OwnOriginOnly
from fraud_assets.config import environment


def run_webserver(arguments: Sequence[str]) -> None:
    """Run Dagster's webserver until it is ended.

    Parameters
    ----------
    arguments : sequence of str
        As `dagster-webserver` takes them.
    """
    from dagster_webserver import app, cli
    from dagster_webserver.webserver import DagsterWebserver
    from starlette.middleware import Middleware

    hosts = [urlsplit(environment.dagster_url()).hostname or ""]

    class GuardedWebserver(DagsterWebserver):  # type: ignore[type-arg]
        """Dagster's own, which asks for its middleware."""

        def build_middleware(self) -> list[Middleware]:
            """Put the guard before Dagster's own."""
            return [Middleware(OwnOriginOnly, hosts=hosts), *super().build_middleware()]

    # The command makes the class by this name; a test shows that it still does.
    setattr(app, DagsterWebserver.__name__, GuardedWebserver)
    cli.cli(list(arguments), auto_envvar_prefix="DAGSTER_WEBSERVER")
