"""A small, clean cohort as the audit sees it, to plant leaks in."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from index_tables import make_index
from nodule_pictures import nodule_crop

from lungml.checks.leakage import audit
from lungml.checks.material import Material
from lungml.imaging.store import ViewStore
from lungml.labels import labels_of
from lungml.params.audit import AuditParams
from lungml.params.data import LabelParams, SplitParams
from lungml.splits import assign_folds, assign_parts
from lungml.terms import View

SIZE_PX = 64


@dataclass
class Cohort:
    """What `read_material` gives, still open to change: `images` (N, SIZE_PX, SIZE_PX) per view."""

    nodules: pd.DataFrame
    series: pd.DataFrame
    images: dict[View, np.ndarray]
    params: AuditParams = field(default_factory=AuditParams)

    def codes(self):
        """Codes that are found, with their level; notes are left out."""
        return {(item.code, item.level.value) for item in self.findings() if item.level != "note"}

    def findings(self):
        stores = {view: view_store(self.nodules, images) for view, images in self.images.items()}
        return audit(Material(self.nodules, self.series, stores), self.params)

    def row(self, part, number=0):
        """Row of a nodule in this part, each of another patient."""
        firsts = self.nodules[self.nodules["part"] == part].drop_duplicates("patient_id").index
        return int(firsts[number])

    def accept(self, *entries):
        self.params = replace_params(self.params, entries)


def replace_params(params, entries):
    return AuditParams.model_validate(params.model_dump() | {"accepted": entries})


def make_cohort(patients=30, seed=0):
    """One series per patient, one to four nodules each on planes 25 mm apart, all images different."""
    rng = np.random.default_rng(seed)
    tables = make_index(patients, seed)
    nodules = tables.nodules.assign(plane=10 * tables.nodules.groupby("patient_id").cumcount() + 20)
    labels = labels_of(nodules, LabelParams())
    who = nodules["patient_id"].to_numpy()
    part = assign_parts(who, labels[["binary"]], SplitParams(seed=seed))
    fold = np.full(len(nodules), -1, np.int8)
    fold[part != "test"] = assign_folds(
        who[part != "test"], labels.loc[part != "test", ["binary"]], folds=5, seed=seed
    )
    files = [f"series-{rng.integers(1 << 40):010x}/{rng.integers(1 << 40):010x}.dcm" for _ in who]
    nodules = nodules.assign(
        **{name: labels[name] for name in ("score", "binary", "five")},
        policy_binary=labels["binary"],
        policy_five=labels["five"],
        part=part,
        fold=fold,
        path=files,
        sop_uid=[f"1.9.{row}" for row in range(len(who))],
        file_bytes=131_622.0,
    )
    images = {view: np.stack([nodule_crop(rng, SIZE_PX) for _ in who]) for view in View}
    return Cohort(nodules.reset_index(drop=True), tables.series, images)


def view_store(nodules, images):
    """As `read_store` gives it, sorted by nodule_id."""
    order = np.argsort(nodules["nodule_id"].to_numpy(), kind="stable")
    items = nodules.iloc[order][["nodule_id", "patient_id", "series_uid"]].reset_index(drop=True)
    items = items.assign(z_index=nodules["plane"].to_numpy()[order], pixel_spacing_mm=1.0)
    return ViewStore(images[order][:, None], np.zeros(images.shape, bool), items, {})
