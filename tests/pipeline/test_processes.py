import errno
import os
import subprocess
import sys
import threading
import time

import psutil
import pytest

from lungml.pipeline import processes
from lungml.pipeline.processes import Processes

SLEEPERS = "import subprocess, sys; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); p.wait()"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); "
    "time.sleep(60)"
)


@pytest.fixture
def group(tmp_path):
    group = Processes(tmp_path, {"PATH": "/usr/bin:/bin"})
    yield group
    group.stop()


def python(code):
    return [sys.executable, "-c", code]


def is_alive(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_lines_come_while_the_command_still_runs(group):
    heard = []
    code = "import time\nfor i in range(3): print(i, flush=True); time.sleep(0.4)"

    group.run(python(code), on_line=lambda line: heard.append((line, time.monotonic())), limit_s=30)

    assert [line for line, _ in heard] == ["0", "1", "2"]
    assert heard[-1][1] - heard[0][1] > 0.5


def test_standard_error_and_the_exit_code_are_kept(group):
    code = "import sys; print('out', flush=True); print('err', file=sys.stderr); sys.exit(3)"

    finished = group.run(python(code), on_line=lambda _: None, limit_s=30)

    assert (finished.returncode, finished.lines, finished.over_time) == (3, ("out", "err"), False)


def test_a_command_over_its_time_ends_with_all_it_started(group):
    started = time.monotonic()

    finished = group.run(python(SLEEPERS), on_line=lambda _: None, limit_s=1)

    assert finished.over_time
    assert time.monotonic() - started < 6
    assert not is_alive(int(finished.lines[0]))


def test_a_command_that_ignores_the_request_to_end_is_ended(group, monkeypatch):
    monkeypatch.setattr(processes, "_GRACE_S", 0.5)
    started = time.monotonic()

    finished = group.run(python(STUBBORN), on_line=lambda _: None, limit_s=1)

    assert finished.lines == ("here",)
    assert time.monotonic() - started < 6


KILLPG = os.killpg


def killpg_of_macos(group, number):
    """As XNU does it to a group of one: a zombie is passed over, and EPERM says that nobody else is left."""
    if psutil.pid_exists(group) and not is_alive(group):
        raise PermissionError(errno.EPERM, "Operation not permitted")
    KILLPG(group, number)


@pytest.fixture
def zombie(monkeypatch):
    """A process that has ended, in a group of its own, and has not been asked; groups are those of macOS."""
    monkeypatch.setattr(os, "killpg", killpg_of_macos)
    process = subprocess.Popen(["true"], process_group=0, text=True)
    while is_alive(process.pid):
        time.sleep(0.01)
    yield process
    process.wait()


def test_on_macos_a_group_of_which_a_zombie_is_left_has_ended(zombie, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")

    processes.end_group(zombie)

    assert zombie.returncode == 0


def test_elsewhere_a_group_that_may_not_be_signalled_is_an_error(zombie, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")

    with pytest.raises(PermissionError):
        processes.end_group(zombie)


def test_stopping_ends_what_runs_and_nothing_starts_afterwards(group):
    first_line = threading.Event()
    heard = []

    def listen(line):
        heard.append(int(line))
        first_line.set()

    runner = threading.Thread(
        target=lambda: group.run(python(SLEEPERS), on_line=listen, limit_s=60), daemon=True
    )
    runner.start()
    assert first_line.wait(20)

    group.stop()
    runner.join(20)

    assert not runner.is_alive()
    assert not is_alive(heard[0])
    with pytest.raises(InterruptedError):
        group.run(["true"], on_line=lambda _: None, limit_s=1)


def test_an_error_while_listening_ends_the_command(group):
    heard = []

    def refuse(line):
        heard.append(int(line))
        raise RuntimeError("the log is gone")

    with pytest.raises(RuntimeError, match="the log is gone"):
        group.run(python(SLEEPERS), on_line=refuse, limit_s=60)

    assert not is_alive(heard[0])
