"""All blocks of a task, in the order of the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lungml.report import wording
from lungml.report.collect import Json, TaskFiles
from lungml.report.picture import Picture, read_picture
from lungml.report.trust.block import Block
from lungml.report.trust.groups import groups_block
from lungml.report.trust.images import images_block
from lungml.report.trust.labels import labels_block
from lungml.report.trust.openings import openings_block
from lungml.report.trust.operating import operating_block
from lungml.report.trust.pathology import pathology_block
from lungml.report.trust.probabilities import calibration_block, decision_block
from lungml.report.trust.readers import policies_block, readers_block
from lungml.report.trust.sets import selective_block, sets_block

BLOCKS: dict[str, Callable[[Json], Block]] = {
    "readers": readers_block,
    "operating_points": operating_block,
    "calibration": calibration_block,
    "decision": decision_block,
    "conformal": sets_block,
    "selective": selective_block,
    "subgroups": groups_block,
    "out_of_distribution": images_block,
    "policies": policies_block,
    "pathology": pathology_block,
}
"""Entry of `trust.json` -> its block; an entry that an older evaluation lacks is left out."""


@dataclass(frozen=True)
class TrustPart:
    """A block about trust, and its figure if it has one."""

    block: Block
    picture: Picture | None


def trust_blocks(found: TaskFiles) -> list[Block]:
    """The openings of the test part first, as all numbers depend on them; empty without `trust.json`."""
    if found.trust is None:
        return []
    trust = found.trust
    bundle_sha256 = found.metrics["lineage"]["bundle_sha256"]
    blocks = [openings_block(found.openings, found.comparisons, bundle_sha256)]
    blocks += [make(trust) for name, make in BLOCKS.items() if name in trust]
    if found.suspicious is not None:
        names = list(found.task.target.class_names)
        blocks.append(labels_block(trust, found.suspicious, names))
    return blocks


def trust_parts(found: TaskFiles) -> list[TrustPart]:
    """The blocks with their figures."""
    figures = {path.stem: path for path in found.figures["evaluate"]}
    return [
        TrustPart(
            block,
            read_picture(figures[block.figure], wording.caption("evaluate", block.figure))
            if block.figure in figures
            else None,
        )
        for block in trust_blocks(found)
    ]
