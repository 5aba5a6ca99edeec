"""DICOM in, HU volumes out; the only importer of pydicom.

`scan` finds files, `header` reads what is needed of one, `rules` says what may be wrong with it, `series`
groups files, `geometry` orders them in space, `pixels` and `hounsfield` turn bytes into HU, `read` and
`volume` give the canonical volume, `statistics` sums it up. DICOM's order (row spacing first, x before y)
stays in here: outside, arrays are (z, y, x).
"""
