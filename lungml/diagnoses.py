"""Diagnoses of patients, such as pathology: never learnt from, kept apart from the readers' scores.

A CSV with the columns patient_id and diagnosis; TCIA's table of LIDC-IDRI, saved as CSV, is read as it is.
"""

from __future__ import annotations

import csv
import io

import pandas as pd

from lungml.errors import InputError

DIAGNOSES = {
    0: "unknown",
    1: "benign or no malignant disease",
    2: "malignant, primary lung cancer",
    3: "malignant, metastasis",
}
"""The codes of TCIA's table (tcia-diagnosis-data-2012-04-20), at the level of the patient."""
COLUMNS = ("patient_id", "diagnosis")
_TCIA = ("tcia patient id", "diagnosis at the patient level")


def parse_diagnoses(text: str) -> pd.DataFrame:
    """Rows patient_id and diagnosis (a key of `DIAGNOSES`), sorted; other columns are passed over.

    Raises:
        InputError: a column is missing, a diagnosis is none, or a patient is there twice.
    """
    rows = list(csv.reader(io.StringIO(text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"))))
    header = [" ".join(name.split()).lower() for name in rows[0]] if rows else []
    places = _places(header)
    if places is None:
        raise InputError(
            f"the table of diagnoses has the columns {', '.join(header)[:200] or '(none)'}; expected "
            f"{', '.join(COLUMNS)}, or those of TCIA's table of LIDC-IDRI"
        )
    found: dict[str, int] = {}
    for number, row in enumerate(rows[1:], start=2):
        if not any(row):
            continue
        patient, diagnosis = (row[place].strip() if place < len(row) else "" for place in places)
        if not patient or diagnosis not in map(str, DIAGNOSES) or patient in found:
            raise InputError(
                f"the table of diagnoses, line {number}: expected a patient that is not there yet and a "
                f"diagnosis of {', '.join(map(str, DIAGNOSES))}, found diagnosis {diagnosis!r}; mend that "
                "line"
            )
        found[patient] = int(diagnosis)
    ordered = sorted(found.items())
    return pd.DataFrame(
        {"patient_id": [patient for patient, _ in ordered], "diagnosis": [code for _, code in ordered]}
    ).astype({"patient_id": "object", "diagnosis": "int8"})


def diagnoses_text(table: pd.DataFrame) -> str:
    """The table as CSV that `parse_diagnoses` reads."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(zip(table["patient_id"], table["diagnosis"], strict=True))
    return text.getvalue()


def _places(header: list[str]) -> tuple[int, int] | None:
    for names in (COLUMNS, _TCIA):
        found = [next((i for i, own in enumerate(header) if own.startswith(name)), None) for name in names]
        if None not in found:
            return found[0], found[1]  # type: ignore[return-value]
    return None
