"""Turns feature families and row features into expressions that any engine of Ibis can run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fraud_assets.features.aggregations import AGGREGATIONS
from fraud_assets.features.availability import KNOWN, LABEL_KNOWN, microseconds
from fraud_assets.features.families import Feature, RowFeature, WindowFeature
from fraud_assets.records.batches import Roles

if TYPE_CHECKING:
    import ibis.expr.types as ir

KEY = "source_line"


def row_features(rows: "ir.Table", roles: Roles, features: Sequence[Feature]) -> "ir.Table":
    """Return rows with the features that need no other row.

    Parameters
    ----------
    rows : Table
        Accepted rows.
    roles : Roles
        Which columns hold the label, the timestamp, the amount and so on.
    features : sequence of Feature
        Window features among them are left out.

    Returns
    -------
    Table
        The rows, with a column for each row feature.

    See Also
    --------
    window_features : the features that look at other rows.
    """
    own = [feature for feature in features if isinstance(feature, RowFeature)]
    return rows.mutate(**{feature.name: feature.value(rows, roles) for feature in own})


def window_features(
    transactions: "ir.Table", features: Sequence[WindowFeature], label_delay_days: float | None
) -> "ir.Table":
    """Return the features of a batch's rows that look at other rows.

    Parameters
    ----------
    transactions : Table
        As made by `lookback.look_back`.
    features : sequence of WindowFeature
        The features to compute.
    label_delay_days : float or None
        In days; None: labels do not all become known the same time after their rows.

    Returns
    -------
    Table
        One row for each row of the batch: `source_line`, and the features.

    See Also
    --------
    row_features : the features that need no other row.
    """
    labelled = [feature for feature in features if feature.family.reach == "labelled"]
    from_events = labelled if label_delay_days is None else []
    from_rows = [feature for feature in features if feature not in from_events]
    table = _values(transactions, from_rows, microseconds(label_delay_days or 0))
    if not from_events:
        return table
    table = table.inner_join(_values(label_events(transactions), from_events, 0), KEY)
    return table.select(KEY, *[feature.name for feature in features])


def label_events(transactions: "ir.Table") -> "ir.Table":
    """Return labels as separate events, each at the moment at which it becomes known.

    Parameters
    ----------
    transactions : Table
        As made by `lookback.look_back`.

    Returns
    -------
    Table
        The batch's own rows without their label (`fraud` is null), and the labels (`source_line`
        is null): `source_line`, `known_us`, `card`, `terminal`, `fraud`.

    See Also
    --------
    window_features : computes features from them.
    """
    import ibis

    columns = [KEY, KNOWN, "card", "terminal", "fraud"]
    own = transactions.filter(transactions[KEY].notnull())
    own = own.mutate(fraud=ibis.null("int8")).select(columns)
    labels = transactions.filter(transactions[LABEL_KNOWN].notnull())
    labels = labels.mutate(**{KEY: ibis.null("int64"), KNOWN: labels[LABEL_KNOWN]}).select(columns)
    return own.union(labels)


def _values(rows: "ir.Table", features: Sequence[WindowFeature], delay: int) -> "ir.Table":
    table = rows.mutate(**{feature.name: _value(rows, feature, delay) for feature in features})
    return table.filter(table[KEY].notnull()).select(KEY, *[f.name for f in features])


def _value(rows: "ir.Table", feature: WindowFeature, delay: int) -> "ir.Value":
    import ibis

    family = feature.family
    value = AGGREGATIONS[family.aggregation].value(rows, feature, delay)
    # A row without entity or time belongs to no history and has none itself.
    traceable = [rows[role].notnull() for role in family.entity] + [rows[KNOWN].notnull()]
    return ibis.ifelse(ibis.and_(*traceable), value, ibis.null(value.type()))
