"""Files from other people: each is told what is wrong with it, and the next one works."""

import pytest

from fraud_assets_tests.integration.conftest import cards, checks_of, failure_of, materialized

FRAME = cards(0, transactions=2000, fraud_rate=0.1)
PLAIN = FRAME[["TX_AMOUNT", "TX_FRAUD"]].rename(columns={"TX_AMOUNT": "amount", "TX_FRAUD": "y"})

STEP_FAILS = {
    "empty": ("", "empty.csv: line 1: the file is empty; export it again"),
    "header_only": ("amount,y\n", "header_only.csv: line 2: there is a header but no row"),
    "no_target": (
        PLAIN[["y", "amount"]].to_csv(index=False),
        "line 2, column 2, the last: not a target",
    ),
    "all_rejected": (
        "amount,y\n" + "1,0,9\n" * 20,
        "none of its rows fits the contract; the first is line 2: 3 fields where the header has 2",
    ),
}
CHECK_FAILS = {
    "no_fraud": (PLAIN.assign(y=0), "enough_frauds", "train has 0 frauds and needs 10"),
    "only_frauds": (PLAIN.assign(y=1), "enough_frauds", "train has 0 genuine rows and needs 10"),
    "text_column": (
        PLAIN.assign(shop="bakery")[["amount", "shop", "y"]],
        "schema_contract",
        "text_column.csv: line 2, column 'shop': text; models read numbers: encode the column",
    ),
    "nan_column": (
        PLAIN.assign(v="nan")[["amount", "v", "y"]],
        "schema_contract",
        "nan_column.csv: column 'v' is empty or NaN",
    ),
    "no_fraud_share": (PLAIN.assign(y=0), "fraud_prevalence", "column 'y': 0 frauds in 2000 rows"),
}


@pytest.mark.parametrize("case", STEP_FAILS)
def test_a_file_that_cannot_be_read_fails_its_step_with_place_and_remedy(graph, case):
    text, message = STEP_FAILS[case]
    result = graph.take(case, text)
    assert not result.success
    assert message in failure_of(result)
    assert f"{case}.csv" in failure_of(result)
    assert materialized(result) == set()


@pytest.mark.parametrize("case", CHECK_FAILS)
def test_a_file_that_makes_no_sense_fails_a_check_with_place_and_remedy(graph, case):
    frame, check, message = CHECK_FAILS[case]
    result = graph.take(case, frame, splits={"window_batches": 1})
    evaluation = checks_of(result)[check]
    assert not evaluation.passed
    assert message in evaluation.description
    assert "trained_model" not in materialized(result)


def test_the_next_good_file_works_after_all_of_them(graph):
    for case, (text, _) in STEP_FAILS.items():
        graph.take(f"again_{case}", text)
    result = graph.take("good", cards(1))
    assert result.success
    assert "published_metrics" in materialized(result)
