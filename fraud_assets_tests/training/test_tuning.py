import pytest

from fraud_assets.config.estimators import EstimatorName
from fraud_assets.config.settings import TuningSettings
from fraud_assets.training.tuning import time_folds, tune
from fraud_assets_tests.training.conftest import COLUMNS, train_rows

LOGISTIC = EstimatorName.logistic_regression
TUNABLE = [name for name in EstimatorName if name.kind.search_space]


def tuned(rows, path, ended=None, **settings):
    chosen = TuningSettings(**{"estimator": LOGISTIC, "trials": 4, "folds": 2, **settings})
    return tune(rows, COLUMNS, chosen, path, "june", (ended if ended is not None else []).append)


def test_folds_come_in_time_order_and_train_on_labels_known_by_then(rows):
    ends = []
    for train, validation in time_folds(rows.sample(frac=1, random_state=0), 3):
        assert train["label_known_us_"].max() <= validation["known_us_"].min()
        ends.append(validation["known_us_"].max())
        assert len(validation) == len(rows) // 4
    assert ends == sorted(ends)
    assert ends[-1] == rows["known_us_"].max()


def test_rows_without_times_are_folded_by_their_content(rows):
    untimed = rows.assign(known_us_=None)
    folds = [set(validation.index) for _, validation in time_folds(untimed, 3)]
    again = [set(v.index) for _, v in time_folds(untimed.sample(frac=1, random_state=1), 3)]
    assert folds == again
    assert not set.intersection(*folds)


def test_the_first_trial_is_the_defaults_and_the_best_is_no_worse(rows, tmp_path):
    ended = []
    best = tuned(rows, tmp_path / "s.db", ended)
    assert ended[0].parameters == {}
    assert best.average_precision >= best.average_precision_of_defaults
    assert best.average_precision == max(trial.best for trial in ended)
    assert [trial.number for trial in ended] == [0, 1, 2, 3]
    assert "trial 4 of 4" in ended[-1].sentence()


def test_a_study_goes_on_where_it_stopped_and_draws_no_point_twice(rows, tmp_path):
    ended = []
    tuned(rows, tmp_path / "s.db", ended, trials=3)
    best = tuned(rows, tmp_path / "s.db", ended, trials=5)
    assert best.trials == len(ended) == 5
    drawn = [trial.parameters.get("C") for trial in ended]
    assert len(set(drawn)) == len(drawn)
    assert tuned(rows, tmp_path / "s.db", ended, trials=5) == best
    assert len(ended) == 5


def test_the_same_seed_finds_the_same(rows, tmp_path):
    assert tuned(rows, tmp_path / "a.db") == tuned(rows, tmp_path / "b.db")


def test_no_trial_begins_after_the_time_is_over(rows, tmp_path):
    ended = []
    best = tuned(rows, tmp_path / "s.db", ended, trials=500, minutes=0.001)
    assert 1 <= best.trials == len(ended) < 500


def test_what_has_no_search_space_says_what_has(rows, tmp_path):
    with pytest.raises(ValueError, match="soft_voting has no search space; tune one of xgboost"):
        tuned(rows, tmp_path / "s.db", estimator="soft_voting")


def test_folds_without_frauds_say_what_to_do(tmp_path):
    with pytest.raises(ValueError, match="no fold has 3 frauds"):
        tuned(train_rows(0, 200, share=0.0), tmp_path / "s.db")


@pytest.mark.parametrize("name", TUNABLE)
def test_every_search_space_holds_parameters_that_the_estimator_has(name, tmp_path):
    rows = train_rows(0, 200)
    ended = []
    tuned(rows, tmp_path / "s.db", ended, estimator=name, trials=2)
    assert all(trial.state in ("complete", "pruned") for trial in ended)
