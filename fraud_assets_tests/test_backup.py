"""The scripts of backup and restore, with stand-ins for PostgreSQL's programs."""

import os
import re
import shutil
import stat
import subprocess

import pytest

PLAIN = "card 4111-marker"
"""What stands in everything that is backed up."""
PARTS = ["dagster.dump", "fraud.tar", "mlflow.dump", "mlflow.tar"]
STAND_INS = {
    "pg_dump": 'echo "dump of ${!#}: $MARKER"',
    "pg_restore": "cat",
    "psql": 'cat >> "$RESTORED"',
}


@pytest.fixture(scope="module")
def keys(pytestconfig, tmp_path_factory):
    """A pair of keys as `make backup-key` makes it, and another private key."""
    if shutil.which("gpg") is None:
        pytest.skip("gpg is not installed; `make servers` installs it where it may")
    folder = tmp_path_factory.mktemp("keys")
    script = pytestconfig.rootpath / "scripts" / "backup_key.sh"
    for public, private in (("backup.asc", "private.asc"), ("other.asc", "stranger.asc")):
        subprocess.run(["bash", script, folder / public, folder / private], check=True)
    return folder


class Tools:
    """Runs the scripts on folders of the test."""

    def __init__(self, scripts, folder, keys):
        self.scripts, self.folder, self.pair = scripts, folder, keys
        self.backups, self.keys = folder / "backups", folder / "keys"
        self.fraud, self.mlflow = folder / "fraud", folder / "mlflow"
        self.restored = folder / "restored.sql"
        for made in (self.backups, self.keys, self.fraud / "home", self.mlflow, folder / "bin"):
            made.mkdir(parents=True)
        (self.fraud / "home" / "rows").write_text(PLAIN)
        (self.mlflow / "model").write_text(PLAIN)
        for name, text in STAND_INS.items():
            (folder / "bin" / name).write_text(f"#!/bin/bash\n{text}\n")
            (folder / "bin" / name).chmod(0o755)

    def use(self, key, name):
        shutil.copy(self.pair / key, self.keys / name)

    def run(self, script, *arguments, **more):
        env = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "MARKER": PLAIN,
            "RESTORED": str(self.restored),
            "DAGSTER_DB_PASSWORD": "a",
            "MLFLOW_DB_PASSWORD": "b",
            **more,
        }
        places = [self.fraud, self.mlflow, self.keys, self.backups]
        command = ["bash", self.scripts / script, *places, *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    def made(self):
        return sorted(p for p in self.backups.iterdir() if re.match(r"\d{8}T\d{6}Z$", p.name))

    def untouched(self):
        return not self.restored.exists() and (self.fraud / "home" / "rows").exists()


@pytest.fixture
def tools(pytestconfig, tmp_path, keys):
    return Tools(pytestconfig.rootpath / "deploy", tmp_path, keys)


@pytest.fixture
def backup(tools):
    """A backup that was made for the key."""
    tools.use("backup.asc", "backup.asc")
    found = tools.run("backup.sh")
    assert found.returncode == 0, found.stderr
    return tools.made()[0]


def test_a_backup_is_encrypted_whole_and_for_its_owner_alone(tools, backup):
    assert sorted(p.name for p in backup.iterdir()) == [
        "SHA256SUMS",
        *(f"{part}.gpg" for part in PARTS),
    ]
    assert stat.S_IMODE(backup.stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in backup.iterdir()} == {0o600}
    assert not any(PLAIN.encode() in p.read_bytes() for p in backup.iterdir())
    # Nothing of it lies anywhere else.
    left = [p for p in tools.backups.rglob("*") if p.is_file() and backup not in p.parents]
    assert [p.name for p in left] == [".lock"]


def test_a_backup_without_a_key_is_refused_unless_it_may_be_plain(tools):
    refused = tools.run("backup.sh")
    assert refused.returncode == 1
    assert "no public key backup.asc in keys/" in refused.stderr
    assert "nothing was written" in refused.stderr
    assert list(tools.backups.iterdir()) == []
    for value in ("", "0", "yes"):
        assert tools.run("backup.sh", FRAUD_BACKUP_PLAIN=value).returncode == 1
    plain = tools.run("backup.sh", FRAUD_BACKUP_PLAIN="1")
    assert plain.returncode == 0
    assert "this backup is not encrypted" in plain.stderr
    assert sorted(p.name for p in tools.made()[0].iterdir()) == ["SHA256SUMS", *PARTS]
    assert tools.run("restore.sh", "newest").returncode == 0


def test_a_key_wins_over_the_wish_for_a_plain_backup(tools):
    tools.use("backup.asc", "backup.asc")
    assert tools.run("backup.sh", FRAUD_BACKUP_PLAIN="1").returncode == 0
    assert (tools.made()[0] / "fraud.tar.gpg").exists()


def test_a_failing_dump_leaves_no_backup(tools):
    tools.use("backup.asc", "backup.asc")
    (tools.folder / "bin" / "pg_dump").write_text("#!/bin/bash\necho half; exit 1\n")
    assert tools.run("backup.sh").returncode == 1
    assert [p.name for p in tools.backups.iterdir()] == [".lock"]


def test_old_backups_go_and_the_newest_whole_one_stays(tools):
    tools.use("backup.asc", "backup.asc")
    for day in range(1, 5):
        old = tools.backups / f"2020010{day}T000000Z"
        old.mkdir()
        (old / "SHA256SUMS").touch()
    for stranger in ("20200101T000000Z.old", "notes", "20990101T000000Z", ".20200101T000000Z.part"):
        (tools.backups / stranger).mkdir()
    found = tools.run("backup.sh", FRAUD_KEEP_BACKUPS="2")
    assert found.returncode == 0, found.stderr
    names = {p.name for p in tools.backups.iterdir()}
    # One that is not whole is no backup, and no reason to remove one that is.
    assert {"20200104T000000Z", "20990101T000000Z", "20200101T000000Z.old", "notes"} <= names
    assert not names & {f"2020010{day}T000000Z" for day in (1, 2, 3)}
    assert ".20200101T000000Z.part" not in names
    whole = [p.name for p in tools.made() if (p / "SHA256SUMS").exists()]
    assert len(whole) == 2
    tools.use("private.asc", "restore.asc")
    assert f"restored {whole[-1]}" in tools.run("restore.sh", "newest").stdout


@pytest.mark.parametrize("keep", ["0", "-1", "all", "", "1; rm -rf /"])
def test_how_many_are_kept_is_a_number_from_one_on(tools, keep):
    tools.use("backup.asc", "backup.asc")
    found = tools.run("backup.sh", FRAUD_KEEP_BACKUPS=keep)
    if keep == "":
        assert found.returncode == 0, "not set: the default"
        return
    assert found.returncode == 1
    assert "set it to how many backups are kept, 1 or more" in found.stderr
    assert tools.made() == []


def test_a_restore_with_the_private_key_brings_all_back(tools, backup):
    (tools.fraud / "home" / "rows").write_text("newer")
    (tools.fraud / "home" / "later").touch()
    (tools.mlflow / "model").unlink()
    tools.use("private.asc", "restore.asc")
    found = tools.run("restore.sh", "newest")
    assert found.returncode == 0, found.stderr
    assert f"restored {backup.name}" in found.stdout
    assert (tools.fraud / "home" / "rows").read_text() == PLAIN
    assert (tools.mlflow / "model").read_text() == PLAIN
    assert not (tools.fraud / "home" / "later").exists()
    restored = tools.restored.read_text()
    assert restored.count("COMMIT") == 2
    assert f"dump of mlflow: {PLAIN}" in restored


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (None, "is encrypted: put the private key into keys/restore.asc"),
        ("backup.asc", "keys/restore.asc does not open dagster.dump"),
        ("stranger.asc", "keys/restore.asc does not open dagster.dump"),
    ],
)
def test_a_restore_without_the_right_key_changes_nothing(tools, backup, key, said):
    if key:
        tools.use(key, "restore.asc")
    found = tools.run("restore.sh", backup.name)
    assert found.returncode == 1
    assert said in found.stderr
    assert "nothing was changed" in found.stderr
    assert tools.untouched()


