"""Ways to break a CT series on disk; a fault is planted by a function of the series' files in order."""

import os
import struct

import numpy as np
import pydicom
from ct_files import edit, write_ct

BAD = {
    "SeriesInstanceUID": "1.2.66.777",
    "StudyInstanceUID": "1.2.66.70",
    "PatientName": "CANARYNAME^Zoe",
    "PatientID": "CANARYID77",
    "PatientBirthDate": "19331231",
    "ReferringPhysicianName": "CANARYDOC",
    "SeriesDescription": "CANARYTEXT",
}
CANARIES = (*BAD.values(), "CANARYNAME", "Zoe")
SHAPE = (12, 40, 48)
USED, GONE = True, False
"""Whether a series with a fault is still used."""


def one(**tags):
    """Set tags of one file in the middle, or delete those that are None."""
    return lambda paths: edit(paths[5], **tags)


def every(**tags):
    """The same in all files."""

    def plant(paths):
        for path in paths:
            edit(path, **tags)

    return plant


def cut(end):
    """Cut one file at a byte, from its end if negative."""
    return lambda paths: paths[5].write_bytes(paths[5].read_bytes()[:end])


def cut_at(marker, more=0):
    """Cut one file at the bytes `marker`, or some bytes further on."""

    def plant(paths):
        data = paths[5].read_bytes()
        paths[5].write_bytes(data[: data.index(marker, 132) + more])

    return plant


def element(group, number):
    return struct.pack("<HH", group, number)


def replace(old, new):
    """Replace bytes of one file by as many others."""
    assert len(old) == len(new)

    def plant(paths):
        data = paths[5].read_bytes()
        assert old in data
        paths[5].write_bytes(data.replace(old, new))

    return plant


def number_as(keyword, text):
    """Put a text in place of a decimal string, which pydicom would not write."""

    def plant(paths):
        values = getattr(pydicom.dcmread(paths[5]), keyword)
        count = len(values) if hasattr(values, "__len__") else 1
        marks = [f"{7000 + index}" for index in range(count)]
        edit(paths[5], **{keyword: marks if count > 1 else marks[0]})
        old = "\\".join(marks).encode()
        old += b" " * (len(old) % 2)
        new = "\\".join([text, *marks[1:]]).encode()
        new += b" " * (len(new) % 2)
        data = paths[5].read_bytes()
        at = data.index(old)
        paths[5].write_bytes(data[: at - 2] + struct.pack("<H", len(new)) + new + data[at + len(old) :])

    return plant


def beside(name, content):
    """Add a file that is no image of the series."""

    def plant(paths):
        (paths[0].parent / name).write_bytes(content)

    return plant


def copy_as(**tags):
    """Add a copy of one file with other tags."""

    def plant(paths):
        copy = paths[0].parent / "zzz"
        copy.write_bytes(paths[5].read_bytes())
        edit(copy, **{"SOPInstanceUID": "1.2.3.99", "InstanceNumber": 99, **tags})

    return plant


def preamble(start):
    def plant(paths):
        paths[5].write_bytes(start + paths[5].read_bytes()[len(start) :])

    return plant


def without_preamble(paths):
    paths[5].write_bytes(paths[5].read_bytes()[132:])


def without_preamble_and_meta(paths):
    data = paths[5].read_bytes()
    paths[5].write_bytes(data[144 + struct.unpack_from("<I", data, 140)[0] :])


def both(first, second):
    def plant(paths):
        first(paths)
        second(paths)

    return plant


def positions(place):
    """Move slice k, in the order of positions, to `place(k)`."""

    def plant(paths):
        heights = {path: pydicom.dcmread(path).ImagePositionPatient[2] for path in paths}
        for index, path in enumerate(sorted(paths, key=heights.get)):
            edit(path, ImagePositionPatient=[f"{value:.6f}" for value in place(index)])

    return plant


def tilted(degrees):
    return positions(lambda k: (0, np.tan(np.radians(degrees)) * 2.5 * k, 2.5 * k))


def without_slice(paths):
    paths[5].unlink()


def long_series_without_slice(paths):
    rewritten((40, 40, 48))(paths)
    sorted(paths[0].parent.iterdir())[20].unlink()


def rewritten(shape=SHAPE, orientation=((0, 1, 2), (1, 1, 1)), **options):
    """The series anew."""

    def plant(paths):
        from ct_files import body_hu

        for path in paths:
            path.unlink()
        write_ct(paths[0].parent, body_hu(shape), orientation, **BAD, **options)

    return plant


def acquisitions(rival):
    """A second acquisition: of fewer images of the same region (`rival`), or of the other half."""

    def plant(paths):
        for path in paths:
            edit(path, AcquisitionNumber=1)
        for number, path in enumerate(paths[:5] if rival else ()):
            copy = path.with_name(f"again{number}")
            copy.write_bytes(path.read_bytes())
            changed = (pydicom.dcmread(path).pixel_array + 1).astype("<i2").tobytes()
            tags = {
                "AcquisitionNumber": 2,
                "SOPInstanceUID": f"1.2.4.{number}",
                "InstanceNumber": 100 + number,
            }
            edit(copy, PixelData=changed, **tags)
        for path in paths if not rival else ():
            height = float(pydicom.dcmread(path).ImagePositionPatient[2])
            edit(path, AcquisitionNumber=1 if height < -86 else 2)

    return plant


def renamed(name):
    """Give one file another name."""
    return lambda paths: paths[5].rename(paths[5].parent / name)


def moved(folder):
    """Move one file into a folder below."""

    def plant(paths):
        (paths[5].parent / folder).mkdir()
        paths[5].rename(paths[5].parent / folder / paths[5].name)

    return plant


def link(target):
    return lambda paths: (paths[0].parent / "link.dcm").symlink_to(target)


def fifo(paths):
    os.mkfifo(paths[0].parent / "pipe.dcm")


def not_utf8(paths):
    """A copy whose name is not UTF-8."""
    name = os.fsencode(paths[0].parent) + b"/\xff\xfe.dcm"
    with open(name, "wb") as stream:  # noqa: PTH123
        stream.write(b"text")
