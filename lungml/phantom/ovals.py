"""Ovals whose place and size change with height: vessels, airways and the heart in a plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lungml.phantom.grid import FloatArray

_NOT_ZERO = np.float32(1e-8)


@dataclass(frozen=True)
class Oval:
    """An ellipse in a plane: centre, half axes in mm, and turn of the first axis from x towards y."""

    x: float
    y: float
    half_x: float
    half_y: float
    turn_degrees: float = 0.0

    def distance(self, x_mm: FloatArray, y_mm: FloatArray) -> FloatArray:
        """Signed distance in mm, negative inside; exact on the edge, to first order near it."""
        dx, dy = x_mm - np.float32(self.x), y_mm - np.float32(self.y)
        if self.half_x == self.half_y:
            round_one: FloatArray = np.sqrt(dx * dx + dy * dy) - np.float32(self.half_x)
            return round_one
        angle = np.deg2rad(self.turn_degrees)
        cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        u = (dx * cosine + dy * sine) / np.float32(self.half_x)
        v = (dy * cosine - dx * sine) / np.float32(self.half_y)
        u, v = u * u + _NOT_ZERO, v * v
        ratio = np.sqrt(u + v)
        slope = np.sqrt(u / np.float32(self.half_x**2) + v / np.float32(self.half_y**2))
        distance: FloatArray = ratio * (ratio - 1) / slope
        return distance

    def grown(self, by_mm: float) -> Oval:
        """The same oval with longer half axes."""
        return Oval(self.x, self.y, self.half_x + by_mm, self.half_y + by_mm, self.turn_degrees)


@dataclass(frozen=True)
class Tube:
    """A stack of ovals: rows of (z, x, y, half_x, half_y) from low to high z, joined linearly.

    With `closed` the ends are rounded: half axes shrink to nothing like an ellipsoid's.
    """

    knots: tuple[tuple[float, float, float, float, float], ...]
    turn_degrees: float = 0.0
    closed: bool = False

    def at(self, z_mm: float, scale: float) -> Oval | None:
        """The oval at a height of a person of this scale; None above and below the tube."""
        table = np.array(self.knots) * scale
        if not table[0, 0] <= z_mm <= table[-1, 0]:
            return None
        x, y, half_x, half_y = (float(np.interp(z_mm, table[:, 0], table[:, i])) for i in range(1, 5))
        if self.closed:
            middle, half = (table[0, 0] + table[-1, 0]) / 2, (table[-1, 0] - table[0, 0]) / 2
            shrink = float(np.sqrt(max(1 - ((z_mm - middle) / half) ** 2, 0.0)))
            half_x, half_y = half_x * shrink, half_y * shrink
        return Oval(x, y, half_x, half_y, self.turn_degrees) if min(half_x, half_y) > 0.8 else None


def blend(first: FloatArray, second: FloatArray, width_mm: float) -> FloatArray:
    """Smooth union of two signed distances, the crease filled over `width_mm`."""
    width = np.float32(width_mm)
    mix = np.clip(np.float32(0.5) + (second - first) / (2 * width), 0, 1)
    union: FloatArray = second + mix * (first - second) - width * mix * (1 - mix)
    return union
