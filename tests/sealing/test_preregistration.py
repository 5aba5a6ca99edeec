import pytest

from lungml.errors import ParamsError
from lungml.params.data import LabelParams
from lungml.sealing.preregistration import read_preregistration
from lungml.terms import Task

PLAN = "nodule-binary: {primary_metric: weighted_auprc, compared_with: diameter, policy: mean, n: 237}\n"
METRICS = {"raw": {"weighted_auprc": {}}, "baselines": {"diameter": {}}, "n": 237}


def read(tmp_path, text=PLAN, task=Task.NODULE_BINARY):
    (tmp_path / "plan.yaml").write_text(text)
    return read_preregistration(tmp_path / "plan.yaml", task)


def test_what_was_registered_and_holds_has_no_deviation(tmp_path):
    assert read(tmp_path).deviations(METRICS, LabelParams()) == []


@pytest.mark.parametrize(
    ("change", "deviation"),
    [
        (("n: 237", "n: 300"), "300 nodules (found 237)"),
        (("policy: mean", "policy: median"), "policy median"),
        (("policy: mean", "policy: none"), "policy none"),
        (("weighted_auprc", "luck"), "metric luck"),
        (("diameter", "texture"), "baseline texture"),
    ],
)
def test_what_does_not_hold_is_named(tmp_path, change, deviation):
    assert read(tmp_path, PLAN.replace(*change)).deviations(METRICS, LabelParams()) == [deviation]


def test_the_policy_of_params_yaml_can_be_registered_without_a_name(tmp_path):
    registered = read(tmp_path, PLAN.replace("policy: mean", "policy: params.yaml"))

    assert registered.deviations(METRICS, LabelParams(min_readers=4)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no pre-registration"),
        ("nodule-binary: {n: 0}", "no pre-registration"),
        ("lung: {}", "no pre-registration"),
        ("", "no pre-registration"),
        (PLAN.replace("binary", "five"), "nothing for nodule-binary"),
    ],
)
def test_a_wrong_file_is_refused_with_a_sentence(tmp_path, text, said):
    with pytest.raises(ParamsError, match=said):
        read(tmp_path, text)


def test_a_missing_file_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(ParamsError, match="commit it before the test part is opened"):
        read_preregistration(tmp_path / "plan.yaml", Task.NODULE_BINARY)
