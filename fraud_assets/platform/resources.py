"""The lock that every run holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import dagster as dg

from fraud_assets.platform.run_lock import hold
from fraud_assets.platform.umask import private_files


class RunLock(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Shows run monitoring that the process of a run is alive, and keeps its files private.

    Every IO manager depends on it, so that every run has it, whatever it materializes.

    See Also
    --------
    fraud_assets.platform.run_launcher : asks whether the lock of a run is held.
    """

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Self]:
        """Hold the lock of the run until its process ends; set the umask during the run.

        Parameters
        ----------
        context : InitResourceContext

        Yields
        ------
        RunLock
        """
        if context.run_id is not None:
            hold(context.run_id)
        with private_files():
            yield self
