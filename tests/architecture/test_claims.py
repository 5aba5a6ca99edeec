"""No text of the project says that a disease is found: the labels are readers' ratings (V25)."""

import re

import pytest
from sources import ROOT, python_files

CLAIM = re.compile(
    r"\b(detect|diagnos|find|identif|predict|recogni[sz])\w*\s+(?!never|not)(?:[a-z-]+\s+){0,2}"
    r"(cancer|disease|tumou?r|malignanc)",
    re.IGNORECASE,
)
TEXTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "lungml").rglob("*.j2")),
    *python_files("lungml", "flows"),
]


def claims(text):
    return [found.group() for found in CLAIM.finditer(re.sub(r"\s+", " ", text))]


@pytest.mark.parametrize(
    ("text", "claimed"),
    [
        ("This model detects\nlung cancer.", True),
        ("predicting early disease", True),
        ("It predicts the readers' rating, never cancer.", False),
        ("A table of diagnoses: cancer or not", False),
    ],
)
def test_a_claim_is_told_from_a_disclaimer(text, claimed):
    assert bool(claims(text)) is claimed


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_claims_to_find_a_disease(path):
    assert claims(path.read_text(encoding="utf-8")) == []
