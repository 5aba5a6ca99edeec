"""Copies of folders without their patients, all under one key."""

import pandas as pd
from ct_files import body_hu, write_ct

from lungml.params.data import ConsensusParams, CtParams
from lungml.phi.folder import deidentify_folder
from lungml.phi.keys import Pseudonyms
from lungml.stages.index import run as index

NAMES = Pseudonyms(b"k" * 32)
TABLES = ("series", "slices", "readings", "contours", "nodules")


def files_in(folder):
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def indexed(raw, out):
    index(CtParams(), ConsensusParams(), raw=raw, out=out)
    return {name: pd.read_parquet(out / f"{name}.parquet") for name in TABLES}


def left_out(tmp_path, name, content):
    """Codes of what is left out of a folder of this file and a sound one."""
    write_ct(tmp_path / "in", body_hu()[:1])
    (tmp_path / "in" / name).write_bytes(content)
    return deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES).left_out
