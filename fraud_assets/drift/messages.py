"""What changed, in words."""

from collections.abc import Mapping
from typing import Any

from fraud_assets.text import inert, named

ADVICE = {"good": "stable", "watch": "watch it", "critical": "retrain"}
NAMED = 5
FINDINGS = {
    "appeared": "new columns",
    "vanished": "columns gone",
    "changed_type": "columns of another type",
}


def what_changed(report: Mapping[str, Any]) -> str:
    """Return what changed in a batch, in words; empty when nothing did that matters.

    Parameters
    ----------
    report : mapping
        As the asset `drift_report` holds it, of a batch with enough rows.
    """
    said = [_columns(report["columns"]), moved_most(report)]
    if report["verdict"] == "good":
        return "; ".join(filter(None, said))
    if report["giveaways"]:
        given = ", ".join(g["feature"] for g in report["giveaways"][:NAMED])
        said.append(f"given away by: {given}")
    if report["pairs"]:
        pair = report["pairs"][0]
        said.append(
            f"{pair['first']} and {pair['second']} moved together with {pair['before']:+.2f}, "
            f"now with {pair['after']:+.2f}"
        )
    if report["segments"]:
        part = report["segments"][0]
        said.append(
            f"most in {part['segment']} {part['part']}: {part['share_reference']:.1%} of the "
            f"transactions before, {part['share_batch']:.1%} now"
        )
    prevalence = report.get("prevalence")
    if prevalence and prevalence["changed"]:
        said.append(f"frauds: {prevalence['reference']:.3%} before, {prevalence['batch']:.3%} now")
    return "; ".join(filter(None, said))


def moved_most(report: Mapping[str, Any]) -> str:
    """Return the features that drifted, the farthest first; empty when none did."""
    moved = [f for f in report["features"] if f["drifted"] and not f["finding"]][:NAMED]
    named = ", ".join(_feature(feature) for feature in moved)
    return f"moved most: {named}" if named else ""


def _feature(feature: Mapping[str, Any]) -> str:
    text = f"{feature['feature']} {feature['distance']:.2f}"
    if abs(feature["missing_change"]) >= 0.01:
        text += f" (missing {feature['missing_change']:+.0%})"
    if feature["outside"] >= 0.01:
        text += f" ({feature['outside']:.0%} never seen before)"
    return text


def _columns(findings: Mapping[str, list[str]]) -> str:
    return "; ".join(
        f"{said}: {', '.join(findings[finding][:NAMED])}"
        for finding, said in FINDINGS.items()
        if findings[finding]
    )


def verdict_sentence(report: Mapping[str, Any]) -> str:
    """Return the verdict on a batch with its figures, the reference, and what changed.

    Parameters
    ----------
    report : mapping
        As the asset `drift_report` holds it.
    """
    reference = report["reference"]
    batch = named(reference["batch"])
    against = f"champion version {reference['version']}, trained for batch {batch}"
    if report["verdict"] == "not_enough_rows":
        return (
            f"not enough rows: {report['rows']:,} of the {report['min_rows']:,} that a verdict "
            f"against {against} needs; drop larger files, or lower min_rows and expect alarms "
            "by chance"
        )
    advice, changed = ADVICE[report["verdict"]], what_changed(report)
    if report["verdict"] == "good":
        little = report["changed"] and not changed
        advice += ": changed beyond chance, but too little to act on" if little else ""
    visible = report["smallest_visible"]["drift_score"]
    unseen = f"; a score under {visible:.2f} could not have been seen at {report['rows']:,} rows"
    new = f"; the reference was version {reference['before']} before" if reference["before"] else ""
    return inert(
        f"drift score {report['drift_score']:.2f} against {against}: {advice}"
        f"{'; ' + changed if changed else ''}{unseen if visible > 0.1 else ''}{new}"
    )
