"""The features of a real Spark cluster: a standalone master and a worker on loopback."""

from collections.abc import Iterator

import pandas as pd
import pytest

from fraud_assets.features.compute import write_features
from fraud_assets.features.engines import open_engine
from fraud_assets.features.families import features_for
from fraud_assets.features.lookback import AcceptedRows, span_of
from fraud_assets_tests.conftest import CARD_ROLES
from fraud_assets_tests.features.conftest import BY_LABEL_TIME, in_process
from fraud_assets_tests.integration.conftest import Graph, cards, materialized, require
from fraud_assets_tests.integration.servers import spark_cluster

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    require("java")
    with spark_cluster(tmp_path_factory.mktemp("spark")) as address:
        yield address


def written_by(address, roles, frames, folder) -> pd.DataFrame:
    """The features of the last frame, which looks back on the others."""
    paths = []
    for number, frame in enumerate(frames):
        paths.append(folder / f"{number}.parquet")
        frame.to_parquet(paths[-1])
    *history, own = (AcceptedRows(path, roles) for path in paths)
    out = folder / "features.parquet"
    with in_process() as (connection, _), open_engine(address, connection) as backend:
        span = span_of(backend, own, 7)
        write_features(backend, connection, own, history, span, features_for(roles), 7, out)
    return pd.read_parquet(out)


def frames_of(roles):
    frame = cards(1, transactions=4000, days=40)
    frame["TX_DATETIME"] = frame["TX_DATETIME"].astype("datetime64[us]")
    for name in ("CUSTOMER_ID", "TERMINAL_ID"):
        frame[name] = frame[name].astype(str).mask(frame.index % 97 == 0)
    frame["TX_AMOUNT"] = frame["TX_AMOUNT"].mask(frame.index % 89 == 0)
    if roles.label_known_at:
        days = pd.to_timedelta(frame.index % 30, unit="D")
        told = (frame["TX_DATETIME"] + days).astype("datetime64[us]")
        frame["LABEL_KNOWN_AT"] = told.mask(frame.index % 50 == 0)
    frame.insert(0, "source_line", range(2, len(frame) + 2))
    return frame.iloc[:3000], frame.iloc[3000:]


@pytest.mark.parametrize("roles", [CARD_ROLES, BY_LABEL_TIME], ids=["by_delay", "by_label_time"])
def test_a_cluster_gives_the_same_values_as_duckdb(cluster, tmp_path, roles):
    # What means more in a path, to Spark or to DuckDB, is a name here.
    here, there = (tmp_path / name for name in ("here", "[t]h?re*{a,b}=c"))
    here.mkdir()
    there.mkdir()
    frames = frames_of(roles)
    expected = written_by("duckdb", roles, frames, here)
    found = written_by(cluster, roles, frames, there)
    assert len(found) == 1000
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-9, atol=1e-9)
    assert list(there.glob("incoming-*")) == []


def test_the_asset_is_computed_on_the_cluster_when_the_environment_says_so(
    cluster, graph: Graph, monkeypatch
):
    monkeypatch.setenv("FRAUD_ENGINE", cluster)
    graph.drop("on_a=[c]luster*", cards())
    result = graph.run("on_a=[c]luster*", assets=["raw_transactions", "features"])
    assert result.success
    assert {"raw_transactions", "features"} <= materialized(result)
