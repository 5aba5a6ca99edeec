"""The chest wall: skin, fat, muscle, ribs, costal cartilage, sternum and shoulder blades.

Everything follows the inner surface of the rib cage (the pleura), given by its distance from the body axis at
each angle. Angles are atan2(x, y): 0 is the spine, pi the sternum, positive on the left.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lungml.phantom.body import Body
from lungml.phantom.grid import FloatArray, cover, paint

_ANGLES = 2048
_ANGLE = (np.arange(_ANGLES) + 0.5) / _ANGLES * 2 * np.pi - np.pi

RIB_CAGE_MM = 11.0
"""From the pleura to the outside of the ribs."""

_RIB_HALF_MM = (3.7, 6.6)
"""Half thickness and half height of a rib."""

_RIB_FALL_MM = 118.0
"""How much lower a rib's front end is than its back end."""


@dataclass(frozen=True)
class Polar:
    """Distance from the body axis and index of the angle, for every pixel of a plane, and its width."""

    radius_mm: FloatArray
    angle: NDArray[np.int32]
    pixel_mm: float


def polar(x_mm: FloatArray, y_mm: FloatArray, pixel_mm: float) -> Polar:
    """Polar coordinates of pixels."""
    turn = (np.arctan2(x_mm, y_mm) + np.pi) * (_ANGLES / (2 * np.pi))
    return Polar(np.hypot(x_mm, y_mm), np.clip(turn.astype(np.int32), 0, _ANGLES - 1), pixel_mm)


@lru_cache(maxsize=4)
def pleura_mm(body: Body, z_mm: float) -> NDArray[np.float64]:
    """Distance of the pleura from the body axis at every angle, at height `z_mm`."""
    above = max(z_mm + 55.0, 0.0) / 100.0
    width = body.width_mm * (1 - 0.13 * above**2)
    back, front = body.depth_mm * (1.02 - 0.06 * above**2), body.depth_mm * (1.0 - 0.16 * above**2)
    depth = np.where(np.abs(_ANGLE) < np.pi / 2, back, front)
    power = np.where(np.abs(_ANGLE) < np.pi / 2, 2.35, 2.2)
    surface = (np.abs(np.sin(_ANGLE)) / width) ** power + (np.abs(np.cos(_ANGLE)) / depth) ** power
    inner: NDArray[np.float64] = surface ** (-1 / power) * (1 + 0.006 * _waves(body, 0))
    return inner


def skin_mm(body: Body, z_mm: float) -> float:
    """How far behind the body axis the back is, at height `z_mm`."""
    return float(_skin_mm(body, z_mm)[np.abs(_ANGLE) < 0.6].max())


def paint_wall(image_hu: FloatArray, body: Body, at: Polar, z_mm: float) -> FloatArray:
    """Paint the wall of one plane into `image_hu` (air before) and return the distance outside the pleura."""
    inner = pleura_mm(body, z_mm)
    tables = np.stack([inner, _muscle_mm(body, z_mm), _skin_mm(body, z_mm)])
    pleura, muscle_at, skin_at = tables.astype(np.float32)[:, at.angle]
    outside: FloatArray = at.radius_mm - pleura
    to_skin = at.radius_mm - skin_at
    paint(image_hu, cover(to_skin, at.pixel_mm), -104.0)
    paint(image_hu, cover(np.abs(to_skin + 1.2) - 1.0, at.pixel_mm), 15.0)
    _paint_muscle(image_hu, outside, muscle_at, at.pixel_mm)
    _paint_ribs(image_hu, body, at, outside, z_mm)
    _paint_shoulder_blades(image_hu, at, outside - RIB_CAGE_MM - 0.42 * muscle_at, z_mm)
    return outside


def _skin_mm(body: Body, z_mm: float) -> NDArray[np.float64]:
    wall = RIB_CAGE_MM + _muscle_mm(body, z_mm) + _fat_mm(body, z_mm)
    return _smooth(pleura_mm(body, z_mm) + wall, 0.09)


def _paint_muscle(image_hu: FloatArray, outside: FloatArray, muscle: FloatArray, pixel_mm: float) -> None:
    """Intercostal muscle between the ribs, and two layers outside them with fat between."""
    paint(image_hu, cover(np.abs(outside - 5.5) - 5.0, pixel_mm), 38.0)
    inner, outer = RIB_CAGE_MM + 1.2, RIB_CAGE_MM + muscle
    half = np.maximum((outer - inner) / np.float32(2), 0)
    share = cover(np.abs(outside - inner - half) - half, pixel_mm) * np.clip(half - 0.6, 0, 1)
    plane = 0.75 * cover(np.abs(outside - inner - 1.05 * half) - 0.7, pixel_mm) * (half > 4)
    paint(image_hu, share * (1 - plane), 52.0)


