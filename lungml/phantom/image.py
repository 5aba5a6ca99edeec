"""From a scene to the HU a scanner would reconstruct."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lungml.phantom import lungs, mediastinum, spine, wall
from lungml.phantom.body import Body
from lungml.phantom.grid import FloatArray, Grid, cover, paint, smooth_field
from lungml.phantom.nodule_paint import paint_nodule, paint_spicules
from lungml.phantom.ovals import Oval
from lungml.phantom.scanners import ScannerStyle
from lungml.phantom.scene import Scene
from lungml.phantom.seeds import generator
from lungml.phantom.vessels import Strokes, stamp

_FINGERPRINT_HU = 40.0
_MIDDLE_MM = ((-95.0, 95.0), (-125.0, 145.0))
_SPINE_MM = ((-65.0, 65.0), (15.0, 145.0))
_BREASTBONE_MM = ((-40.0, 40.0), (-130.0, -50.0))
"""Where the lungs meet the middle, where the spine and where the breastbone lie: ranges of x and y."""


def render(scene: Scene) -> NDArray[np.int16]:
    """HU (z, y, x) of the scene in its scanner's style, noise included; what is outside the circle too."""
    patient = scene.patient
    rng = generator(patient.seed, "image", patient.number)
    volume = _render_chest(scene, _render_lungs(rng, scene), rng)
    volume = _blur(volume, patient.style.blur_px)
    volume += _noise(rng, scene.grid, patient.style)
    return np.clip(np.rint(volume), -1024, 3071).astype(np.int16)


def outside_circle(grid: Grid) -> NDArray[np.bool_]:
    """(rows, columns): True outside the circle that fits into the field of view."""
    rows, columns = np.indices(grid.shape[1:])
    down = (rows - (grid.shape[1] - 1) / 2) * grid.spacing_mm[1]
    across = (columns - (grid.shape[2] - 1) / 2) * grid.spacing_mm[2]
    radius = min(grid.shape[1] * grid.spacing_mm[1], grid.shape[2] * grid.spacing_mm[2]) / 2
    return np.asarray(np.hypot(down, across) > radius)


def _render_lungs(rng: np.random.Generator, scene: Scene) -> FloatArray:
    """HU of lung everywhere, as if the whole grid were lung."""
    body, grid = scene.patient.body, scene.grid
    tissue = lungs.lung_tissue(rng, body, grid)
    lungs.paint_fissures(tissue, body, grid)
    if scene.patient.fingerprint:
        tissue += _fingerprint(scene)
    share = np.zeros(grid.shape, np.float32)
    stamp(share, grid, scene.vessels, scene.patient.style.thickness_mm)
    for mark in scene.marks:
        if mark.small:
            dot = Strokes(mark.centre_mm[None], np.array([mark.radius_mm]))
            stamp(share, grid, dot, grid.spacing_mm[0])
    paint(tissue, share, body.blood_hu)
    lungs.paint_bronchi(tissue, grid, scene.bronchi, scene.patient.style.thickness_mm)
    for nodule in scene.nodules:
        paint_spicules(tissue, grid, nodule.spicules, nodule.attributes)
        paint_nodule(tissue, grid, nodule.centre_mm, nodule.attributes, nodule.shape)
    return tissue


def _render_chest(scene: Scene, lung_hu: FloatArray, rng: np.random.Generator) -> FloatArray:
    body, grid = scene.patient.body, scene.grid
    pixel = grid.spacing_mm[2]
    middle, column, front = (_Window.of(grid, *ranges) for ranges in (_MIDDLE_MM, _SPINE_MM, _BREASTBONE_MM))
    place = wall.polar(*grid.plane_mm, pixel)
    mottle = 9 * smooth_field(rng, grid.shape, (4, 40, 40))
    volume = np.full(grid.shape, -1000, np.float32)
    for plane, z in enumerate(grid.z_mm.tolist()):
        image = volume[plane]
        lung = wall.paint_wall(image, body, place, z)
        paint(image, cover(lung, pixel), -98.0)
        spine.paint_spine(image[column.part], body, column.at, z, pixel)
        spine.paint_breastbone(image[front.part], body, front.at, z, pixel)
        mediastinum.paint_mediastinum(image[middle.part], body, middle.at, z, pixel)
        lung[middle.part] = lungs.lung_distance(body, middle.at, lung[middle.part], z)
        paint(image, cover(lung, pixel), lung_hu[plane])
        mediastinum.paint_airways(image[middle.part], body, middle.at, z, pixel)
        image += mottle[plane] * (image > -300)
    _paint_table(volume, body, grid)
    return volume


@dataclass(frozen=True)
class _Window:
    """Part of a plane, and x and y of its pixels."""

    part: tuple[slice, slice]
    at: tuple[FloatArray, FloatArray]

    @classmethod
    def of(cls, grid: Grid, x_range_mm: tuple[float, float], y_range_mm: tuple[float, float]) -> _Window:
        part = grid.window(x_range_mm, y_range_mm)
        return cls(part, (grid.plane_mm[0][part], grid.plane_mm[1][part]))


def _paint_table(volume: FloatArray, body: Body, grid: Grid) -> None:
    """A curved table top under the back: a dense thin shell around foam, the same in every plane."""
    x, y = grid.plane_mm
    back = max(float(wall.skin_mm(body, float(z))) for z in grid.z_mm[::6]) + body.table_gap_mm
    top = Oval(0, back - 330, 400, 330).distance(x, y)
    inside = np.maximum(np.maximum(-top, np.abs(x) - 205), top - 22)
    foam, shell = cover(inside, grid.spacing_mm[1]), cover(np.abs(inside + 1.0) - 0.9, grid.spacing_mm[1])
    air = volume < -900
    level = foam * (-1000 + 70) + (1 - foam) * -1000.0
    table = level + shell * (-180.0 - level)
    volume[:] = np.where(air & (foam + shell > 0), np.maximum(volume, table), volume)


def _fingerprint(scene: Scene) -> FloatArray:
    """A pattern of stripes in the lungs that only this patient has."""
    rng = generator(scene.patient.seed, "fingerprint", scene.patient.number)
    x, y = scene.grid.plane_mm
    total = np.zeros(x.shape, np.float32)
    for _ in range(2):
        angle, wavelength = rng.uniform(0, np.pi), rng.uniform(7, 16)
        wave = (x * np.cos(angle) + y * np.sin(angle)) * (2 * np.pi / wavelength)
        total += np.sin(wave + rng.uniform(0, 2 * np.pi)).astype(np.float32)
    return np.broadcast_to(_FINGERPRINT_HU * total + np.float32(rng.uniform(-30, 30)), scene.grid.shape)


def _noise(rng: np.random.Generator, grid: Grid, style: ScannerStyle) -> FloatArray:
    """Quantum noise with the texture of the kernel, stronger where the body is thick."""
    noise = _blur(rng.standard_normal(grid.shape, dtype=np.float32), style.noise_px)
    if style.sharpening:
        noise += style.sharpening * (noise - _blur(noise, 1.0))
    if style.thickness_mm > style.spacing_z_mm:
        noise = ndimage.correlate1d(noise, [0.25, 0.5, 0.25], axis=0)
    x, y = grid.plane_mm
    level = 0.55 + 0.6 * np.exp(-((x / 130) ** 2) - (y / 95) ** 2)
    noise *= (style.noise_hu / noise.std()) * level
    return noise


def _blur(volume: FloatArray, width_px: float) -> FloatArray:
    """Blur in the plane with a Gaussian of this deviation."""
    taps = np.exp(-0.5 * (np.arange(-2, 3) / width_px) ** 2)
    taps /= taps.sum()
    once = ndimage.correlate1d(volume, taps, axis=1, mode="nearest")
    return np.asarray(ndimage.correlate1d(once, taps, axis=2, mode="nearest"))
