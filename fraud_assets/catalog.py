"""The catalog of accepted batches: their order, and the tables and reports stored for each.

Assets reach the tables, reports and scores of other batches through it alone. It reads from the
store, so a machine without a local copy finds the same history.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

import dagster as dg
from pydantic import Field, PrivateAttr

from fraud_assets.config import environment
from fraud_assets.platform.resources import ALSO_VARIABLE
from fraud_assets.records.base import Report
from fraud_assets.store import reports, tables

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T", bound=tables.Table[Any])
R = TypeVar("R", bound=Report)

ACCEPTED_BATCHES = dg.AssetKey("accepted_batches")
HISTORY = dg.AssetKey("history")
SPAN = ("first_known_us", "last_known_us", "last_label_known_us")
EXCLUDED = "excluded"
DATA_VERSION_TAG = "dagster/data_version"
PAGE = 1000


@dataclass(frozen=True)
class AcceptedBatch:
    """A batch that passed intake.

    Attributes
    ----------
    batch : str
    content_hash : str
        Of the content that was accepted last.
    span : tuple of (int or None)
        First row, last row and last label to become known, in microseconds since 1970.
    excluded : str or None
        Why it is in no window and no history; None: later batches may use it.
    """

    batch: str
    content_hash: str
    span: tuple[int | None, int | None, int | None]
    excluded: str | None = None


def acceptance(accepted: AcceptedBatch, rows: int) -> dg.AssetMaterialization:
    """Return the event that records that a batch passed intake.

    Parameters
    ----------
    accepted : AcceptedBatch
        The batch, its content and its time span.
    rows : int
        Number of accepted rows.

    Returns
    -------
    AssetMaterialization

    Examples
    --------
    >>> event = acceptance(AcceptedBatch("june", "3f9a", (None, None, None)), rows=1000)
    >>> event.partition, event.metadata["content_hash"].value
    ('june', '3f9a')
    """
    span = {
        name: dg.MetadataValue.null() if moment is None else moment
        for name, moment in zip(SPAN, accepted.span, strict=True)
    }
    return dg.AssetMaterialization(
        ACCEPTED_BATCHES,
        partition=accepted.batch,
        metadata={
            "content_hash": accepted.content_hash,
            "dagster/partition_row_count": rows,
            **span,
            **({EXCLUDED: accepted.excluded} if accepted.excluded else {}),
        },
    )


class BatchCatalog(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Knows which batches were accepted, and finds what is stored of each.

    The order of acceptance is read from the event history once per run.
    """

    kept_versions: Annotated[int | None, Field(ge=1), ALSO_VARIABLE] = Field(
        default=None,
        description="Accepted versions of a batch that are kept; default: `FRAUD_KEEP_VERSIONS`, "
        "else all.",
    )

    _instance: dg.DagsterInstance | None = PrivateAttr(default=None)
    _accepted: dict[str, AcceptedBatch] | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Reset the catalog at the start of a run.

        Parameters
        ----------
        context : InitResourceContext
            Provides the instance whose event history is read.
        """
        self._instance, self._accepted = context.instance, None

    @classmethod
    def of(cls, instance: dg.DagsterInstance) -> Self:
        """Return the catalog of an instance, outside of a run.

        Parameters
        ----------
        instance : DagsterInstance
            The instance whose event history is read.

        Returns
        -------
        BatchCatalog
        """
        catalog = cls()
        catalog._instance = instance
        return catalog

    def accepted(self) -> dict[str, AcceptedBatch]:
        """Return all accepted batches by name, in the order of their first acceptance.

        Returns
        -------
        dict of str to AcceptedBatch
            A batch keeps the place of its first acceptance and has the content that was accepted
            last.

        Raises
        ------
        RuntimeError
            When the catalog is used outside of a run and was not made by `of`.

        See Also
        --------
        earlier : those before a batch.
        """
        if self._accepted is None:
            self._accepted = {
                str(event.partition): _accepted(str(event.partition), event.metadata)
                for event in _acceptances(self._history())
            }
        return dict(self._accepted)

    def earlier(self, batch: str) -> list[AcceptedBatch]:
        """Return the batches that were accepted before a batch, oldest first.

        Parameters
        ----------
        batch : str
            Name of the batch, which is its partition.

        Returns
        -------
        list of AcceptedBatch
            All accepted batches when this one has not been accepted yet.

        See Also
        --------
        accepted : all of them.
        """
        accepted = self.accepted()
        order = list(accepted)
        return [accepted[name] for name in order[: order.index(batch) if batch in order else None]]

    def usable(self, batch: str) -> list[AcceptedBatch]:
        """Return the earlier batches that windows and features of a batch may use.

        Parameters
        ----------
        batch : str
            Name of the batch, which is its partition.

        Returns
        -------
        list of AcceptedBatch
            Oldest first, without those that were excluded.

        See Also
        --------
        earlier : the excluded ones, too.
        exclude : excludes a batch.
        """
        return [accepted for accepted in self.earlier(batch) if accepted.excluded is None]

    def later(self, batch: str) -> list[str]:
        """Return the names of the batches that were accepted after a batch.

        Parameters
        ----------
        batch : str
            Name of an accepted batch, which is its partition.

        Returns
        -------
        list of str
            In the order of their first acceptance.

        See Also
        --------
        earlier : those before it.
        """
        order = list(self.accepted())
        return order[order.index(batch) + 1 :]

    def exclude(
        self, batch: str, reason: str | None, rows: int
    ) -> list[dg.AssetMaterialization | dg.AssetObservation]:
        """Exclude an accepted batch from windows and history, or take it in again.

        Parameters
        ----------
        batch : str
            Name of an accepted batch, which is its partition.
        reason : str or None
            Why it is excluded; None: it is not.
        rows : int
            Number of accepted rows.

        Returns
        -------
        list of AssetMaterialization or AssetObservation
            The events that record it, and that later batches are stale; empty when nothing changes.

        See Also
        --------
        usable : leaves out what is excluded.
        """
        accepted = self.accepted().get(batch)
        if accepted is None or (accepted.excluded is None) == (reason is None):
            return []
        changed = replace(accepted, excluded=reason)
        self.note(changed)
        return [acceptance(changed, rows), *(self.history_version(b) for b in self.later(batch))]

    def note(self, accepted: AcceptedBatch) -> None:
        """Add a batch that has just been accepted, without reading the event history again.

        Parameters
        ----------
        accepted : AcceptedBatch
            As recorded by the event of `acceptance`.

        See Also
        --------
        acceptance : the event for the history.
        """
        self._accepted = self.accepted() | {accepted.batch: accepted}

    def prune(self, batch: str) -> None:
        """Remove old accepted versions of a batch's tables, as `FRAUD_KEEP_VERSIONS` says.

        Parameters
        ----------
        batch : str
            Its content that was accepted last is always kept.

        Raises
        ------
        ValueError
            When `FRAUD_KEEP_VERSIONS` is not a positive whole number.

        See Also
        --------
        accepted_versions : the versions in question.
        """
        keep = self.kept_versions or environment.kept_versions()
        if keep is not None:
            tables.prune_versions(batch, self.accepted_versions(batch), keep)

    def accepted_versions(self, batch: str) -> list[str]:
        """Return the content hashes of a batch that were ever accepted.

        Parameters
        ----------
        batch : str
            Name of the batch, which is its partition.

        Returns
        -------
        list of str
            Each once, in the order in which they were accepted last.
        """
        contents = [
            str(event.metadata["content_hash"].value)
            for event in _acceptances(self._history(), batch)
        ]
        latest = self.accepted().get(batch)
        if latest is not None:
            contents.append(latest.content_hash)
        # A dictionary keeps the place of a key's first entry; here the last one counts.
        return list(dict.fromkeys(reversed(contents)))[::-1]

    def _history(self) -> dg.DagsterInstance:
        if self._instance is None:
            raise RuntimeError("the catalog is used outside of a run; use BatchCatalog.of")
        return self._instance

    def history_version(self, batch: str) -> dg.AssetObservation:
        """Return the event that records which earlier contents a batch is based on now.

        It is an observation, because for external assets Dagster compares versions of observations
        only.

        Parameters
        ----------
        batch : str
            Name of the batch, which is its partition.

        Returns
        -------
        AssetObservation
        """
        contents = [f"{b.batch}:{b.content_hash}" for b in self.usable(batch)]
        version = hashlib.sha256("\n".join(contents).encode()).hexdigest()
        return dg.AssetObservation(
            HISTORY,
            partition=batch,
            tags={DATA_VERSION_TAG: version},
            metadata={"earlier_batches": len(contents)},
        )

    def table(self, kind: type[T], batch: str, content_hash: str) -> T | None:
        """Return a version of a batch's table; None when it is not stored.

        Parameters
        ----------
        kind : type of Table
            The table of which asset, such as `FeatureTable`.
        batch, content_hash : str
            Name of the batch, and the SHA-256 of its CSV, in hexadecimal.

        Returns
        -------
        Table or None

        Raises
        ------
        ValueError
            When its facts are not in this release's format.

        See Also
        --------
        fraud_assets.store.tables.find_table : the same without a catalog.
        """
        return tables.find_table(kind, batch, content_hash)

    def report(self, kind: type[R], batch: str) -> R | None:
        """Return an asset's latest report about a batch; None when there is none.

        Parameters
        ----------
        kind : type of Report
            The report of which asset, such as `DriftReport`.
        batch : str
            Name of the batch, which is its partition.

        Returns
        -------
        Report or None

        Raises
        ------
        ValueError
            When the file is not in this release's format.

        See Also
        --------
        fraud_assets.store.reports.find_report : the same without a catalog.
        """
        return reports.find_report(kind, batch)

    def scores(self, accepted: AcceptedBatch, champion: str) -> "pd.DataFrame | None":
        """Return a champion's scores of a batch; None when they are not stored.

        Parameters
        ----------
        accepted : AcceptedBatch
            The batch, and which of its contents.
        champion : str
            The model version whose scores are needed.

        Returns
        -------
        DataFrame of shape (n_rows, n_columns) or None
            With `score` between 0 and 1, `label`, and `known_us` and `label_known_us` in
            microseconds since 1970.
        """
        import pandas as pd

        if tables.has_table(tables.ScoreTable.ASSET, accepted.batch, accepted.content_hash):
            scores = pd.read_parquet(
                tables.rows_path(tables.ScoreTable.ASSET, accepted.batch, accepted.content_hash)
            )
            # Another champion may have scored the batch since.
            return scores if (scores["champion"] == champion).all() else None
        # Older releases stored them next to the reports.
        path = reports.find_report_file(accepted.batch, f"{tables.ScoreTable.ASSET}.parquet")
        return None if path is None else pd.read_parquet(path)


def _acceptances(
    instance: dg.DagsterInstance, batch: str | None = None
) -> Iterator[dg.AssetMaterialization]:
    """Yield the events that say that a batch has passed intake, oldest first."""
    accepted: dg.AssetKey | dg.AssetRecordsFilter = ACCEPTED_BATCHES
    if batch is not None:
        accepted = dg.AssetRecordsFilter(ACCEPTED_BATCHES, asset_partitions=[batch])
    cursor, more = None, True
    while more:
        page = dg.DagsterInstance.fetch_materializations(
            instance, accepted, limit=PAGE, cursor=cursor, ascending=True
        )
        cursor, more = page.cursor, page.has_more
        for record in page.records:
            event = record.asset_materialization
            # An event of this asset that a person reports in the UI has no content hash.
            if event and event.partition is not None and "content_hash" in event.metadata:
                yield event


def _accepted(batch: str, metadata: Mapping[str, dg.MetadataValue[Any]]) -> AcceptedBatch:
    first, last, last_label = (
        int(value) if (value := metadata[name].value) is not None else None for name in SPAN
    )
    excluded = str(metadata[EXCLUDED].value) if EXCLUDED in metadata else None
    content_hash = str(metadata["content_hash"].value)
    return AcceptedBatch(batch, content_hash, (first, last, last_label), excluded)
