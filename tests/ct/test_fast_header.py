"""The walk over a header must give what pydicom gives, or leave the file to pydicom."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from ct_files import ct_dataset
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian, RLELossless
from shared_data import SHARED_DATA, needs_shared_data

from lungml.ct import read_header as module
from lungml.ct.fast_header import walk_header
from lungml.ct.read_header import read_header
from lungml.quarantine import RefusedError

PACKAGED = [
    path
    for path in sorted(Path(get_testdata_file("CT_small.dcm")).parent.rglob("*"))
    if path.is_file() and path.suffix != ".py"
]


def walked(path):
    with path.open("rb") as stream:
        return walk_header(stream, module._WANTED)


def read(path):
    try:
        return repr(read_header(path.parent, path.name))
    except RefusedError as error:
        return str(error)


def both_roads(path, monkeypatch):
    """What reading the header gives with the walk, and without it."""
    with_walk = read(path)
    with monkeypatch.context() as patch:
        patch.setattr(module, "walk_header", lambda stream, wanted: None)
        return with_walk, read(path)


def sequence(undefined, depth=1):
    """Items with a code, `depth` sequences in one another."""
    item = Dataset()
    item.CodeValue, item.CodeMeaning = "113100", "Basic profile"
    if depth > 1:
        item.ConceptCodeSequence = sequence(undefined, depth - 1)
    item.is_undefined_length_sequence_item = undefined
    items = pydicom.Sequence([item])
    items.is_undefined_length = undefined
    return items


def seeds(folder):
    """Files that are walked: explicit and implicit, compressed, with sequences of each kind."""
    values = np.arange(64, dtype=np.int16).reshape(8, 8)
    for name in ("explicit", "implicit", "compressed", "undefined", "defined", "implicit-undefined"):
        dataset = ct_dataset(values)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
        dataset.SpecificCharacterSet = "ISO_IR 100"
        dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [1, 2, 3], [1, 0, 0, 0, 1, 0]
        dataset.PixelSpacing = [0.7, 0.7]
        if "defined" in name:
            dataset.DeidentificationMethodCodeSequence = sequence("undefined" in name, depth=2)
        if name == "compressed":
            dataset.compress(RLELossless, generate_instance_uid=False)
        if name.startswith("implicit"):
            dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        path = folder / f"{name}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        assert walked(path) is not None, name
        yield path


@pytest.mark.parametrize("path", PACKAGED, ids=lambda path: path.name)
def test_packaged_files_read_the_same_on_both_roads(path, monkeypatch):
    with_walk, without = both_roads(path, monkeypatch)

    assert with_walk == without


def test_most_packaged_images_are_walked():
    images = [path for path in PACKAGED if path.parent.name.startswith("CT") or path.name.startswith("MR_")]

    assert sum(walked(path) is not None for path in images) >= 0.8 * len(images)


@needs_shared_data
def test_real_files_read_the_same_on_both_roads(monkeypatch):
    files = sorted((SHARED_DATA / "dicom_edge").rglob("*.dcm"))
    assert files
    for path in files:
        with_walk, without = both_roads(path, monkeypatch)
        assert with_walk == without, path.name


VRS = (b"UN", b"SQ", b"OB", b"CS", b"LO", b"UT", b"ZZ", b"\0\0")
MARKS = (
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\xfe\xff\x00\xe0",
    b"\xfe\xff\x0d\xe0",
    b"\xfe\xff\xdd\xe0",
    b"\x08\0\x05\0",
)


def mutated(data, rng):
    """Up to three flips, other VRs, delimiters, or copied elements before the pixels; or an early end."""
    data = bytearray(data)
    end = data.index(b"\xe0\x7f\x10\x00") + 12
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(128, end))
        kind = rng.integers(6)
        if kind == 0:
            data[at] = rng.integers(256)
        elif kind == 1:
            data[at] ^= 1 << int(rng.integers(8))
        elif kind == 2:
            data[at : at + 2] = VRS[rng.integers(len(VRS))]
        elif kind == 3:
            data[at : at + 4] = MARKS[rng.integers(len(MARKS))]
        elif kind == 4:
            source = int(rng.integers(128, end))
            data[at : at + 8] = data[source : source + 8]
        else:
            return bytes(data[:at])
    return bytes(data)


def test_broken_headers_read_the_same_on_both_roads_or_are_left_to_pydicom(tmp_path, monkeypatch):
    rng = np.random.default_rng(20261124)
    sources = [path.read_bytes() for path in seeds(tmp_path)]
    sources += [path.read_bytes() for path in PACKAGED if path.name in {"CT_small.dcm", "MR_small.dcm"}]
    broken = tmp_path / "broken.dcm"
    compared = 0
    for number in range(6000):
        broken.write_bytes(mutated(sources[number % len(sources)], rng))
        if walked(broken) is not None:
            compared += 1
            with_walk, without = both_roads(broken, monkeypatch)
            assert with_walk == without

    assert compared > 600


def test_a_header_longer_than_the_first_bytes_is_walked(tmp_path, monkeypatch):
    path = next(seeds(tmp_path))
    dataset = pydicom.dcmread(path)
    dataset.add_new(0x00091001, "OB", bytes(100_000))
    dataset.save_as(path)

    with_walk, without = both_roads(path, monkeypatch)

    assert walked(path) is not None
    assert with_walk == without


@pytest.mark.parametrize(
    "edit",
    [
        lambda data: data.replace(b"DICM", b"DICN", 1),
        lambda data: data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.2\0", 1),
        lambda data: data.replace(b"ISO_IR 100", b"ISO_IR 999", 1),
        lambda data: data.replace(b"\x08\x00\x70\x00LO", b"\x08\x00\x05\x00LO", 1),
        lambda data: data.replace(b"\x10\x00\x20\x00LO", b"\x10\x00\x20\x00Z!", 1),
        lambda data: data.replace(b"UL\x04\x00", b"UL\x04\x01", 1),
        lambda data: data[: data.index(b"\xe0\x7f\x10\x00")],
    ],
    ids=["no preamble", "big endian", "character set", "order", "VR", "group length", "no pixels"],
)
def test_what_leaves_doubt_is_left_to_pydicom(tmp_path, edit):
    path = next(seeds(tmp_path))
    data = path.read_bytes()
    changed = edit(data)
    assert changed != data
    path.write_bytes(changed)

    assert walked(path) is None
