"""Files of readings beside a sound series, whole and broken.

Rows as in `ct/test_fault_catalogue.py`.
"""

from ct_faults import BAD, USED, beside, both, rewritten
from lidc_files import SQUARE, lidc_xml, nodule, roi, small

Z_MM = -97.5


def readings(*sessions, name="readings.xml", **options):
    """A file of readings beside the images."""
    uid = options.pop("series_uid", BAD["SeriesInstanceUID"])
    return beside(name, lidc_xml(sessions, series_uid=uid, **options).encode())


def with_prolog(prolog):
    text = lidc_xml([[nodule(roi(Z_MM))]], series_uid=BAD["SeriesInstanceUID"])
    return beside("readings.xml", (prolog + text.split("?>", 1)[1]).encode())


OUTLINE = roi(Z_MM)
NEAR_SQUARE = ((2, 2), (2, 7), (7, 7), (7, 2))
XML = {
    "X01 a DOCTYPE": ("LM-X001", USED, with_prolog("<!DOCTYPE a>")),
    "X01 entities": ("LM-X001", USED, with_prolog('<!DOCTYPE a [<!ENTITY b "c">]>')),
    "X01 an outside entity": (
        "LM-X001",
        USED,
        with_prolog('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'),
    ),
    "X01 nested 100 deep": ("LM-X001", USED, beside("a.xml", b"<a>" * 100 + b"</a>" * 100)),
    "X01 not closed": ("LM-X001", USED, beside("a.xml", b"<LidcReadMessage><readingSession>")),
    "X02 another namespace": ("", USED, readings([nodule(OUTLINE)], namespace=' xmlns="urn:x"')),
    "X02 no namespace": ("", USED, readings([nodule(OUTLINE)], namespace="")),
    "X02 another document": ("LM-X002", USED, beside("a.xml", b"<html></html>")),
    "X03 a small nodule": ("", USED, readings([small(Z_MM, 3, 3)])),
    "X04 no malignancy": ("LM-X004", USED, readings([nodule(OUTLINE, malignancy=None)])),
    "X04 malignancy 0": ("LM-X004", USED, readings([nodule(OUTLINE, malignancy=0)])),
    "X04 malignancy 6": ("LM-X004", USED, readings([nodule(OUTLINE, malignancy=6)])),
    "X04 malignancy N/A": ("LM-X004", USED, readings([nodule(OUTLINE, malignancy="N/A")])),
    "X05 readings of no series": ("LM-X003", USED, readings([nodule(OUTLINE)], series_uid="1.2.66.777.1")),
    "D34 readings of a path": ("LM-X003", USED, readings([nodule(OUTLINE)], series_uid="../../etc/passwd")),
    "X05 two files that differ": (
        "LM-X005",
        USED,
        both(readings([nodule(OUTLINE)]), readings([nodule(OUTLINE, malignancy=5)], name="b.xml")),
    ),
    "X05 the same file twice": (
        "LM-X010",
        USED,
        both(readings([nodule(OUTLINE)]), readings([nodule(OUTLINE)], name="b.xml")),
    ),
    "X06 a contour on no slice": ("LM-X006", USED, readings([nodule(roi(-500.0))])),
    "X06 a height rounded by 0.1 mm": ("", USED, readings([nodule(roi(Z_MM + 0.1))])),
    "X07 two points": ("LM-X007", USED, readings([nodule(roi(Z_MM, SQUARE[:2]))])),
    "X07 outside the image": (
        "LM-X007",
        USED,
        readings([nodule(roi(Z_MM, [(900, 900), (900, 910), (910, 910)]))]),
    ),
    "X08 a sagittal series": (
        "LM-X008",
        USED,
        both(rewritten(orientation=((2, 1, 0), (1, 1, 1))), readings([nodule(OUTLINE)])),
    ),
    "X09 a reader twice": (
        "LM-X009",
        USED,
        readings([nodule(OUTLINE)], [nodule(OUTLINE), nodule(roi(Z_MM, NEAR_SQUARE))]),
    ),
    "X09 five readers": ("LM-X009", USED, readings(*[[nodule(OUTLINE)] for _ in range(5)])),
}
