"""Views of phantom nodules without files in between, and what can go wrong with such a view."""

from dataclasses import replace
from functools import cache

import numpy as np
from scipy import ndimage

from lungml.imaging.views import Plane, cut_view
from lungml.params.data import PhantomParams, ViewsParams
from lungml.phantom.image import render
from lungml.phantom.patient import draw_patients
from lungml.phantom.scene import place
from lungml.terms import View

SIZE_PX = 64
WINDOW_HU = (-1000, 400)


@cache
def phantom_views(patients):
    """Both views of the first nodule of each patient, (N, H, W) in HU, and crops of the mediastinum."""
    found = [_views_of(patient) for patient in draw_patients(PhantomParams(patients=patients))]
    slices, crops, organs = (np.stack(images) for images in zip(*found, strict=True))
    return {View.SLICE: slices, View.NODULE: crops}, organs


@cache
def children_views(patients):
    """Both views of the first nodule of each patient (N, H, W) in HU, as if of a child of ten."""
    found = [_views_of(child(patient)) for patient in draw_patients(PhantomParams(patients=patients))]
    slices, crops, _ = (np.stack(images) for images in zip(*found, strict=True))
    return {View.SLICE: slices, View.NODULE: crops}


def child(patient):
    """The same chest at 75 % of its lengths."""
    body = patient.body
    lengths = (
        "scale",
        "width_mm",
        "depth_mm",
        "fat_mm",
        "rib_spacing_mm",
        "rib_phase_mm",
        "vertebra_phase_mm",
    )
    smaller = {name: 0.75 * getattr(body, name) for name in lengths}
    return replace(patient, body=replace(body, age_years=10, breast_mm=0.0, **smaller))


def _views_of(patient):
    """Only the plane of the nodule is drawn."""
    scene = place(patient)
    nodule = scene.nodules[0]
    x_mm, y_mm, _ = scene.grid.centre_mm
    thin = replace(
        scene.grid, shape=(1, *scene.grid.shape[1:]), centre_mm=(x_mm, y_mm, float(nodule.centre_mm[2]))
    )
    plane_hu = render(replace(scene, grid=thin, nodules=(nodule,)))[0]
    heart_mm = np.array([0.0, 0.0, nodule.centre_mm[2]])
    return (
        _cut(plane_hu, thin, nodule.centre_mm, View.SLICE),
        _cut(plane_hu, thin, nodule.centre_mm, View.NODULE),
        _cut(plane_hu, thin, heart_mm, View.NODULE),
    )


def _cut(plane_hu, grid, centre_mm, view):
    _, y, x = grid.index_of(centre_mm)
    plane = Plane(
        "n", plane_hu, np.zeros(plane_hu.shape, bool), tuple(grid.spacing_mm[1:]), (float(y), float(x))
    )
    return cut_view(plane, view, ViewsParams(size_px=SIZE_PX)).image_hu[0]


def bone_window(image_hu):
    """Saved as a grey picture in a bone window (level 300, width 1500) and read as if in ours."""
    low, high = WINDOW_HU
    return (low + (high - low) * np.clip((image_hu + 450.0) / 1500, 0, 1)).astype(np.int16)


def inverted(image_hu):
    return (sum(WINDOW_HU) - np.clip(image_hu, *WINDOW_HU)).astype(np.int16)


def blank(image_hu):
    return np.full_like(image_hu, -1000)


def burnt_in_text(image_hu):
    """Four letters of 5 by 3 pixels in the upper left corner, as bright as a CT image gets."""
    letters = np.random.default_rng(0).random((5, 15)) < 0.6
    letters[:, 3::4] = False
    changed = image_hu.copy()
    changed[5:10, 5:20][letters] = 3071
    return changed


def shifted_up(image_hu):
    return (image_hu + 1024).astype(np.int16)


def shifted_down(image_hu):
    return (image_hu - 1024).astype(np.int16)


def upside_down(image_hu):
    return image_hu[::-1].copy()


def abdomen(image_hu):
    """A slice in which the lungs are filled with what a liver looks like."""
    body = ndimage.binary_fill_holes(ndimage.binary_closing(image_hu > -300))
    liver = 60 + np.random.default_rng(0).normal(0, 15, image_hu.shape)
    return np.where(body & (image_hu < -300), liver, image_hu).astype(np.int16)
