"""Real series against other people's answers."""

import numpy as np
import pandas as pd
import pytest
from ct_index import index_folder
from shared_data import SHARED_DATA, needs_shared_data, unpacked

from lungml.ct.read import read_planes, read_volume
from lungml.nodules.masks import contour_mask

pytestmark = needs_shared_data

LIDC_1 = "lidc_dicom/LIDC-IDRI-0001_full133.tar.xz"
LIDC_2 = "lidc_dicom/LIDC-IDRI-0002_12slices.tar.xz"
LIDC_3 = "lidc_dicom/LIDC-IDRI-0003_11slices.tar.xz"
SIEMENS = "dicom_series/Lung_Dx-A0002_siemens_30.tar.xz"
GE_HEAD = "dicom_series/GE_HiSpeedDual_head_tilt_variable_gap_28.tar.xz"


@pytest.fixture(scope="module")
def first_patient():
    return index_folder(unpacked(LIDC_1))


@pytest.mark.parametrize("archive", [LIDC_1, LIDC_3])
def test_published_crops_come_back_bit_for_bit(archive):
    raw = unpacked(archive)
    slices = pd.DataFrame(index_folder(raw).tables["slices"])
    crops = pd.read_csv(SHARED_DATA / "lidc_crops" / "nodules.csv")
    pixels = np.load(SHARED_DATA / "lidc_crops" / "nodules_hu.npz")
    of_series = crops[crops["sop_uid"].isin(slices["sop_uid"])]
    assert len(of_series)
    for row in of_series.itertuples():
        z = int(slices.loc[slices["sop_uid"] == row.sop_uid, "z_index"].iloc[0])

        hu, _ = read_planes(raw, slices, [z])

        crop = hu[0, row.cy - 35 : row.cy + 36, row.cx - 35 : row.cx + 36]
        assert np.array_equal(crop, pixels["hu"][pixels["nodule_id"] == row.nodule_id][0])


def test_the_nodule_of_the_first_patient_agrees_with_three_published_tables(first_patient):
    (nodule,) = first_patient.tables["nodules"]
    (series,) = first_patient.tables["series"]
    crop = pd.read_csv(SHARED_DATA / "lidc_crops" / "nodules.csv").iloc[0]
    luna = pd.read_csv(SHARED_DATA / "lidc_tables" / "luna16_annotations.csv")
    luna = luna[luna["seriesuid"] == series["series_uid"]].iloc[0]

    assert nodule["scores"] == sorted([crop.r1, crop.r2, crop.r3, crop.r4])
    assert nodule["n_readers"] == 4
    assert (nodule["x_index"], nodule["y_index"]) == pytest.approx((crop.cx, crop.cy), abs=5)
    position = read_volume(unpacked(LIDC_1), pd.DataFrame(first_patient.tables["slices"])).position_mm(
        (nodule["z_index"], nodule["y_index"], nodule["x_index"])
    )
    assert np.linalg.norm(position - [luna.coordX, luna.coordY, luna.coordZ]) < 2
    assert (6 * nodule["volume_mm3"] / np.pi) ** (1 / 3) == pytest.approx(luna.diameter_mm, abs=1)


def test_the_published_area_of_a_nodule_is_ours_and_its_outline(first_patient):
    contours = pd.DataFrame(first_patient.tables["contours"])
    crop = pd.read_csv(SHARED_DATA / "lidc_crops" / "nodules.csv").iloc[0]
    (z,) = [row["z_index"] for row in first_patient.tables["slices"] if row["sop_uid"] == crop.sop_uid]

    areas = []
    for _, rows in contours[contours["z_index"] == z].groupby("reading_id"):
        outline = {
            point
            for y, x in zip(rows["y_index"], rows["x_index"], strict=True)
            for point in zip(y, x, strict=True)
        }
        areas.append(contour_mask(rows, (512, 512)).sum() + len(outline))

    assert max(areas) == pytest.approx(crop.contour_area_px, abs=1)


def x(first_patient):
    (series,) = first_patient.tables["series"]

    assert series["padding_fraction"] == pytest.approx(1 - np.pi / 4, abs=0.01)  # outside the circle
    assert series["hu_min"] == -1024


@pytest.mark.parametrize("archive", [LIDC_1, LIDC_2, LIDC_3, SIEMENS])
def test_hu_and_geometry_equal_those_of_simpleitk(archive):
    sitk = pytest.importorskip("SimpleITK")
    raw = unpacked(archive)
    (folder,) = {path.parent for path in raw.rglob("*.dcm")}
    volume = read_volume(raw, pd.DataFrame(index_folder(raw).tables["slices"]))

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()

    array = sitk.GetArrayFromImage(image)
    assert np.array_equal(volume.hu[~volume.padding], array[~volume.padding])
    assert (array[volume.padding] < -1500).all()
    assert np.allclose(volume.spacing_mm, image.GetSpacing()[::-1], atol=1e-6)
    assert np.allclose(volume.origin_mm, image.GetOrigin(), atol=1e-4)
    assert np.allclose(volume.direction[:, ::-1], np.reshape(image.GetDirection(), (3, 3)))


@pytest.mark.parametrize(
    ("folder", "code"),
    [
        ("d2n_failing/sliceincrement/001", "LM-D043"),
        ("d2n_failing/gantrytilting/001", "LM-D044"),
        ("d2n_failing/notavolume/001", "LM-D042"),
    ],
)
def test_series_that_are_no_volume_are_refused(folder, code):
    rows = index_folder(SHARED_DATA / "dicom_edge" / folder)

    assert [finding.code for finding in rows.findings] == [code]


def test_a_head_with_a_tilted_gantry_is_refused_with_the_angle_of_its_tag():
    (finding,) = index_folder(unpacked(GE_HEAD)).findings

    assert (finding.code, finding.found) == ("LM-D044", "18.50 degrees")
