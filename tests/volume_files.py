"""The body of `ct_files` as volume files in other formats, written by SimpleITK."""

import struct

import numpy as np
import pytest
import SimpleITK
from ct_files import CANONICAL_AXES, ORIGIN_MM, SPACING_MM

from lungml.ct.volume_files import inspect_volume_file
from lungml.params.data import CtParams
from lungml.quarantine import RefusedError

FORMATS = ("nii", "nii.gz", "nrrd", "mha", "mhd")


def write_volume(path, hu, orientation=((0, 1, 2), (1, 1, 1)), *, dtype=np.int16, compress=False):
    """Write a canonical volume (z, y, x) with its axes turned as `orientation` says; see `write_ct`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    order, signs = orientation
    image = hu.transpose(order)[tuple(slice(None, None, sign) for sign in signs)]
    directions = CANONICAL_AXES[list(order)] * np.array(signs)[:, None]
    spacing = np.array(SPACING_MM)[list(order)]
    corner = [0 if sign > 0 else size - 1 for sign, size in zip(signs, image.shape, strict=True)]
    origin = np.array(ORIGIN_MM)
    for axis, index in zip(order, corner, strict=True):
        origin = origin + CANONICAL_AXES[axis] * index * SPACING_MM[axis]
    picture = SimpleITK.GetImageFromArray(np.ascontiguousarray(image).astype(dtype))
    picture.SetSpacing([float(value) for value in spacing[::-1]])
    picture.SetOrigin([float(value) for value in origin])
    picture.SetDirection(directions[::-1].T.astype(float).ravel().tolist())
    SimpleITK.WriteImage(picture, str(path), useCompression=compress)
    return path


def write_picture(path, hu, spacing_mm=None):
    """Write one image (y, x) as NRRD; without a spacing its header says nothing about one."""
    picture = SimpleITK.GetImageFromArray(hu)
    if spacing_mm:
        picture.SetSpacing((spacing_mm[1], spacing_mm[0]))
    path.parent.mkdir(parents=True, exist_ok=True)
    SimpleITK.WriteImage(picture, str(path))
    if not spacing_mm:
        edit_header(path, {"space dimension": None, "space directions": None, "space origin": None})
    return path


def edit_header(path, fields):
    """Replace fields of a text header; None takes a field out."""
    lines, found = path.read_bytes().split(b"\n"), set()
    for number, line in enumerate(lines):
        name = line.split(b":")[0].split(b"=")[0].strip().decode("latin-1")
        if name in fields and name not in found:
            found.add(name)
            sign = ":" if line.startswith(f"{name}:".encode()) else " ="
            lines[number] = None if fields[name] is None else f"{name}{sign} {fields[name]}".encode()
    assert found == set(fields)
    path.write_bytes(b"\n".join(line for line in lines if line is not None))


def edit_nifti(path, **values):
    """Set fields of an uncompressed NIfTI-1 header."""
    data = bytearray(path.read_bytes())
    for name, value in values.items():
        offset, kind = _NIFTI[name]
        struct.pack_into(f"<{kind}", data, offset, *np.atleast_1d(value).tolist())
    path.write_bytes(data)


_NIFTI = {
    "sizes": (40, "8h"),
    "datatype": (70, "h"),
    "vox_offset": (108, "f"),
    "scl_slope": (112, "f"),
    "scl_inter": (116, "f"),
    "qform_code": (252, "h"),
    "sform_code": (254, "h"),
    "qoffset": (268, "3f"),
    "srow_x": (280, "4f"),
}


def code_of(path, read=lambda raw, path: inspect_volume_file(raw, path, CtParams())):
    """Code by which a file is refused."""
    with pytest.raises(RefusedError) as refused:
        read(path.parent, path.name)
    return refused.value.finding.code
