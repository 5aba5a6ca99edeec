import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import psutil
import pytest
from work_items import (
    fail_at_three,
    folder_of,
    kill_worker_at_three,
    process_of,
    square,
    square_slowly,
    stop_at_first,
)

from lungml.errors import InterruptedRunError, ServiceError
from lungml.parallel import Pool, _Work, worker_pool


@pytest.fixture(scope="module")
def cluster():
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as running:
        yield running


@pytest.fixture(params=["1", "3", "dask"])
def workers(request, monkeypatch):
    if request.param == "dask":
        monkeypatch.setenv("LUNGML_DASK", request.getfixturevalue("cluster").scheduler_address)
    else:
        monkeypatch.setenv("LUNGML_WORKERS", request.param)


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_results_are_in_order_whoever_does_the_work(chunk):
    with worker_pool() as pool:
        assert list(pool.map(square, range(20), "numbers", chunk)) == [n * n for n in range(20)]


@pytest.mark.usefixtures("workers")
def test_an_error_of_the_work_is_raised_here():
    with worker_pool() as pool, pytest.raises(ValueError, match="three"):
        list(pool.map(fail_at_three, range(5), "numbers"))


@pytest.mark.usefixtures("workers")
def test_relative_paths_mean_the_same_to_every_worker(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with worker_pool() as pool:
        assert set(pool.map(folder_of, range(4), "numbers")) == {str(tmp_path)}


def test_work_is_done_in_other_processes(monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "2")

    with worker_pool() as pool:
        assert os.getpid() not in set(pool.map(process_of, range(4), "numbers"))


def test_dask_workers_do_the_work_when_a_scheduler_is_named(monkeypatch, cluster):
    monkeypatch.setenv("LUNGML_DASK", cluster.scheduler_address)

    with worker_pool() as pool:
        assert set(pool.map(process_of, range(8), "numbers")) <= {
            worker.pid for worker in cluster.workers.values()
        }


def test_one_worker_is_this_process():
    assert set(Pool(None).map(process_of, range(4), "numbers")) == {os.getpid()}


def test_a_worker_that_dies_is_one_sentence(monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "2")

    with worker_pool() as pool, pytest.raises(ServiceError, match=r"LUNGML_WORKERS, now 2"):
        list(pool.map(kill_worker_at_three, range(5), "numbers"))


def test_work_that_is_asked_to_stop_is_not_begun_even_where_what_is_done_does_not_listen(monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "2")
    before, done = signal.getsignal(signal.SIGTERM), []

    with worker_pool(stoppable=True) as pool, pytest.raises(InterruptedRunError):
        for result in pool.map(square_slowly, range(40), "numbers"):
            if not done:
                os.kill(os.getpid(), signal.SIGTERM)
            done.append(result)

    assert done == [number * number for number in range(len(done))]
    assert len(done) < 10
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_scheduler_that_is_not_there_is_one_sentence(monkeypatch):
    monkeypatch.setenv("LUNGML_DASK", "tcp://127.0.0.1:9")
    monkeypatch.setattr("lungml.parallel._SECONDS_TO_CONNECT", 1)

    with pytest.raises(ServiceError, match=r"no Dask scheduler at tcp://127\.0\.0\.1:9 "), worker_pool():
        pass


FOR_EVER = """
import time
from work_items import process_of
from lungml.parallel import worker_pool
if __name__ == "__main__":
    with worker_pool() as pool:
        print(*set(pool.map(process_of, range(4), "numbers")), flush=True)
        time.sleep(60)
"""


def test_workers_end_with_the_process_that_they_work_for(tmp_path):
    script = tmp_path / "for_ever.py"
    script.write_text(FOR_EVER)
    places = os.pathsep.join(map(str, (Path(__file__).parent, Path(__file__).parents[1])))
    environment = os.environ | {"LUNGML_WORKERS": "2", "PYTHONPATH": places}
    with subprocess.Popen(
        [sys.executable, script], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        workers = [psutil.Process(int(number)) for number in process.stdout.readline().split()]
        process.kill()

        _, alive = psutil.wait_procs(workers, timeout=30)

    assert workers
    assert not alive


UNTIL_STOPPED = """
import sys
from work_items import save_when_asked
from lungml.errors import InterruptedRunError
from lungml.parallel import worker_pool
if __name__ == "__main__":
    try:
        with worker_pool(2, stoppable=True) as pool:
            list(pool.map(save_when_asked, range(4), "members"))
    except InterruptedRunError as error:
        sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_a_request_to_one_process_or_to_its_whole_group_lets_every_worker_save(tmp_path, send, number):
    """A scheduler, `lungml demo` and a terminal tell the group."""
    script = tmp_path / "until_stopped.py"
    script.write_text(UNTIL_STOPPED)
    places = os.pathsep.join(map(str, (Path(__file__).parent, Path(__file__).parents[1])))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what is ignored here, a child ignores
    process = subprocess.Popen(
        [sys.executable, script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": places},
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    signal.signal(signal.SIGINT, before)
    until = time.monotonic() + 60
    while len(list(tmp_path.glob("begun-*"))) < 2:
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(0.2)  # both listen

    send(process.pid, number)

    _, said = process.communicate(timeout=60)
    assert process.returncode == InterruptedRunError.exit_code
    assert "Traceback" not in said
    assert sorted(path.name for path in tmp_path.glob("saved-*")) == ["saved-0", "saved-1"]


def test_a_worker_that_was_asked_to_stop_begins_nothing_more(tmp_path):
    work = _Work(partial(stop_at_first, tmp_path), Path.cwd())

    with ProcessPoolExecutor(1, mp_context=get_context("forkserver")) as executor:
        first, second = executor.submit(work, [1]), executor.submit(work, [2])
        for future in (first, second):
            with pytest.raises(InterruptedRunError):
                future.result()

    assert [path.name for path in tmp_path.iterdir()] == ["1"]
