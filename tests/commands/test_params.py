from lungml.commands.params import parameter_pages


def test_every_parameter_says_what_it_means():
    rows = [line for line in parameter_pages() if line.startswith("| `")]
    silent = [row for row in rows if row.rstrip("| ").endswith("-")]

    assert len(rows) > 60
    assert "| `size_px` |" in " ".join(row for row in rows)
    assert all("seed" in row or "`" in row for row in silent)
