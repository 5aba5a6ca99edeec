import subprocess
from pathlib import Path

from lungml.revision import WRITTEN_WHILE_RUNNING, git_tags, is_committed, who


def commit_files(*names, email="a@example.org"):
    """Make the working directory a repository that holds these files; gives the commit."""
    for name in names:
        Path(name).write_text("1")
    for words in (
        ["init", "-q"],
        ["config", "user.name", "a"],
        ["config", "user.email", email],
        ["add", "."],
        ["commit", "-q", "-m", "first"],
    ):
        subprocess.run(["git", *words], check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return head.stdout.strip()


def test_the_commit_is_dirty_only_if_a_tracked_file_changed_that_no_stage_writes(tmp_path, monkeypatch):
    monkeypatch.delenv("LUNGML_GIT_COMMIT", raising=False)
    monkeypatch.chdir(tmp_path)
    head = commit_files("code.py", *WRITTEN_WHILE_RUNNING)

    for name in WRITTEN_WHILE_RUNNING:
        (tmp_path / name).write_text("2")
    (tmp_path / "new.txt").write_text("not tracked")
    clean = git_tags()
    (tmp_path / "code.py").write_text("2")

    assert clean == {"git_commit": head, "git_dirty": "false"}
    assert git_tags()["git_dirty"] == "true"


def test_outside_a_repository_the_commit_can_be_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.delenv("LUNGML_GIT_COMMIT", raising=False)
    unknown = git_tags()
    monkeypatch.setenv("LUNGML_GIT_COMMIT", "f" * 40)

    assert unknown["git_commit"] == "unknown"
    assert git_tags()["git_commit"] == "f" * 40


def test_who_opened_it_is_told_apart_by_email_and_not_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    commit_files("code.py", email="jane.doe@example.org")
    first = who()
    subprocess.run(["git", "config", "user.email", "john.roe@example.org"], check=True)

    assert who() != first
    assert len(first) == 12
    assert "jane" not in first


def test_a_file_counts_as_committed_only_as_it_is_in_git(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "plan.yaml").write_text("1")
    assert is_committed(Path("plan.yaml")) is None

    commit_files("plan.yaml")
    assert is_committed(Path("plan.yaml")) is True
    (tmp_path / "other.yaml").write_text("1")
    assert is_committed(Path("other.yaml")) is False
    (tmp_path / "plan.yaml").write_text("2")
    assert is_committed(Path("plan.yaml")) is False
