"""Readings that are already placed: their voxels are a box."""

import numpy as np

from lungml.nodules.lidc_xml import SCALES, Kind, Reading
from lungml.nodules.linking import Placed
from lungml.nodules.stacks import Stack


def box(reader, origin, shape, malignancy=3, number=0):
    """A reading whose voxels are a box."""
    stack = Stack(origin, np.ones(shape, bool))
    reading = Reading(reader, Kind.NODULE, {**dict.fromkeys(SCALES, 1), "malignancy": malignancy}, (), ())
    return Placed(number, reading, (), stack, stack.centre(), diameter_mm=float(shape[1]))
