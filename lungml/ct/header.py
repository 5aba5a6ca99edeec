"""What lungml reads of a DICOM header, parsed from the raw bytes of the elements.

Values are taken as bytes and parsed here, not by pydicom's converters: those differ in what they raise, and
they cost a third of the time. A missing value is None; one that is there but cannot be parsed is named in
`Header.unreadable`, and the rules decide.
"""

from __future__ import annotations

from dataclasses import dataclass

from lungml.ct.paths import join_frame


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How pixels are stored, and where they are in the file.

    Attributes:
        padding: declared PixelPaddingValue as the 16-bit word it is in the file, else None.
        padding_limit: PixelPaddingRangeLimit, likewise.
        offset: of the first pixel byte, in the inflated bytes if the file is deflated; None if unknown.
        length: declared length in bytes; None if undefined (compressed) or there are no pixels.
        file_bytes: size of the file, inflated if it is deflated.
        lossy: whether the header says that compression lost something; '' if it says nothing.
    """

    transfer_syntax: str
    photometric: str | None
    rows: int | None
    columns: int | None
    frames: int
    samples: int
    bits_allocated: int | None
    bits_stored: int | None
    high_bit: int | None
    signed: bool | None
    padding: int | None
    padding_limit: int | None
    offset: int | None
    length: int | None
    file_bytes: int
    lossy: str

    @property
    def expected_bytes(self) -> int:
        """Bytes of the uncompressed pixels; the tags must be there."""
        size = (self.rows or 0) * (self.columns or 0) * self.frames * self.samples
        return size * ((self.bits_allocated or 0) // 8)

    @property
    def is_native(self) -> bool:
        """Whether pixels are uncompressed and the data set is not deflated."""
        return self.transfer_syntax in NATIVE_SYNTAXES


@dataclass(frozen=True, slots=True)
class Place:
    """Where the image lies in the patient (LPS, mm), as DICOM says it.

    Attributes:
        position: ImagePositionPatient, centre of the first pixel (x, y, z).
        orientation: ImageOrientationPatient, direction of growing column index, then of growing row index.
        spacing: PixelSpacing: between rows (y) first, then between columns (x).
    """

    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class Scan:
    """Who and what was scanned, and with what; '' or NaN where the header does not say."""

    manufacturer: str
    model: str
    kernel: str
    sex: str
    kvp: float
    slice_thickness_mm: float
    age_years: float


@dataclass(frozen=True, slots=True)
class Header:
    """One image, without its pixels: a DICOM file, or one frame of a file of many.

    Attributes:
        path: of the file, relative to the raw folder, with /.
        frame: which one of the file's frames; None if the file is one image.
        identities: words that identify the patient; they are kept out of every message.
        unreadable: names of tags whose value is there but cannot be parsed.
        notes: codes of repairs and notes that reading the file made.
        instance_number, acquisition, rescale_type: as the header has them; '' if missing.
        burned_in: whether the header says that text is burned into the pixels.
    """

    path: str
    frame: int | None
    sop_class: str
    sop_uid: str
    series_uid: str
    study_uid: str
    patient_id: str
    image_type: tuple[str, ...]
    pixels: PixelFormat
    place: Place
    slope: float | None
    intercept: float | None
    scan: Scan
    identities: tuple[str, ...]
    unreadable: tuple[str, ...]
    notes: tuple[str, ...]
    instance_number: str
    acquisition: str
    rescale_type: str
    burned_in: bool

    @property
    def address(self) -> str:
        """Path and frame as one text, see `lungml.ct.paths`."""
        return join_frame(self.path, self.frame)


IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
NATIVE_SYNTAXES = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG)
