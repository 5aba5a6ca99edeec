import pytest

from lungml.commands.params import parameter_pages


def test_every_parameter_says_what_it_means():
    rows = [line for line in parameter_pages() if line.startswith("| `")]
    silent = [row for row in rows if row.rstrip("| ").endswith("-")]

    assert len(rows) > 60
    assert "| `size_px` |" in " ".join(row for row in rows)
    assert all("seed" in row or "`" in row for row in silent)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("max_patients", "int or None"),
        ("trainable", "tuple[float, float]"),
        ("upsample_counts", "tuple[int, ...] or None"),
        ("source", "Literal['random', 'pretrained']"),
    ],
)
def test_a_type_is_told_without_its_limits(name, kind):
    assert any(line.startswith(f"| `{name}` | `{kind}` |") for line in parameter_pages())
