"""Files that are cut, are no image, or have a name or a place of their own.

Rows as in `ct/test_fault_catalogue.py`.
"""

from ct_faults import (
    GONE,
    USED,
    beside,
    copy_as,
    cut,
    cut_at,
    element,
    every,
    fifo,
    link,
    moved,
    not_utf8,
    one,
    preamble,
    renamed,
    replace,
    without_preamble,
    without_preamble_and_meta,
)
from ct_pixel_faults import stored

CUTS = {
    f"D01 cut at byte {at}": ("LM-D002" if at < 132 else "LM-D005", GONE, cut(at))
    for at in (0, 1, 128, 131, 132, 133, 144, 160)
} | {
    "D01 cut in SOPClassUID": ("LM-D001", GONE, cut_at(element(0x0008, 0x0016), 20)),
    "D01 cut before StudyInstanceUID": ("LM-D001", GONE, cut_at(element(0x0020, 0x000D))),
    "D01 cut before the position": ("LM-D001", GONE, cut_at(element(0x0020, 0x0032))),
    "D01 cut in the orientation": ("LM-D001", GONE, cut_at(element(0x0020, 0x0037), 13)),
    "D01 cut before Rows": ("LM-D001", GONE, cut_at(element(0x0028, 0x0010))),
    "D01 cut before the pixels": ("LM-D001", GONE, cut_at(b"\xe0\x7f\x10\x00")),
    "D01 cut in the length of the pixels": ("LM-D005", GONE, cut_at(b"\xe0\x7f\x10\x00", 9)),
    "D01 cut before the first pixel": ("LM-D001", GONE, cut_at(b"\xe0\x7f\x10\x00", 12)),
    "D01 cut in the middle of the pixels": ("LM-D001", GONE, cut(-1900)),
    "D01 one byte short": ("LM-D001", GONE, cut(-1)),
    "D01 no pixels at all": ("LM-D001", GONE, one(PixelData=None)),
}

NOT_DICOM = {
    f"D02 {name}": ("LM-D002", USED, beside(name, content))
    for name, content in {
        "empty": b"",
        "notes.txt": b"CANARYNAME was here",
        "photo.png": b"\x89PNG\r\n\x1a\n" + bytes(300),
        ".DS_Store": b"\0\0\0\1Bud1" + bytes(300),
        "Thumbs.db": b"\xd0\xcf\x11\xe0" + bytes(300),
        "DICOMDIR": bytes(128) + b"DICM" + bytes(100),
        "random.dcm": bytes(range(256)) * 4,
        "header.json": b"{}",
    }.items()
} | {
    "D03 no preamble": ("LM-D003", USED, without_preamble),
    "D03 no preamble and no file meta": ("LM-D003", USED, without_preamble_and_meta),
    "D04 a Windows program": ("LM-D004", USED, preamble(b"MZ\x90\0")),
    "D04 a Linux program": ("LM-D004", USED, preamble(b"\x7fELF")),
    "D04 a script": ("LM-D004", USED, preamble(b"#!/bin/sh\n")),
    "D04 a PDF": ("LM-D004", USED, preamble(b"%PDF-1.7")),
    "D04 an archive": ("LM-D004", USED, preamble(b"PK\x03\x04")),
    "D34 a DICOMDIR that leads outside": (
        "LM-D002",
        USED,
        beside("DICOMDIR", bytes(128) + b"DICM" + b"..\\..\\..\\etc\\passwd"),
    ),
    "D35 a zip": ("LM-D002", USED, beside("a.zip", b"PK\x03\x04" + bytes(300))),
    "D35 a tar": ("LM-D002", USED, beside("a.tar", b"../../x".ljust(257, b"\0") + b"ustar")),
    "D04 a TIFF": ("", USED, preamble(b"II*\0")),
}

NAMES = {
    "D31 an unknown character set": ("", USED, replace(b"ISO_IR 100", b"ISO_XX 100")),
    "D31 spaces": ("", USED, renamed("a b  c .dcm")),
    "D31 an emoji": ("", USED, renamed("😀.dcm")),
    "D31 a line break": ("", USED, renamed("a\nb.dcm")),
    "D31 255 bytes": ("", USED, renamed("x" * 255)),
    "D31 a name like a frame's": ("", USED, renamed("image#3")),
    "D31 a folder below": ("", USED, moved("ünter")),
    "D31 a name that is not UTF-8": ("LM-D050", USED, not_utf8),
    "D32 burned-in text": ("LM-D058", GONE, one(BurnedInAnnotation="YES")),
    "D32 a name as class of object": (
        "LM-D047",
        GONE,
        replace(b"1.2.840.10008.5.1.4.1.1.2\0", b"CANARYNAME^Zoe 1.2.3.4.5.6"),
    ),
    "D32 no burned-in text": ("", USED, every(BurnedInAnnotation="NO")),
    "D33 a link to a file": ("LM-D050", USED, link("/etc/hostname")),
    "D33 a link into nowhere": ("LM-D050", USED, link("nowhere")),
    "D33 a link without end": ("LM-D050", USED, link("/dev/zero")),
    "D33 a loop of links": ("LM-D050", USED, link(".")),
    "D33 a pipe": ("LM-D050", USED, fifo),
    "D37 1024 HU too high": ("LM-D025", GONE, stored(lambda v: v + 1024)),
    "D37 1024 HU too low": ("LM-D025", GONE, stored(lambda v: v - 1024)),
    "D37 60 HU too high": ("", USED, stored(lambda v: v + 60)),
} | {
    f"D27 {name}": ("LM-D047", USED, copy_as(SOPClassUID=f"1.2.840.10008.5.1.4.1.1.{number}"))
    for name, number in {
        "a dose report": "88.67",
        "a segmentation": "66.4",
        "a presentation state": "11.1",
        "a secondary capture": "7",
        "a computed radiograph": "1",
        "a digital X-ray": "1.1",
        "a dose": "481.2",
        "a magnetic resonance image": "4",
    }.items()
}
