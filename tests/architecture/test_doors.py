"""Each outside tool has one door, so replacing it is a change of one file or package."""

import pytest
from sources import imported_modules, module_name, python_files

DOORS = {
    "pydicom": ("lungml.ct",),
    "SimpleITK": ("lungml.ct",),
    "great_expectations": ("lungml.checks",),
    "optuna": ("lungml.tuning",),
    "mlflow": ("lungml.tracking",),
    "prefect": ("flows",),
    "dvc": ("lungml.graph",),
    "pytorch_grad_cam": ("lungml.explain",),
    "timm": ("lungml.models", "lungml.augment"),
    "matplotlib": ("lungml.figures",),
    "jinja2": ("lungml.report",),
    "openpyxl": ("lungml.phantom", "lungml.sources", "lungml.phi"),
    "distributed": ("lungml.parallel",),
    "accelerate": ("lungml.training.processes",),
    "idc_index": ("lungml.idc",),
    "openvino": ("lungml.models.compiled",),
    "psutil": ("lungml.meters",),
    "pynvml": ("lungml.meters",),
    "cleanlab": ("lungml.evaluation.label_noise",),
}


@pytest.mark.parametrize("tool", DOORS)
def test_a_tool_is_imported_only_by_its_door(tool):
    intruders = [
        module_name(path)
        for path in python_files("lungml", "flows")
        if any(name == tool or name.startswith(f"{tool}.") for name in imported_modules(path))
        and not any(
            module_name(path) == door or module_name(path).startswith(f"{door}.") for door in DOORS[tool]
        )
    ]

    assert intruders == []
