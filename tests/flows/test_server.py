"""`prefect.yaml` for real: a server, a pool, a worker, the schedule switched on, a run cancelled."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import httpx
import psutil
import pytest
from toy_projects import REPOSITORY, make_project, shell_environment, toy_stages, write_stages

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
DEPLOYMENT = "reproduce/reproduce"


class Site:
    """A toy project with a server and a worker of its own, on the loopback interface."""

    def __init__(self, folder):
        self.folder = make_project(folder, toy_stages(nap=0.5))
        shutil.copytree(REPOSITORY / "flows", self.folder / "flows")
        every_minute = (REPOSITORY / "prefect.yaml").read_text().replace("0 3 * * 0", "* * * * *")
        (self.folder / "prefect.yaml").write_text(every_minute)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.environment = shell_environment(self.folder) | {
            "PREFECT_API_URL": f"{self.address}/api",
            "LUNGML_ROOT": str(self.folder),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
        }
        self.processes = []

    def start(self, *words):
        command = [sys.executable, "-m", "prefect", *words]
        with (self.folder / f"{words[0]}.log").open("w") as log:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        self.processes.append(process)

    def prefect(self, *words):
        command = [sys.executable, "-m", "prefect", "--no-prompt", *words]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def client(self):
        from prefect.client.orchestration import SyncPrefectClient

        return SyncPrefectClient(f"{self.address}/api")

    def runs(self):
        with self.client() as client:
            return client.read_flow_runs()

    def stop(self):
        for process in reversed(self.processes):
            os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def wait_for(what, seconds=240):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(1)
    raise AssertionError(f"{what.__name__} took longer than {seconds} s")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site") / "clone")
    try:
        site.start("server", "start", "--host", "127.0.0.1", "--port", str(site.port))

        def the_server_answers():
            try:
                return httpx.get(f"{site.address}/api/health", timeout=2).is_success
            except httpx.TransportError:
                return False

        wait_for(the_server_answers)
        site.prefect("work-pool", "create", "lungml-pool", "--type", "process")
        site.prefect("deploy", "--all")
        site.start("worker", "start", "--pool", "lungml-pool", "--limit", "1")
        yield site
    finally:
        site.stop()


def test_the_schedule_is_off_until_it_is_switched_on_then_a_worker_runs_the_flow(site):
    with site.client() as client:
        deployment = client.read_deployment_by_name(DEPLOYMENT)
    assert [schedule.active for schedule in deployment.schedules] == [False]
    assert deployment.concurrency_options.collision_strategy == "CANCEL_NEW"
    assert site.runs() == []

    site.prefect("deployment", "schedule", "resume", DEPLOYMENT, str(deployment.schedules[0].id))

    def a_scheduled_run_is_complete():
        return [run for run in site.runs() if run.state.is_completed() and run.auto_scheduled]

    (run, *_) = wait_for(a_scheduled_run_is_complete)
    site.prefect("deployment", "schedule", "pause", DEPLOYMENT, str(deployment.schedules[0].id))
    assert "4 stages up to date" in run.state.message
    assert (site.folder / "last.txt").read_text() == "1\n1\n"
    assert "lungml" in run.tags

    from prefect.client.schemas.filters import FlowRunFilter, LogFilter, LogFilterFlowRunId

    with site.client() as client:
        only_this = FlowRunFilter(id={"any_": [run.id]})
        steps = client.read_task_runs(flow_run_filter=only_this)
        logs = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])))
        artifacts = client.read_artifacts(flow_run_filter=only_this)
    assert {step.name for step in steps} == {"first", "left", "right", "last"}
    assert any("here it starts" in log.message for log in logs)
    assert "| last | Completed |" in next(item.data for item in artifacts if item.key == "summary")


def test_cancelling_a_run_ends_the_stage_that_runs(site):
    stages = toy_stages(nap=0.5)
    stages["first"]["cmd"] = "echo $$ > pid && sleep 300 && echo 1 > first.txt"
    write_stages(site.folder, stages)
    said = site.prefect("deployment", "run", DEPLOYMENT)
    assert "Created flow run" in said

    def the_stage_runs():
        path = site.folder / "pid"
        return path.exists() and path.read_text().strip()

    pid = int(wait_for(the_stage_runs))
    (run,) = [run for run in site.runs() if run.state.is_running()]
    site.prefect("flow-run", "cancel", str(run.id))

    def the_stage_is_gone():
        return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE

    def the_run_is_cancelled():
        return next(found for found in site.runs() if found.id == run.id).state.is_cancelled()

    wait_for(the_stage_is_gone)
    wait_for(the_run_is_cancelled)


def test_the_page_of_the_server_opens_and_it_listens_on_loopback_only(site):
    page = httpx.get(site.address, timeout=20, follow_redirects=True)
    assert "<html" in page.text.lower()

    listening = {
        connection.laddr.ip
        for process in site.processes
        for member in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for connection in member.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
