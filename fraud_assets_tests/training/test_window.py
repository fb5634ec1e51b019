from dataclasses import replace

import pandas as pd
import pytest

from fraud_assets.records.batches import Roles, SplitCounts
from fraud_assets.training.window import (
    Member,
    count_rows,
    load_rows,
    straddling_contents,
    unassigned_rows,
)
from fraud_assets_tests.conftest import MASKING

ROLES = Roles(target="y", timestamp="t", amount="a", real_time=True)


def clock(moments):
    return moments.astype("datetime64[us]").astype("int64")


@pytest.fixture
def member(tmp_path):
    def made(name, first_day, splits, frauds, kind=float):
        n = len(splits)
        features = tmp_path / f"{name}.parquet"
        lines = range(2, n + 2)
        pd.DataFrame(
            {
                "source_line": lines,
                "t": pd.date_range(first_day, periods=n, freq="D"),
                "a": [kind(i) for i in range(n)],
                "y": frauds,
                "known_us": clock(pd.Series(pd.date_range(first_day, periods=n))),
                "label_known_us": clock(pd.date_range(first_day, periods=n) + pd.Timedelta(days=7)),
                "days_known": None,
            }
        ).to_parquet(features)
        path = tmp_path / f"{name}.splits.parquet"
        keys = pd.array([abs(hash((name, i))) % 2**31 for i in range(n)], "uint64")
        pd.DataFrame(
            {"source_line": lines, "content_key": keys, "split": splits, "fraud": frauds}
        ).to_parquet(path)
        return Member(name, features, path, ROLES, {"a": kind.__name__})

    return made


@pytest.fixture
def members(member):
    return [
        member("first", "2026-01-01", ["train", "validation", "test"], [1, 0, 1]),
        member("second", "2026-01-10", ["train", "train", "test"], [0, 1, 1]),
    ]


def test_train_rows_are_those_of_the_whole_window_in_order(members, engine):
    rows = load_rows(engine, members, "train", ["a"])
    assert rows["batch_"].tolist() == ["first", "second", "second"]
    assert rows["a"].tolist() == [0, 0, 1]
    assert rows["source_line_"].tolist() == [2, 2, 3]


def test_source_columns_come_as_text_when_asked(members, engine):
    rows = load_rows(engine, members, "test", [], texts=["a"])
    assert rows["text_a_"].tolist() == ["2.0", "2.0"]
    assert (rows["label_known_us_"] - rows["known_us_"]).eq(7 * 86_400_000_000).all()


def test_a_column_that_changed_its_type_comes_as_each_file_has_it(member, engine):
    batches = [member("float", "2026-01-01", ["test"], [0]),
               member("int", "2026-01-02", ["test"], [0], int),
               member("text", "2026-01-03", ["test"], [0], str),
               member("again", "2026-01-04", ["test"], [1])]  # fmt: skip
    rows = load_rows(engine, batches, "test", ["a"], texts=["a"])
    assert rows["text_a_"].tolist() == ["0.0", "0", "0", "0.0"]
    assert rows["batch_"].tolist() == ["float", "int", "text", "again"]
    assert rows["fraud_"].tolist() == [0, 0, 0, 1]
    numbers = load_rows(engine, batches[:2], "test", ["a"], texts=["a"])
    assert numbers["text_a_"].tolist() == ["0.0", "0"]


def test_only_rows_whose_label_was_known_are_loaded_when_asked(members, engine):
    rows = load_rows(engine, members, "train", ["a"], known_by="2026-01-17")
    assert rows["batch_"].tolist() == ["first", "second"]


def test_test_rows_are_counted_for_the_last_batch_alone(members, engine):
    counts = count_rows(engine, members, None)
    assert counts["train"] == SplitCounts(rows=3, frauds=2)
    assert counts["test"] == SplitCounts(rows=1, frauds=1)


def test_contents_in_two_splits_are_found(members, engine):
    assert straddling_contents(engine, members) == 0
    splits = pd.read_parquet(members[1].splits)
    splits.loc[0, "content_key"] = pd.read_parquet(members[0].splits)["content_key"][2]
    splits.to_parquet(members[1].splits)
    assert straddling_contents(engine, members) == 1


def test_rows_without_a_split_are_found(members, engine):
    assert unassigned_rows(engine, members[0]) == 0
    pd.read_parquet(members[0].splits).head(2).to_parquet(members[0].splits)
    assert unassigned_rows(engine, members[0]) == 1


def test_members_of_before_and_of_today_have_keys_of_one_kind_and_show_no_card(members, engine):
    old, new = members
    frame = pd.read_parquet(old.features)
    frame.assign(id="4111111111111111").to_parquet(old.features)
    old = replace(old, keyed=False, roles=ROLES.model_copy(update={"transaction_id": "id"}))
    rows = load_rows(engine, [old, new], "train", ["a"], texts=["y"])
    keys = pd.read_parquet(old.splits)["content_key"].to_numpy()
    assert rows["content_key_"].iloc[0] == MASKING.keys(keys)[0]
    assert (
        rows["content_key_"].tolist()[1:] == pd.read_parquet(new.splits)["content_key"][:2].tolist()
    )
    assert rows["transaction_id_"].iloc[0] == MASKING.card("4111111111111111")
    assert straddling_contents(engine, [old, new]) == 0
