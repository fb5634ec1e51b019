import threading

from fraud_assets.registry.log import append_entry, decision_of, read_entries, registry_lock


def test_entries_are_appended_with_their_time_and_never_changed(tmp_path):
    log = tmp_path / "decisions.jsonl"
    assert read_entries(log) == []
    append_entry(log, {"outcome": "promote"})
    before = log.read_text()
    append_entry(log, {"outcome": "reject"})
    assert log.read_text().startswith(before)
    assert [entry["outcome"] for entry in read_entries(log)] == ["promote", "reject"]
    assert read_entries(log)[0]["time"].endswith("+00:00")


def test_only_one_at_a_time_may_decide(tmp_path):
    log, inside, most = tmp_path / "decisions.jsonl", [], []

    def decide():
        with registry_lock(log):
            inside.append(1)
            most.append(len(inside))
            append_entry(log, {})
            inside.pop()

    threads = [threading.Thread(target=decide) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(read_entries(log)) == 8


def test_the_decision_of_a_version_is_found_when_one_of_the_runs_made_it():
    entries = [
        {"version": "1", "dagster_run_id": "a", "outcome": "reject"},
        {"version": "1", "dagster_run_id": "b", "outcome": "promote"},
        {"version": "2", "dagster_run_id": "a", "outcome": "reject"},
        {"event": "by hand"},
    ]
    assert decision_of(entries, "1", {"a", "b"})["outcome"] == "promote"
    assert decision_of(entries, "1", {"a"})["outcome"] == "reject"
    assert decision_of(entries, "1", set()) is None
    assert decision_of(entries, "3", {"a", "b"}) is None
