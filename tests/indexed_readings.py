"""Series with readings of two readers, and the tables that the stage index makes of them."""

from ct_files import ORIENTATIONS, body_hu, write_ct
from lidc_files import lidc_xml, nodule, non_nodule, roi, small

from lungml.params.data import ConsensusParams, CtParams
from lungml.stages.index import run
from lungml.tables import CONTOURS, NODULES, READINGS, SERIES, SLICES, read_table

SHAPE = (8, 12, 14)
HERE, THERE = [(4, 3), (4, 7), (8, 7), (8, 3)], [(5, 3), (5, 7), (9, 7), (9, 3)]


def index(raw, out, **ct):
    run(CtParams(**ct), ConsensusParams(), raw=raw, out=out)
    return {table.name: read_table(out / f"{table.name}.parquet", table) for table in TABLES}


TABLES = (SERIES, SLICES, READINGS, CONTOURS, NODULES)


def z_mm(index):
    return -100.0 + 2.5 * index


def readings_xml(series_uid="1.2.9"):
    """Two readers of one nodule on planes 2 and 3, a nodule of the second reader alone, and points."""
    return lidc_xml(
        [
            [nodule(roi(z_mm(2), HERE), roi(z_mm(3), HERE), malignancy=4), small(z_mm(5), 2, 3)],
            [
                nodule(roi(z_mm(3), THERE), malignancy=2),
                nodule(roi(z_mm(6), HERE), malignancy=5),
                non_nodule(z_mm(1), 9, 9),
            ],
        ],
        series_uid,
    )


def cohort(raw, patients=("P1",), orientation=ORIENTATIONS[0]):
    for number, patient in enumerate(patients):
        uid = f"1.2.9{number}"
        folder = raw / f"folder{number}"
        write_ct(
            folder, body_hu(SHAPE, seed=number), orientation, PatientID=patient, SeriesInstanceUID=uid,
            StudyInstanceUID=f"1.2.8{number}", PatientName="Roe^Richard",
        )  # fmt: skip
        (raw / f"{number}.xml").write_text(readings_xml(uid))
