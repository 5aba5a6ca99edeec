"""A phantom cohort in the seed's layout: patients are inferred, and the truth that is never read agrees."""

import shutil

import pandas as pd
import pytest

from lungml.params.data import ConsensusParams, CtParams, PhantomParams
from lungml.phantom.seed_layout import write_seed_layout
from lungml.stages.index import run


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """Nodules of the index beside what was drawn."""
    root = tmp_path_factory.mktemp("seed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUNGML_WORKERS", "1")
        write_seed_layout(PhantomParams(patients=5), root / "raw")
        truth = pd.read_csv(root / "raw" / "truth" / "nodules.csv")
        shutil.rmtree(root / "raw" / "truth")
        run(CtParams(), ConsensusParams(), raw=root / "raw", out=root / "index")
    nodules = pd.read_parquet(root / "index" / "nodules.parquet")
    names = nodules["nodule_id"].str.extract(r"-(pat\d+)$")[0]
    return nodules.assign(name=names).merge(truth, on="name", suffixes=("", "_drawn"), how="outer")


def test_every_nodule_is_found_where_it_was_drawn(cohort):
    assert cohort.notna()["nodule_id"].all()
    for axis in "yx":
        assert (cohort[f"{axis}_index"] - cohort[f"{axis}_index_drawn"]).abs().max() < 2


def test_no_inferred_patient_is_two_people(cohort):
    assert cohort.groupby("patient_id")["patient_id_drawn"].nunique().max() == 1


def test_nodules_on_one_slice_are_of_one_inferred_patient(cohort):
    same_plane = cohort.assign(plane=cohort["z_index_drawn"].round())
    groups = same_plane.groupby(["patient_id_drawn", "plane"])["patient_id"].nunique()

    assert (groups == 1).all()
    assert cohort["patient_id"].duplicated().any()


def test_the_diameter_is_the_side_of_the_image_with_its_margin(cohort):
    margin = cohort["diameter_mm"] - cohort["diameter_mm_drawn"]

    assert margin.between(1, 14).all()
