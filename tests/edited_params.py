"""The shipped params.yaml, with something changed."""

from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]


def edited(folder, path, value):
    """A copy in `folder` with the value at `path` (keys from the top) changed or added."""
    yaml = YAML(typ="safe")
    params = yaml.load(ROOT / "params.yaml")
    place = params
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    yaml.dump(params, folder / "params.yaml")
    return folder / "params.yaml"
