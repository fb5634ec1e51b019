import pytest

from fraud_assets.store import files, paths


@pytest.mark.parametrize("batch", ["", ".", "..", "../up", "a/b", "a\\b", "a\0b", "a\udc80"])
def test_a_batch_that_would_lead_out_of_its_folder_is_refused(home, batch):
    for path_of in (paths.report_folder, paths.rejected_path, partial_tables):
        with pytest.raises(ValueError, match="cannot be a batch.*delete this partition"):
            path_of(batch)


def partial_tables(batch):
    return paths.tables_folder("raw_transactions", batch)


@pytest.mark.parametrize("batch", ["a b", "été", "🦊", "..a", "a*", "x=1", "x" * 251])
def test_a_batch_with_any_other_name_has_its_folders(home, batch):
    assert paths.report_folder(batch).is_dir()
    files.write_atomically(paths.rejected_path(batch), "a")
    assert paths.rejected_path(batch).read_text() == "a"
