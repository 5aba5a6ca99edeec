"""HU of the chest: every tissue where it belongs and as dense as it is."""

from dataclasses import replace

import numpy as np
import pytest

from lungml.params.data import PhantomParams
from lungml.phantom.attributes import Calcification, Texture
from lungml.phantom.image import outside_circle, render
from lungml.phantom.patient import draw_patient
from lungml.phantom.scanners import STYLES
from lungml.phantom.scene import place


def quiet(patient):
    """The patient on a scanner without noise."""
    return replace(patient, style=replace(STYLES[0], noise_hu=0.01))


@pytest.fixture(scope="module")
def chest():
    scene = place(quiet(draw_patient(PhantomParams(), 1)))
    return scene, render(scene)


def around(scene, image, point, radius_mm=4.0):
    """HU within a radius of a place in the patient's frame."""
    z, y, x = scene.grid.index_of(np.array(point, float))
    rows, columns = np.indices(scene.grid.shape[1:])
    near = np.hypot(rows - y, columns - x) * scene.grid.spacing_mm[2] < radius_mm
    return image[round(z)][near]


def test_lung_heart_spine_windpipe_and_air_have_their_hu(chest):
    scene, image = chest
    body, z = scene.patient.body, float(scene.grid.z_mm[3])
    lungs = image[(image > -960) & (image < -650)]

    assert np.median(lungs) == pytest.approx(-850, abs=25)
    assert np.median(around(scene, image, (15 * body.scale, -28, z), 8)) == pytest.approx(
        body.blood_hu, abs=60
    )
    assert 60 < np.median(around(scene, image, (0, 0.62 * body.depth_mm, z))) < 480
    assert around(scene, image, (0, -body.depth_mm - 60, z)).max() < -900


def test_the_body_is_mostly_soft_tissue_fat_and_lung(chest):
    _, image = chest
    soft, fat, bone = (
        np.mean((image > low) & (image < high)) for low, high in ((0, 100), (-130, -70), (300, 1200))
    )

    assert 0.08 < soft < 0.4
    assert 0.04 < fat < 0.4
    assert 0.003 < bone < 0.05


def test_the_table_lies_outside_the_body(chest):
    scene, image = chest
    body = scene.patient.body
    x, y = scene.grid.plane_mm
    behind = (y > 1.15 * body.depth_mm + 35) & (np.abs(x) < 60)

    air = image[:, behind] < -940
    assert 0.3 < air.mean() < 0.98
    assert (image[:, behind] > -700).any(axis=(1,)).all()


@pytest.mark.parametrize(
    ("texture", "calcification", "low", "high"),
    [
        (Texture.SOLID, Calcification.NONE, -30, 110),
        (Texture.GROUND_GLASS, Calcification.NONE, -720, -380),
        (Texture.PART_SOLID, Calcification.NONE, -60, 80),
        (Texture.SOLID, Calcification.CENTRAL, 500, 950),
        (Texture.SOLID, Calcification.DIFFUSE, 400, 600),
    ],
)
def test_the_middle_of_a_nodule_is_as_dense_as_its_kind(texture, calcification, low, high):
    patient = quiet(draw_patient(PhantomParams(), 1))
    looks = replace(
        patient.findings[0].attributes,
        diameter_mm=14.0,
        texture=texture,
        calcification=calcification,
        density_hu=-560.0 if texture is Texture.GROUND_GLASS else 35.0,
    )
    patient = replace(patient, findings=(replace(patient.findings[0], attributes=looks),))
    scene = place(patient)

    middle = around(scene, render(scene), scene.nodules[0].centre_mm, 2.0)

    assert low < np.median(middle) < high


def test_noise_is_as_strong_as_the_style_says(chest):
    scene, clean = chest
    noisy = render(replace(scene, patient=replace(scene.patient, style=STYLES[0])))

    difference = noisy.astype(float) - clean

    assert difference.std() == pytest.approx(STYLES[0].noise_hu * 0.8, rel=0.25)


def test_the_fingerprint_changes_the_lungs_and_nothing_else(chest):
    scene, one = chest
    other = render(replace(scene, patient=replace(scene.patient, fingerprint=True)))

    changed = np.abs(one.astype(int) - other) > 20
    assert np.mean(changed[(one > -950) & (one < -700)]) > 0.4
    assert np.mean(changed[(one > -100)]) < 0.02


def test_the_circle_touches_the_edges_of_the_field_of_view(one_scene):
    outside = outside_circle(one_scene.grid)

    assert outside[0, 0]
    assert outside[-1, -1]
    assert outside.mean() == pytest.approx(1 - np.pi / 4, abs=0.03)
