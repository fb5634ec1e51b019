import dagster as dg
import pytest

from fraud_assets.intake.checks import (
    fraud_prevalence,
    landed_files,
    plausible_timestamps,
    rejected_rows,
    schema_contract,
    unique_transactions,
)
from fraud_assets.intake.landing.ledger import FileState, LedgerEntry, open_ledger
from fraud_assets.store import paths, resources, tables
from fraud_assets_tests import factories


def facts(**changes):
    return factories.raw_transactions(**{"faults": ["line 7, column 'a': not a number"], **changes})


def judge(check, home, **changes):
    return check(raw_transactions=tables.RawTable(home, facts(**changes)))


def test_a_contract_without_problems_passes(home):
    assert judge(schema_contract, home).passed


def test_a_constant_column_passes_and_is_named(home):
    result = judge(schema_contract, home, constant_columns=["a"])
    assert result.passed
    assert result.description == "column 'a' is constant"


def test_a_contract_problem_is_an_error_in_its_own_words(home):
    result = judge(schema_contract, home, problems=["june.csv: column 'shop' holds text"])
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert result.description == "june.csv: column 'shop' holds text"


@pytest.mark.parametrize(
    ("rejected", "passed", "severity"),
    [
        (0, True, dg.AssetCheckSeverity.WARN),
        (1, False, dg.AssetCheckSeverity.WARN),
        (10, False, dg.AssetCheckSeverity.WARN),
        (11, False, dg.AssetCheckSeverity.ERROR),
    ],
)
def test_rejected_rows_warn_and_over_one_percent_are_an_error(home, rejected, passed, severity):
    result = judge(rejected_rows, home, rows=1000 - rejected, rejected=rejected)
    assert (result.passed, result.severity) == (passed, severity)
    if rejected:
        assert "line 7, column 'a': not a number" in result.description
        assert "june.csv" in result.description
        assert str(paths.rejected_path("june")) in result.description


@pytest.mark.parametrize(("frauds", "passed"), [(0, False), (2, True), (50, True), (1000, False)])
def test_a_share_of_frauds_that_card_data_never_has_is_a_warning(home, frauds, passed):
    result = judge(fraud_prevalence, home, frauds=frauds)
    assert result.passed is passed
    assert result.severity == dg.AssetCheckSeverity.WARN
    if not passed:
        assert "june.csv: column 'Class'" in result.description


def test_intake_checks_that_make_the_rest_meaningless_are_blocking():
    blocking = {spec.name for spec in schema_contract.check_specs if spec.blocking}
    blocking |= {spec.name for spec in rejected_rows.check_specs if spec.blocking}
    assert blocking == {"schema_contract", "rejected_rows"}
    assert not next(iter(fraud_prevalence.check_specs)).blocking


@pytest.fixture
def rows(engine, home):
    def parquet(query):
        path = tables.new_rows_file("raw_transactions", "june")
        engine.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
        return tables.RawTable(path, facts(kinds={"id": "VARCHAR", "t": "TIMESTAMP"}))

    return parquet


def test_a_transaction_id_at_two_rows_is_a_warning_that_names_the_line(home, rows):
    ids = "(2, 'a', TIMESTAMP '2026-01-01'), (3, 'b', TIMESTAMP '2026-01-02')"
    named = "v(source_line, id, t)"
    good = unique_transactions(rows(f"FROM (VALUES {ids}) {named}"), resources.Engine())
    assert good.passed
    more = "(4, 'b', TIMESTAMP '2026-01-03'), (5, 'b', TIMESTAMP '2026-01-03')"
    twice = rows(f"FROM (VALUES {more}, {ids}) {named}")
    bad = unique_transactions(twice, resources.Engine())
    assert (bad.passed, bad.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert bad.description.startswith(
        "june.csv: line 4, column 'id': the ID of an earlier line; 1 transaction IDs occur"
    )


def test_a_transaction_in_the_future_is_a_warning_and_the_order_is_not(home, rows):
    past = "(2, 'b', TIMESTAMP '2026-01-02'), (3, 'a', TIMESTAMP '2026-01-01')"
    named = "v(source_line, id, t)"
    good = plausible_timestamps(rows(f"FROM (VALUES {past}) {named}"), resources.Engine())
    assert good.passed
    assert good.description == "from 2026-01-01 to 2026-01-02, 1 rows out of order"
    late = rows(f"FROM (VALUES {past}, (4, 'c', TIMESTAMP '2126-01-02')) {named}")
    bad = plausible_timestamps(late, resources.Engine())
    assert (bad.passed, bad.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "line 4, column 't': in the future (1 rows in total); check the year" in bad.description


def test_refused_files_are_a_warning_in_their_own_words(home):
    assert landed_files().passed
    entry = LedgerEntry("j.csv", "j", 1, 1, 1, "", FileState.refused, "j.csv is a folder; move it")
    with open_ledger(paths.ledger_path()) as ledger:
        ledger.put([entry])
    result = landed_files()
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert result.description == "j.csv is a folder; move it"
