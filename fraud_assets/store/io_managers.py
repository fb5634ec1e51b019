"""How Dagster stores the tables and reports that assets return.

All IO managers depend on the lock of the run and on the storage: every asset has an IO manager, so
every run has both.
"""

from typing import Any

import dagster as dg

from fraud_assets.platform.resources import RunLock
from fraud_assets.records.base import Report
from fraud_assets.store.paths import report_path
from fraud_assets.store.reports import REPORTS, find_report, save_report
from fraud_assets.store.resources import Storage
from fraud_assets.store.tables import TABLES, Table, load_table, save_table
from fraud_assets.text import named


class TableIOManager(dg.ConfigurableIOManager):
    """Stores `Table` outputs as Parquet, by asset and batch."""

    run_lock: dg.ResourceDependency[RunLock]
    storage: dg.ResourceDependency[Storage]

    def handle_output(self, context: dg.OutputContext, obj: Table[Any]) -> None:
        """Commit the table and describe it on the asset's page.

        Parameters
        ----------
        context : OutputContext
            Context of the asset that returned the value.
        obj : Table
            Rows as written to `new_rows_file`, and the facts about them.

        See Also
        --------
        fraud_assets.store.tables.save_table : commits the table.
        """
        table = save_table(obj)
        context.add_output_metadata({"path": dg.MetadataValue.path(table.path)})

    def load_input(self, context: dg.InputContext) -> Table[Any]:
        """Load the table of the run's batch.

        Parameters
        ----------
        context : InputContext
            Context of the asset that reads the value.

        Returns
        -------
        Table
            The current version, of the table class of its asset.

        Raises
        ------
        FileNotFoundError
            When the batch has no such table.
        ValueError
            When its facts are not in this release's format.
        """
        kind = TABLES[context.asset_key.to_user_string()]
        return load_table(kind, context.partition_key)


class ReportIOManager(dg.ConfigurableIOManager):
    """Stores records in the batch's report folder, as JSON under the asset's name."""

    run_lock: dg.ResourceDependency[RunLock]
    storage: dg.ResourceDependency[Storage]

    def handle_output(self, context: dg.OutputContext, obj: Report) -> None:
        """Write the report and show its path on the asset's page.

        Parameters
        ----------
        context : OutputContext
            Context of the asset that returned the value.
        obj : Report
            Of the class that `REPORTS` has for the asset.
        """
        path = save_report(context.partition_key, obj)
        context.add_output_metadata({"path": dg.MetadataValue.path(path)})

    def load_input(self, context: dg.InputContext) -> Report:
        """Read the report of the run's batch.

        Parameters
        ----------
        context : InputContext
            Context of the asset that reads the value.

        Returns
        -------
        Report
            Of the class that `REPORTS` has for the asset.

        Raises
        ------
        FileNotFoundError
            When the asset was not materialized for this batch.
        ValueError
            When the report is not in this release's format.
        """
        name, batch = context.asset_key.to_user_string(), context.partition_key
        report = find_report(REPORTS[name], batch)
        if report is None:
            raise FileNotFoundError(
                f"{name} of batch {named(batch)} has not been materialized (looked for "
                f"{report_path(name, batch)}); materialize {name} for this batch first"
            )
        return report


class NoOutputIOManager(dg.ConfigurableIOManager):
    """Serves assets and checks that return no value; stores nothing."""

    run_lock: dg.ResourceDependency[RunLock]
    storage: dg.ResourceDependency[Storage]

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Refuse values.

        Parameters
        ----------
        context : OutputContext
            Context of the asset that returned the value.
        obj : object
            Anything but None is refused.

        Raises
        ------
        ValueError
            When there is one: the asset needs `io_manager_key="tables"` or `"reports"`.
        """
        if obj is not None:
            raise ValueError(
                f"{context.asset_key.to_user_string()} returned a value, which nothing stores; set "
                'its io_manager_key to "tables" or "reports"'
            )

    def load_input(self, context: dg.InputContext) -> None:
        """Return None: there is no value; assets name such an asset in `deps`.

        Parameters
        ----------
        context : InputContext
            Context of the asset that reads the value.
        """
