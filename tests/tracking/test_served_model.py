"""The registered model, loaded as anyone would load it."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from model_files import make_record
from small_cohort import SIZE_PX, make_bundle, write_cohort

from lungml import bundle as bundles
from lungml.evaluation.ood import usual_of
from lungml.imaging.store import read_store
from lungml.params.evaluation import RegisterParams
from lungml.tables import SPLIT, read_table
from lungml.terms import Task
from lungml.tracking import record
from lungml.tracking.registry import register

pytest_plugins = ["mlflow_project"]

LOAD_AND_PREDICT = """
import os, sys
os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
unpickled = []
sys.addaudithook(lambda event, args: unpickled.append(args) if event == "pickle.find_class" else None)
import mlflow, numpy
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/lungml-nodule-binary@champion")
numpy.save("probabilities.npy", model.predict(numpy.load("images.npy"), params={"batch_size": 2}))
print("UNPICKLED", unpickled)
"""


@pytest.fixture
def registered(project, params):
    bundle = make_bundle(write_cohort(project / "cohort"))
    sized = params.model_copy(update={"views": bundle.views})
    register(make_record(project / "model", sized, bundle=bundle), RegisterParams())
    return bundle


def uri(project):
    return f"sqlite:///{project}/mlruns/mlflow.db"


def images_hu(count=3):
    return np.random.default_rng(0).integers(-1000, 400, (count, 1, SIZE_PX, SIZE_PX)).astype(np.int16)


def test_it_predicts_what_the_bundle_predicts_and_unpickles_nothing(project, registered):
    np.save(project / "images.npy", images_hu().astype(np.float32))

    done = subprocess.run(
        [sys.executable, "-c", LOAD_AND_PREDICT, uri(project)],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "UNPICKLED []" in done.stdout
    np.testing.assert_allclose(
        np.load(project / "probabilities.npy"), bundles.predict(registered, images_hu()), atol=1e-6
    )


def test_asked_to_check_it_gives_the_columns_that_say_what_to_abstain_from(project, params):
    import mlflow

    cohort = write_cohort(project / "cohort")
    bundle, store = make_bundle(cohort), read_store(cohort.views)
    usual = usual_of(bundle, store, read_table(cohort.split, SPLIT))
    sized = params.model_copy(update={"views": bundle.views})
    record = make_record(project / "model", sized, bundle=replace(bundle, usual=usual))
    register(record, RegisterParams())
    mlflow.set_tracking_uri(uri(project))
    try:
        model = mlflow.pyfunc.load_model("models:/lungml-nodule-binary@champion")
        views_hu = np.concatenate([store.images_hu[:4], np.full_like(store.images_hu[:4], -1000)])

        found = model.predict(views_hu.astype(np.float32), params={"check": True})
        alone = model.predict(views_hu.astype(np.float32))
    finally:
        mlflow.set_tracking_uri(None)

    assert list(found) == ["p_malignant", "distance", "out_of_distribution"]
    assert found["p_malignant"].to_numpy() == pytest.approx(alone[:, 1], abs=1e-6)
    assert found["out_of_distribution"].tolist() == [False] * 4 + [True] * 4


def test_it_refuses_what_it_was_not_made_for(project, registered):
    import mlflow
    from mlflow.exceptions import MlflowException

    mlflow.set_tracking_uri(uri(project))
    model = mlflow.pyfunc.load_model("models:/lungml-nodule-binary@challenger")
    good = images_hu().astype(np.float32)
    try:
        with pytest.raises(MlflowException, match=r"[Ss]hape"):
            model.predict(good[:, :, 1:])
        with pytest.raises(ValueError, match="not finite"):
            model.predict(np.where(good < 0, np.nan, good).astype(np.float32))
        assert model.predict(good).shape == (3, 2)
    finally:
        mlflow.set_tracking_uri(None)


def test_the_light_checksum_of_a_bundle_is_the_bundles_own(tmp_path):
    bundle = make_bundle(write_cohort(tmp_path / "cohort"), task=Task.NODULE_BINARY)
    bundles.write_bundle(tmp_path / "bundle", bundle)

    assert record.bundle_sha256(tmp_path / "bundle") == bundles.bundle_sha256(tmp_path / "bundle")


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")  # of MLflow's own, when it is imported
def test_requests_of_several_threads_are_answered_in_turn(tmp_path, monkeypatch):
    """Two at once would hook the same layers, and on a GPU take the network away from each other."""
    from lungml.tracking.served_model import ServedModel

    bundles.write_bundle(tmp_path / "model", make_bundle(write_cohort(tmp_path / "cohort")))
    served, inside, seen = ServedModel(), [], []
    served.load_context(SimpleNamespace(artifacts={"bundle": str(tmp_path / "model")}))

    def slow(_bundle, images, **_):
        inside.append(images)
        seen.append(len(inside))
        time.sleep(0.2)
        inside.pop()
        return np.zeros((len(images), 2))

    monkeypatch.setattr(bundles, "predict", slow)
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda images: served.predict(None, images), [images_hu()] * 3))

    assert seen == [1, 1, 1]
