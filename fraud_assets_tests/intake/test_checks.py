import dagster as dg
import pytest

from fraud_assets import storage
from fraud_assets.intake.checks import fraud_prevalence, rejected_rows, schema_contract


def facts(**changes):
    return {
        "batch": "june",
        "source_file": "june.csv",
        "rows": 1000,
        "frauds": 5,
        "rejected": 0,
        "rejected_examples": ["line 7: column 'a': 'x' is not a number"],
        "problems": [],
        "kinds": {"a": "DOUBLE"},
        "roles": {"target": "Class"},
    } | changes


def judge(check, home, **changes):
    return check(raw_transactions=storage.Table(home, facts(**changes)))


def test_a_contract_without_problems_passes(home):
    assert judge(schema_contract, home).passed


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
        assert "line 7: column 'a': 'x'" in result.description
        assert "june.csv" in result.description
        assert str(storage.rejected_path("june")) in result.description


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
