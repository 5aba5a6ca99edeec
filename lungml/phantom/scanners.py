"""Scanner styles: how each make of scanner samples, filters and stores the same chest.

Values are typical of public chest CT; the headers are the kind LIDC-IDRI's have. All styles keep within
DICOM's CT image module (PS3.3 C.8.2.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ScannerStyle:
    """How a scanner images and stores.

    `noise_hu` is the deviation of the noise at the isocentre, `noise_px` and `sharpening` the width and
    edge enhancement of its texture, `blur_px` the width of the reconstruction kernel, `padding_stored` the
    stored value outside the reconstructed circle (None: the whole square is reconstructed), `bias` the
    style's part in the labels of the scanner-shortcut cohort (mean 0, deviation 1 over styles).
    """

    name: str
    manufacturer: str
    model: str
    kernel: str
    kvp: int
    current_ma: int
    rows: int
    columns: int
    field_of_view_mm: tuple[float, float]
    pixel_aspect: float
    slices: int
    spacing_z_mm: float
    thickness_mm: float
    noise_hu: float
    noise_px: float
    sharpening: float
    blur_px: float
    rescale_intercept: int
    signed: bool
    bits_stored: int
    padding_stored: int | None
    padding_declared: bool
    bias: float


STYLES = (
    ScannerStyle(
        name="ge-standard", manufacturer="GE MEDICAL SYSTEMS", model="LightSpeed16", kernel="STANDARD",
        kvp=120, current_ma=200, rows=256, columns=256, field_of_view_mm=(335, 365), pixel_aspect=1.0,
        slices=26, spacing_z_mm=2.5, thickness_mm=2.5, noise_hu=13, noise_px=0.75, sharpening=0.0,
        blur_px=0.55, rescale_intercept=-1024, signed=True, bits_stored=16, padding_stored=-2000,
        padding_declared=True, bias=-0.4,
    ),
    ScannerStyle(
        name="ge-lung", manufacturer="GE MEDICAL SYSTEMS", model="LightSpeed VCT", kernel="LUNG",
        kvp=120, current_ma=80, rows=256, columns=256, field_of_view_mm=(330, 360), pixel_aspect=1.0,
        slices=26, spacing_z_mm=2.5, thickness_mm=2.5, noise_hu=38, noise_px=0.45, sharpening=0.6,
        blur_px=0.30, rescale_intercept=-1024, signed=True, bits_stored=16, padding_stored=-2000,
        padding_declared=False, bias=1.4,
    ),
    ScannerStyle(
        name="siemens-b45f", manufacturer="SIEMENS", model="Sensation 64", kernel="B45f",
        kvp=120, current_ma=120, rows=256, columns=256, field_of_view_mm=(340, 370), pixel_aspect=1.0,
        slices=30, spacing_z_mm=2.0, thickness_mm=3.0, noise_hu=20, noise_px=0.60, sharpening=0.2,
        blur_px=0.45, rescale_intercept=-1024, signed=False, bits_stored=12, padding_stored=None,
        padding_declared=False, bias=0.5,
    ),
    ScannerStyle(
        name="philips-c", manufacturer="Philips", model="Brilliance 64", kernel="C",
        kvp=140, current_ma=100, rows=256, columns=240, field_of_view_mm=(335, 360), pixel_aspect=1.0625,
        slices=24, spacing_z_mm=2.7, thickness_mm=3.0, noise_hu=17, noise_px=0.70, sharpening=0.0,
        blur_px=0.50, rescale_intercept=0, signed=True, bits_stored=16, padding_stored=-2000,
        padding_declared=False, bias=-1.6,
    ),
    ScannerStyle(
        name="toshiba-fc51", manufacturer="TOSHIBA", model="Aquilion", kernel="FC51",
        kvp=135, current_ma=150, rows=256, columns=256, field_of_view_mm=(340, 375), pixel_aspect=1.0,
        slices=22, spacing_z_mm=3.0, thickness_mm=3.0, noise_hu=26, noise_px=0.50, sharpening=0.4,
        blur_px=0.40, rescale_intercept=0, signed=True, bits_stored=12, padding_stored=-2000,
        padding_declared=True, bias=0.1,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Orientation:
    """How a series' rows, columns and planes lie in the patient.

    `turn_degrees` turns the image plane about the body axis. With `flip_x` the rows run from the patient's
    left to the right (feet first), so the slice normal points to the feet.
    """

    patient_position: str
    flip_x: bool
    turn_degrees: float


def draw_style(rng: np.random.Generator) -> ScannerStyle:
    """Draw a style; all are equally likely."""
    return STYLES[rng.integers(len(STYLES))]


def draw_orientation(rng: np.random.Generator) -> Orientation:
    """Draw an orientation: most are head first supine, some feet first, some oblique in their plane."""
    kind, turn = rng.random(), rng.uniform(3, 7) * rng.choice((-1, 1))
    if kind < 0.15:
        return Orientation("FFS", flip_x=True, turn_degrees=0.0)
    return Orientation("HFS", flip_x=False, turn_degrees=float(turn) if kind > 0.88 else 0.0)
