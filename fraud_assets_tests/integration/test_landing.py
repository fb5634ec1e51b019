"""Files that land in every way that people have, with the real daemon."""

import os
import shutil
import time
from pathlib import Path

import pytest

from fraud_assets.store import tables
from fraud_assets_tests.integration.conftest import cards
from fraud_assets_tests.integration.servers import dagster, wait_for

REFUSED = "a,y\n{n},no label\n"
"""Is refused at once: the shortest run."""
ACCEPTED = "a,y\n{n},0\n"
"""Is taken in and stops at the check on frauds."""


def rights() -> list[str]:
    """What lets root's processes meet the permissions of files as others do."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed, and root may read every file")
    dropped = "-dac_override,-dac_read_search"
    return ["setpriv", "--bounding-set", dropped, "--inh-caps", dropped]


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with dagster(tmp_path_factory.mktemp("landing"), rights()) as running:
        yield running


@pytest.fixture
def data(stack) -> Path:
    return stack.folder / "data"


def drop(data: Path, name: str, text: str) -> Path:
    part = data / f".{len(name)}.part"
    part.write_text(text)
    return part.rename(data / name)


def contents(stack, batch):
    """The contents that the runs of a batch read, oldest first."""
    runs = sorted(stack.runs(batch), key=lambda run: run["startTime"])
    return [tag["value"] for run in runs for tag in run["tags"] if tag["key"] == CONTENT]


CONTENT = "fraud/content_hash"
GOOD = cards(0, transactions=1500, fraud_rate=0.1).to_csv(index=False)


def test_a_slow_copy_is_taken_once_and_whole(stack, data):
    lines = GOOD.splitlines(keepends=True)
    with (data / "slow.csv").open("w") as file:
        for start in range(0, len(lines), 300):
            file.writelines(lines[start : start + 300])
            file.flush()
            time.sleep(3)
            assert stack.runs("slow") == []
    assert stack.wait_for_run("slow")["status"] == "SUCCESS"
    (event,) = stack.materializations("raw_transactions", "slow")
    found = {entry["label"]: entry for entry in event["metadataEntries"]}
    assert (found["rows_accepted"]["intValue"], found["rows_rejected"]["intValue"]) == (1500, 0)


def test_names_of_unfinished_copies_are_left_alone_until_they_are_renamed(stack, data):
    parts = {
        data / "part.csv.part": data / "part.csv",
        data / ".rsync.csv.Xa81bQ": data / "rsync.csv",
    }
    for number, part in enumerate(parts):
        part.write_text(REFUSED.format(n=f"1{number}"))
    time.sleep(8)
    assert not {"part.csv", "rsync.csv"} & set(stack.outcomes())
    for part, whole in parts.items():
        part.rename(whole)
    stack.wait_for_outcome(part="failed", rsync="failed")
    for batch in ("part", "rsync"):
        assert len(stack.runs(batch)) == 1


def test_content_a_then_b_then_a_again_runs_three_times_and_both_stay_readable(
    stack, data, monkeypatch
):
    for number, value in enumerate((1, 2, 1)):
        drop(data, "changing.csv", ACCEPTED.format(n=value))
        stack.wait_for_run("changing", number + 1)
        stack.wait_for_outcome(changing="failed")
    first, second, third = contents(stack, "changing")
    assert first == third != second
    monkeypatch.setenv("FRAUD_HOME", str(stack.folder / "var"))
    for content in (first, second):
        table = tables.load_table(tables.RawTable, "changing", content)
        assert table.facts.content_hash == content
    assert tables.load_table(tables.RawTable, "changing").facts.content_hash == first


def test_the_same_content_under_another_name_is_a_duplicate_and_not_trained_on(stack, data):
    drop(data, "copy.csv", GOOD)
    stack.wait_for_outcome(copy="duplicate")
    assert stack.runs("copy") == []
    assert "copy" not in stack.partitions()

    def observed() -> list[str]:
        found = stack.ask(
            '{ assetNodeOrError(assetKey: {path: ["accepted_batches"]}) { ... on AssetNode { '
            'assetObservations(partitions: ["slow"]) { description } } } }'
        )["assetNodeOrError"]["assetObservations"]
        return [event["description"] for event in found]

    # The ledger has it first, Dagster a moment later.
    found = wait_for("the observation of the duplicate", observed)
    assert found == ["copy.csv has the same content as batch 'slow' (slow.csv)"]


def test_a_file_that_is_moved_deleted_or_comes_back_is_run_no_second_time(stack, data):
    (data / "slow.csv").rename(data / "moved.csv")
    stack.wait_for_outcome(moved="duplicate")
    (data / "moved.csv").unlink()
    (data / "copy.csv").unlink()
    time.sleep(6)
    drop(data, "slow.csv", GOOD)
    time.sleep(10)
    assert stack.outcomes()["slow.csv"] == "done"
    assert [len(stack.runs(batch)) for batch in ("slow", "moved")] == [1, 0]


def test_a_file_that_failed_is_tried_again_when_it_is_dropped_again(stack, data):
    path = drop(data, "again.csv", REFUSED.format(n=77))
    stack.wait_for_outcome(again="failed")
    time.sleep(6)
    assert len(stack.runs("again")) == 1
    os.utime(path)
    wait_for("a second run", lambda: len(stack.runs("again")) == 2)
    stack.wait_for_outcome(again="failed")


def test_a_file_with_a_date_of_last_year_is_taken(stack, data):
    path = data / ".last_year"
    path.write_text(REFUSED.format(n=55))
    os.utime(path, (time.time() - 365 * 86_400,) * 2)
    path.rename(data / "last_year.csv")
    stack.wait_for_outcome(last_year="failed")


def test_what_cannot_be_taken_is_told_and_blocks_nothing_else(stack, data):
    (data / "folder.csv").mkdir()
    outside = stack.folder / "secret.csv"
    outside.write_text(REFUSED.format(n=1))
    (data / "link_out.csv").symlink_to(outside)
    (data / "link_in.csv").symlink_to(data / "again.csv")
    locked = drop(data, "locked.csv", REFUSED.format(n=66))
    locked.chmod(0)
    drop(data, "free.csv", REFUSED.format(n=67))
    refused = dict.fromkeys(("folder", "link_out", "locked"), "refused")
    stack.wait_for_outcome(free="failed", link_in="failed", **refused)
    problems = ("folder.csv is a folder", "link_out.csv is a link that", "locked.csv cannot be")
    for problem in problems:
        wait_for(f"the check to name {problem}", lambda p=problem: p in described_in_check(stack))
    assert landed_files(stack)["success"] is False
    assert {run["status"] for name in refused for run in stack.runs(name)} == set()
    locked.chmod(0o644)
    stack.wait_for_outcome(locked="failed")
    (data / "folder.csv").rmdir()
    (data / "link_out.csv").unlink()
    wait_for("the check to pass", lambda: landed_files(stack)["success"])


def described_in_check(stack):
    return landed_files(stack)["description"]


def landed_files(stack):
    executions = stack.ask(
        '{ assetCheckExecutions(assetKey: {path: ["accepted_batches"]}, '
        'checkName: "landed_files", limit: 1) { evaluation { success description } } }'
    )["assetCheckExecutions"]
    return executions[0]["evaluation"]


def test_names_of_every_kind_become_batches_and_two_for_one_batch_are_told(stack, data):
    names = ["two words", "été 🦊 it's; 'quoted' \"so\", a|b", "x" * 251]
    for number, name in enumerate(names):
        drop(data, f"{name}.csv", ACCEPTED.format(n=f"9{number}"))
    stack.wait_for_outcome(300, **dict.fromkeys(names, "failed"))
    for name in names:
        assert len(stack.runs(name)) == len(stack.materializations("raw_transactions", name)) == 1
        assert name in stack.partitions()
    drop(data, "two words.csv.gz", "is not looked into")
    wait_for("the refusal", lambda: stack.outcomes().get("two words.csv.gz") == "refused")
    wait_for(
        "the check to name the file",
        lambda: "which two words.csv already is" in described_in_check(stack),
    )


def test_five_hundred_files_at_once_are_all_noticed_and_the_oldest_goes_first(stack, data):
    aside = stack.folder / "aside"
    aside.mkdir()
    for number in range(500):
        path = aside / f"many{number:03}.csv"
        path.write_text(REFUSED.format(n=f"1000{number}"))
        os.utime(path, (1_500_000_000 - number, 1_500_000_000 - number))
    for path in aside.iterdir():
        path.rename(data / path.name)
    oldest = [f"many{number:03}" for number in (499, 498)]
    runs = [stack.wait_for_run(batch, timeout=300) for batch in oldest]
    assert runs == sorted(runs, key=lambda run: run["startTime"])

    def noticed():
        found = [outcome for name, outcome in stack.outcomes().items() if name.startswith("many")]
        return found if len(found) == 500 else None

    found = wait_for("all 500 to be noticed", noticed, 300)
    # Between two runs none is running.
    assert set(found) - {"running"} == {"failed", "waiting"}
    assert found.count("running") <= 1
