import threading

from fraud_assets.registry.log import append_entry, read_entries, registry_lock


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
