import pytest

from fraud_assets.records.base import to_json
from fraud_assets.records.models import TrainedModel
from fraud_assets.store import paths, reports
from fraud_assets_tests import factories


def test_a_report_comes_back_as_it_was_saved(home):
    model = factories.trained_model(batch="june")
    path = reports.save_report("june", model)
    assert path == paths.report_path("trained_model", "june")
    assert reports.find_report(TrainedModel, "june") == model
    assert reports.find_report(TrainedModel, "july") is None


def test_a_report_of_another_format_is_named(home):
    reports.write_report_file("june", "trained_model.json", to_json({"batch": "june"}))
    with pytest.raises(ValueError, match=r"trained_model.json is not a TrainedModel record"):
        reports.find_report(TrainedModel, "june")


def test_every_report_is_listed_under_its_asset():
    assert {name: report.ASSET for name, report in reports.REPORTS.items()} == {
        name: name for name in reports.REPORTS
    }


def test_a_file_next_to_the_reports_is_found_when_it_is_there(home):
    assert reports.find_report_file("june", "worklist.csv") is None
    path = reports.write_report_file("june", "worklist.csv", "a")
    assert reports.find_report_file("june", "worklist.csv") == path
    assert path.read_text() == "a"


def test_a_missing_json_file_is_none(tmp_path):
    assert reports.read_json(tmp_path / "none.json") is None
    (tmp_path / "some.json").write_text("[1]")
    assert reports.read_json(tmp_path / "some.json") == [1]
