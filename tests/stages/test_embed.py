from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import timm
import torch
from safetensors.torch import save_file

import lungml
from lungml.embeddings import has_twin, read_embeddings
from lungml.errors import InputError, ModelError, ParamsError
from lungml.files import sha256_file
from lungml.imaging.store import write_store
from lungml.models.backbones import build_backbone
from lungml.models.precision import Engine, is_accelerated
from lungml.params.data import IntensityParams
from lungml.params.model import EmbedParams, WeightsParams
from lungml.params.scope import ScopeParams
from lungml.stages.embed import _FORWARD_CODE, run
from lungml.tables import SPLIT, write_table
from lungml.terms import Task, View

BACKBONE = "mobilenetv3_small_050"
IDS = [f"n{number:02}" for number in range(40)]
N_TRAIN = 30


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def trained(tmp_path) -> WeightsParams:
    """Pretrained weights in a folder: of the three-channel network, and not those of the seed."""
    torch.manual_seed(11)
    network = timm.create_model(BACKBONE, num_classes=1000)
    (tmp_path / "weights").mkdir()
    save_file(network.state_dict(), tmp_path / "weights" / f"{BACKBONE}.safetensors")
    return WeightsParams(source="pretrained", folder=tmp_path / "weights", seed=3)


def write_inputs(root: Path, test_shift_hu: int = 0) -> Path:
    """Two stores of 40 noise images each, the last ten of the test part, and the split."""
    rng = np.random.default_rng(0)
    images_hu = rng.integers(-900, 200, (40, 1, 32, 32)).astype(np.int16)
    images_hu[N_TRAIN:] += test_shift_hu
    items = pd.DataFrame(
        {"nodule_id": IDS, "patient_id": IDS, "series_uid": "1", "z_index": 0, "pixel_spacing_mm": 1.0}
    )
    for view in View:
        write_store(
            root / "views" / view.value,
            images_hu=images_hu,
            masks=np.zeros((40, 32, 32), bool),
            items=items,
            info={"view": view.value},
        )
    parts = np.where(np.arange(40) < N_TRAIN, "train", "test")
    split = {
        "nodule_id": IDS,
        "patient_id": IDS,
        "score": 3.0,
        "scores": [[3]] * 40,
        "binary": 0,
        "five": 2,
        "part": parts,
        "fold": 0,
    }
    write_table(root / "split.parquet", pd.DataFrame(split), SPLIT)
    return root


def embed(
    root: Path,
    out: str = "out",
    *,
    weights: WeightsParams | None = None,
    scope: ScopeParams | None = None,
    intensity: IntensityParams | None = None,
    backbone: str = BACKBONE,
    **asked,
) -> Path:
    run(
        EmbedParams(depths=(0.5, 1.0), **asked),
        weights or WeightsParams(seed=3),
        intensity or IntensityParams(),
        scope or ScopeParams(),
        backbone=backbone,
        views=root / "views",
        split=root / "split.parquet",
        out=root / out,
    )
    return root / out


def test_every_nodule_of_both_views_has_an_embedding_at_each_depth(tmp_path):
    out = embed(write_inputs(tmp_path))

    for view in View:
        found = read_embeddings(out, view)
        assert found.nodule_ids == tuple(IDS)
        assert (found.backbone, found.weights) == (BACKBONE, "random")
        assert {depth: len(vectors) for depth, vectors in found.by_depth.items()} == {0.5: 40, 1.0: 40}
        assert found.by_depth[1.0].std(axis=0).max() > 0


def test_how_many_neighbours_a_slight_change_leaves_is_kept_for_every_depth(tmp_path):
    found = read_embeddings(embed(write_inputs(tmp_path)), View.NODULE)

    assert set(found.neighbours_kept) == {0.5, 1.0}
    assert all(0 < kept <= 1 for kept in found.neighbours_kept.values())


def test_the_stage_says_that_weights_are_random(tmp_path, capsys):
    embed(write_inputs(tmp_path))

    assert f"weights of {BACKBONE}: random (seed 3)" in capsys.readouterr().err


def test_test_images_do_not_touch_the_embeddings_of_train(tmp_path):
    plain = read_embeddings(embed(write_inputs(tmp_path / "plain")), View.NODULE)
    shifted = read_embeddings(embed(write_inputs(tmp_path / "shifted", test_shift_hu=150)), View.NODULE)

    for depth in (0.5, 1.0):
        assert np.allclose(plain.by_depth[depth][:20], shifted.by_depth[depth][:20], atol=1e-6)
        assert not np.allclose(plain.by_depth[depth][N_TRAIN:], shifted.by_depth[depth][N_TRAIN:], atol=1e-6)


def test_the_same_inputs_give_the_same_bytes(tmp_path):
    root = write_inputs(tmp_path)

    first, again = embed(root, "first"), embed(root, "again")

    for file in first.iterdir():
        assert sha256_file(file) == sha256_file(again / file.name)


def test_weights_that_cannot_be_had_stop_the_stage_and_leave_nothing(tmp_path):
    root = write_inputs(tmp_path)

    with pytest.raises(ModelError, match="cannot be had"):
        embed(root, weights=WeightsParams(source="pretrained", folder=tmp_path))
    assert not (root / "out").exists()


def test_a_split_of_other_nodules_is_refused(tmp_path):
    root = write_inputs(tmp_path)
    split = pd.read_parquet(root / "split.parquet").assign(
        nodule_id=[f"x{number:02}" for number in range(40)]
    )
    write_table(root / "split.parquet", split, SPLIT)

    with pytest.raises(InputError, match="have no view"):
        embed(root)


def test_a_view_out_of_scope_is_not_embedded(tmp_path):
    nodule = ScopeParams(views=(View.NODULE,), tasks={Task.NODULE_BINARY: View.NODULE})

    out = embed(write_inputs(tmp_path), scope=nodule)

    assert {path.stem for path in out.iterdir()} == {"nodule"}


def test_pretrained_embeddings_have_a_twin_with_random_weights_that_saw_the_same_pixels(tmp_path, trained):
    root = write_inputs(tmp_path)

    out = embed(root, weights=trained)

    found, twin = (read_embeddings(out, View.NODULE, twin=twin) for twin in (False, True))
    assert (found.weights, twin.weights) == ("pretrained", "random")
    assert twin.weights_note == "random (seed 3)"
    assert found.weights_sha256 == sha256_file(trained.folder / f"{BACKBONE}.safetensors")
    assert twin.weights_sha256 == ""
    assert found.nodule_ids == twin.nodule_ids
    assert not np.allclose(found.by_depth[0.5], twin.by_depth[0.5], rtol=0.1)


def test_no_twin_is_made_of_random_weights_or_where_none_is_wanted(tmp_path, trained):
    root = write_inputs(tmp_path)

    assert not has_twin(embed(root), View.NODULE)
    assert not has_twin(embed(root, weights=trained, twins=False), View.NODULE)


def test_pretrained_embeddings_do_not_depend_on_what_is_in_train(tmp_path, trained):
    root = write_inputs(tmp_path)
    before = read_embeddings(embed(root, "before", weights=trained), View.NODULE)
    split = pd.read_parquet(root / "split.parquet")
    write_table(root / "split.parquet", split.assign(part=split["part"].to_numpy()[::-1]), SPLIT)

    after = read_embeddings(embed(root, "after", weights=trained), View.NODULE)

    assert (before.by_depth[1.0] == after.by_depth[1.0]).all()


def test_z_scored_pixels_into_pretrained_weights_stop_the_stage_and_leave_nothing(tmp_path, trained):
    root = write_inputs(tmp_path)

    with pytest.raises(
        ModelError, match=r"trained on pixels of -2\.12 to 2\.64 .* intensity\.scaling: window"
    ):
        embed(root, weights=trained, intensity=IntensityParams(scaling="z-score"))
    assert not (root / "out").exists()


def test_z_scored_pixels_may_go_into_random_weights(tmp_path):
    out = embed(write_inputs(tmp_path), intensity=IntensityParams(scaling="z-score"))

    assert read_embeddings(out, View.SLICE).weights == "random"


def test_bfloat16_gives_nearly_the_same_and_says_so(tmp_path):
    root = write_inputs(tmp_path)

    exact, halved = (
        read_embeddings(embed(root, precision, backbone="regnety_002", precision=precision), View.NODULE)
        for precision in ("float32", "bfloat16")
    )

    assert (exact.precision, halved.precision) == ("float32", "bfloat16")
    for depth in (0.5, 1.0):
        lengths = np.linalg.norm(exact.by_depth[depth], axis=1)
        off = np.linalg.norm(halved.by_depth[depth] - exact.by_depth[depth], axis=1)
        assert 0 < (off / lengths).max() < 0.015


def test_float32_takes_over_where_bfloat16_would_be_off_by_more_than_the_tolerance(tmp_path, capsys):
    root = write_inputs(tmp_path)

    exact = read_embeddings(embed(root, "exact"), View.NODULE)
    found = read_embeddings(embed(root, "strict", precision="bfloat16", tolerance=1e-6), View.NODULE)

    assert found.precision == "float32"
    assert (found.by_depth[1.0] == exact.by_depth[1.0]).all()
    assert "nodule views are embedded with float32" in capsys.readouterr().err


@pytest.fixture
def counted(monkeypatch):
    """Names of the networks that were built."""
    built = []

    def build(name, **options):
        built.append(options["weights"].source)
        return build_backbone(name, **options)

    monkeypatch.setattr("lungml.stages.embed.build_backbone", build)
    return built


def test_embeddings_of_unchanged_content_are_not_computed_again(tmp_path, trained, counted):
    root = write_inputs(tmp_path / "project")
    first = embed(root, weights=trained)
    bytes_before = {file.name: sha256_file(file) for file in first.iterdir()}
    assert counted == ["pretrained", "random"] * 2

    again = embed(root, weights=trained)

    assert counted == ["pretrained", "random"] * 2
    assert {file.name: sha256_file(file) for file in again.iterdir()} == bytes_before


def test_other_weights_views_scaling_or_precision_are_embedded_anew(tmp_path, counted):
    root = write_inputs(tmp_path / "project")
    embed(root)
    changes = (
        {"weights": WeightsParams(seed=4)},
        {"intensity": IntensityParams(window_hu=(-900.0, 300.0))},
        {"precision": "bfloat16"},
    )
    for number, change in enumerate(changes, start=2):
        embed(root, **change)
        assert len(counted) == 2 * number

    write_inputs(root, test_shift_hu=150)
    embed(root, **changes[-1])
    assert len(counted) == 2 * (len(changes) + 2)


def test_embeddings_that_were_kept_may_be_deleted(tmp_path):
    root = write_inputs(tmp_path / "project")
    first = {file.name: sha256_file(file) for file in embed(root).iterdir()}

    shutil.rmtree(tmp_path / "project-cache")

    assert {file.name: sha256_file(file) for file in embed(root).iterdir()} == first


def test_the_code_that_makes_embeddings_is_where_the_stage_looks_for_it():
    assert all((Path(lungml.__file__).parent / name).is_file() for name in _FORWARD_CODE)


def test_a_device_that_is_not_there_stops_the_stage(tmp_path, monkeypatch):
    monkeypatch.setenv("LUNGML_DEVICE", "cuda:64")

    with pytest.raises(ParamsError, match="LUNGML_DEVICE is cuda:64"):
        embed(write_inputs(tmp_path))


def test_a_compiled_network_gives_nearly_the_same_and_the_file_says_so(tmp_path):
    root = write_inputs(tmp_path)

    plain, compiled = (
        read_embeddings(embed(root, library, library=library), View.NODULE)
        for library in ("torch", "openvino")
    )

    assert (plain.library, compiled.library) == ("torch", "openvino")
    assert (plain.precision, compiled.precision) == ("float32", "float32")
    assert plain.content_key != compiled.content_key
    for depth in (0.5, 1.0):
        assert not (compiled.by_depth[depth] == plain.by_depth[depth]).all()
        assert compiled.by_depth[depth] == pytest.approx(plain.by_depth[depth], abs=1e-4)


def test_compiled_networks_give_the_same_bytes_again(tmp_path):
    first, again = (
        embed(write_inputs(tmp_path / project / "root"), library="openvino") for project in ("first", "again")
    )

    for file in first.iterdir():
        assert sha256_file(file) == sha256_file(again / file.name)


def test_few_images_are_not_worth_compiling(tmp_path):
    assert read_embeddings(embed(write_inputs(tmp_path)), View.NODULE).library == "torch"


@pytest.mark.skipif(
    not is_accelerated(Engine("cpu", "bfloat16")), reason="OpenVINO takes float32 on this processor anyway"
)
def test_a_compiled_network_goes_back_to_float32_before_it_goes_back_to_torch(tmp_path, capsys):
    out = embed(write_inputs(tmp_path), precision="bfloat16", tolerance=1e-4, library="openvino")

    found = read_embeddings(out, View.NODULE)
    assert (found.precision, found.library) == ("float32", "openvino")
    assert "bfloat16 (openvino) would change" in (said := capsys.readouterr().err)
    assert "nodule views are embedded with float32 (openvino)" in said
