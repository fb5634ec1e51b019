import os

import pytest

from fraud_assets.intake import landing


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def put(folder, name, text="a,y\n1,0\n", modified=None):
    path = folder / name
    path.write_text(text)
    if modified is not None:
        os.utime(path, (modified, modified))
    return path


def take(folder, seen=None, limit=50, during_the_wait=lambda _: None):
    return landing.take_arrivals(folder, seen or {}, 1.0, limit, during_the_wait)


def names(arrivals):
    return [arrival.path.name for arrival in arrivals]


def test_a_new_file_is_taken_once(folder):
    put(folder, "a.csv")
    arrivals, seen = take(folder)
    assert [arrival.batch for arrival in arrivals] == ["a"]
    assert take(folder, seen)[0] == []


def test_files_are_taken_oldest_first_and_ties_by_name(folder):
    for name, modified in (("c.csv", 100), ("a.csv", 200), ("b.csv", 200), ("d.csv", 50)):
        put(folder, name, modified=modified)
    assert names(take(folder)[0]) == ["d.csv", "c.csv", "a.csv", "b.csv"]


def test_what_is_beyond_the_limit_is_taken_the_next_time(folder):
    for number in range(5):
        put(folder, f"{number}.csv", modified=100 + number)
    first, seen = take(folder, limit=3)
    second, _ = take(folder, seen, limit=3)
    assert names(first) + names(second) == [f"{number}.csv" for number in range(5)]


def test_a_file_that_grows_while_watched_is_left_until_it_holds_still(folder):
    path = put(folder, "a.csv")
    arrivals, seen = take(folder, during_the_wait=lambda _: path.write_text("a,y\n1,0\n2,1\n"))
    assert arrivals == []
    assert names(take(folder, seen)[0]) == ["a.csv"]


def test_a_file_that_vanishes_while_watched_is_left(folder):
    path = put(folder, "a.csv")
    assert take(folder, during_the_wait=lambda _: path.unlink())[0] == []


def test_a_file_with_an_old_date_is_taken_like_any_other(folder):
    put(folder, "new.csv", modified=2_000_000_000)
    _, seen = take(folder)
    put(folder, "old.csv", modified=1)
    assert names(take(folder, seen)[0]) == ["old.csv"]


def test_other_content_under_the_same_name_is_another_run(folder):
    put(folder, "a.csv", "a,y\n1,0\n", modified=1)
    (first,), seen = take(folder)
    put(folder, "a.csv", "a,y\n2,0\n", modified=2)
    (second,), seen = take(folder, seen)
    put(folder, "a.csv", "a,y\n1,0\n", modified=3)
    (third,), _ = take(folder, seen)
    assert len({first.run_key, second.run_key, third.run_key}) == 3


def test_the_same_content_with_a_new_date_is_not_taken_again(folder):
    put(folder, "a.csv", modified=1)
    _, seen = take(folder)
    put(folder, "a.csv", modified=2)
    assert take(folder, seen)[0] == []


def test_hidden_files_folders_links_and_other_kinds_are_left_alone(folder):
    put(folder, ".a.csv.part")
    put(folder, ".hidden.csv")
    put(folder, "notes.txt")
    (folder / "folder.csv").mkdir()
    (folder / "link.csv").symlink_to(put(folder, "target.txt"))
    assert landing.csv_files(folder) == {}


def test_what_was_seen_survives_in_the_cursor(folder):
    put(folder, "a.csv")
    _, seen = take(folder)
    assert landing.from_cursor(landing.to_cursor(seen)) == seen
    assert landing.from_cursor(None) == {}


def test_a_file_that_is_gone_is_forgotten(folder):
    path = put(folder, "a.csv")
    _, seen = take(folder)
    path.unlink()
    assert take(folder, seen)[1] == {}
