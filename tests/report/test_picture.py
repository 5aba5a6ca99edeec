"""Pictures in the page."""

import pytest
from report_pages import write_report

from lungml.errors import InputError


def test_a_picture_that_is_none_is_refused(project):
    (project / "reports/evaluate/nodule-five/roc.png").write_bytes(b"<html>")

    with pytest.raises(InputError, match="not a PNG"):
        write_report(project)
