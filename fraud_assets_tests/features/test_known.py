import pytest

from fraud_assets.features.known import event_time, label_known_by
from fraud_assets.intake.contract import Roles

BY_DELAY = Roles(target="y", timestamp="t", real_time=True)
BY_COLUMN = Roles(target="y", timestamp="t", label_known_at="k", real_time=True)


@pytest.mark.parametrize(
    ("roles", "moment", "known"),
    [
        (BY_DELAY, "2026-01-08", True),
        (BY_DELAY, "2026-01-07 23:59:59", False),
        (BY_COLUMN, "2026-01-02", True),
        (BY_COLUMN, "2026-01-01 23:00", False),
    ],
)
def test_a_label_is_known_after_the_delay_or_when_its_column_says(engine, roles, moment, known):
    condition = label_known_by(roles, 7, f"TIMESTAMP '{moment}'")
    rows = engine.execute(
        f"SELECT {condition} FROM (SELECT TIMESTAMP '2026-01-01' AS t, TIMESTAMP '2026-01-02' AS k)"
    ).fetchall()
    assert rows == [(known,)]


def test_seconds_count_from_their_own_start(engine):
    seconds = Roles(target="y", timestamp="t")
    rows = engine.execute(f"SELECT epoch({event_time(seconds)}) FROM (SELECT 12.5 AS t)").fetchall()
    assert rows == [(12.5,)]
