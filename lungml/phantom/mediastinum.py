"""What lies between the lungs: heart, great vessels, windpipe, gullet, nodes and the fat around them.

Heights and places are of a standard chest, in mm from the carina; a person's `scale` multiplies them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lungml.phantom.body import Body
from lungml.phantom.grid import FloatArray, cover, paint
from lungml.phantom.ovals import Oval, Tube, blend

_HEART = (
    Tube(((-150, 20, -26, 58, 44), (-34, 8, -26, 58, 44)), 32, closed=True),
    Tube(((-84, 2, 6, 34, 17), (-30, 2, 6, 34, 17)), 8, closed=True),
    Tube(((-130, -28, -22, 26, 30), (-32, -26, -22, 26, 30)), -10, closed=True),
)
_VESSELS = {
    "ascending aorta": Tube(((-56, -4, -22, 14, 14), (-30, -14, -30, 16, 16), (2, -16, -26, 16, 16), (32, -9, -16, 14, 15))),
    "aortic arch": Tube(((20, 7, 3, 36, 12.5), (45, 7, 3, 36, 12.5)), 58, closed=True),
    "descending aorta": Tube(((-140, 14, 40, 11.5, 11.5), (-60, 21, 38, 12, 12), (30, 25, 32, 12.5, 12.5))),
    "superior vena cava": Tube(((-40, -33, -16, 9, 10), (0, -31, -20, 9, 9), (52, -26, -20, 8, 9))),
    "pulmonary trunk": Tube(((-54, 6, -50, 13, 12), (-24, 14, -42, 14, 14), (2, 20, -26, 13, 14))),
    "left pulmonary artery": Tube(((-14, 38, -4, 23, 10), (12, 38, -4, 23, 10)), 38, closed=True),
    "right pulmonary artery": Tube(((-34, -16, -6, 34, 9.5), (-8, -16, -6, 34, 9.5)), -10, closed=True),
    "left lower artery": Tube(((-95, 58, 26, 4, 4), (-60, 50, 20, 6, 6), (-28, 47, 12, 8, 8), (-6, 44, 6, 8, 8))),
    "right lower artery": Tube(((-95, -56, 22, 4, 4), (-60, -48, 14, 6.5, 6.5), (-30, -44, 2, 8, 8), (-16, -40, -2, 7, 7))),
    "left lower vein": Tube(((-66, 36, 18, 12, 6), (-46, 30, 14, 12, 6)), 28, closed=True),
    "right lower vein": Tube(((-70, -34, 16, 14, 6), (-50, -30, 14, 14, 6)), -25, closed=True),
    "azygos": Tube(((-140, -7, 37, 4, 4), (14, -8, 35, 4.5, 4.5))),
    "innominate artery": Tube(((40, -8, -14, 7, 7), (110, -14, -6, 6, 6))),
    "left carotid": Tube(((42, 6, -9, 4.5, 4.5), (110, 14, -6, 4, 4))),
    "left subclavian": Tube(((40, 20, 6, 5.5, 5.5), (110, 24, 2, 5, 5))),
    "left innominate vein": Tube(((40, 2, -31, 28, 6), (62, 4, -29, 28, 6)), 6, closed=True),
}  # fmt: skip
_GULLET = Tube(((-140, 10, 26, 8.5, 6), (0, 7, 28, 8, 5.5), (80, 3, 22, 8, 5.5)))
_AIRWAYS = (
    Tube(((-1, 0, 12, 11, 8), (8, 0, 11, 9, 8.5), (110, 0, 3, 8.5, 9))),
    Tube(((-95, -58, 33, 2.2, 2.2), (-60, -45, 22, 4.5, 4.5), (-26, -30, 13, 6, 6), (0, -9, 12, 8, 7))),
    Tube(((-95, 60, 36, 2.0, 2.0), (-60, 50, 29, 4, 4), (-30, 34, 16, 6, 5.5), (0, 9, 12, 8, 7))),
    Tube(((-16, -44, 12, 11, 3.4), (-7, -44, 12, 11, 3.4)), 8, closed=True),
    Tube(((-27, 50, 6, 11, 3.2), (-18, 50, 6, 11, 3.2)), -14, closed=True),
)
_FAT = (
    Tube(((-150, 2, 20, 20, 30), (110, 0, 18, 20, 30))),
    Tube(((-150, 2, -66, 9, 34), (-10, 0, -62, 10, 34), (20, 0, -50, 24, 44), (110, 0, -40, 34, 50))),
    Tube(((-66, -38, 6, 21, 19), (10, -38, 6, 21, 19)), closed=True),
    Tube(((-58, 40, 8, 20, 18), (22, 40, 8, 20, 18)), closed=True),
    Tube(((-150, -20, -52, 26, 22), (-90, -20, -52, 22, 18), (-50, -8, -50, 10, 14)), 15),
)
_NODES = ((-14, 6, 8), (12, 2, -14), (2, 18, -26), (-24, 2, 14), (16, -2, 2), (-4, -40, 30), (6, -44, 14))


@dataclass(frozen=True)
class Plane:
    """The organs of one plane of one person."""

    heart: tuple[Oval, ...]
    vessels: tuple[Oval, ...]
    airways: tuple[Oval, ...]
    gullet: tuple[Oval, ...]
    fat: tuple[Oval, ...]
    nodes: tuple[Oval, ...]


def plane_of(body: Body, z_mm: float) -> Plane:
    """The organs a person has at height `z_mm`."""
    return Plane(
        heart=tuple(_moved(oval, body) for oval in _ovals(_HEART, body, z_mm)),
        vessels=_ovals(tuple(_VESSELS.values()), body, z_mm),
        airways=_ovals(_AIRWAYS, body, z_mm),
        gullet=_ovals((_GULLET,), body, z_mm),
        fat=_ovals(_FAT, body, z_mm),
        nodes=tuple(_nodes(body, z_mm)),
    )


def mediastinum_distance(body: Body, x_mm: FloatArray, y_mm: FloatArray, z_mm: float) -> FloatArray:
    """Signed distance from the surface the lungs touch in the middle, mm; negative inside."""
    plane = plane_of(body, z_mm)
    bulges = [oval.grown(4.0) for oval in plane.heart] + [oval.grown(2.0) for oval in plane.vessels]
    bulges += [oval.grown(3.5) for oval in plane.airways[:1]]
    total = blend(*(oval.distance(x_mm, y_mm) for oval in plane.fat[:2]), 10)
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
    sizes = 3.0 + 1.2 * np.abs(np.array(body.outline[: len(_NODES)]))
    ovals = []
    for (x, y, z), size in zip(_NODES, sizes, strict=True):
        inside = 1 - ((z_mm / body.scale - z) / size) ** 2
        if inside > 0.05:
            ovals.append(
                Oval(x * body.scale, y * body.scale, 1.3 * size * inside**0.5, size * inside**0.5, 30)
            )
    return ovals
