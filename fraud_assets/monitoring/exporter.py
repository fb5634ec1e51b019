"""Serves metrics to scrape, part by part: one that cannot be read never hides the others."""

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
        Each returns its metrics; what it raises is counted and shown, not raised.
    report : callable, optional
        Told the name of a part and what it raised.
    """

    def __init__(
        self, parts: Mapping[str, Part], report: Callable[[str, Exception], None] | None = None
    ) -> None:
        self._parts, self._report = dict(parts), report
        self._errors = dict.fromkeys(self._parts, 0)
        # A scrape that comes while another is answered must not read the same events twice.
        self._lock = threading.Lock()

    def describe(self) -> Iterable[Metric]:
        """Return nothing: metrics are read at the scrape, not when registering."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of all parts, then how reading them went."""
        with self._lock:
            yield from self._collected()

    def _collected(self) -> Iterator[Metric]:
        read = GaugeMetricFamily(
            "fraud_exporter_part_up", "1 when a part could be read.", labels=["part"]
        )
        for name, part in self._parts.items():
            try:
                found = list(part())
            except Exception as error:  # any fault of the instance, the ledger or the registry
                self._errors[name] += 1
                found = []
                if self._report:
                    self._report(name, error)
                read.add_metric([name], 0)
            else:
                read.add_metric([name], 1)
            yield from found
        errors = CounterMetricFamily(
            "fraud_exporter_scrape_errors", "Parts that could not be read.", labels=["part"]
        )
        for name, count in self._errors.items():
            errors.add_metric([name], count)
        yield from (read, errors)


def serve(exporter: Exporter, host: str, port: int) -> Callable[[], None]:
    """Serve `/metrics` in a thread; return what ends it.

    Parameters
    ----------
    exporter : Exporter
    host : str
        Address to listen on.
    port : int
    """
    registry = CollectorRegistry()
    registry.register(exporter)
    server, thread = start_http_server(port, addr=host, registry=registry)

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop
