import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lungml.bundle import (
    FORMAT,
    Bundle,
    Member,
    bundle_sha256,
    library_versions,
    predict,
    read_bundle,
    write_bundle,
)
from lungml.errors import ModelError
from lungml.files import sha256_json
from lungml.imaging.intensity import Normalisation, normalise
from lungml.models.backbones import build_backbone, embedding_size
from lungml.models.classifier import Classifier
from lungml.models.heads import build_head
from lungml.panel import label_probabilities
from lungml.params.data import LabelParams, ViewsParams
from lungml.params.model import WeightsParams
from lungml.terms import Task
from lungml.usual import Cloud, Usual, as_arrays

WINDOW = Normalisation("window", ((-1000.0, 400.0),), (0.31,), (0.27,))


def make_bundle():
    backbone = build_backbone("mobilenetv3_small_050", in_channels=1, weights=WeightsParams(seed=4))
    head = build_head("mlp", embedding_size(backbone), 5)
    return Bundle(
        members=(
            Member(Classifier(backbone, head), "mobilenetv3_small_050", "mlp", "random (seed 4)", WINDOW),
        ),
        task=Task.NODULE_FIVE,
        image_channels=1,
        views=ViewsParams(size_px=32),
        labels=LabelParams(aggregation="median"),
        lineage={"data_sha256": "d", "split_sha256": "s"},
        history={"epochs": 3, "weighted_auprc": 0.5},
        versions=library_versions(),
    )


@pytest.fixture(scope="module")
def bundle():
    return make_bundle()


@pytest.fixture
def folder(bundle, tmp_path):
    write_bundle(tmp_path / "model", bundle)
    return tmp_path / "model"


def images_hu(count=3, size=32):
    return np.random.default_rng(0).integers(-1000, 400, (count, 1, size, size)).astype(np.int16)


def test_a_bundle_comes_back_as_it_was_written(bundle, folder):
    found = read_bundle(folder)

    for field in ("task", "image_channels", "views", "labels", "lineage", "history", "weights", "versions"):
        assert getattr(found, field) == getattr(bundle, field)
    for field in ("backbone", "head", "weights", "normalisation"):
        assert getattr(found.members[0], field) == getattr(bundle.members[0], field)
    assert np.array_equal(predict(found, images_hu()), predict(bundle, images_hu()))


def test_equal_bundles_are_equal_byte_for_byte(bundle, folder, tmp_path):
    write_bundle(tmp_path / "again", bundle)

    assert {file.name for file in folder.iterdir()} == {"weights.safetensors", "bundle.json"}
    for file in folder.iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()


def test_predictions_are_the_softmax_of_the_classifier_on_normalised_hu(bundle):
    images = images_hu()
    unit = (np.clip(images, -1000, 400) + 1000) / 1400
    with torch.inference_mode():
        logits = bundle.members[0].classifier.eval()(torch.from_numpy((unit - 0.31) / 0.27).float()).double()

    expected = (logits.exp() / logits.exp().sum(dim=1, keepdim=True)).numpy()
    found = predict(bundle, images)

    assert found.dtype == np.float64
    assert np.allclose(found, expected, atol=1e-5)
    assert np.allclose(found.sum(axis=1), 1.0)


def test_the_batch_size_changes_no_prediction(bundle):
    images = images_hu(5)

    assert np.allclose(predict(bundle, images, batch_size=2), predict(bundle, images), atol=1e-6)


def test_no_images_give_no_predictions(bundle):
    assert predict(bundle, images_hu(0)).shape == (0, 5)


def test_images_of_another_size_are_refused(bundle):
    with pytest.raises(ValueError, match="32, 32"):
        predict(bundle, images_hu(size=48))


def test_predicting_does_not_train(bundle):
    before = {name: value.clone() for name, value in bundle.members[0].classifier.state_dict().items()}
    bundle.members[0].classifier.train()

    predict(bundle, images_hu())

    assert all(
        torch.equal(value, before[name]) for name, value in bundle.members[0].classifier.state_dict().items()
    )


@pytest.mark.parametrize("name", ["weights.safetensors", "bundle.json"])
def test_a_changed_byte_is_refused(folder, name):
    content = bytearray((folder / name).read_bytes())
    place = content.rindex(b"random") if name == "bundle.json" else len(content) - 1
    content[place] ^= 1
    (folder / name).write_bytes(content)

    with pytest.raises(ModelError, match="changed"):
        read_bundle(folder)


@pytest.mark.parametrize("name", ["weights.safetensors", "bundle.json"])
def test_a_missing_file_is_refused(folder, name):
    (folder / name).unlink()

    with pytest.raises(ModelError, match=r"missing|not there"):
        read_bundle(folder)


