"""Fixtures: a project of crops with its models, trained once for all tests that predict with them."""

import pytest
from predicted_crops import TASKS, VIEWS_PARAMS, train_and_evaluate, write_crops, write_split

from lungml.params.data import ConsensusParams, CtParams
from lungml.stages import index, views
from lungml.terms import View


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A project with labelled crops in data/raw, and models of both nodule tasks trained on them."""
    root = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUNGML_WORKERS", "1")
        write_crops(root / "raw")
        index.run(CtParams(), ConsensusParams(), raw=root / "raw", out=root / "index")
        views.run(
            CtParams(), ConsensusParams(), VIEWS_PARAMS, view=View.NODULE, raw=root / "raw",
            index=root / "index", out=root / "views",
        )  # fmt: skip
        write_split(root)
        for task in TASKS:
            train_and_evaluate(root, task)
    return root


@pytest.fixture
def given(tmp_path):
    """Files of crops that have no labels, as they come from elsewhere."""
    table = write_crops(tmp_path / "given").drop(columns="score")
    table.to_csv(tmp_path / "given" / "crops.csv", index=False)
    return tmp_path / "given"
