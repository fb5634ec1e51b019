"""The Pushgateway as a resource."""

import dagster as dg
from pydantic import Field

from fraud_assets.config import environment


class Pushgateway(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where figures are pushed for Prometheus.

    Attributes
    ----------
    url : str or None
    """

    url: str | None = Field(
        default=None,
        description="Address of a Pushgateway; default: `PROMETHEUS_PUSHGATEWAY_URL`, else none: "
        "figures are in the textfiles only.",
    )

    def address(self) -> str | None:
        """Return the address of the Pushgateway: the configured one, else that of the environment.

        Returns
        -------
        str or None
            None when nothing is to be pushed.

        See Also
        --------
        fraud_assets.monitoring.exposition.push : pushes to this address.
        """
        return self.url or environment.pushgateway_url()
