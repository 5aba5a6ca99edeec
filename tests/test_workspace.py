import shutil
import subprocess
from pathlib import Path

import pytest

from lungml.errors import InputError, MissingInputError, ParamsError
from lungml.params import load_params, read_yaml
from lungml.workspace import first_difference, laid_over, make_workspace, set_value

ROOT = Path(__file__).parents[1]


def git(folder, *words):
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run(
        ["git", "-C", folder, *identity, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, root)
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "first")
    return root


def test_only_what_is_named_changes(project, tmp_path):
    make_workspace(project, tmp_path / "mine", {"split": {"seed": 7}, "embed": {"backbones": ["resnet10t"]}})

    before, after = load_params(project / "params.yaml"), load_params(tmp_path / "mine" / "params.yaml")
    assert after.split.seed == 7
    assert after.embed.backbones == ("resnet10t",)
    assert after.split.folds == before.split.folds
    assert after.tasks == before.tasks


def test_its_commit_holds_the_parameters(project, tmp_path):
    make_workspace(project, tmp_path / "mine", {"split": {"seed": 7}})

    assert git(tmp_path / "mine", "status", "--porcelain") == ""
    assert git(tmp_path / "mine", "rev-parse", "HEAD^") == git(project, "rev-parse", "HEAD")


def test_uncommitted_changes_are_not_left_behind_in_silence(project, tmp_path):
    (project / "dvc.yaml").write_text("stages: {}\n")

    with pytest.raises(InputError, match=r"dvc\.yaml differs from the last commit"):
        make_workspace(project, tmp_path / "mine", {})


@pytest.mark.parametrize("name", ["test-ledger.jsonl", "dvc.lock"])
def test_what_a_run_writes_into_tracked_files_is_no_uncommitted_change(project, tmp_path, name):
    (project / name).write_text("")
    git(project, "add", name)
    git(project, "commit", "--quiet", "-m", "second")
    (project / name).write_text("{}\n")

    make_workspace(project, tmp_path / "mine", {})

    assert (tmp_path / "mine" / name).read_text() == ""


def test_a_wrong_parameter_is_named(project, tmp_path):
    with pytest.raises(ParamsError, match=r"split\.sed: there is no such parameter"):
        make_workspace(project, tmp_path / "mine", {"split": {"sed": 7}})


def test_a_full_folder_stays_as_it_is(project, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a").write_text("b")

    with pytest.raises(ParamsError, match="is not empty"):
        make_workspace(project, tmp_path / "mine", {})
    assert (tmp_path / "mine" / "a").read_text() == "b"


def test_a_project_of_the_same_parameters_stays_as_it_is(project, tmp_path):
    changes = {"acquire": {"folder": "/data/a"}, "embed": {"backbones": ["resnet10t"]}}

    assert make_workspace(project, tmp_path / "mine", changes)
    (tmp_path / "mine" / "a").write_text("b")
    assert not make_workspace(project, tmp_path / "mine", changes)

    assert (tmp_path / "mine" / "a").read_text() == "b"
    assert git(tmp_path / "mine", "rev-list", "--count", "HEAD") == "2"


def test_a_project_of_other_data_is_not_taken_for_that_of_these(project, tmp_path):
    make_workspace(project, tmp_path / "mine", {"acquire": {"folder": "/data/a"}})

    with pytest.raises(
        ParamsError, match=r"mine is a project of acquire\.folder: /data/a, not /data/b\. Name"
    ):
        make_workspace(project, tmp_path / "mine", {"acquire": {"folder": "/data/b"}})
    assert str(load_params(tmp_path / "mine" / "params.yaml").acquire.folder) == "/data/a"


def test_a_parameter_that_only_one_has_is_a_difference():
    assert first_difference({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}) == ("a.c", None, 2)
    assert first_difference({"a": {"b": 1}}, {"a": {"b": 1}}) is None


def test_it_needs_the_repository(tmp_path):
    with pytest.raises(MissingInputError, match="not lungml's repository"):
        make_workspace(tmp_path, tmp_path / "mine", {})


def test_mappings_are_merged_and_lists_replaced():
    assert laid_over({"a": {"b": [1, 2], "c": 3}, "d": 4}, {"a": {"b": [5]}, "e": 6}) == {
        "a": {"b": [5], "c": 3},
        "d": 4,
        "e": 6,
    }


def test_the_scope_is_what_the_changes_list(project, tmp_path):
    scope = {"views": ["nodule"], "tasks": {"nodule-five": "nodule"}}

    make_workspace(project, tmp_path / "mine", {"scope": scope})

    assert list(load_params(tmp_path / "mine" / "params.yaml").scope.tasks) == ["nodule-five"]


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_every_configuration_fits_the_parameters(project, tmp_path, path):
    changes = set_value(read_yaml(path), "acquire.folder=/data")

    make_workspace(project, tmp_path / "mine", changes)


@pytest.mark.parametrize(
    ("assignment", "changes"),
    [
        ("split.seed=7", {"split": {"seed": 7}}),
        ("acquire.folder=/data/a=b", {"acquire": {"folder": "/data/a=b"}}),
        ("scope.views=[nodule]", {"scope": {"views": ["nodule"]}}),
    ],
)
def test_an_assignment_is_read_as_yaml(assignment, changes):
    assert set_value({}, assignment) == changes


def test_what_is_no_assignment_is_refused():
    with pytest.raises(ParamsError, match="no assignment"):
        set_value({}, "split.seed")
