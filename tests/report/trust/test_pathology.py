"""What is said of diagnoses."""

from lungml.report.trust.pathology import pathology_block


def test_diagnoses_are_a_table_of_their_own_and_few_patients_are_called_few():
    area = {"value": 0.8, "low": 0.6, "high": 0.9}
    found = {"patients": 20, "malignant": 8, "unknown": 2, "small": True, "model_minus_readers": area}
    found["auroc"] = {"model": area, "readers": area, "diameter": area}

    few, many = (pathology_block({"pathology": found | {"small": small}}) for small in (True, False))

    assert "enters no other number" in few.reading
    assert [row[0] for row in few.grids[0].rows] == ["the model", "the readers' mean score", "diameter only"]
    assert "That is few" in few.verdict
    assert "That is few" not in many.verdict