def _paint_ribs(image_hu: FloatArray, body: Body, at: Polar, outside: FloatArray, z_mm: float) -> None:
    """Ribs slope down to the front, so a plane cuts several; near the breastbone they are gristle."""
    turn = np.abs(_ANGLE)
    fall = _RIB_FALL_MM * body.scale * (1 - np.cos(turn * 0.92)) / 2 - 8 * np.sin(turn) ** 8
    height = (z_mm + fall + body.rib_phase_mm + 1.5 * _waves(body, 4)) / body.rib_spacing_mm
    height = (height - np.round(height)) * body.rib_spacing_mm / _RIB_HALF_MM[1]
    taper = np.where(turn > 2.45, 1.15, 1.0)
    across = (outside - 5.6) / np.float32(_RIB_HALF_MM[0])
    along = (height * taper).astype(np.float32)[at.angle]
    depth = (np.hypot(across, along) - 1) * np.float32(_RIB_HALF_MM[0])
    bony = ((turn > 0.42) & (turn < 2.50)).astype(np.float32)[at.angle]
    gristle = ((turn >= 2.50) & (turn < 2.95)).astype(np.float32)[at.angle]
    share = cover(depth, at.pixel_mm)
    paint(image_hu, share * gristle, 105.0)
    paint(image_hu, share * bony, 820.0)
    paint(image_hu, cover(depth + 1.7, at.pixel_mm) * bony, 190.0)


def _paint_shoulder_blades(image_hu: FloatArray, at: Polar, middle: FloatArray, z_mm: float) -> None:
    """A bent plate within the muscle of the back, narrower and gone towards the feet."""
    length = np.clip((z_mm + 62.0) / 90.0, 0, 1)
    if length <= 0:
        return
    start, end = 0.98 - 0.36 * length, 1.02 + 0.34 * length
    turn = np.abs(_ANGLE)
    border = np.exp(-(((turn - end) / 0.07) ** 2)) + 0.5 * np.exp(-(((turn - start) / 0.05) ** 2))
    half = (1.2 + 3.2 * border).astype(np.float32)[at.angle]
    present = (((turn > start) & (turn < end)) * min(1.0, 4 * length)).astype(np.float32)[at.angle]
    paint(image_hu, cover(np.abs(middle) - half, at.pixel_mm) * present, 620.0)
    paint(image_hu, cover(np.abs(middle) - half + 1.6, at.pixel_mm) * present, 210.0)


def _muscle_mm(body: Body, z_mm: float) -> NDArray[np.float64]:
    """Thickness of muscle outside the ribs: back, latissimus, serratus and pectoral muscles."""
    up = float(np.clip((z_mm + 70) / 120, 0, 1))
    turn = np.abs(_ANGLE)
    thickness = (
        22 * _bump(turn, 0.22, 0.42)
        + (9 + 19 * up) * _bump(turn, 1.02, 0.36)
        + (8 + 4 * up) * _bump(turn, 1.62, 0.34)
        + (3 + 13 * up) * _bump(turn, 2.42, 0.30)
        + 3
    )
    build: NDArray[np.float64] = body.muscle * thickness * (1 + 0.06 * _waves(body, 2))
    return build


def _fat_mm(body: Body, z_mm: float) -> NDArray[np.float64]:
    """Thickness of fat under the skin, breasts included."""
    turn = np.abs(_ANGLE)
    base = body.fat_mm * (0.75 + 0.45 * _bump(turn, 1.75, 0.6) + 0.15 * _bump(turn, 0.0, 0.3))
    breast = body.breast_mm * np.exp(-(((z_mm + 55) / 45) ** 2)) * _bump(turn, 2.38, 0.33)
    thickness: NDArray[np.float64] = base + breast + 2.5
    return thickness


def _bump(turn: NDArray[np.float64], centre: float, width: float) -> NDArray[np.float64]:
    bump: NDArray[np.float64] = np.exp(-(((turn - centre) / width) ** 2))
    return bump


@lru_cache(maxsize=8)
def _waves(body: Body, start: int) -> NDArray[np.float64]:
    """A person's own slow deviation around the body, deviation about 1."""
    a, b, c, d = body.outline[start : start + 4]
    waves: NDArray[np.float64] = (
        a * np.sin(_ANGLE)
        + b * np.cos(2 * _ANGLE)
        + 0.7 * c * np.sin(3 * _ANGLE)
        + 0.5 * d * np.cos(5 * _ANGLE)
    )
    return waves


def _smooth(values: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Blur around the circle; `width` in radians."""
    frequency = np.fft.rfftfreq(_ANGLES, 1 / _ANGLES)
    fading = np.exp(-0.5 * (frequency * width) ** 2)
    return np.asarray(np.fft.irfft(np.fft.rfft(values) * fading, _ANGLES), np.float64)
