"""How Dagster keeps the tables and reports that assets return."""

from typing import Any

import dagster as dg

from fraud_assets.store.paths import report_path
from fraud_assets.store.reports import find_report, save_report
from fraud_assets.store.tables import Table, load_table, save_table
from fraud_assets.text import named


class TableIOManager(dg.ConfigurableIOManager):
    """Keeps `Table` outputs as Parquet, by asset and batch."""

    def handle_output(self, context: dg.OutputContext, obj: Table) -> None:
        """Commit the table and describe it on the asset's page."""
        table = save_table(context.asset_key.to_user_string(), obj)
        context.add_output_metadata({"path": dg.MetadataValue.path(table.path)})

    def load_input(self, context: dg.InputContext) -> Table:
        """Find the table of the run's batch."""
        return load_table(context.asset_key.to_user_string(), context.partition_key)


class ReportIOManager(dg.ConfigurableIOManager):
    """Keeps JSON-like outputs in the batch's report folder, under the asset's name."""

    def handle_output(self, context: dg.OutputContext, obj: dict[str, Any]) -> None:
        """Write the report."""
        path = save_report(context.asset_key.to_user_string(), context.partition_key, obj)
        context.add_output_metadata({"path": dg.MetadataValue.path(path)})

    def load_input(self, context: dg.InputContext) -> dict[str, Any]:
        """Read the report of the run's batch."""
        name, batch = context.asset_key.to_user_string(), context.partition_key
        report = find_report(name, batch)
        if report is None:
            raise FileNotFoundError(
                f"{name} of batch {named(batch)} has not been materialized (looked for "
                f"{report_path(name, batch)}); materialize {name} for this batch first"
            )
        return report
