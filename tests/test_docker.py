"""`Dockerfile` and `compose.yaml` hold together; what is cheap in them is run by hand, without Docker."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
PYTHON = Path(sys.executable).parent
TEMPORARY = "/tmp/"  # noqa: S108 - of the image


def instructions():
    """(keyword, rest) of each instruction of the Dockerfile, with continued lines joined."""
    text = (ROOT / "Dockerfile").read_text()
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line.strip()]


def rest_of(keyword):
    return [rest for found, rest in instructions() if found == keyword]


def copied():
    """(sources, target) of each COPY."""
    plain = [re.sub(r"--\S+ ", "", rest).split() for rest in rest_of("COPY")]
    return [(words[:-1], words[-1]) for words in plain]


@pytest.fixture
def image(tmp_path):
    """A folder with exactly the files the image would hold in /app."""
    app = tmp_path / "app"
    app.mkdir()
    for sources, target in copied():
        for source in sources:
            place = app / target
            place = place / Path(source).name if target.endswith("/") else place
            place.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if (ROOT / source).is_dir() else shutil.copy)(ROOT / source, place)
    return app


def shell(step, image, **variables):
    """Run a RUN step in the copy; the image's `/tmp` is a folder beside it, pip only notes its words."""
    tools = image.parent / "tools"
    tools.mkdir(exist_ok=True)
    (image.parent / "tmp").mkdir(exist_ok=True)
    (tools / "pip").write_text(f'#!/bin/sh\necho "$@" >> {image.parent}/pip.log\n')
    (tools / "pip").chmod(0o755)
    environment = {
        **os.environ,
        **variables,
        "PATH": os.pathsep.join([str(tools), str(PYTHON), os.environ["PATH"]]),
        "GIT_CEILING_DIRECTORIES": str(image.parent),
    }
    return subprocess.run(
        ["sh", "-c", step.replace(TEMPORARY, f"{image.parent}{TEMPORARY}")],
        cwd=image,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def run_step(containing):
    (step,) = [rest for rest in rest_of("RUN") if containing in rest]
    return step


def test_the_image_ends_as_a_user_without_rights():
    assert rest_of("USER") == ["65532:65532"]
    after = [keyword for keyword, _ in instructions()][[k for k, _ in instructions()].index("USER") :]
    assert "COPY" not in after


def test_the_image_is_the_command_line():
    assert json.loads(rest_of("ENTRYPOINT")[0]) == ["lungml"]
    assert rest_of("HEALTHCHECK") == ["NONE"]


def test_everything_copied_exists_and_nothing_else_is_sent_to_the_builder():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    sources = {source for sources, _ in copied() for source in sources}

    assert all((ROOT / source).exists() for source in sources)
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == sources
    assert "*" in ignored


def test_what_the_stages_read_beside_their_outputs_is_in_the_image(image):
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values()
    needed = {path for stage in stages for path in stage.get("do", stage).get("deps", [])}
    tracked = {path for path in needed if "$" not in path and (ROOT / path).is_file()}

    assert tracked
    assert sorted(path for path in tracked if not (image / path).exists()) == []


def test_no_host_of_a_package_registry_is_written_down():
    assert not re.search(r"https?://(?!127\.0\.0\.1)", (ROOT / "Dockerfile").read_text())


def test_for_a_cpu_the_lock_is_used_without_torch_and_cuda(image):
    step = run_step("DEVICE")

    done = shell(step.replace("&& rm", "&& true rm"), image, DEVICE="cpu", TORCH_PIP_ARGS="--index-url there")

    assert done.returncode == 0, done.stderr
    lock = (image.parent / "tmp/requirements.lock").read_text()
    names = set(re.findall(r"^([a-z0-9._-]+)==", lock, flags=re.MULTILINE))
    full = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE))
    assert {"torch", "torchvision", "triton"} <= full - names
    assert all(
        name.startswith(("nvidia-", "cuda-")) for name in full - names - {"torch", "torchvision", "triton"}
    )
    assert lock.count("--hash=sha256:") > len(names)
    assert re.fullmatch(r"torch==[\d.]+\ntorchvision==[\d.]+\n", (image.parent / "tmp/torch.txt").read_text())
    first, second = (image.parent / "pip.log").read_text().splitlines()
    assert first.startswith("install --no-deps --require-hashes")
    assert "--index-url there" in second


def test_for_a_cpu_without_the_place_of_the_wheels_the_build_stops_and_says_so(image):
    done = shell(run_step("DEVICE"), image, DEVICE="cpu", TORCH_PIP_ARGS="")

    assert done.returncode != 0
    assert "DEVICE=cpu needs TORCH_PIP_ARGS" in done.stderr
    assert not (image.parent / "pip.log").exists()


def test_for_a_gpu_the_whole_lock_is_installed_by_its_hashes(image):
    assert shell(run_step("DEVICE"), image, DEVICE="cuda", PIP_ARGS="--proxy p").returncode == 0

    words = (image.parent / "pip.log").read_text().strip()
    assert words == "install --no-deps --require-hashes --proxy p -r requirements.lock"


def test_the_command_line_and_the_graph_work_without_git(image):
    no_git = run_step("no_scm").split("&&")[0]
    assert shell(no_git, image).returncode == 0

    done = shell(run_step("lungml --version") + " && dvc stage list", image, PYTHONPATH=str(image))

    assert done.returncode == 0, done.stderr
    assert "register@nodule-five" in done.stdout
    assert all((image / name).is_dir() for name in ("data", "models", "reports", "mlruns", ".dvc/cache"))


def services():
    return YAML(typ="safe").load(ROOT / "compose.yaml")["services"]


def test_services_are_reached_from_this_machine_only():
    published = [port for service in services().values() for port in service.get("ports", [])]

    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_services_of_ours_have_no_rights_beyond_a_user():
    ours = [service for service in services().values() if service["image"] == "lungml:local"]

    assert len(ours) == 3
    for service in ours:
        assert service["cap_drop"] == ["ALL"]
        assert not service.get("user", "65532").startswith("0")


def test_every_build_argument_of_compose_is_one_of_the_dockerfile():
    declared = {rest.split("=")[0] for rest in rest_of("ARG")}

    for service in services().values():
        assert set(service.get("build", {}).get("args", {})) <= declared


@pytest.mark.parametrize("service", ["mlflow", "prefect", "worker"])
def test_options_of_a_service_exist(service):
    entry = services()[service]
    (program,) = entry["entrypoint"]
    words = [word for word in entry["command"] if not word.startswith("--")]

    shown = subprocess.run(
        [PYTHON / program, *words, "--help"],
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    for option in entry["command"]:
        if option.startswith("--"):
            assert option.split("=")[0] in shown
