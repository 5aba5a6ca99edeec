"""Every real CT file, one by one, against SimpleITK (ITK with GDCM): other code by other people."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from shared_data import SHARED_DATA

from lungml.ct.hounsfield import to_hounsfield
from lungml.ct.pixels import read_stored
from lungml.ct.read_header import read_header
from lungml.ct.rules import MULTI_FRAME_CT, SINGLE_FRAME_CT, first_broken
from lungml.quarantine import RefusedError, finding

sitk = pytest.importorskip("SimpleITK")

PYDICOMS = Path(get_testdata_file("CT_small.dcm")).parent
FILES = [
    *sorted((SHARED_DATA / "dicom_edge").rglob("*.dcm")),
    *sorted(PYDICOMS.glob("*.dcm")),
    *sorted((PYDICOMS / "dicomdirtests").glob("*/CT*/*")),
]

REFUSED_BY_US = {
    "CT0012.fragmented_no_bot_jpeg_baseline.51.dcm": "LM-D034",
    "CTImage.dcm_JPEGProcess10_12TransferSyntax_1.2.840.10008.1.2.4.55.dcm": "LM-D033",
    "CTImage.dcm_JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51.dcm": "LM-D033",
    "CTImage.dcm_JPEGProcess6_8TransferSyntax_1.2.840.10008.1.2.4.53.dcm": "LM-D033",
}
"""SimpleITK reads them. The first holds two frames in an object of one, which have no place of their own; the
others are lossy JPEG of 12 bits, two of them long retired, which no decoder of pydicom's reads."""

REFUSED_BY_BOTH = {"ExplVR_BigEndNoMeta.dcm", "no_meta.dcm"}
"""They begin with the first element, without anything that says how elements are written."""

FRACTIONAL = {"CTImage.dcm_JPEGProcess1TransferSyntax_1.2.840.10008.1.2.4.50.dcm"}
"""Its slope is 32.1216: SimpleITK gives fractions of HU, we give the nearest whole number."""


def is_ct(path):
    try:
        return read_header(path.parent, path.name).sop_class in {SINGLE_FRAME_CT, *MULTI_FRAME_CT}
    except RefusedError:
        return path.name in REFUSED_BY_BOTH


CT_FILES = [path for path in FILES if is_ct(path)]


def ours(path):
    """HU and padding, and the header; broken rules are raised."""
    header = read_header(path.parent, path.name)
    broken = first_broken(header)
    if broken is not None:
        raise RefusedError(finding(broken[0], path.name, broken[1], broken[2]))
    return *to_hounsfield(read_stored(path.parent, header), header), header


def theirs(path):
    """The image and its first plane."""
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    image = sitk.ReadImage(str(path))
    return image, sitk.GetArrayFromImage(image)[0]


def test_there_are_files_to_compare():
    assert len(CT_FILES) >= 14 + 40 * SHARED_DATA.is_dir()


@pytest.mark.parametrize("path", CT_FILES, ids=lambda path: path.name[-60:])
def test_hu_and_place_of_a_file_are_those_of_simpleitk(path):
    if path.name in REFUSED_BY_US or path.name in REFUSED_BY_BOTH:
        with pytest.raises(RefusedError) as caught:
            ours(path)
        assert caught.value.finding.code == REFUSED_BY_US.get(path.name, "LM-D005")
        return
    hu, padding, header = ours(path)

    image, other = theirs(path)

    difference = np.abs(hu[~padding] - other[~padding].astype(float))
    assert difference.max(initial=0) <= (0.5 if path.name in FRACTIONAL else 0)
    assert (other[padding] < -1500).all()  # what we call padding is far below air
    assert np.allclose(image.GetSpacing()[:2], header.place.spacing[::-1])
    assert np.allclose(image.GetOrigin(), header.place.position)
    rows_and_columns = np.reshape(image.GetDirection(), (3, 3)).T[:2].ravel()
    assert np.allclose(rows_and_columns, header.place.orientation, atol=1e-4)  # files round to 4 digits


@pytest.mark.parametrize("path", [path for path in CT_FILES if path.name in REFUSED_BY_BOTH])
def test_what_simpleitk_refuses_too(path):
    with pytest.raises(RuntimeError):
        theirs(path)