def test_a_member_of_a_panel_answers_what_the_policy_makes_of_readers(bundle, tmp_path):
    images_hu = np.random.default_rng(1).integers(-1000, 400, (3, 1, 32, 32)).astype(np.int16)
    (member,) = bundle.members
    of_readers = replace(bundle, members=(replace(member, panel={1: 0.5, 3: 0.5}),))
    write_bundle(tmp_path / "panel", of_readers)

    found = predict(read_bundle(tmp_path / "panel"), images_hu)

    alone = predict(bundle, images_hu)
    assert found == pytest.approx((alone + label_probabilities(alone, {3: 1.0}, bundle.labels)) / 2)


def test_a_bundle_of_another_format_is_refused(folder):
    info = json.loads((folder / "bundle.json").read_text())
    del info["sha256"]
    info["format"] = FORMAT + 1
    (folder / "bundle.json").write_text(json.dumps(info | {"sha256": sha256_json(info)}))

    with pytest.raises(ModelError, match=f"format {FORMAT + 1}"):
        read_bundle(folder)


def test_any_change_of_a_bundle_changes_its_checksum(bundle, folder, tmp_path):
    write_bundle(tmp_path / "other", replace(bundle, lineage={"data_sha256": "e", "split_sha256": "s"}))
    heavier = make_bundle()
    with torch.no_grad():
        heavier.members[0].classifier.head[0].bias.add_(1e-6)
    write_bundle(tmp_path / "heavier", heavier)

    sums = {bundle_sha256(tmp_path / name) for name in ("model", "other", "heavier")}

    assert len(sums) == 3


def make_ensemble():
    """Members of two backbones and heads, of which one is fed three windows of the middle of the view."""
    three = Normalisation(
        "three-windows", ((-1350, 150), (-1000, 400), (-160, 240)), (0.4,) * 3, (0.2,) * 3, centre_share=0.6
    )
    backbone = build_backbone("resnet10t", in_channels=3, weights=WeightsParams(seed=5))
    other = Classifier(backbone, build_head("ordinal", embedding_size(backbone), 5))
    bundle = make_bundle()
    return replace(
        bundle, members=(*bundle.members, Member(other, "resnet10t", "ordinal", "random (seed 5)", three))
    )


def test_members_answer_by_their_mean_and_each_by_its_own_preprocessing():
    ensemble = make_ensemble()
    first = predict(replace(ensemble, members=ensemble.members[:1]), images_hu())
    last = ensemble.members[1]
    seen = normalise(torch.from_numpy(images_hu()), last.normalisation)
    with torch.inference_mode():
        second = last.classifier.eval()(seen).double().softmax(dim=1).numpy()

    found = predict(ensemble, images_hu())

    assert found == pytest.approx((first + second) / 2, abs=1e-7)
    assert not np.allclose(first, second, atol=1e-3)


def test_unlike_members_come_back_each_as_it_was(tmp_path):
    ensemble = make_ensemble()
    write_bundle(tmp_path / "model", ensemble)

    found = read_bundle(tmp_path / "model")

    assert [(member.backbone, member.head) for member in found.members] == [
        ("mobilenetv3_small_050", "mlp"),
        ("resnet10t", "ordinal"),
    ]
    assert [member.normalisation for member in found.members] == [
        member.normalisation for member in ensemble.members
    ]
    assert np.array_equal(predict(found, images_hu()), predict(ensemble, images_hu()))


def test_an_ensemble_names_what_each_backbone_began_with_once():
    ensemble = make_ensemble()
    many = replace(ensemble, members=ensemble.members * 2)

    assert many.weights == "random (seed 4); random (seed 5)"


def test_what_is_usual_comes_back_with_the_model(bundle, tmp_path):
    half = np.linalg.cholesky(np.array([[2.0, 1.0], [1.0, 3.0]])).astype(np.float32)
    cloud = Cloud(np.ones(2), np.full(2, 0.5), half, np.asarray(3.0), np.asarray(0.7))
    knowing = replace(bundle, usual=Usual({0.2: cloud, 1.0: cloud}, np.array([-0.5, 0.1, 2.5])))
    write_bundle(tmp_path / "model", knowing)

    found = read_bundle(tmp_path / "model")

    assert as_arrays(found.usual).keys() == as_arrays(knowing.usual).keys()
    for name, values in as_arrays(knowing.usual).items():
        assert np.array_equal(as_arrays(found.usual)[name], values)
        assert as_arrays(found.usual)[name].dtype == values.dtype
    assert np.array_equal(predict(found, images_hu()), predict(bundle, images_hu()))


def test_a_bundle_that_does_not_know_what_is_usual_is_read_too(folder):
    """As an older lungml wrote them."""
    assert not any(name.startswith("usual") for name in load_file(folder / "weights.safetensors"))
    assert read_bundle(folder).usual is None


def test_pictures_show_all_that_any_member_sees():
    assert make_ensemble().window_hu == (-1350, 400)
    assert make_bundle().window_hu == (-1000, 400)
