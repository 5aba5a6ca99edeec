"""Ways to break the pixels of CT images on disk, and the header around them; planted as in `ct_faults`."""

import struct

import numpy as np
import pydicom
from ct_faults import replace
from ct_files import compress_with_gdcm, edit, edit_frames, write_frames
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLosslessSV1, RLELossless


def stored(change):
    """Let `change` work on the stored values (int16) of every file."""

    def plant(paths):
        for path in paths:
            dataset = pydicom.dcmread(path)
            values = change(dataset.pixel_array.astype(np.int32))
            edit(path, PixelData=values.astype("<i2").tobytes())

    return plant


def padding(value):
    """Declare padding in all files."""

    def plant(paths):
        for path in paths:
            dataset = pydicom.dcmread(path)
            dataset.add_new("PixelPaddingValue", "SS", value)
            dataset.save_as(path)

    return plant


def circle(values):
    """Padding of -2000 in the first rows."""
    values[:4] = -2000
    return values


def nested(depth, *, defined=False, flat=False, implicit=False):
    """Put sequences into one another by hand: pydicom takes gigabytes to write them."""
    tag = b"\x08\x00\x40\x11"
    end_item, end_sequence = b"\xfe\xff\x0d\xe0" + bytes(4), b"\xfe\xff\xdd\xe0" + bytes(4)
    item, undefined = b"\xfe\xff\x00\xe0", b"\xff\xff\xff\xff"
    head = tag if implicit else tag + b"SQ\0\0"
    if flat:
        content = head + undefined + (item + undefined + end_item) * depth + end_sequence
    elif defined:
        content = b""
        for _ in range(depth):
            content = item + struct.pack("<I", len(content)) + content
            content = head + struct.pack("<I", len(content)) + content
    else:
        content = (head + undefined + item + undefined) * depth + (end_item + end_sequence) * depth

    def plant(paths):
        if implicit:
            dataset = pydicom.dcmread(paths[5])
            dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
            dataset.save_as(paths[5], implicit_vr=True, little_endian=True)
        data = paths[5].read_bytes()
        at = data.index(b"\x10\x00\x10\x00")
        paths[5].write_bytes(data[:at] + content + data[at:])

    return plant


def inflating(size):
    """Deflate all files; one has `size` zeros in a private element."""

    def plant(paths):
        for path in paths:
            dataset = pydicom.dcmread(path)
            if path == paths[5] and size:
                dataset.add_new(0x00091010, "OB", bytes(size))
            dataset.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
            dataset.save_as(path, implicit_vr=False, little_endian=True)

    return plant


def coded(syntax, **options):
    """Compress all files."""

    def plant(paths):
        for path in paths:
            if syntax == JPEGLosslessSV1:
                compress_with_gdcm(path)
                continue
            dataset = pydicom.dcmread(path)
            dataset.compress(syntax, generate_instance_uid=False, **options)
            dataset.save_as(path)

    return plant


def junk(syntax, content):
    """Compressed files, one of which holds something else."""

    def plant(paths):
        coded(syntax)(paths)
        edit(paths[5], PixelData=encapsulate([content]))

    return plant


def unknown_syntax(paths):
    coded(RLELossless)(paths)
    replace(b"1.2.840.10008.1.2.5\0", b"1.2.840.10008.1.2.6\0")(paths)


def declared_length(length):
    def plant(paths):
        data = bytearray(paths[5].read_bytes())
        at = data.rindex(b"\xe0\x7f\x10\x00OW") + 8
        data[at : at + 4] = struct.pack("<I", length)
        paths[5].write_bytes(data)

    return plant


def frames(change=None, **tags):
    """One Enhanced CT file in place of the single images."""

    def plant(paths):
        folder = paths[0].parent
        path = write_frames(folder.with_name("frames") / "ct.dcm", folder, **tags)
        for each in paths:
            each.unlink()
        path.rename(folder / "ct.dcm")
        path.parent.rmdir()
        if change:
            edit_frames(folder / "ct.dcm", change)

    return plant


def no_rescale(dataset):
    del dataset.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
