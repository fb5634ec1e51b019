from fraud_assets.config.settings import SplitSettings
from fraud_assets.training.assignments import Assignment, note, read_index, settings_hash


def assignment(batch, seed=0):
    settings = settings_hash(SplitSettings(seed=seed))
    return Assignment(batch=batch, content_hash="h", settings=settings, hash_key_id=None)


def test_what_is_noted_is_found_again_in_its_newest_form(tmp_path):
    path = tmp_path / "assignments.json"
    assert read_index(path) == {}
    for noted in (assignment("first"), assignment("second"), assignment("first", seed=1)):
        note(path, noted)
    assert read_index(path) == {
        ("first", "h"): assignment("first", seed=1),
        ("second", "h"): assignment("second"),
    }


def test_the_size_of_the_window_is_no_part_of_an_assignment():
    few, all_batches = SplitSettings(window_batches=2), SplitSettings()
    hashes = {settings_hash(s) for s in (few, all_batches)}
    assert len(hashes) == 1
    assert assignment("first") != assignment("first", seed=1)