@pytest.mark.parametrize("damage", ["changed", "cut", "removed", "left out", "added"])
def test_a_damaged_backup_changes_nothing(tools, backup, damage):
    tools.use("private.asc", "restore.asc")
    part, sums = backup / "mlflow.tar.gpg", backup / "SHA256SUMS"
    if damage == "changed":
        part.write_bytes(part.read_bytes()[:-1] + b"x")
    elif damage == "cut":
        part.write_bytes(b"")
    elif damage == "removed":
        part.unlink()
    elif damage == "left out":
        # What the list does not name could be anything.
        lines = sums.read_text().splitlines(keepends=True)
        sums.write_text("".join(line for line in lines if "mlflow.tar" not in line))
    else:
        sums.write_text(sums.read_text() + sums.read_text().replace("mlflow.tar.gpg", "../x"))
    found = tools.run("restore.sh", backup.name)
    assert found.returncode == 1
    assert "is damaged; nothing was changed" in found.stderr
    assert tools.untouched()


@pytest.mark.parametrize(
    "name", ["../backups", "/etc", "..", "x; touch y", "$(touch y)", "newest\n"]
)
def test_the_name_of_a_backup_is_no_path_and_no_command(tools, backup, name):
    tools.use("private.asc", "restore.asc")
    found = tools.run("restore.sh", name)
    assert found.returncode == 1
    assert "nothing was changed" in found.stderr
    assert tools.untouched()


def test_a_pair_of_keys_is_made_once(pytestconfig, keys):
    script = pytestconfig.rootpath / "scripts" / "backup_key.sh"
    again = subprocess.run(
        ["bash", script, keys / "new.asc", keys / "private.asc"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 1
    assert "is there and was kept" in again.stderr
    assert not (keys / "new.asc").exists()
    assert stat.S_IMODE((keys / "private.asc").stat().st_mode) == 0o600
