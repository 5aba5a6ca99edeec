"""The items of TRIPOD+AI and CLAIM 2024 in our words, each with the facts of a run that answer it.

An item without facts, or whose facts a run does not have, is shown as not reported, unless a person states it
in `card.statements`.

Source: Collins et al. 2024, doi:10.1136/bmj-2023-078378; Tejani et al. 2024, doi:10.1148/ryai.240300.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """One item; `facts` are names in `FACTS`."""

    number: str
    asks: str
    facts: tuple[str, ...] = ()


# fmt: off
TRIPOD_AI = (
    Item("1", "what is predicted, of whom, developed or evaluated", ("what",)),
    Item("2", "abstract", ("headline",)),
    Item("3a", "healthcare context, rationale, existing models"),
    Item("3b", "target population, purpose, users", ("use",)),
    Item("3c", "known health inequalities"),
    Item("4", "objectives: development, evaluation or both", ("objective",)),
    Item("5a", "sources of data, why these, how representative", ("source",)),
    Item("5b", "dates of the data"),
    Item("6a", "setting, number and place of centres"),
    Item("6b", "who was eligible", ("eligibility",)),
    Item("6c", "treatments received"),
    Item("7", "preparation and quality checks of the data", ("preprocessing", "checks")),
    Item("8a", "outcome, how and when assessed", ("outcome",)),
    Item("8b", "qualifications of who assessed the outcome"),
    Item("8c", "blinding of the outcome's assessment"),
    Item("9a", "choice of predictors", ("inputs",)),
    Item("9b", "definition of the predictors", ("preprocessing",)),
    Item("9c", "who assessed subjective predictors"),
    Item("10", "study size and why", ("sizes", "power")),
    Item("11", "missing data", ("missing",)),
    Item("12a", "how the data were used and divided", ("division",)),
    Item("12b", "how predictors enter the model", ("preprocessing",)),
    Item("12c", "type of model, how built, tuned, validated", ("architecture", "training", "tuning")),
    Item("12d", "heterogeneity across clusters", ("subgroups",)),
    Item("12e", "measures of performance, comparison of models", ("measures", "beside_diameter")),
    Item("12f", "updating of the model, recalibration", ("recalibration",)),
    Item("12g", "how predictions were calculated", ("usage",)),
    Item("13", "class imbalance and what followed from it", ("imbalance", "recalibration")),
    Item("14", "approaches to fairness"),
    Item("15", "output of the model, thresholds", ("output", "thresholds")),
    Item("16", "differences between development and evaluation data", ("parts_alike",)),
    Item("17", "ethical approval"),
    Item("18a", "funding"),
    Item("18b", "conflicts of interest"),
    Item("18c", "protocol", ("registered",)),
    Item("18d", "registration", ("registered",)),
    Item("18e", "where the data are"),
    Item("18f", "where the code is", ("software",)),
    Item("19", "involvement of patients and public"),
    Item("20a", "flow of participants", ("flow",)),
    Item("20b", "characteristics of participants", ("people", "scanners")),
    Item("20c", "development and evaluation data beside each other", ("parts_alike",)),
    Item("21", "participants and events in each analysis", ("sizes",)),
    Item("22", "the full model, so that others can predict", ("usage", "lineage")),
    Item("23a", "performance with intervals, subgroups", ("headline", "auroc", "calibration", "subgroups")),
    Item("23b", "performance across clusters", ("subgroups",)),
    Item("24", "result of updating", ("recalibration",)),
    Item("25", "interpretation, fairness", ("beside_diameter",)),
    Item("26", "limits", ("limits",)),
    Item("27a", "poor or missing input at use", ("unusual",)),
    Item("27b", "what users must do and know", ("use",)),
    Item("27c", "next steps"),
)

CLAIM_2024 = (
    Item("1", "a study of AI, and of which kind", ("what",)),
    Item("2", "summary of design, methods, results, conclusions", ("headline",)),
    Item("3", "background, intended use and role", ("use",)),
    Item("4", "aims, objectives, hypotheses", ("objective",)),
    Item("5", "prospective or retrospective", ("retrospective",)),
    Item("6", "goal of the study", ("objective",)),
    Item("7", "sources of data", ("source",)),
    Item("8", "who and what was included and excluded", ("eligibility", "excluded")),
    Item("9", "preprocessing", ("preprocessing",)),
    Item("10", "selection of parts of the data", ("inputs",)),
    Item("11", "de-identification", ("deidentified",)),
    Item("12", "missing data", ("missing",)),
    Item("13", "how images were acquired", ("scanners",)),
    Item("14", "how the reference standard was made", ("outcome",)),
    Item("15", "why this reference standard"),
    Item("16", "who annotated", ("readers",)),
    Item("17", "annotation of the test set", ("readers",)),
    Item("18", "variability between and within annotators", ("agreement",)),
    Item("19", "how data were assigned to parts", ("division",)),
    Item("20", "level at which parts are disjoint", ("disjoint",)),
    Item("21", "intended sample size", ("power",)),
    Item("22", "the model: inputs, outputs, layers", ("architecture", "inputs", "output")),
    Item("23", "software and versions", ("software",)),
    Item("24", "how parameters were initialised", ("initial",)),
    Item("25", "training, augmentation, hyperparameters", ("training", "augmentation", "tuning")),
    Item("26", "how the final model was chosen", ("tuning",)),
    Item("27", "ensembles", ("ensemble",)),
    Item("28", "metrics of performance", ("measures",)),
    Item("29", "significance and uncertainty", ("uncertainty",)),
    Item("30", "robustness, sensitivity", ("unusual", "policies")),
    Item("31", "explainability", ("maps",)),
    Item("32", "evaluation on internal data", ("headline",)),
    Item("33", "testing on external data"),
    Item("34", "registration of a clinical trial"),
    Item("35", "numbers included and excluded", ("flow", "excluded")),
    Item("36", "characteristics of cases in each part", ("parts_alike", "people")),
    Item("37", "performance and its uncertainty", ("headline", "auroc", "calibration")),
    Item("38", "diagnostic performance and its precision", ("thresholds",)),
    Item("39", "analysis of failures", ("failures",)),
    Item("40", "limits", ("limits",)),
    Item("41", "implications for practice", ("use",)),
    Item("42", "protocol and technical details", ("registered", "lineage")),
    Item("43", "where software, model and data are", ("software", "usage")),
    Item("44", "funding"),
)
# fmt: on

CHECKLISTS = {"TRIPOD+AI": TRIPOD_AI, "CLAIM 2024": CLAIM_2024}
"""Name -> its items."""
