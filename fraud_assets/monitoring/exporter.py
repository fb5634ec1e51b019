"""Serves metrics for Prometheus in parts: one that cannot be read does not hide the others."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Part = Callable[[], Iterable[Metric]]


class Exporter(Collector):
    """Collects from every part at each scrape.

    Parameters
    ----------
    parts : mapping of str to callable
        Each returns its metrics; its exceptions are counted, not raised.
    report_error : callable, optional
        Called with the name of a part and the exception.

    See Also
    --------
    serve : serves the metrics.
    """

    def __init__(
        self,
        parts: Mapping[str, Part],
        report_error: Callable[[str, Exception], None] | None = None,
    ) -> None:
        self._parts, self._report_error = dict(parts), report_error
        self._errors = dict.fromkeys(self._parts, 0)
        # Two scrapes at the same time must not read the same events.
        self._lock = threading.Lock()

    def describe(self) -> Iterable[Metric]:
        """Describe no metrics: they are read at each scrape, not at registration.

        Returns
        -------
        iterable of Metric
            Empty.
        """
        return []

    def collect(self) -> Iterator[Metric]:
        """Collect the metrics of all parts.

        Yields
        ------
        Metric
            Last, whether each part could be read, and how often it could not.
        """
        with self._lock:
            yield from self._collect_parts()

    def _collect_parts(self) -> Iterator[Metric]:
        up = GaugeMetricFamily(
            "fraud_exporter_part_up", "1 when a part could be read.", labels=["part"]
        )
        for name, part in self._parts.items():
            try:
                metrics = list(part())
            except Exception as error:  # any error of the instance, the ledger or the registry
                self._errors[name] += 1
                metrics = []
                if self._report_error:
                    self._report_error(name, error)
                up.add_metric([name], 0)
            else:
                up.add_metric([name], 1)
            yield from metrics
        errors = CounterMetricFamily(
            "fraud_exporter_scrape_errors", "Parts that could not be read.", labels=["part"]
        )
        for name, count in self._errors.items():
            errors.add_metric([name], count)
        yield from (up, errors)


def serve(exporter: Exporter, host: str, port: int) -> Callable[[], None]:
    """Serve `/metrics` in a thread.

    Parameters
    ----------
    exporter : Exporter
        Collects the metrics.
    host : str
        Address to listen on.
    port : int
        TCP port.

    Returns
    -------
    callable
        Stops the server.

    See Also
    --------
    Exporter : what is served.
    """
    registry = CollectorRegistry()
    registry.register(exporter)
    server, thread = start_http_server(port, addr=host, registry=registry)

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop
