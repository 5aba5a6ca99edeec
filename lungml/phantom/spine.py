"""Vertebrae and breastbone."""

from __future__ import annotations

import numpy as np

from lungml.phantom.body import Body
from lungml.phantom.grid import FloatArray, cover, paint
from lungml.phantom.ovals import Oval, blend
from lungml.phantom.wall import pleura_mm

_CORTEX_HU, _MARROW_HU, _DISC_HU = 620.0, 185.0, 85.0
_VERTEBRA_MM = 24.0


def spine_distance(body: Body, x_mm: FloatArray, y_mm: FloatArray) -> FloatArray:
    """Signed distance from the surface the lungs touch beside the spine, mm; negative inside."""
    s, back = body.scale, body.depth_mm
    column = Oval(0, 0.62 * back, 19 * s, 17 * s).distance(x_mm, y_mm)
    behind = Oval(0, 0.90 * back, 31 * s, 15 * s).distance(x_mm, y_mm)
    base = Oval(0, 1.16 * back, 46 * s, 22 * s).distance(x_mm, y_mm)
    return blend(blend(column, behind, 6), base, 8)


def paint_spine(
    image_hu: FloatArray, body: Body, at: tuple[FloatArray, FloatArray], z_mm: float, pixel_mm: float
) -> None:
    """Paint muscle beside the spine, and the vertebra or the disc of one plane."""
    s, y0 = body.scale, 0.62 * body.depth_mm
    phase = ((z_mm + body.vertebra_phase_mm) / (_VERTEBRA_MM * s)) % 1.0
    canal = y0 + 21 * s
    for side in (-1, 1):
        erector = Oval(side * 24 * s, canal + 20 * s, 20 * s, 15 * s, -side * 12)
        paint(image_hu, cover(erector.distance(*at), pixel_mm), 50.0)
    _paint_arch(image_hu, body, at, phase, pixel_mm)
    _paint_vertebral_body(image_hu, Oval(0, y0, 17 * s, 14 * s), at, phase, pixel_mm)
    paint(image_hu, cover(Oval(0, canal, 9 * s, 8 * s).distance(*at), pixel_mm), -20.0)
    paint(image_hu, cover(Oval(0, canal, 6.5 * s, 6 * s).distance(*at), pixel_mm), 32.0)


def paint_breastbone(
    image_hu: FloatArray, body: Body, at: tuple[FloatArray, FloatArray], z_mm: float, pixel_mm: float
) -> None:
    """Paint the sternum of one plane, just in front of the pleura."""
    wide = float(np.interp(z_mm, (-90, -60, 20, 45), (11, 18, 17, 26))) * body.scale
    bone = Oval(0, -(float(pleura_mm(body, z_mm)[0]) + 5.5), wide, 5.6 * body.scale)
    distance = bone.distance(*at)
    paint(image_hu, cover(distance, pixel_mm), 480.0)
    paint(image_hu, cover(distance + 1.5, pixel_mm), 150.0)


def _paint_vertebral_body(
    image_hu: FloatArray, oval: Oval, at: tuple[FloatArray, FloatArray], phase: float, pixel_mm: float
) -> None:
    distance = oval.distance(*at)
    share = cover(distance, pixel_mm)
    if phase < 0.2:
        paint(image_hu, share, _DISC_HU)
        return
    endplate = float(np.exp(-(((min(phase - 0.2, 1 - phase)) / 0.07) ** 2)))
    paint(image_hu, share, _CORTEX_HU)
    paint(image_hu, cover(distance + 1.6, pixel_mm), _MARROW_HU + 230 * endplate)
    vein = Oval(oval.x, oval.y + 5, 1.6, 6)
    paint(image_hu, cover(vein.distance(*at), 3.0) * 0.5, 60.0)


def _paint_arch(
    image_hu: FloatArray, body: Body, at: tuple[FloatArray, FloatArray], phase: float, pixel_mm: float
) -> None:
    """Pedicles, laminae, transverse and spinous processes, heads of the ribs."""
    s, canal = body.scale, 0.62 * body.depth_mm + 21 * body.scale
    ring: FloatArray = np.abs(Oval(0, canal, 11.5 * s, 10.5 * s).distance(*at)) - np.float32(2.6)
    parts: list[FloatArray] = [ring]
    spine_length = 14 * s if phase < 0.75 else 7 * s
    parts.append(Oval(0, canal + 12 * s + spine_length, 2.8 * s, spine_length).distance(*at))
    for side in (-1, 1):
        if phase > 0.45:
            parts.append(Oval(side * 22 * s, canal + 6 * s, 14 * s, 4.6 * s, side * 24).distance(*at))
        if phase < 0.5:
            parts.append(Oval(side * 26 * s, canal - 6 * s, 13 * s, 4.4 * s, side * 32).distance(*at))
    bone = parts[0]
    for part in parts[1:]:
        bone = np.minimum(bone, part)
    paint(image_hu, cover(bone, pixel_mm), 560.0)
    paint(image_hu, cover(bone + 1.8, pixel_mm), 240.0)
