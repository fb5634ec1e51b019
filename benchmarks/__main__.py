"""Runs the benchmarks: `make bench`, with DATA, ONLY and JSON."""

import importlib
import json
from pathlib import Path

import click

from benchmarks.row import Row

ALL = (
    "location",
    "intake",
    "overhead",
    "landing",
    "pipeline",
    "features",
    "spark",
    "handbook",
    "estimators",
    "creditcard",
    "drift",
)


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), help="Folder of real data.")
@click.option("--only", type=click.Choice(ALL))
@click.option("--json", "json_path", type=click.Path(path_type=Path))
def main(data: Path | None, only: str | None, json_path: Path | None) -> None:
    """Print a table, and write it as JSON when asked."""
    rows: list[Row] = []
    for name in [only] if only else ALL:
        module = importlib.import_module(f"benchmarks.{name}")
        if module.NEEDS_DATA and data is None:
            click.echo(f"{name}: left out, it needs real data: DATA=<folder>")
            continue
        click.echo(f"{name}: {str(module.__doc__).splitlines()[0]}")
        for row in module.run(data):
            rows.append(row)
            click.echo(
                f"  {row['work']}: {row['ours']:g} against {row['other']:g} {row['unit']}, ratio "
                f"{row['ratio']:g}; goal {row['goal']}: {'met' if row['met'] else 'NOT MET'}"
            )
    if json_path:
        json_path.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
