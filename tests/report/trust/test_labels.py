"""What is said of labels to look at again."""

from trust_examples import example_evidence, example_trust

from lungml.evaluation.trust import suspicious
from lungml.report.trust.labels import labels_block
from lungml.terms import Task


def test_suspicious_labels_name_the_label_and_what_the_model_would_say():
    evidence = example_evidence()
    rows = suspicious(evidence)

    block = labels_block(example_trust(), rows, list(Task.NODULE_BINARY.target.class_names))

    first = block.grids[0].rows[0]
    assert first[0] == rows.set_index("rank").loc[1, "nodule_id"]
    assert {first[2].split(" (")[0], first[3].split(" (")[0]} == {"benign", "malignant"}
    assert "never a reason to leave a nodule out" in block.reading
