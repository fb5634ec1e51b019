"""What a person may name (settings, columns, files, batches, tags) is never run, and never a path.

The two attacks are those that once worked: a file written by `COPY TO`, and the process's
environment read into a table or a message.
"""

import csv
import io
import re
import shlex

import dagster as dg
import pytest

from fraud_assets.catalog import BatchCatalog
from fraud_assets.config.names import CONTENT_TAG, KEY_TAG, SOURCE_TAG
from fraud_assets.config.settings import SplitSettings
from fraud_assets.drift.batch_reader import read_chunks
from fraud_assets.drift.profile import watched_columns
from fraud_assets.features.compute import own_features, write_features
from fraud_assets.features.engines import open_engine
from fraud_assets.features.families import features_for
from fraud_assets.features.lookback import AcceptedRows, look_back, span_of
from fraud_assets.intake.assets import raw_transactions
from fraud_assets.intake.quality import find_repeats
from fraud_assets.metadata import table_metadata
from fraud_assets.platform.resources import RunLock
from fraud_assets.store import io_managers, resources, tables
from fraud_assets.tracking import Tracking
from fraud_assets.training import splits as splitting
from fraud_assets.training.window import Member, count_rows, load_rows, unassigned_rows
from fraud_assets_tests import factories

SECRET = "planted-secret-8d1f"
WRITE = "COPY (SELECT 1) TO '{file}'"
READ = "SELECT content FROM read_text('/proc/self/environ')"
BREAKOUTS = (
    "'; {attack}; --",
    "''; {attack}; --",
    '"; {attack}; --',
    "') AS x, ({attack}) AS y; --",
    '" FROM ({attack}) --',
    "\\'; {attack}; --",
    "*/ {attack} /*",
    "${{{attack}}}",
    "$({attack})",
    "\0'; {attack}; --",
)


def attacks(file):
    return [
        breakout.format(attack=attack)
        for breakout in BREAKOUTS
        for attack in (WRITE.format(file=file), READ, f"touch {shlex.quote(str(file))}")
    ]


@pytest.fixture
def evil(home, monkeypatch):
    """A file that no attack may make, and a secret that none may read; checked at the end."""
    monkeypatch.setenv("FRAUD_SECRET", SECRET)
    file = home / "evil.csv"
    yield file
    assert not file.exists()
    found = [p for p in home.rglob("*") if p.is_file() and SECRET.encode() in p.read_bytes()]
    assert found == []


# --- the launchpad ----------------------------------------------------------------------

CSV = "Time,Amount,Class\n" + "".join(f"{i},{i}.5,{i % 2}\n" for i in range(40))


def materialize(instance, run_config, batch="june", tags=None):
    """Materialize the first step as a click does; return success and what the events say."""
    instance.add_dynamic_partitions("batch", [batch])
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    try:
        result = dg.materialize(
            [raw_transactions],
            partition_key=batch,
            instance=instance,
            resources={
                "engine": resources.Engine.configure_at_launch(),
                "catalog": BatchCatalog(),
                "tables": io_managers.TableIOManager(
                    run_lock=RunLock(), storage=resources.Storage()
                ),
            },
            run_config=run_config | quiet,
            tags=tags,
            raise_on_error=False,
        )
    except dg.DagsterInvalidConfigError as error:
        return False, str(error)
    return result.success, " ".join(str(event) for event in result.all_events)


def test_run_config_reaches_neither_sql_nor_the_environment(evil, drop, instance):
    drop("june.csv", CSV)
    for attack in attacks(evil):
        limit = f"1GB{attack}"
        run_config = {"resources": {"engine": {"config": {"memory_limit": limit}}}}
        success, said = materialize(instance, run_config)
        assert not success
        assert "memory_limit" in said
        assert SECRET not in said


@pytest.mark.parametrize(
    "setting", ["target", "timestamp", "amount", "card", "encoding", "delimiter", "decimal"]
)
def test_no_setting_of_the_intake_is_run(evil, drop, instance, setting):
    drop("june.csv", CSV)
    for attack in (attacks(evil)[0], attacks(evil)[1]):
        run_config = {"ops": {"raw_transactions": {"config": {setting: attack}}}}
        success, said = materialize(instance, run_config)
        assert not success
        assert SECRET not in said
        assert "there is no column" in said or "should match pattern" in said


@pytest.mark.parametrize("field", ["experiment", "model_name"])
@pytest.mark.parametrize(
    "name",
    ["x' OR name LIKE '%", "../../other", "a/b", "", "x\n", "x}) or vector(1) #", "models:/a"],
)
def test_a_name_that_means_more_in_mlflow_is_refused(field, name):
    with pytest.raises(ValueError, match="should match pattern"):
        Tracking(**{field: name})


def test_tags_of_a_run_lead_to_no_other_file(evil, drop, home, instance):
    drop("june.csv", CSV)
    (home / "secret.csv").write_text(CSV.replace("Amount", "Other"))
    tags = {
        SOURCE_TAG: "../secret.csv",
        CONTENT_TAG: "../../../secret",
        KEY_TAG: f"'; {WRITE.format(file=evil)}",
    }
    success, _ = materialize(instance, {}, tags=tags)
    assert success
    table = tables.load_table(tables.RawTable, "june")
    assert table.facts.source_file == "june.csv"
    assert re.fullmatch("[0-9a-f]{64}", table.path.parent.name)


