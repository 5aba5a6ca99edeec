"""Whether two images are copies of each other, and whether two slices are of one patient.

Only numpy and scipy. Images are in HU and may differ in size.
"""

from __future__ import annotations

from lungml.similarity.fingerprint import Fingerprints, fingerprints
from lungml.similarity.pairs import Pair, near_duplicates
from lungml.similarity.slices import alike_slices, groups_of_slices

__all__ = ["Fingerprints", "Pair", "alike_slices", "fingerprints", "groups_of_slices", "near_duplicates"]
