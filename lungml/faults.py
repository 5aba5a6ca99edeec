"""The catalogue of faults: what each code means, what is done, and what a person can do next.

LM-Dxxx: DICOM files and series. LM-Xxxx: files of readings. LM-Pxxx: what says who the patient is. LM-Vxxx:
leakage between parts. A new one is a row here and a rule where it is detected (`ct/rules.py` for one file,
`ct/geometry.py` and `ct/series.py` for a series, `checks/leakage.py` for leakage).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What happens to the item; the rest of the input goes on, unless the action is `STOPPED`."""

    QUARANTINED = "quarantined"
    """Set aside: it takes no part in anything."""
    REPAIRED = "repaired"
    """Used after a change that is always the same."""
    SKIPPED = "skipped"
    """Not meant for this pipeline."""
    NOTED = "noted"
    """Used as it is."""
    STOPPED = "stopped"
    """Nothing is written: any choice among what was found would be a guess."""


@dataclass(frozen=True)
class Fault:
    """A row of the catalogue; the texts are parts of one sentence each, without a full stop."""

    what: str
    action: Action
    done: str
    advice: str


_SERIES_ASIDE = "The series is set aside"
_FILE_ASIDE = "The file is set aside"
_FETCH_AGAIN = "Fetch or export the series again"
_HEADER = "Ask the source for an export with a complete header"


def _refused(what: str, advice: str = _FETCH_AGAIN, done: str = _SERIES_ASIDE) -> Fault:
    return Fault(what, Action.QUARANTINED, done, advice)


def _skipped(what: str, advice: str, done: str = "It is left out") -> Fault:
    return Fault(what, Action.SKIPPED, done, advice)


def _noted(what: str, done: str, advice: str = "Nothing needs to be done") -> Fault:
    return Fault(what, Action.NOTED, done, advice)


def _repaired(what: str, done: str, advice: str = "Nothing needs to be done") -> Fault:
    return Fault(what, Action.REPAIRED, done, advice)


def _stopped(what: str, advice: str) -> Fault:
    return Fault(what, Action.STOPPED, "Nothing is written", advice)


def _leak(what: str, advice: str) -> Fault:
    return Fault(what, Action.STOPPED, "Nothing is trained", advice)


def _hint(what: str, advice: str) -> Fault:
    return _noted(what, "It is shown as a warning", advice)


def _row_aside(what: str, advice: str) -> Fault:
    return Fault(what, Action.QUARANTINED, "These rows are set aside", advice)


