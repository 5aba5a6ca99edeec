"""The stage pretrain, run on a few small images."""

from training_examples import write_inputs
from unlabelled_images import PARAMS

from lungml.params.data import IntensityParams
from lungml.stages import pretrain

NAME = "mobilenetv3_small_050"
SMALL = PARAMS.model_copy(update={"backbones": (NAME,), "epochs": 2})
SHORT = SMALL.model_copy(update={"epochs": 1})


def write_project(root):
    views, _ = write_inputs(root)
    (root / "stores").mkdir()
    views.rename(root / "stores" / "nodule")
    return root


def run(root, params=SMALL, name="pretrained"):
    if not (root / "stores").is_dir():
        write_project(root)
    pretrain.run(
        params,
        IntensityParams(),
        views=root / "stores",
        split=root / "split.parquet",
        out=root / "models" / name,
        log=root / "logs" / name,
    )
    return root / "models" / name, root / "logs" / name


def contents(*folders):
    return {
        (place, path.relative_to(folder).as_posix()): path.read_bytes()
        for place, folder in enumerate(folders)
        for path in folder.rglob("*")
        if path.is_file()
    }
