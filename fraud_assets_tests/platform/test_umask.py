import stat

from fraud_assets.platform.umask import private_files


def test_files_are_private_in_the_block_and_as_before_after_it(tmp_path):
    with private_files():
        (tmp_path / "inside").touch()
    (tmp_path / "after").touch()
    inside, after = (stat.S_IMODE((tmp_path / n).stat().st_mode) for n in ("inside", "after"))
    assert inside == 0o600
    assert after & 0o044