FAULTS = {
    "LM-D001": _refused("the file ends early"),
    "LM-D002": _skipped("the file is of no kind that is read here", "Remove it if it does not belong there"),
    "LM-D003": _repaired("the 132-byte preamble is missing", "The file is read without it"),
    "LM-D004": _noted("the preamble looks like a program or another file type", "It is never copied onward"),
    "LM-D005": _refused("the DICOM header cannot be read", done="The file is set aside"),
    "LM-D020": _repaired(
        "the rescale slope and intercept are missing",
        "Those of ct.assume_rescale in params.yaml are used",
        "Check that they are right for this scanner",
    ),
    "LM-D021": _refused("the rescale slope or intercept is missing, so HU are unknown", _HEADER),
    "LM-D022": _refused("the rescale slope or intercept makes no sense", _HEADER),
    "LM-D023": _refused("the pixel data do not have the length the header says"),
    "LM-D024": _refused("stored values do not fit the declared bits"),
    "LM-D025": _refused("the values are not plausible HU of a body in air"),
    "LM-D026": _refused("a tag that decoding needs is missing", _HEADER),
    "LM-D027": _repaired("pixels are padding", "They are set to -1000 HU and left out of statistics"),
    "LM-D028": _refused("the grey values of a MONOCHROME1 image are inverted, so they are not HU"),
    "LM-D029": _noted(
        "the declared padding value is an HU of tissue", "It is taken as tissue, not as padding"
    ),
    "LM-D030": _refused("the declared size is beyond the limits", "Check the file; CT is never this large"),
    "LM-D031": _refused("the compressed data set grows too much", "Check where the file comes from"),
    "LM-D032": _refused("sequences are nested too deep", "Check where the file comes from"),
    "LM-D033": _refused("the pixel data cannot be decoded", "Fetch the file again, or export uncompressed"),
    "LM-D034": _refused(
        "a file of several frames does not say what each of them is", "Export as single-frame CT images"
    ),
    "LM-D035": _noted(
        "the pixels were compressed with loss",
        "They are used as they are; HU differ a little from the scanner's",
        "Ask the source for images without lossy compression",
    ),
    "LM-D040": _noted(
        "InstanceNumber is missing or the same for several images",
        "It is not needed: images are ordered by their positions",
    ),
    "LM-D041": _repaired("two files hold the same slice", "One of them is used"),
    "LM-D042": _refused("two different images have the same position", "Export one acquisition per series"),
    "LM-D043": _refused("the slices are not evenly spaced; one is missing, or this is no volume"),
    "LM-D044": _refused(
        "the slices are sheared (gantry tilt)", "Export a reconstruction without tilt, or resample it"
    ),
    "LM-D045": _refused(
        "the series mixes images that do not belong together", "Export one volume per series"
    ),
    "LM-D046": _skipped("the image is a localizer", "Nothing needs to be done"),
    "LM-D047": _skipped("the object is not a CT image", "Nothing needs to be done"),
    "LM-D048": _refused("position, orientation or pixel spacing is missing or impossible", _HEADER),
    "LM-D049": _refused("a number in the header cannot be read", _HEADER),
    "LM-D050": _skipped("this is a link, a device or cannot be opened", "Put the file itself there"),
    "LM-D053": _refused("the series has too few slices to be a volume", "Fetch the whole series"),
    "LM-D054": _noted(
        "the slices are not evenly spaced, far from every nodule", "The planes are used as they are"
    ),
    "LM-D055": _noted("the PatientID is missing", "The study stands in for the patient", _HEADER),
    "LM-D056": _refused(
        "ct.skip_series in params.yaml names the series", "Remove it there to use the series"
    ),
    "LM-D060": _refused("the volume or image file cannot be read", "Fetch or convert it again", _FILE_ASIDE),
    "LM-D061": _refused(
        "the file does not hold one CT number a voxel", "Convert the original, without a window", _FILE_ASIDE
    ),
    "LM-D062": _refused("the file has another number of axes", "Export one volume a file", _FILE_ASIDE),
    "LM-D063": _refused("values are not numbers", "Convert the original again", _FILE_ASIDE),
    "LM-D064": _refused(
        "the file does not say where its voxels lie", "Convert the original with its geometry", _FILE_ASIDE
    ),
    "LM-D065": _refused(
        "qform and sform put the volume in different places", "Keep the one that is right", _FILE_ASIDE
    ),
    "LM-D066": _refused("the image holds one value throughout", "Convert the original again", _FILE_ASIDE),
    "LM-D067": _refused(
        "the header points to a file elsewhere", "Put the values beside it or into it", _FILE_ASIDE
    ),
    "LM-D057": _repaired(
        "the series holds several acquisitions of the same region",
        "The one with the most images is used",
        "Export one acquisition per series to use another one",
    ),
    "LM-D058": _refused(
        "the image says that text is burned into it", "Ask the source for images without burned-in text"
    ),
    "LM-D059": _noted(
        "slices of a series differ in how their values become HU", "Each is used with its own", _HEADER
    ),
    "LM-X001": _skipped(
        "the XML is refused (DOCTYPE, larger than 64 MiB, nested deeper than 32, or malformed)",
        "Check where the file comes from",
        "None of its readings is used",
    ),
    "LM-X002": _skipped("the XML holds no LIDC readings of a CT", "Nothing needs to be done"),
    "LM-X003": _skipped(
        "the readings are of a series that is not there or is set aside",
        "Add the series if its readings are wanted",
        "They are left out",
    ),
    "LM-X004": _noted(
        "a rating is missing or outside its scale", "It counts as not given", "Check the reading"
    ),
    "LM-X005": _refused(
        "files with different readings name the same series",
        "Keep the file that belongs to the series",
        "All readings of the series are set aside",
    ),
    "LM-X006": _refused(
        "a contour lies on no slice of the series", "Fetch the whole series", "The reading is set aside"
    ),
    "LM-X007": _refused(
        "a contour cannot be used (fewer than three points, or outside the image)",
        "Check the reading",
        "The reading is set aside",
    ),
    "LM-X008": _refused(
        "contours of a series that is not stacked along the body axis are not supported",
        "Export axial images",
        "The readings are set aside",
    ),
    "LM-X009": _noted(
        "readings of one nodule are ambiguous (a reader twice, or more than four)",
        "They count as one nodule, flagged",
        "Look at it, or change the parameters of consensus",
    ),
    "LM-X010": _repaired("several files hold the same readings of one series", "One of them is used"),
    "LM-D051": _refused(
        "the archive is not safe to unpack",
        "Unpack it by hand after a look, and name the folder",
        "Nothing of it is used",
    ),
    "LM-P001": _skipped("the image may show text about the patient", "Look at it, and crop it by hand"),
    "LM-P002": _skipped("the file holds bytes that are not pixels of its image", "Export it again"),
    "LM-P003": _skipped(
        "this kind of file cannot be de-identified", "Leave it out, or take the patient out of it by hand"
    ),
    "LM-P004": _skipped("the table has no column that is known", "Name its columns as docs/data.md says"),
    "LM-L001": _stopped("the table lacks columns that it needs, or cannot be read", "Add or rename them"),
    "LM-L002": _skipped("the file is no table that lungml reads", "Nothing needs to be done"),
    "LM-L003": _stopped("one nodule has several labels or scores", "Keep the one that is right"),
    "LM-L004": _row_aside(
        "a row names a series or file that is not there, or several at once",
        "Correct the name or add the file",
    ),
    "LM-L005": _row_aside("a value is missing or is no number", "Write numbers with a decimal point"),
    "LM-L006": _row_aside(
        "a score (1 to 5), label (0 or 1) or diameter is out of its range", "Correct the value"
    ),
    "LM-L007": _row_aside("a point lies outside its volume", "Check its unit, axes and series"),
    "LM-L008": Fault(
        "a nodule is listed twice", Action.REPAIRED, "One row of each is used", "Nothing needs to be done"
    ),
    "LM-L009": _row_aside("the patient is not given", "Add the patient_id"),
    "LM-L010": _noted(
        "the table has no patient_id, and neither have its files",
        "Each series counts as a patient, so two scans of one patient could come into different parts",
        "Add the column patient_id",
    ),
    "LM-L011": _stopped("one patient has several ids, or one series several patients", "Correct patient_id"),
    "LM-L012": _skipped("no table of points names the volume file", "Add its nodules to a table of points"),
    "LM-L013": _noted(
        "a table of points names a series that has readings in XML",
        "Its nodules are the points; the readings are left out",
        "Remove the series from the table to use the readings",
    ),
    "LM-L014": _repaired("names of columns or files differ in case or spaces", "They are read all the same"),
    "LM-L015": _row_aside("a cell is a formula or merged with others", "Write the value into the cell"),
    "LM-L016": _noted("the sheet has parts that are not looked at", "They are left out", "Check them"),
    "LM-L017": _row_aside("an image that a row names is not there or cannot be used", "Add or mend the file"),
    "LM-L018": _skipped("an image is in no row of the sheet", "Add a row for it, if it is wanted"),
    "LM-L019": _noted(
        "several rows have the same full slice", "Their nodules are of one image and one patient"
    ),
    "LM-L020": _noted(
        "the source has no patient ids",
        "Patients are inferred from full slices that are identical or alike; one may be several",
        "Split by true patient ids if you have them",
    ),
    "LM-L021": _noted(
        "the nodule image is no part of its full slice",
        "Where the nodule lies in it is unknown",
        "Check the pair",
    ),
    "LM-V001": _leak("a patient is in more than one part", "A split is by patient: write it anew"),
    "LM-V002": _leak(
        "the same image is in more than one part under different patients",
        "Correct the PatientID of copies, or leave copies out with ct.skip_series in params.yaml",
    ),
    "LM-V003": _leak(
        "one study or series is under several patients", "Correct the PatientID, then write the split anew"
    ),
    "LM-V004": _leak(
        "nodules of different parts lie on one slice", "They are of one patient: correct its id"
    ),
    "LM-V005": _leak(
        "neighbouring slices of one series are in different parts", "They are of one patient: correct its id"
    ),
    "LM-V006": _leak(
        "slices that look like neighbours or copies are in different parts",
        "Look at the pairs; give both the same patient, or leave one out",
    ),
    "LM-V007": _leak("equal views are in different parts", "Leave one of the two out (exclusions.csv)"),
    "LM-V008": _leak(
        "views in different parts are copies of each other, apart from noise, window, size or place",
        "Look at the pairs; leave one of the two out (exclusions.csv)",
    ),
    "LM-V009": _leak(
        "an image that is augmented by its name is outside train",
        "Give the original images alone; lungml augments in training",
    ),
    "LM-V010": _leak("cross-validation shares patients or uses the test part", "Write the split anew"),
    "LM-V011": _leak("labels are not those of the label policy", "Write the split anew"),
    "LM-V012": _hint("the label can be told from names", "Name files and nodules by something else"),
    "LM-V013": _hint("the label can be told from the order of names", "Name files in random order"),
    "LM-V014": _hint(
        "the label can be told from the header of the scan",
        "Classes may come from different scanners; judge the model within each of them",
    ),
    "LM-V015": _hint("the label can be told from the size of files", "Store all images the same way"),
    "LM-V016": _hint("the label can be told from a mark near the edge", "Look at the images there"),
}
