import numpy as np
import pandas as pd
import pytest

from lungml.errors import InputError, MissingInputError
from lungml.evaluation.keyed import keyed, read_answers, write_answers


def predictions(parts=("test", "val", "test", "test")):
    shares = np.random.default_rng(0).dirichlet(np.ones(5), len(parts))
    return pd.DataFrame(
        {
            "nodule_id": [f"LIDC-IDRI-0001-n{number}" for number in range(len(parts))],
            "patient_id": ["LIDC-IDRI-0001"] * len(parts),
            "part": parts,
            "label": [0, 1, 2, 4][: len(parts)],
            "probabilities": list(shares),
            "probabilities_tta": list(shares),
        }
    )


def test_answers_come_back_from_the_file_digit_for_digit(tmp_path):
    answers = keyed(predictions())

    write_answers(tmp_path / "answers.csv", answers)
    found = read_answers(tmp_path / "answers.csv")

    assert found.cases.probabilities.tolist() == answers.cases.probabilities.tolist()
    assert found.cases.labels.tolist() == answers.cases.labels.tolist()
    assert (found.nodules.tolist(), found.patients.tolist()) == (
        answers.nodules.tolist(),
        answers.patients.tolist(),
    )


def test_only_test_nodules_are_kept_and_no_id_is_named(tmp_path):
    write_answers(tmp_path / "answers.csv", keyed(predictions()))

    text = (tmp_path / "answers.csv").read_text()

    assert len(text.splitlines()) == 1 + 3
    assert "LIDC" not in text


def test_the_order_of_the_rows_does_not_matter(tmp_path):
    for name, rows in (("a", predictions()), ("b", predictions().iloc[::-1])):
        write_answers(tmp_path / name, keyed(rows))

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_checksum_is_the_start_of_the_sha256_of_the_id():
    # printf P1 | sha256sum
    rows = predictions().assign(patient_id="P1")

    assert set(keyed(rows).patients) == {"fbeae7c18667b698"}


def test_a_file_that_is_not_there_says_which_stage_writes_it(tmp_path):
    with pytest.raises(MissingInputError, match="dvc repro evaluate"):
        read_answers(tmp_path / "answers.csv")


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", "nodule,patient,label,p1,p2\n", "nodule,patient,label,p1,p2\na,b,0,x,0.5\n"]
)
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / "answers.csv").write_text(text)

    with pytest.raises(InputError, match="holds no answers"):
        read_answers(tmp_path / "answers.csv")
