import dagster as dg
import pytest

from fraud_assets.check_results import verdict_result
from fraud_assets.config.limits import DRIFT_SCORE

WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


@pytest.mark.parametrize(
    ("value", "passed", "severity"), [(0.05, True, WARN), (0.2, False, WARN), (0.4, False, ERROR)]
)
def test_good_passes_watch_warns_and_critical_is_an_error(value, passed, severity):
    verdict = DRIFT_SCORE.verdict(value)
    result = verdict_result(verdict, DRIFT_SCORE, "missed", value)
    assert (result.passed, result.severity) == (passed, severity)


def test_the_result_has_value_and_limits_rounded():
    result = verdict_result("watch", DRIFT_SCORE, "missed", 0.1234567)
    values = {name: entry.value for name, entry in result.metadata.items()}
    assert values == {
        "value": 0.1235,
        "verdict": "watch",
        "watch_limit": 0.1,
        "critical_limit": 0.3,
    }


def test_a_name_in_the_description_does_nothing_where_it_is_read():
    result = verdict_result("good", DRIFT_SCORE, "<!channel>", 0.0)
    assert "<!channel>" not in result.description
