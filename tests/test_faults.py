import re
from pathlib import Path

import lungml
from lungml.faults import FAULTS

CODE = re.compile(r"LM-[DLPVX]\d{3}")
PACKAGE = Path(lungml.__file__).parent
TESTS = Path(__file__).parent


def codes_in(folder):
    return {
        code
        for path in folder.rglob("*.py")
        if path.name not in {"faults.py", "test_faults.py"}
        for code in CODE.findall(path.read_text(encoding="utf-8"))
    }


def test_every_code_is_in_the_catalogue_and_every_row_is_used():
    assert codes_in(PACKAGE) == set(FAULTS)


def test_every_code_is_provoked_by_a_test():
    assert set(FAULTS) - codes_in(TESTS) == set()
