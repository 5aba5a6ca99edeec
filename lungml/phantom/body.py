"""One phantom person: the few numbers from which the chest is drawn.

Positions are in mm in the patient's own frame: x to the left, y to the back, z to the head; the origin is the
middle of the chest at the height of the carina (where the trachea divides).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Body:
    """Size, build and tissue of a person.

    `scale` multiplies every length of the standard chest. `emphysema` and `dust` go from 0 to 1: the share
    of lung that is destroyed, and how much scarring there is.
    """

    sex: str
    age_years: int
    scale: float
    width_mm: float
    depth_mm: float
    fat_mm: float
    muscle: float
    breast_mm: float
    lung_hu: float
    emphysema: float
    blood_hu: float
    heart_turn_degrees: float
    heart_shift_mm: tuple[float, float]
    rib_spacing_mm: float
    rib_phase_mm: float
    vertebra_phase_mm: float
    table_gap_mm: float
    outline: tuple[float, ...]


def draw_body(rng: np.random.Generator) -> Body:
    """Draw a person of 40 to 85 years."""
    sex = "F" if rng.random() < 0.45 else "M"
    scale = float(np.clip((0.95 if sex == "F" else 1.02) + 0.035 * rng.standard_normal(), 0.86, 1.1))
    enhanced = rng.random() < 0.35
    return Body(
        sex=sex,
        age_years=int(np.clip(rng.normal(62, 9), 40, 85)),
        scale=scale,
        width_mm=float(scale * rng.normal(127, 4)),
        depth_mm=float(scale * rng.normal(88, 4)),
        fat_mm=float(np.clip(rng.gamma(4, 3.2), 4, 24)),
        muscle=float(np.clip(rng.normal(1.0 if sex == "M" else 0.75, 0.15), 0.45, 1.4)),
        breast_mm=float(rng.uniform(14, 34)) if sex == "F" else 0.0,
        lung_hu=float(rng.normal(-858, 14)),
        emphysema=float(np.clip(rng.normal(-0.1, 0.4), 0, 1)),
        blood_hu=float(rng.uniform(130, 240) if enhanced else rng.normal(44, 4)),
        heart_turn_degrees=float(rng.normal(32, 6)),
        heart_shift_mm=(float(rng.normal(0, 4)), float(rng.normal(0, 3))),
        rib_spacing_mm=float(scale * rng.normal(25, 1.2)),
        rib_phase_mm=float(rng.uniform(0, 25)),
        vertebra_phase_mm=float(rng.uniform(0, 24)),
        table_gap_mm=float(rng.uniform(4, 14)),
        outline=tuple(float(v) for v in rng.normal(0, 1, 12)),
    )
