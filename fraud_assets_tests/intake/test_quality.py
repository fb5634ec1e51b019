from datetime import datetime

import pytest

from fraud_assets.intake.quality import constant_columns, find_repeats, summarize_times


@pytest.fixture
def parquet(engine, tmp_path):
    def write(values, columns):
        path = tmp_path / "rows.parquet"
        engine.execute(
            f"COPY (FROM (VALUES {values}) v({columns})) TO '{path}' "
            "(FORMAT parquet, ROW_GROUP_SIZE 2048)"
        )
        return path

    return write


def test_equal_rows_and_repeated_ids_are_counted(engine, parquet):
    path = parquet(
        "(7, 'a', 1), (3, 'a', 1), (5, 'a', 2), (6, 'b', 1), (8, NULL, 1), (9, NULL, 1)",
        "source_line, id, x",
    )
    found = find_repeats(engine, path, ["id", "x"], "id")
    assert (found.rows, found.ids, found.line) == (2, 1, 5)
    assert find_repeats(engine, path, ["id", "x"], None).ids == 0


def test_times_are_first_last_future_and_backwards(engine, parquet):
    values = "(2, TIMESTAMP '2026-01-02'), (3, TIMESTAMP '2026-01-01'), (4, NULL)"
    path = parquet(values, "source_line, t")
    times = summarize_times(engine, path, "t", datetime(2026, 1, 1, 12))
    assert (times.first, times.last) == (datetime(2026, 1, 1), datetime(2026, 1, 2))
    assert (times.future, times.line, times.backwards) == (1, 2, 1)


def test_a_column_is_constant_when_all_its_values_are_the_same_and_none_is_missing(
    engine, tmp_path, parquet
):
    path = parquet("(1.5, 1, NULL, 'x', 2), (1.5, 2, 7, 'x', 2)", "a, b, c, d, e")
    assert constant_columns(path, ["a", "b", "c", "d"]) == ["a", "d"]
    many = tmp_path / "many.parquet"
    engine.execute(
        "COPY (SELECT 7 AS same, i // 2048 AS steps FROM range(5000) r(i)) "
        f"TO '{many}' (FORMAT parquet, ROW_GROUP_SIZE 2048)"
    )
    assert constant_columns(many, ["same", "steps"]) == ["same"]
