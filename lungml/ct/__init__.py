"""DICOM in, HU volumes out; the only importer of pydicom.

`scan` finds files, `header` says what is needed of an image, `rules` what may be wrong with it, `frames`
makes images of a file of many, `series` groups them, `geometry` orders them in space, `pixels`, `decoding`
and `hounsfield` turn bytes into HU, `read` and `volume` give the canonical volume, `statistics` sums it up.
DICOM's order (row spacing first, x before y) stays in here: outside, arrays are (z, y, x).
"""
