"""`make dev` ends with its terminal, by Ctrl-C and by TERM, and leaves no process behind."""

import os
import pty
import signal
import subprocess
import time
from contextlib import suppress

import psutil
import pytest

from fraud_assets_tests.integration.conftest import cards
from fraud_assets_tests.integration.servers import (
    ROOT,
    Dagster,
    answers,
    drop_csv,
    environment,
    free_port,
    wait_for,
)


class Terminal:
    """A terminal in which somebody has typed `make dev`."""

    def __init__(self, folder):
        self.folder = folder
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        ports = {"DAGSTER_PORT": str(port), "FRAUD_CODE_PORT": str(free_port())}
        self.env = environment(folder, FRAUD_CODE_HOST="127.0.0.1", **ports)
        self.start()

    def start(self):
        self.screen, terminal = pty.openpty()
        self.output = b""
        self.shell = subprocess.Popen(
            ["setsid", "--ctty", "--wait", "env", "--default-signal", "bash", "--norc", "-i"],
            cwd=ROOT, env=self.env, stdin=terminal, stdout=terminal, stderr=terminal,
            start_new_session=True,
        )  # fmt: skip
        os.close(terminal)
        os.set_blocking(self.screen, False)
        os.write(self.screen, b"make dev\n")
        wait_for("the UI", lambda: self.read() and answers(f"{self.url}/server_info"))

    def read(self):
        with suppress(OSError):  # there is nothing to read, or nobody to write it any more
            self.output += os.read(self.screen, 1 << 20)
        return True

    def text(self):
        self.read()
        return self.output.decode(errors="replace")

    def living(self):
        """The processes that came of it, runs among them, and whatever holds its ports."""
        return [process for process in psutil.process_iter() if self.is_of_it(process)]

    def is_of_it(self, process):
        """Whether a process came of the command, and has not ended."""
        try:
            own = process.environ().get("FRAUD_HOME") == str(self.folder / "var")
            is_shell = " ".join(process.cmdline()).startswith(("setsid", "bash --norc -i"))
            return own and not is_shell and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:  # it may end while it is looked at
            return False

    def end(self, way):
        if way == "Ctrl-C":
            os.write(self.screen, b"\x03")
        elif way == "TERM":
            (make,) = (p for p in self.living() if p.name() == "make")
            make.send_signal(signal.SIGTERM)
        else:
            os.close(self.screen)
        end = time.monotonic() + 60
        while self.living() and time.monotonic() < end:
            if way != "closed terminal":
                self.read()
            time.sleep(0.1)
        return self.living()


@pytest.fixture
def terminal(tmp_path):
    made = Terminal(tmp_path)
    yield made
    for process in made.living():
        process.kill()
    os.killpg(made.shell.pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(made.shell.pid)], 5)


# The test below ends by Ctrl-C.
@pytest.mark.parametrize("way", ["TERM", "closed terminal"])
def test_no_process_is_left_after_the_end(terminal, way):
    assert len(terminal.living()) >= 5
    assert terminal.end(way) == []
    if way != "closed terminal":
        assert "Stopped; no run was in progress." in terminal.text()


def test_a_run_in_progress_is_told_and_goes_on_with_the_next_start(terminal):
    dagster = Dagster(terminal.url, terminal.folder)
    drop_csv(terminal.folder, "june", cards(0))
    wait_for("the run", lambda: dagster.processes()["run"])
    assert terminal.end("Ctrl-C") == []
    assert "of batch 'june' is in progress and continues when you start again." in terminal.text()
    terminal.start()
    dagster.wait_for_outcome(june="done")
    assert sum(run["status"] == "SUCCESS" for run in dagster.runs("june")) == 1
    wait_for("the end of the run", lambda: not dagster.processes()["run"])
    assert len(terminal.living()) >= 5
    assert terminal.end("Ctrl-C") == []
    assert "Stopped; no run was in progress." in terminal.text()