@pytest.mark.parametrize("batch", ["../../june", "/etc/passwd", "a\\b", "..", "june\0"])
def test_a_partition_that_was_added_by_hand_is_no_path(evil, drop, home, instance, batch):
    drop("june.csv", CSV)
    success, said = materialize(instance, {}, batch)
    assert not success
    assert "cannot be a batch" in said
    assert {path.name for path in home.iterdir()} == {"data", "var"}
    assert {path.name for path in (home / "var").iterdir()} <= {"runs", "scratch"}


@pytest.mark.parametrize("content_hash", ["../../x", "a/../../b", "..", "", "*", "a" * 65, "a\n"])
def test_a_content_hash_is_no_path(home, content_hash):
    for ask, what in (
        (tables.load_table, tables.RawTable),
        (tables.has_table, "raw_transactions"),
        (tables.find_table, tables.RawTable),
    ):
        with pytest.raises(ValueError, match="is not a content hash"):
            ask(what, "june", content_hash)


# --- the data ---------------------------------------------------------------------------


def hostile_csv(columns):
    """A CSV with these feature columns, two cards and forty days."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*columns, "TX_DATETIME", "CUSTOMER_ID", "TX_AMOUNT", "TX_FRAUD"])
    for i in range(80):
        numbers = [i + n for n in range(len(columns))]
        day = f"2026-{1 + i // 56:02}-{1 + i // 2 % 28:02} 0{i % 10}:00:00"
        writer.writerow([*numbers, day, f"card{i % 2}", f"{i}.5", i % 4 == 0])
    return text.getvalue().replace("True", "1").replace("False", "0")


def taken(instance, drop, name, columns):
    drop(f"{name}.csv", hostile_csv(columns))
    success, said = materialize(instance, {}, name)
    assert success, said
    return tables.load_table(tables.RawTable, name)


def walk(table, past, columns):
    """Take a batch through everything that writes SQL; return its train rows."""
    facts, batch = table.facts, table.facts.batch
    roles = facts.roles
    own, history = AcceptedRows(table.path, roles), [AcceptedRows(t.path, roles) for t in past]
    rows = tables.new_rows_file("features", batch)
    written = tables.new_rows_file("splits", batch)
    engine = resources.Engine()
    with (
        engine.connect("raw_transactions", "features", "splits") as connection,
        open_engine("duckdb", connection) as backend,
    ):
        span = span_of(backend, own, 7)
        derived = features_for(roles, facts.kinds)
        write_features(backend, connection, own, history, span, derived, 7, rows)
        names = [*own_features(facts.kinds, roles), *(f.name for f in derived)]
        known = factories.features(batch=batch, content_hash=facts.content_hash, features=names)
        features = tables.save_table(tables.FeatureTable(rows, known))
        seen = look_back(backend, own, history, span, 7).count().to_pyarrow().as_py()
        assert seen == 80 * (1 + len(past))
        settings = SplitSettings(mode="stratified")
        cuts = splitting.plan_cuts(connection, features.path, roles, 7, settings)
        kinds = facts.kinds
        splitting.write_splits(
            connection, features.path, table.path, list(kinds), roles, settings, cuts, [], written
        )
        splits = tables.save_table(
            tables.SplitTable(
                written, factories.splits(batch=batch, content_hash=facts.content_hash)
            )
        )
        member = Member(batch, features.path, splits.path, roles, kinds)
        assert unassigned_rows(connection, member) == 0
        assert count_rows(connection, [member], None)["train"].rows > 0
        assert find_repeats(connection, table.path, list(kinds), columns[0]).rows == 0
        watched = watched_columns(names, kinds, roles)
        assert sum(map(len, read_chunks(connection, features.path, watched, roles))) == 80
        assert table_metadata(connection, features.path)["dagster/row_count"] == 80
        return load_rows(connection, [member], splitting.TRAIN, columns)


def test_columns_files_and_batches_with_sql_for_names_are_data(evil, drop, instance):
    # Without what the intake itself refuses in a name.
    columns = [attack.replace("\0", "") for attack in attacks(evil)]
    assert len(set(columns)) < len(attacks(evil))
    columns = list(dict.fromkeys(columns))
    batch = f"x'; {WRITE.format(file='evil.csv')}; --".replace("/", "")
    rows = walk(taken(instance, drop, batch, columns), [], columns)
    assert rows["batch_"].unique().tolist() == [batch]
    assert rows[columns[1]].tolist() == [line - 2 + 1 for line in rows["source_line_"]]


def test_a_batch_named_like_a_pattern_or_a_partition_is_read_alone(evil, drop, instance):
    past = []
    for place, batch in enumerate(["ab", "a?", "[ab]b", "TX_AMOUNT=5", "**"]):
        columns = [f"only{place}"]
        table = taken(instance, drop, batch, columns)
        known = {"TX_DATETIME", "CUSTOMER_ID", "TX_AMOUNT", "TX_FRAUD"}
        assert set(table.facts.kinds) == {*columns, *known}
        rows = walk(table, past[-2:], columns)
        assert rows["batch_"].unique().tolist() == [batch]
        past.append(table)
