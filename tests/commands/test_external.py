"""An external test set of cubes in grey steps: views whose HU are known, and a model whose answers are."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from cube_archives import COUNT, cubes, write_cubes
from sklearn.metrics import roc_auc_score

from lungml.bundle import Bundle, Member, library_versions, read_bundle, write_bundle
from lungml.commands.external import command, judge_external
from lungml.errors import ParamsError
from lungml.imaging.intensity import Normalisation
from lungml.models.backbones import build_backbone, embedding_size
from lungml.models.classifier import Classifier
from lungml.models.heads import build_head
from lungml.params.data import LabelParams, ViewsParams
from lungml.params.model import WeightsParams
from lungml.sources.external_set import Cubes, Meaning, views_of
from lungml.terms import Task


@pytest.fixture(scope="module")
def bundle():
    backbone = build_backbone("mobilenetv3_small_050", in_channels=1, weights=WeightsParams(seed=4))
    classifier = Classifier(backbone, build_head("mlp", embedding_size(backbone), 2))
    normalisation = Normalisation("window", ((-1000.0, 400.0),), (0.3,), (0.3,))
    return Bundle(
        members=(Member(classifier, "mobilenetv3_small_050", "mlp", "random (seed 4)", normalisation),),
        task=Task.NODULE_BINARY,
        image_channels=1,
        views=ViewsParams(size_px=32, nodule_field_of_view_mm=24.0),
        labels=LabelParams(),
        lineage={"data_sha256": "d", "split_sha256": "s"},
        history={},
        versions=library_versions(),
    )


class Brightness(torch.nn.Module):
    """Malignant is what is bright in the middle."""

    def forward(self, images):
        middle = images[:, 0, 14:18, 14:18].mean(dim=(1, 2))
        return torch.stack([-middle, middle], dim=1)


def run(*options):
    return CliRunner().invoke(command, list(map(str, options)), catch_exceptions=False)


def test_the_view_is_the_middle_plane_in_hu():
    made = cubes()

    images = views_of(made, Meaning(), ViewsParams(size_px=28, nodule_field_of_view_mm=28.0))

    expected = -1024 + made.grey[:, 14].astype(float) * 1424 / 255
    assert np.abs(images[:, 0] - expected).max() <= 0.5
    assert images[:, 0, 2, 2] == pytest.approx(-850, abs=3)


def test_window_spacing_and_axis_are_taken_as_given():
    grey = np.zeros((1, 28, 28, 28), np.uint8)
    grey[0, :, :, 14] = 255  # the middle plane of the last axis

    meaning = Meaning(window_hu=(-500.0, 500.0), spacing_mm=2.0, axis=2)
    image = views_of(
        Cubes(grey, np.array([1])), meaning, ViewsParams(size_px=32, nodule_field_of_view_mm=112)
    )

    assert (image[0, 0, 9:23, 9:23] == 500).all()
    assert (image[0, 0, :7] == -1000).all()  # 56 of 112 mm are outside, which is air


def test_the_metrics_are_those_of_the_answers(bundle):
    model = replace(bundle, members=(replace(bundle.members[0], classifier=Brightness()),))
    made = cubes()

    found = judge_external(model, made, Meaning())

    brightness = made.grey[:, 14, 13:15, 13:15].mean(axis=(1, 2))
    auroc = found["metrics"]["auroc"]
    assert auroc["value"] == pytest.approx(roc_auc_score(made.labels, brightness), abs=0.02)
    assert auroc["low"] < auroc["value"] <= auroc["high"]
    assert (found["n"], found["prevalence"]) == (COUNT, 0.25)
    assert found["metrics"]["weighted_auprc"]["chance"] == pytest.approx(0.25**2 + 0.75**2)


def test_the_command_prints_and_writes_the_numbers(bundle, tmp_path):
    write_bundle(tmp_path / "model", bundle)
    path = write_cubes(tmp_path / "nodules.npz")

    result = run("--bundle", tmp_path / "model", "--npz", path, "--out", tmp_path / "external.json")

    written = json.loads((tmp_path / "external.json").read_text())
    expected = judge_external(read_bundle(tmp_path / "model"), cubes(), Meaning())
    assert result.exit_code == 0
    assert written["metrics"] == expected["metrics"]
    assert (written["parts"], written["window_hu"], written["spacing_mm"]) == (
        ["test"],
        [-1024.0, 400.0],
        1.0,
    )
    assert "40 nodules, 25.0% labelled malignant by readers" in result.output
    assert "every nodule as a patient" in result.output
    assert f"{expected['metrics']['auroc']['value']:.3f} (" in result.output


def test_a_wider_field_of_view_than_the_cubes_is_said(bundle, tmp_path):
    write_bundle(tmp_path / "model", replace(bundle, views=ViewsParams(size_px=32)))
    path = write_cubes(tmp_path / "nodules.npz")

    result = run("--bundle", tmp_path / "model", "--npz", path)

    assert "The model looks at 50 mm, the cubes hold 28 mm; the rest is air to it." in result.output


def test_cubes_of_another_size_need_their_spacing(bundle, tmp_path):
    write_bundle(tmp_path / "model", bundle)
    path = write_cubes(tmp_path / "a.npz", test_images=cubes(size=16).grey)

    with pytest.raises(ParamsError, match="--spacing-mm"):
        run("--bundle", tmp_path / "model", "--npz", path)

    assert run("--bundle", tmp_path / "model", "--npz", path, "--spacing-mm", "1.75").exit_code == 0


def test_a_model_of_another_task_is_refused(bundle):
    with pytest.raises(ParamsError, match="nodule-five"):
        judge_external(replace(bundle, task=Task.NODULE_FIVE), cubes(), Meaning())


@pytest.mark.parametrize("wrong", [{"window_hu": (400.0, -1024.0)}, {"spacing_mm": 0.0}])
def test_a_meaning_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ParamsError):
        Meaning(**wrong)
