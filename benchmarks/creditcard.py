"""The user's own protocol on creditcard.csv: `python -m benchmarks.creditcard --csv PATH`.

Without the file, on a simulation of its layout.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from benchmarks.measure import in_fresh_process
from benchmarks.overhead import CREDITCARD
from benchmarks.row import Row, row
from fraud_assets.config.estimators import EstimatorName
from fraud_assets.config.settings import ThresholdRule, TrainingSettings
from fraud_assets.intake.simulator import simulate, write_csv
from fraud_assets.metrics import confusion
from fraud_assets.training.train import fraud_scores, losses_of, train

NEEDS_DATA = False
MISSED = 10
FIT = """
import pandas as pd
from fraud_assets.config import TrainingSettings
from fraud_assets.training.train import fit_model

frame = pd.read_csv(sys.argv[1]).rename(columns={"Class": "fraud_"})
begin()
fit_model(frame, [name for name in frame.columns if name != "fraud_"], TrainingSettings())
done(rows=len(frame))
"""


def run(_: Path | None) -> list[Row]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "creditcard.csv"
        write_csv(simulate(CREDITCARD), path)
        return of_file(path)


def of_file(path: Path) -> list[Row]:
    """Run the protocol on a file."""
    frame = pd.read_csv(path)
    frame["log_amount"] = np.log1p(frame["Amount"])
    frame = frame.assign(fraud_=frame["Class"], amount_=frame["Amount"], known_us_=frame["Time"])
    rest, test = train_test_split(frame, test_size=0.2, stratify=frame["fraud_"], random_state=42)
    fitting, chosen = train_test_split(
        rest, test_size=0.25, stratify=rest["fraud_"], random_state=42
    )
    rows = _compare("stratified", fitting, chosen, test)
    ordered = frame.sort_values("known_us_", kind="stable")
    first, second = (int(len(frame) * share) for share in (0.6, 0.8))
    rows += _compare(
        "in time", ordered.iloc[:first], ordered.iloc[first:second], ordered.iloc[second:]
    )
    fit = in_fresh_process(FIT, None, str(path))
    return [
        *rows,
        row(f"training the default on {fit['rows']:,} x 30", fit["seconds"], 15, "s (other: goal)",
            "under 15 s", fit["seconds"] < 15),
        row("its peak memory", fit["peak_mb"], 1536, "MB (other: goal)", "under 1.5 GB",
            fit["peak_mb"] < 1536),
    ]  # fmt: skip


def _compare(
    kind: str, fitting: pd.DataFrame, chosen: pd.DataFrame, test: pd.DataFrame
) -> list[Row]:
    """Hold the default model against the MLP baseline on one split."""
    inputs = [f"V{i}" for i in range(1, 29)]
    ours = _scores(fitting, chosen, test, ["Time", *inputs, "Amount", "log_amount"])
    baseline = _scores(fitting, chosen, test, ["Time", *inputs, "Amount"], EstimatorName.mlp)
    labels = test["fraud_"].to_numpy()
    frauds = int(labels.sum())
    theirs = confusion(labels, baseline["scores"] >= 0.5)
    click.echo(
        f"  {kind}: {frauds} test frauds; MLP at 0.5: {theirs.frauds_detected} caught, "
        f"{theirs.frauds_missed} missed, {theirs.false_alarms} false alarms"
    )
    genuine = np.sort(ours["scores"][labels == 0])[::-1]
    # The lowest threshold that raises no more false alarms than the baseline.
    limit = np.nextafter(genuine[theirs.false_alarms], 2)
    same = confusion(labels, ours["scores"] >= limit)
    few = confusion(labels, ours["scores"] >= np.sort(ours["scores"][labels == 1])[MISSED])
    cheap = confusion(labels, ours["scores"] >= ours["threshold"])
    return [
        row(f"{kind}: missed frauds at the MLP's false alarms", same.frauds_missed,
            theirs.frauds_missed, f"of {frauds}", "fewer",
            same.frauds_missed < theirs.frauds_missed),
        row(f"{kind}: false alarms at {MISSED} missed", few.false_alarms, theirs.false_alarms,
            f"(other: MLP, {theirs.frauds_missed} missed)", "told", True),
        row(f"{kind}: missed frauds at minimum cost", cheap.frauds_missed, theirs.frauds_missed,
            f"of {frauds}, with {cheap.false_alarms} false alarms", "told", True),
        row(f"{kind}: net savings at minimum cost", ours["savings"], baseline["savings"],
            "money (other: MLP, minimum cost)", "more", ours["savings"] > baseline["savings"]),
    ]  # fmt: skip


def _scores(
    fitting: pd.DataFrame,
    chosen: pd.DataFrame,
    test: pd.DataFrame,
    columns: list[str],
    estimator: EstimatorName = EstimatorName.xgboost,
) -> dict[str, Any]:
    from fraud_assets.metrics import net_savings

    settings = TrainingSettings(estimator=estimator, threshold_rule=ThresholdRule.min_cost)
    fitted = train(fitting, chosen, columns, settings)
    scores = fraud_scores(fitted.model, test, fitted.features)
    alerts = scores >= fitted.decision_threshold
    losses = losses_of(test, settings.costs)
    return {
        "scores": scores,
        "threshold": fitted.decision_threshold,
        "savings": net_savings(test["fraud_"].to_numpy(), alerts, losses, settings.costs),
    }


@click.command()
@click.option("--csv", type=click.Path(exists=True, path_type=Path), required=True)
def main(csv: Path) -> None:
    """Print the protocol's table for a creditcard.csv."""
    for line in of_file(csv):
        click.echo(f"  {line['work']}: {line['ours']:g} against {line['other']:g} {line['unit']}")


if __name__ == "__main__":
    main()
