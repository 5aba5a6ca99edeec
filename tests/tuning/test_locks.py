import subprocess
import sys
import threading

import optuna
import pytest
from searches import wait_until

from lungml.tuning.locks import JournalLock, held

HOLD = """
import sys, time
from pathlib import Path
from lungml.tuning.locks import {how}
with {how}(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""
WRITE = """
import sys, time
from pathlib import Path
from lungml.tuning.locks import JournalLock
JournalLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Starts a process that holds a lock until it is killed."""
    started = []

    def start(program):
        process = subprocess.Popen([sys.executable, "-c", program, tmp_path / "file"], stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_lock_is_free_as_soon_as_its_holder_is_killed(tmp_path, holder):
    process = holder(HOLD.format(how="held"))
    with pytest.raises(BlockingIOError), held(tmp_path / "file", wait=False):
        pass

    process.kill()
    process.wait()

    with held(tmp_path / "file", wait=False):
        pass


def test_a_killed_writer_does_not_block_the_journal(tmp_path, holder):
    (tmp_path / "file").touch()
    process = holder(WRITE)
    lock, got = JournalLock(tmp_path / "file"), threading.Event()
    threading.Thread(target=lambda: lock.acquire() and got.set(), daemon=True).start()
    assert not got.wait(0.2)

    process.kill()

    wait_until(got.is_set, seconds=5)
    lock.release()


def test_half_a_line_of_a_killed_writer_is_cut_off(tmp_path):
    journal = tmp_path / "file"
    journal.write_bytes(b'{"op": 1}\n{"op": 2}\n{"o')
    lock = JournalLock(journal)

    lock.acquire()
    lock.release()

    assert journal.read_bytes() == b'{"op": 1}\n{"op": 2}\n'


@pytest.mark.parametrize("content", [b"", b'{"op": 1}\n'])
def test_a_whole_journal_is_left_alone(tmp_path, content):
    journal = tmp_path / "file"
    journal.write_bytes(content)
    lock = JournalLock(journal)

    lock.acquire()
    lock.release()

    assert journal.read_bytes() == content


def test_a_journal_that_was_cut_short_is_read_and_written_again(tmp_path):
    journal = tmp_path / "file"
    study = optuna.create_study(study_name="study", storage=open_journal(journal))
    study.set_user_attr("first", 1)
    with journal.open("ab") as stream:
        stream.write(b'{"op_code":2,"worker')

    again = optuna.load_study(study_name="study", storage=open_journal(journal))
    again.set_user_attr("second", 2)

    third = optuna.load_study(study_name="study", storage=open_journal(journal))
    assert third.user_attrs == study.user_attrs == {"first": 1, "second": 2}


def open_journal(path):
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend(str(path), JournalLock(path)))


def test_a_removed_journal_is_not_made_again(tmp_path):
    with pytest.raises(FileNotFoundError):
        JournalLock(tmp_path / "file").acquire()

    assert not (tmp_path / "file").exists()
