"""Small histories full of edges, and the features that the platform gives them."""

from collections.abc import Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from functools import cache

import pandas as pd
import pytest
from hypothesis import strategies as st

from fraud_assets.features.compute import write_features
from fraud_assets.features.engines import open_engine
from fraud_assets.features.families import features_for
from fraud_assets.features.lookback import AcceptedRows, span_of
from fraud_assets_tests.conftest import CARD_ROLES, connected
from fraud_assets_tests.features.oracle import Event

DELAY = 7
START = pd.Timestamp("2026-01-01")
BY_DELAY = CARD_ROLES
BY_LABEL_TIME = CARD_ROLES.model_copy(update={"label_known_at": "LABEL_KNOWN_AT"})
BY_ROW_TIME = CARD_ROLES.model_copy(update={"known_at": "KNOWN_AT"})
WAYS = [BY_DELAY, BY_LABEL_TIME, BY_ROW_TIME]
"""The ways in which data says when a row and its label became known."""


@st.composite
def histories(draw, min_size=1, max_size=30):
    """Rows in no order: ties and the very ends of windows are likely, values may be missing."""
    n = draw(st.integers(min_size, max_size))

    def column(values):
        return draw(st.lists(values, min_size=n, max_size=n))

    def times(last_day=100):
        hours, beside = column(st.integers(0, last_day * 8)), column(st.sampled_from((-1, 0, 0, 1)))
        return [
            START + pd.Timedelta(hours=3 * h) + pd.Timedelta(microseconds=us)
            for h, us in zip(hours, beside, strict=True)
        ]

    moments = times()
    late = [pd.Timedelta(days=days) for days in column(st.integers(0, 40))]
    cents = column(st.one_of(st.none(), st.integers(-500, 9999)))
    return pd.DataFrame(
        {
            "source_line": range(2, n + 2),
            "TRANSACTION_ID": [str(i) for i in range(n)],
            "TX_DATETIME": pd.Series(moments, dtype="datetime64[us]"),
            "KNOWN_AT": pd.Series(moments, dtype="datetime64[us]") + pd.Series(late) / 20,
            "LABEL_KNOWN_AT": pd.Series(
                [m + d if d.days < 30 else None for m, d in zip(moments, late, strict=True)],
                dtype="datetime64[us]",
            ),
            "CUSTOMER_ID": pd.Series(column(st.sampled_from(("a", "b", None))), dtype="object"),
            "TERMINAL_ID": pd.Series(column(st.sampled_from(("x", "y", None))), dtype="object"),
            "TX_AMOUNT": pd.Series([None if c is None else c / 100 for c in cents], dtype=float),
            "TX_FRAUD": column(st.integers(0, 1)),
        }
    )


def events_of(frame: pd.DataFrame, roles, delay=DELAY) -> list[Event]:
    """The rows as the oracle takes them."""

    def micros(moment):
        return (
            None if pd.isna(moment) else (moment - pd.Timestamp(0)) // pd.Timedelta(microseconds=1)
        )

    events = []
    for row in frame.itertuples():
        moment = micros(row.TX_DATETIME)
        told = (
            micros(row.LABEL_KNOWN_AT) if roles.label_known_at else moment + delay * 86_400 * 10**6
        )
        known = micros(row.KNOWN_AT) if roles.known_at else moment
        amount = None if pd.isna(row.TX_AMOUNT) else Decimal(str(row.TX_AMOUNT))
        card, terminal = (
            x if isinstance(x, str) else None for x in (row.CUSTOMER_ID, row.TERMINAL_ID)
        )
        events.append(Event(known, told, card, terminal, amount, row.TX_FRAUD))
    return events


_open = ExitStack()


@cache
def _connection():
    """Opened once: each test reads files of its own, and drops the tables that it makes."""
    return _open.enter_context(connected())


@contextmanager
def in_process():
    """DuckDB as connection and as engine."""
    with open_engine("duckdb", _connection()) as backend:
        yield _connection(), backend


def sources(frames: Sequence[pd.DataFrame], folder, roles) -> list[AcceptedRows]:
    """The frames as Parquet files."""
    found = []
    for number, frame in enumerate(frames):
        path = folder / f"{number}.parquet"
        frame.to_parquet(path)
        found.append(AcceptedRows(path, roles))
    return found


def features_of(frame, folder, roles=CARD_ROLES, history=(), delay=DELAY, features=None):
    """The features of a frame, in the order of its lines."""
    own, *past = sources([frame, *history], folder, roles)
    wanted = features_for(roles) if features is None else features
    with in_process() as (connection, backend):
        span = span_of(backend, own, delay)
        out = folder / "features.parquet"
        write_features(backend, connection, own, past, span, wanted, delay, out)
        return pd.read_parquet(out)


@pytest.fixture(params=WAYS, ids=["by_delay", "by_label_time", "by_row_time"])
def roles(request):
    return request.param
