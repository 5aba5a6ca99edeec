"""Everything lies where it may: nodules in lung, inside the slab, apart from one another."""

from dataclasses import replace

import numpy as np
import pytest

from lungml.params.data import PhantomParams
from lungml.phantom import lungs, wall
from lungml.phantom.patient import draw_patient, draw_patients
from lungml.phantom.scanners import STYLES
from lungml.phantom.scene import _possible, place

SCENES = [place(draw_patient(PhantomParams(), number)) for number in range(1, 16)]


def depth_in_lung(scene, point):
    x, y = (np.array([[value]], np.float32) for value in point[:2])
    at = wall.polar(x, y, 1.0)
    pleura = wall.pleura_mm(scene.patient.body, float(point[2])).astype(np.float32)[at.angle]
    return -float(
        lungs.lung_distance(scene.patient.body, (x, y), at.radius_mm - pleura, float(point[2]))[0, 0]
    )


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.patient.patient_id)
def test_every_nodule_lies_inside_a_lung(scene):
    for nodule in scene.nodules:
        assert depth_in_lung(scene, nodule.centre_mm) > nodule.attributes.radius_mm


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.patient.patient_id)
def test_nodules_lie_inside_the_slab_and_apart(scene):
    for place_, nodule in enumerate(scene.nodules):
        radius = nodule.attributes.radius_mm
        assert (
            scene.grid.z_mm[0]
            < nodule.centre_mm[2] - radius
            < nodule.centre_mm[2] + radius
            < scene.grid.z_mm[-1]
        )
        for other in scene.nodules[place_ + 1 :]:
            apart = np.linalg.norm(nodule.centre_mm - other.centre_mm)
            assert apart > radius + other.attributes.radius_mm + 5


def test_the_nodules_are_those_of_the_patient_in_order():
    for scene in SCENES:
        assert tuple(nodule.finding for nodule in scene.nodules) == scene.patient.findings


def test_every_style_and_orientation_occurs_in_the_default_cohort():
    patients = draw_patients(PhantomParams())

    assert {patient.style.name for patient in patients} == {style.name for style in STYLES}
    assert {patient.orientation.patient_position for patient in patients} == {"HFS", "FFS"}
    assert any(patient.orientation.turn_degrees for patient in patients)


def test_voxels_are_anisotropic_and_one_style_has_oblong_pixels():
    assert all(scene.grid.spacing_mm[0] != scene.grid.spacing_mm[2] for scene in SCENES)
    assert any(scene.grid.spacing_mm[1] != scene.grid.spacing_mm[2] for scene in SCENES)


def test_styles_differ_in_how_they_store():
    assert {style.rescale_intercept for style in STYLES} == {-1024, 0}
    assert {style.signed for style in STYLES} == {True, False}
    assert {style.bits_stored for style in STYLES} == {12, 16}
    assert {style.padding_stored for style in STYLES} == {None, -2000}
    assert {style.padding_declared for style in STYLES if style.padding_stored} == {True, False}
    assert np.mean([style.bias for style in STYLES]) == pytest.approx(0, abs=1e-9)
    assert np.std([style.bias for style in STYLES]) == pytest.approx(1, abs=0.02)


def test_a_crowded_lung_gives_the_deepest_place_left():
    free = np.array([[0.0, 0.0, 0.0, 9.0], [0.0, 0.0, 5.0, 12.0], [0.0, 0.0, 38.0, 30.0]])
    looks = replace(SCENES[0].nodules[0].attributes, diameter_mm=26.0)

    assert _possible(free, looks, [], (-40.0, 40.0), 1.0).tolist() == [[0.0, 0.0, 5.0, 12.0]]
