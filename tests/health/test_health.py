"""The doctor itself."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_doctor_imports_nothing_heavy():
    code = (
        "import sys\nsys.argv = ['lungml', 'doctor']\nfrom lungml.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = ('torch', 'pandas', 'mlflow', 'prefect', 'dvc')\n"
        "print('HEAVY', [name for name in heavy if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "HEAVY []" in done.stdout
