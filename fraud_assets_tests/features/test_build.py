import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fraud_assets.features.families import FAMILIES, WindowFeature, features_for
from fraud_assets.records.batches import Roles
from fraud_assets_tests.conftest import CARD_ROLES
from fraud_assets_tests.features import oracle
from fraud_assets_tests.features.conftest import events_of, features_of, histories

WINDOWS = [f for f in features_for(CARD_ROLES) if isinstance(f, WindowFeature)]
NAMES = [feature.name for feature in WINDOWS]
# `roles` is the same for all examples. Fewer than usual: each compiles many windows anew.
fixed = settings(
    deadline=None, max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
some_windows = st.lists(st.sampled_from(WINDOWS), min_size=1, max_size=4, unique=True)


def rows(**columns):
    """Rows of card `a` at terminal `x`, one for each `day` (a float from 2026-01-01)."""
    n = len(columns["day"])
    microseconds = (pd.Series(columns["day"], dtype=float) * 86_400_000_000).round()
    return pd.DataFrame(
        {
            "source_line": range(2, n + 2),
            "TRANSACTION_ID": [str(i) for i in range(n)],
            "TX_DATETIME": pd.Timestamp("2026-01-01")
            + microseconds.astype(int).astype("timedelta64[us]"),
            "CUSTOMER_ID": pd.Series(columns.get("card", ["a"] * n), dtype="object"),
            "TERMINAL_ID": pd.Series(columns.get("terminal", ["x"] * n), dtype="object"),
            "TX_AMOUNT": pd.Series(columns.get("amount", [1.0] * n), dtype=float),
            "TX_FRAUD": columns.get("fraud", [0] * n),
        }
    )


def of(frame, folder, *names, **more):
    """One feature of all rows, or several; missing values as None."""
    wanted = [f for f in features_for(more.get("roles", CARD_ROLES)) if f.name in names]
    found = features_of(frame, folder, features=wanted, **more)
    values = [[None if pd.isna(value) else value for value in found[name]] for name in names]
    return values[0] if len(names) == 1 else values


@settings(fixed, max_examples=2)  # the first is of equal rows, the other is as mixed as it can be
@given(frame=histories(min_size=50, max_size=60))
def test_every_window_feature_equals_its_definition(tmp_path_factory, roles, frame):
    found = features_of(frame, tmp_path_factory.mktemp("f"), roles)
    events = events_of(frame, roles)
    for feature in WINDOWS:
        expected = [oracle.value(events, own, feature) for own in events]
        expected = [float("nan") if value is None else value for value in expected]
        values = found[feature.name].to_numpy(dtype=float, na_value=float("nan"))
        assert values == pytest.approx(expected, rel=1e-9, abs=1e-7, nan_ok=True), feature.name


@fixed
@given(frame=histories(), share=st.floats(0, 1), windows=some_windows, data=st.data())
def test_nothing_moves_at_t_when_what_comes_after_t_is_changed(
    tmp_path_factory, roles, frame, share, windows, data
):
    names = [feature.name for feature in windows]
    events = events_of(frame, roles)
    moments = sorted(event.known for event in events)
    t = moments[int(share * (len(moments) - 1))]
    later = pd.Series([event.known > t for event in events])
    unknown = pd.Series([event.label_known is None or event.label_known > t for event in events])
    changed = frame.assign(TX_FRAUD=frame["TX_FRAUD"].where(~unknown, 1 - frame["TX_FRAUD"]))
    shuffled = data.draw(st.permutations(range(int(later.sum()))))
    for name in ("CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT"):
        changed.loc[later, name] = changed.loc[later, name].to_numpy()[shuffled]
    changed.loc[later, "TX_AMOUNT"] *= 3
    deleted = data.draw(st.lists(st.booleans(), min_size=len(frame), max_size=len(frame)))
    changed = changed[~(later & pd.Series(deleted))]
    before, after = (
        features_of(rows_, tmp_path_factory.mktemp("f"), roles, features=windows)
        .set_index("source_line")
        .loc[frame.loc[~later, "source_line"], names]
        for rows_ in (frame, changed)
    )
    pd.testing.assert_frame_equal(before, after, check_dtype=False, rtol=1e-9, atol=1e-9)


@fixed
@given(
    frame=histories(), cuts=st.lists(st.floats(0, 1), min_size=1, max_size=2), windows=some_windows
)
def test_batches_in_sequence_give_what_one_pass_over_all_rows_gives(
    tmp_path_factory, roles, frame, cuts, windows
):
    names = [feature.name for feature in windows]
    clock = pd.Series([event.known for event in events_of(frame, roles)])
    order = clock.sort_values(kind="stable").to_numpy()
    ends = [*sorted({order[int(cut * (len(order) - 1))] for cut in cuts}), order[-1]]
    number = clock.map(lambda known: next(i for i, end in enumerate(ends) if known <= end))
    parts = [frame[number == i].reset_index(drop=True) for i in range(len(ends))]
    whole = features_of(frame, tmp_path_factory.mktemp("f"), roles, features=windows)
    whole = whole.set_index("source_line")[names]
    for place, part in enumerate(parts):
        if part.empty:
            continue
        history = [earlier for earlier in parts[:place] if not earlier.empty]
        batch = features_of(
            part, tmp_path_factory.mktemp("f"), roles, history, features=windows
        ).set_index("source_line")[names]
        expected = whole.loc[batch.index]
        pd.testing.assert_frame_equal(batch, expected, check_dtype=False, rtol=1e-9, atol=1e-9)


def test_a_window_is_open_at_its_start_and_closed_at_the_transaction(tmp_path):
    microsecond = 1 / 86_400_000_000
    frame = rows(day=[1, 1 + 2 * microsecond, 2, 2 + microsecond])
    assert of(frame, tmp_path, "card_transactions_1d") == [1, 2, 2, 3]


def test_a_transaction_counts_in_the_windows_up_to_now_and_not_in_its_own_history(tmp_path):
    frame = rows(day=[1, 2], amount=[10.0, 30.0])
    names = [
        "card_mean_amount_30d",
        "card_amount_ratio_30d",
        "card_seconds_since_last_30d",
        "card_new_at_terminal_30d",
    ]
    assert of(frame, tmp_path, *names) == [
        [10, 20],
        [None, 3],
        [None, 86_400],
        [1, 0],
    ]


def test_rows_of_one_instant_see_each_other_but_are_nobodys_history(tmp_path):
    frame = rows(day=[1, 1, 1], amount=[1.0, 2.0, 6.0])
    names = [
        "card_transactions_1d",
        "card_max_amount_1d",
        "card_seconds_since_last_30d",
        "card_new_at_terminal_30d",
    ]
    assert of(frame, tmp_path, *names) == [
        [3, 3, 3],
        [6, 6, 6],
        [None] * 3,
        [1, 1, 1],
    ]


def test_the_order_of_the_rows_in_the_file_does_not_matter(tmp_path):
    frame = rows(day=[3, 1, 2], amount=[4.0, 1.0, 2.0])
    assert of(frame, tmp_path, "card_sum_amount_7d") == [7, 1, 3]


def test_a_row_without_card_has_no_card_features_and_is_in_no_cards_past(tmp_path):
    frame = rows(day=[1, 2, 3], card=["a", None, "a"])
    names = ["card_transactions_7d", "terminal_transactions_7d"]
    assert of(frame, tmp_path, *names) == [
        [1, None, 2],
        [1, 2, 3],
    ]


def test_a_missing_amount_counts_as_a_transaction_and_in_no_sum(tmp_path):
    frame = rows(day=[1, 2, 3], amount=[2.0, None, 4.0])
    names = ["card_transactions_7d", "card_mean_amount_7d", "card_amount_ratio_30d"]
    assert of(frame, tmp_path, *names) == [
        [1, 2, 3],
        [2, 2, 3],
        [None, None, 2],
    ]


def test_a_deviation_needs_two_amounts_and_a_zscore_a_spread(tmp_path):
    frame = rows(day=[1, 2, 3, 4], amount=[0.1, 0.1, 0.1, 0.4])
    assert of(frame, tmp_path, "card_std_amount_7d")[:2] == [None, pytest.approx(0, abs=1e-12)]
    assert of(frame, tmp_path, "card_amount_zscore_30d") == [None] * 4


def test_a_label_counts_from_the_delay_on_to_the_microsecond(tmp_path):
    microsecond = 1 / 86_400_000_000
    frame = rows(day=[0, 7 - microsecond, 7], fraud=[1, 0, 0])
    names = ["terminal_fraud_share_7d", "terminal_labelled_transactions_7d"]
    assert of(frame, tmp_path, *names) == [
        [0, 0, 1],
        [0, 0, 1],
    ]
    assert of(frame, tmp_path, "terminal_fraud_share_7d", delay=6) == [0, 1, 1]


def test_a_label_with_a_time_of_its_own_counts_from_then_on_and_one_without_never(tmp_path):
    frame = rows(day=[0, 0, 1, 20], fraud=[1, 1, 0, 0])
    told = pd.to_datetime(["2026-01-02", None, "2026-01-20", None]).astype("datetime64[us]")
    roles = CARD_ROLES.model_copy(update={"label_known_at": "told"})
    frame = frame.assign(told=told)
    names = ["card_fraud_share_30d", "card_labelled_transactions_30d"]
    assert of(frame, tmp_path, *names, roles=roles) == [
        [0, 0, 1, 0.5],
        [0, 0, 1, 2],
    ]


def test_the_last_label_is_a_fraud_when_one_of_its_moment_is(tmp_path):
    frame = rows(day=[0, 1, 1, 2, 8, 9, 50], fraud=[0, 1, 0, 0, 0, 0, 0])
    assert of(frame, tmp_path, "terminal_last_is_fraud_30d")[4:] == [1, 0, None]
    assert of(frame, tmp_path, "terminal_days_since_fraud_30d")[3:] == [None, 0, 1, None]


def test_a_peak_is_held_against_the_mean_of_ninety_days(tmp_path):
    frame = rows(day=[0, 80, 85, 88], amount=[1.0, 9.0, 2.0, 4.0])
    assert of(frame, tmp_path, "card_peak_amount_ratio_7d") == [1, 1.8, 2.25, 1]


def test_a_row_with_a_time_of_its_own_counts_from_when_it_was_known(tmp_path):
    frame = rows(day=[1, 2])
    known = pd.to_datetime(["2026-01-05", "2026-01-03"]).astype("datetime64[us]")
    roles = CARD_ROLES.model_copy(update={"known_at": "known"})
    frame = frame.assign(known=known)
    assert of(frame, tmp_path, "card_transactions_7d", roles=roles) == [2, 1]


def test_a_corrected_earlier_batch_counts_with_its_new_content(tmp_path):
    own, first = rows(day=[5]), rows(day=[1], amount=[10.0])
    assert of(own, tmp_path, "card_sum_amount_7d", history=[first]) == [11]
    assert of(own, tmp_path, "card_sum_amount_7d", history=[first.assign(TX_AMOUNT=20)]) == [21]


def test_rows_that_an_earlier_batch_has_of_later_moments_are_not_seen(tmp_path):
    late, newer = rows(day=[5]), rows(day=[4, 6])
    assert of(late, tmp_path, "card_transactions_7d", history=[newer]) == [2]


def test_a_gap_leaves_its_days_empty(tmp_path):
    own, long_ago = rows(day=[50]), rows(day=[1])
    assert of(own, tmp_path, "card_transactions_30d", history=[long_ago]) == [1]
    assert of(own, tmp_path, "card_seconds_since_last_30d", history=[long_ago]) == [None]


def test_features_of_the_transaction_alone_are_those_of_its_own_time(tmp_path):
    frame = rows(day=[2 + 6.99 / 24, 4 + 7 / 24], amount=[9.0, -9.0])
    assert of(frame, tmp_path, "is_weekend") == [1, 0]
    assert of(frame, tmp_path, "is_night") == [1, 0]
    assert of(frame, tmp_path, "hour") == [6, 7]
    assert of(frame, tmp_path, "weekday") == [5, 0]
    assert of(frame, tmp_path, "log_amount") == pytest.approx([2.302585, -2.302585])


def test_a_card_is_followed_also_where_time_is_counted_in_seconds(tmp_path):
    frame = rows(day=[1, 2]).assign(TX_DATETIME=[0.25, 86_400.25])
    roles = CARD_ROLES.model_copy(update={"real_time": False})
    names = ["card_transactions_1d", "card_transactions_7d"]
    assert of(frame, tmp_path, *names, roles=roles) == [
        [1, 1],
        [1, 2],
    ]


def test_every_family_is_in_the_definition_that_the_tests_compare_with():
    assert {feature.family for feature in WINDOWS} == set(FAMILIES)
    assert len(set(NAMES)) == len(NAMES)


def test_a_terminal_alone_is_followed_without_cards(tmp_path):
    roles = Roles(
        target="TX_FRAUD", timestamp="TX_DATETIME", terminal="TERMINAL_ID", real_time=True
    )
    found = features_of(rows(day=[1, 2]), tmp_path, roles)
    assert found["terminal_transactions_7d"].tolist() == [1, 2]
    assert not [name for name in found if name.startswith("card_") or "amount" in name]
