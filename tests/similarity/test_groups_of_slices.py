import numpy as np
import pydicom
import pytest
from nodule_pictures import resized
from shared_data import needs_shared_data, unpacked

from lungml.params.data import PhantomParams
from lungml.phantom.image import render
from lungml.phantom.patient import draw_patients
from lungml.phantom.scene import place
from lungml.similarity import groups_of_slices

PATIENTS = 5
APART = (0, 1, 2)
"""Planes between the slices of a planted pair; they are 2 to 3 mm apart."""


@pytest.fixture(scope="module")
def planted():
    return plant_pairs(PATIENTS)


def plant_pairs(patients_drawn):
    """(2 per pair) slices of phantom patients: the lung's middle third, and which patient each is of."""
    rng = np.random.default_rng(0)
    images, patients = [], []
    for patient in draw_patients(PhantomParams(patients=patients_drawn)):
        volume = render(place(patient))
        for apart in APART:
            plane = int(rng.integers(len(volume) // 3, 2 * len(volume) // 3))
            images += [volume[plane], volume[plane + apart]]
            patients += [patient.number] * 2
    return images, np.array(patients)


def test_slices_of_planted_pairs_are_together_and_no_two_patients_are(planted):
    images, patients = planted

    groups = groups_of_slices(images)

    together = groups[::2] == groups[1::2]
    assert together.mean() >= 0.95
    assert together[:: len(APART)].all()  # the same slice twice
    for group in np.unique(groups):
        assert len(set(patients[groups == group])) == 1


@pytest.mark.slow
def test_of_200_planted_pairs_at_least_95_percent_are_together_and_hardly_any_two_patients_are():
    """V02: at most one pair of slices in a thousand that are of two patients ends in one group."""
    images, patients = plant_pairs(67)

    groups = groups_of_slices(images)

    first, second = np.triu_indices(len(groups), 1)
    strangers = patients[first] != patients[second]
    merged = groups[first] == groups[second]
    assert len(groups) == 402
    assert (groups[::2] == groups[1::2]).mean() >= 0.95
    assert merged[strangers].mean() <= 0.001


def test_a_noisy_and_a_resized_slice_are_with_the_slice(planted):
    image = planted[0][0]
    noisy = image + np.random.default_rng(0).normal(0, 20, image.shape)

    groups = groups_of_slices([image, planted[0][-1], noisy, resized(image, 128)])

    assert groups.tolist() == [0, 1, 0, 0]


def test_groups_are_numbered_as_they_first_occur(planted):
    images, _ = planted

    assert groups_of_slices([images[-1], images[0], images[-1], images[1]]).tolist() == [0, 1, 0, 1]


def test_no_slices_make_no_groups():
    assert groups_of_slices([]).tolist() == []


@needs_shared_data
@pytest.mark.slow
def test_neighbouring_slices_of_real_series_are_together_and_series_apart():
    names = ("LIDC-IDRI-0001_full133", "LIDC-IDRI-0002_12slices", "LIDC-IDRI-0003_11slices")
    series = [real_slices(f"lidc_dicom/{name}.tar.xz") for name in names]
    series.append(real_slices("dicom_series/Lung_Dx-A0002_siemens_30.tar.xz"))  # 8 mm apart: not all linked

    groups = groups_of_slices([image for images in series for image in images])

    of_series = np.split(groups, np.cumsum([len(images) for images in series])[:-1])
    assert [len(set(found)) for found in of_series[:3]] == [1, 1, 1]
    assert len(set(groups)) == sum(len(set(found)) for found in of_series)


def real_slices(archive):
    files = (pydicom.dcmread(path) for path in unpacked(archive).rglob("*.dcm"))
    planes = (
        (float(file.ImagePositionPatient[2]), file.pixel_array * file.RescaleSlope + file.RescaleIntercept)
        for file in files
        if "PixelData" in file
    )
    return [image for _, image in sorted(planes, key=lambda plane: plane[0])]
