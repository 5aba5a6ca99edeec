"""The readings of the shared LIDC files and the nodules they make, without the images."""

import numpy as np
from shared_data import unpacked

from lungml.nodules.consensus import consensus_nodules
from lungml.nodules.lidc_xml import parse_readings
from lungml.nodules.linking import SliceGrid, place_readings
from lungml.nodules.reading_files import choose_file
from lungml.params.data import ConsensusParams
from lungml.quarantine import RefusedError


def all_files():
    raw = unpacked("lidc_xml/lidc_ct_xml.tar.xz")
    for path in sorted(raw.rglob("*.xml")):
        try:
            yield parse_readings(raw, str(path.relative_to(raw)))
        except RefusedError:
            continue


def nodules_of(files, pixel_mm):
    """Nodules of one series; its slices are taken from the contours, as the images are not here."""
    file, _ = choose_file(files)
    heights = sorted({contour.z_mm for reading in file.readings for contour in reading.contours})
    distances = np.diff(heights)
    distances = distances[distances > 1e-3]
    spacing_z = float(np.round(np.median(distances[distances < 1.5 * distances.min()]), 4))
    grid = SliceGrid(
        index_of_sop={},
        z_mm=np.arange(heights[0], heights[-1] + spacing_z / 2, spacing_z),
        plane_shape=(512, 512),
        spacing_mm=(spacing_z, pixel_mm, pixel_mm),
        is_axial=True,
        to_canonical=lambda points: points,
    )
    return consensus_nodules(place_readings(file, grid)[0], grid.spacing_mm, ConsensusParams())
