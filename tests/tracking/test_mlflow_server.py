"""A team's store: `mlflow server` with the options of compose.yaml, on the loopback interface."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from mlflow import MlflowClient
from model_files import make_record
from ruamel.yaml import YAML
from small_cohort import SIZE_PX, make_bundle, write_cohort

from lungml import bundle as bundles
from lungml.errors import ServiceError
from lungml.params.evaluation import RegisterParams
from lungml.tracking.registry import register
from lungml.tracking.store import session

pytest_plugins = ["mlflow_project"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
MODEL = "lungml-nodule-binary"


def server_options(folder, port):
    """The options in compose.yaml, for this folder and port."""
    entry = YAML(typ="safe").load(ROOT / "compose.yaml")["services"]["mlflow"]
    ours = {
        "--host": "127.0.0.1",
        "--port": str(port),
        "--backend-store-uri": f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination": f"{folder}/artifacts",
        "--allowed-hosts": f"127.0.0.1:{port}",
    }
    names = [word.split("=")[0] for word in entry["command"]]
    return [f"{name}={ours[name]}" if name in ours else name for name in names], entry["environment"]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options, environment = server_options(folder, port)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *options],
            env={**os.environ, **environment},
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    try:
        wait_until_it_answers(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def wait_until_it_answers(address, process):
    end = time.monotonic() + 240
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{address}/health", timeout=2).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    raise AssertionError("the server does not answer")


def test_a_model_goes_over_the_wire_and_comes_back(address, project, params, monkeypatch):
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    bundle = make_bundle(write_cohort(project / "cohort"))
    sized = params.model_copy(update={"views": bundle.views})
    record = make_record(project / "model", sized, bundle=bundle)

    first = register(record, RegisterParams())
    again = register(record, RegisterParams())

    assert (first.version, first.aliases) == (1, ("challenger", "champion"))
    assert again == first
    client = MlflowClient(address)
    assert client.get_model_version(MODEL, "1").tags["bundle_sha256"] == record.bundle_sha256
    assert [each.path for each in client.list_artifacts(first.run_id, "screen")] == ["screen/heatmap.png"]
    images = np.full((1, 1, SIZE_PX, SIZE_PX), -800, np.float32)
    mlflow.set_tracking_uri(address)
    try:
        answer = mlflow.pyfunc.load_model(f"models:/{MODEL}@champion").predict(images)
    finally:
        mlflow.set_tracking_uri(None)
    np.testing.assert_allclose(answer, bundles.predict(bundle, images.astype(np.int16)), atol=1e-6)


def test_a_page_of_another_host_is_refused(address):
    answer = httpx.get(f"{address}/api/2.0/mlflow/experiments/search", headers={"Host": "evil.example"})

    assert answer.status_code == 403


def test_a_host_name_the_server_does_not_know_is_a_service_error(address, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address.replace("127.0.0.1", "localhost"))

    with pytest.raises(ServiceError, match="Invalid Host header"), session(tmp_path) as client:
        client.search_experiments()
