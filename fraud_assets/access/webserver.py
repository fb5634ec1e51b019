"""Dagster's webserver, protected by the middleware of `origin.py`."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from fraud_assets.access.origin import OwnOriginOnly
from fraud_assets.config import environment


def run_webserver(arguments: Sequence[str]) -> None:
    """Run Dagster's webserver until it is stopped.

    Parameters
    ----------
    arguments : sequence of str
        Command-line arguments of `dagster-webserver`.

    See Also
    --------
    fraud_assets.access.origin.OwnOriginOnly : the protection.
    fraud_assets.platform.code_server.run_code_server : the code server.
    """
    from dagster_webserver import app, cli
    from dagster_webserver.webserver import DagsterWebserver
    from starlette.middleware import Middleware

    hosts = [urlsplit(environment.dagster_url()).hostname or ""]

    class GuardedWebserver(DagsterWebserver):  # type: ignore[type-arg]
        """Dagster's webserver with one more middleware."""

        def build_middleware(self) -> list[Middleware]:
            """Add the protection before Dagster's own middleware.

            Returns
            -------
            list of starlette.middleware.Middleware
            """
            return [Middleware(OwnOriginOnly, hosts=hosts), *super().build_middleware()]

    # The command instantiates the class by this name; a test verifies that it still does.
    setattr(app, DagsterWebserver.__name__, GuardedWebserver)
    cli.cli(list(arguments), auto_envvar_prefix="DAGSTER_WEBSERVER")
