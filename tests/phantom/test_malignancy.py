"""The rule behind the labels: what size alone can tell, and what each control cohort does."""

from functools import cache

import numpy as np
import pytest
from phantom_labels import arrays_of
from sklearn.linear_model import LogisticRegression

from lungml.params.data import PhantomParams
from lungml.phantom.attributes import Attributes, Calcification, Texture
from lungml.phantom.malignancy import latent, other_part, size_part
from lungml.phantom.patient import draw_patients


def nodule(**changed):
    plain = {
        "diameter_mm": 8.0,
        "texture": Texture.SOLID,
        "spiculation": 0.0,
        "lobulation": 0.0,
        "calcification": Calcification.NONE,
        "sharpness": 1.0,
        "elongation": 1.0,
        "density_hu": 30.0,
    }
    return Attributes(**{**plain, **changed})


@cache
def control(cohort, patients=600):
    return arrays_of(draw_patients(PhantomParams(patients=patients, cohort=cohort)))


def test_a_smooth_solid_nodule_of_8_mm_has_no_suspicion():
    assert size_part(nodule()) == 0
    assert other_part(nodule()) == 0


def test_the_rule_by_hand():
    looks = nodule(
        diameter_mm=16.0,
        spiculation=0.5,
        lobulation=0.2,
        texture=Texture.PART_SOLID,
        calcification=Calcification.NONE,
    )

    assert size_part(looks) == pytest.approx(0.45 * np.log(2) / 0.5)
    assert other_part(looks) == pytest.approx(1.35 * 0.5 + 0.65 * 0.2 + 0.8)
    assert other_part(nodule(calcification=Calcification.CENTRAL)) == pytest.approx(-1.50)
    assert other_part(nodule(texture=Texture.GROUND_GLASS)) == pytest.approx(-0.70)


def test_latent_of_a_nodule_follows_the_rule_of_its_cohort():
    large, spiculated = nodule(diameter_mm=20.0), nodule(spiculation=0.9)

    def of(cohort, looks):
        return latent(looks, cohort, seed=1, patient=1, nodule=0, scanner_bias=0.0)

    assert of("size-only", large) > of("size-only", nodule())
    assert of("size-only", spiculated) == of("size-only", nodule())
    assert of("texture-only", spiculated) > of("texture-only", nodule())
    assert of("texture-only", large) == of("texture-only", nodule())
    assert of("no-signal", large) == of("no-signal", spiculated)


def test_latent_has_mean_0_and_deviation_1(many_patients):
    values = arrays_of(many_patients).latent

    assert values.mean() == pytest.approx(0, abs=0.05)
    assert values.std() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("patients", [160, 600])
def test_diameter_alone_stays_well_below_an_oracle(patients):
    nodules = control("default", patients)

    diameter, oracle = nodules.auc(nodules.diameter), nodules.auc(nodules.latent)

    assert 0.65 <= diameter <= 0.75
    assert 0.91 <= oracle <= 0.96
    assert oracle - diameter >= 0.08


def test_a_logistic_model_of_size_and_the_rest_is_as_good_as_the_rule(many_patients):
    nodules = arrays_of(many_patients)
    features = np.stack([nodules.diameter, nodules.other], axis=1)

    fitted = LogisticRegression().fit(features, nodules.malignant).decision_function(features)

    assert nodules.auc(fitted) == pytest.approx(nodules.auc(nodules.latent), abs=0.005)


def test_in_size_only_diameter_is_the_oracle_and_the_rest_is_chance():
    nodules = control("size-only")

    assert nodules.auc(nodules.diameter) == pytest.approx(nodules.auc(nodules.latent))
    assert nodules.auc(nodules.diameter) > 0.9
    assert nodules.auc(nodules.other) == pytest.approx(0.5, abs=0.05)


def test_in_texture_only_diameter_is_chance():
    nodules = control("texture-only")

    assert nodules.auc(nodules.diameter) == pytest.approx(0.5, abs=0.05)
    assert nodules.auc(nodules.other) > 0.9


def test_in_no_signal_nothing_about_the_nodule_tells_the_label():
    nodules = control("no-signal")

    assert nodules.auc(nodules.diameter) == pytest.approx(0.5, abs=0.05)
    assert nodules.auc(nodules.other) == pytest.approx(0.5, abs=0.05)
    assert nodules.auc(nodules.scanner_bias) == pytest.approx(0.5, abs=0.05)


def test_in_patient_fingerprint_labels_agree_within_patients_and_nothing_else_tells_them():
    nodules = control("patient-fingerprint")
    of_patient = [nodules.latent[nodules.patient == number] for number in np.unique(nodules.patient)]

    assert all(np.ptp(values) == 0 for values in of_patient)
    assert nodules.auc(nodules.diameter) == pytest.approx(0.5, abs=0.05)
    assert nodules.auc(nodules.other) == pytest.approx(0.5, abs=0.05)


def test_in_scanner_shortcut_the_scanner_alone_tells_the_label_and_elsewhere_it_does_not(many_patients):
    shortcut, default = control("scanner-shortcut"), arrays_of(many_patients)

    assert shortcut.auc(shortcut.scanner_bias) > 0.75
    assert default.auc(default.scanner_bias) == pytest.approx(0.5, abs=0.05)


def test_the_nodules_of_a_control_look_like_those_of_the_default_cohort(many_patients):
    others = draw_patients(PhantomParams(patients=20, cohort="no-signal"))

    for patient, other in zip(many_patients, others, strict=False):
        assert [finding.attributes for finding in patient.findings] == [
            finding.attributes for finding in other.findings
        ]
        assert patient.body == other.body
