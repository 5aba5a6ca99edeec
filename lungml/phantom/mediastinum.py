"""What lies between the lungs: heart, great vessels, windpipe, gullet, nodes and the fat around them.

Their places and sizes are in `organs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lungml.phantom import organs
from lungml.phantom.body import Body
from lungml.phantom.grid import FloatArray, cover, paint
from lungml.phantom.ovals import Oval, Tube, blend


@dataclass(frozen=True)
class Plane:
    """The organs of one plane of one person."""

    heart: tuple[Oval, ...]
    vessels: tuple[Oval, ...]
    airways: tuple[Oval, ...]
    gullet: tuple[Oval, ...]
    fat: tuple[Oval, ...]
    nodes: tuple[Oval, ...]


@lru_cache(maxsize=2)
def plane_of(body: Body, z_mm: float) -> Plane:
    """The organs a person has at height `z_mm`."""
    return Plane(
        heart=tuple(_moved(oval, body) for oval in _ovals(organs.HEART, body, z_mm)),
        vessels=_ovals(tuple(organs.VESSELS.values()), body, z_mm),
        airways=_ovals(organs.AIRWAYS, body, z_mm),
        gullet=_ovals((organs.GULLET,), body, z_mm),
        fat=_ovals(organs.FAT, body, z_mm),
        nodes=tuple(_nodes(body, z_mm)),
    )


def mediastinum_distance(body: Body, x_mm: FloatArray, y_mm: FloatArray, z_mm: float) -> FloatArray:
    """Signed distance from the surface the lungs touch in the middle, mm; negative inside."""
    plane = plane_of(body, z_mm)
    bulges = [oval.grown(4.0) for oval in plane.heart] + [oval.grown(2.0) for oval in plane.vessels]
    bulges += [oval.grown(3.5) for oval in plane.airways[:1]]
    first, second = (oval.distance(x_mm, y_mm) for oval in plane.fat[:2])
    total = blend(first, second, 10)
    for oval in (*plane.fat[2:], *bulges):
        total = blend(total, oval.distance(x_mm, y_mm), 5)
    return total


def paint_mediastinum(
    image_hu: FloatArray, body: Body, at: tuple[FloatArray, FloatArray], z_mm: float, pixel_mm: float
) -> None:
    """Paint the organs of one plane over fat, in place; the lungs are painted afterwards."""
    plane = plane_of(body, z_mm)
    x_mm, y_mm = at
    for oval in (*plane.nodes, *plane.gullet):
        paint(image_hu, cover(oval.distance(x_mm, y_mm), pixel_mm), 38.0)
    for oval in plane.vessels:
        paint(image_hu, cover(oval.distance(x_mm, y_mm), pixel_mm), body.blood_hu)
    _paint_heart(image_hu, body, plane, at, pixel_mm)


def paint_airways(
    image_hu: FloatArray, body: Body, at: tuple[FloatArray, FloatArray], z_mm: float, pixel_mm: float
) -> None:
    """Paint windpipe and large bronchi of one plane, wall and air, over all else."""
    for oval in plane_of(body, z_mm).airways:
        distance = oval.distance(*at)
        paint(image_hu, cover(distance - 1.3, pixel_mm), 20.0)
        paint(image_hu, cover(distance, pixel_mm), -985.0)


def _paint_heart(
    image_hu: FloatArray, body: Body, plane: Plane, at: tuple[FloatArray, FloatArray], pixel_mm: float
) -> None:
    """Muscle, with chambers that stand out when the blood is enhanced, and fat in the groove."""
    muscle_hu = 45.0 + 0.35 * max(body.blood_hu - 45.0, 0.0)
    for oval in plane.heart:
        paint(image_hu, cover(oval.distance(*at), pixel_mm), muscle_hu)
    for oval in plane.heart:
        wall = 9.0 if oval.half_x > 36 * body.scale else 3.0
        if min(oval.half_x, oval.half_y) > wall + 2:
            paint(image_hu, cover(oval.grown(-wall).distance(*at), 5.0), body.blood_hu)
    if plane.heart and plane.heart[0].half_x > 30 * body.scale:
        _paint_septum(image_hu, plane.heart[0], at, muscle_hu)


def _paint_septum(
    image_hu: FloatArray, heart: Oval, at: tuple[FloatArray, FloatArray], muscle_hu: float
) -> None:
    """The muscle between the ventricles runs along the heart's axis; fat lies in the groove at its end."""
    septum = Oval(heart.x + 6, heart.y + 1, heart.half_x * 0.72, 4.5, heart.turn_degrees - 62)
    paint(image_hu, cover(septum.distance(*at), 5.0), muscle_hu)


def _ovals(tubes: tuple[Tube, ...], body: Body, z_mm: float) -> tuple[Oval, ...]:
    found = (tube.at(z_mm, body.scale) for tube in tubes)
    return tuple(oval for oval in found if oval is not None)


def _moved(oval: Oval, body: Body) -> Oval:
    dx, dy = body.heart_shift_mm
    return Oval(
        oval.x + dx, oval.y + dy, oval.half_x, oval.half_y, oval.turn_degrees + body.heart_turn_degrees - 32
    )


def _nodes(body: Body, z_mm: float) -> list[Oval]:
    """Small lymph nodes at usual stations; their size is the person's own."""
    sizes = 3.0 + 1.2 * np.abs(np.array(body.outline[: len(organs.NODES)]))
    ovals = []
    for (x, y, z), size in zip(organs.NODES, sizes, strict=True):
        inside = 1 - ((z_mm / body.scale - z) / size) ** 2
        if inside > 0.05:
            ovals.append(
                Oval(x * body.scale, y * body.scale, 1.3 * size * inside**0.5, size * inside**0.5, 30)
            )
    return ovals
