"""A short load: one batch, and every figure of the table is there."""

import re

from click.testing import CliRunner

from fraud_assets_tests.integration.load import PAGES, WATCHED, main


def test_a_batch_prints_growth_memory_and_the_seconds_of_the_pages():
    found = CliRunner().invoke(main, ["--batches", "1"])
    assert found.exit_code == 0, found.output + repr(found.exception)
    rows = [row for row in found.output.splitlines() if re.match(r"\| \d", row)]
    assert [row.split()[1] for row in rows] == ["1", "1"]
    assert all(row.count("|") == 7 + len(WATCHED) + len(PAGES) for row in rows)
    assert re.search(r"removed [1-9][\d,]* events", found.output)
