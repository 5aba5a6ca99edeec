"""What the stage pretrain does not do, and says why."""

import pytest
from pretrain_runs import NAME, SMALL, run, write_project

from lungml.errors import InputError, ModelError, ParamsError
from lungml.imaging import ledger
from lungml.params.model import WeightsParams
from lungml.stages import pretrain
from lungml.tables import SPLIT, read_table, write_table
from lungml.terms import View


def test_a_view_named_twice_is_refused(tmp_path):
    with pytest.raises(ParamsError, match=r"pretrain\.views names one twice: nodule, nodule"):
        run(tmp_path, SMALL.model_copy(update={"views": (View.NODULE, View.NODULE)}))


def test_a_read_outside_train_stops_before_anything_is_written(tmp_path, monkeypatch):
    def careless(store):
        watched, book = ledger.watch(store)
        _ = watched.images_hu[35]
        return watched, book

    monkeypatch.setattr(pretrain, "watch", careless)

    with pytest.raises(ModelError, match=r"1 nodule\(s\) of the val part were read"):
        run(tmp_path)
    assert not (tmp_path / "models" / "pretrained").exists()


def test_beginning_with_its_own_output_is_refused(tmp_path):
    own = WeightsParams(source="pretrained", folder=tmp_path / "models" / "pretrained")

    with pytest.raises(ParamsError, match=r"pretrain\.start\.folder is .*where this stage writes"):
        run(tmp_path, SMALL.model_copy(update={"start": own}))


def test_a_backbone_named_twice_is_refused(tmp_path):
    with pytest.raises(ParamsError, match="names one twice"):
        run(tmp_path, SMALL.model_copy(update={"backbones": (NAME, NAME)}))


def test_an_unknown_backbone_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(ParamsError, match="did you mean mobilenetv3_small_050"):
        run(tmp_path, SMALL.model_copy(update={"backbones": ("mobilenetv3_small_05",)}))


def test_it_trains_on_the_device_that_the_environment_names(tmp_path, monkeypatch):
    monkeypatch.setenv("LUNGML_DEVICE", "cuda:64")

    with pytest.raises(ParamsError, match="LUNGML_DEVICE is cuda:64"):
        run(tmp_path)


def test_too_few_train_nodules_stop_with_what_to_do(tmp_path):
    root = write_project(tmp_path)
    split = read_table(root / "split.parquet", SPLIT)
    parts = split["part"].where(split.index < 5, "test")
    write_table(root / "split.parquet", split.assign(part=parts), SPLIT)

    with pytest.raises(
        InputError, match=r"has 5 nodules, and pretraining needs at least 8; take more patients"
    ):
        run(root)
