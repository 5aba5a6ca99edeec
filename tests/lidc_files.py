"""LIDC-style XML files, small enough to check by hand."""

NAMES = (
    "subtlety", "internalStructure", "calcification", "sphericity", "margin", "lobulation", "spiculation",
    "texture", "malignancy",
)  # fmt: skip
SQUARE = ((2, 2), (2, 6), (6, 6), (6, 2))
"""(x, y) vertices of an outline; inside are the 3 x 3 pixels from 3 to 5."""


def lidc_xml(sessions, series_uid="1.2.9", namespace=' xmlns="http://www.nih.gov"', study_uid="1.2.8"):
    """A file of readings: `sessions` is a list of lists of marks (`nodule`, `small`, `non_nodule`)."""
    body = "".join(f"<readingSession>{''.join(marks)}</readingSession>" for marks in sessions)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><LidcReadMessage{namespace}><ResponseHeader>'
        f"<SeriesInstanceUid>{series_uid}</SeriesInstanceUid><StudyInstanceUID>{study_uid}</StudyInstanceUID>"
        f"</ResponseHeader>{body}</LidcReadMessage>"
    )


def nodule(*rois, malignancy=3, **ratings):
    """A nodule of at least 3 mm; ratings not named are 1, those that are None are missing."""
    given = {**dict.fromkeys(NAMES, 1), "malignancy": malignancy, **ratings}
    values = "".join(f"<{name}>{value}</{name}>" for name, value in given.items() if value is not None)
    characteristics = f"<characteristics>{values}</characteristics>"
    return (
        f"<unblindedReadNodule><noduleID>n</noduleID>{characteristics}{''.join(rois)}</unblindedReadNodule>"
    )


def small(z_mm, x, y, sop_uid=""):
    """A nodule below 3 mm: one point, no characteristics."""
    return f"<unblindedReadNodule><noduleID>s</noduleID>{roi(z_mm, [(x, y)], sop_uid)}</unblindedReadNodule>"


def non_nodule(z_mm, x, y, sop_uid=""):
    """A mark that is no nodule."""
    return f"<nonNodule>{_place(z_mm, sop_uid)}<locus>{_point(x, y)}</locus></nonNodule>"


def roi(z_mm, points=SQUARE, sop_uid="", inclusion="TRUE"):
    """A contour in one slice."""
    edges = "".join(f"<edgeMap>{_point(x, y)}</edgeMap>" for x, y in points)
    return f"<roi>{_place(z_mm, sop_uid)}<inclusion>{inclusion}</inclusion>{edges}</roi>"


def _place(z_mm, sop_uid):
    return f"<imageZposition>{z_mm}</imageZposition><imageSOP_UID>{sop_uid}</imageSOP_UID>"


def _point(x, y):
    return f"<xCoord>{x}</xCoord><yCoord>{y}</yCoord>"
