"""Which backbones can be named; what each one is, `lungml/models/table.py` says.

The names are apart from the table because parameters are no dependency of a stage: a change of a row, such as
other weights under the same name, must run stages again, and a further name must not.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated

from pydantic import AfterValidator

from lungml.params.section import refusal

BACKBONE_NAMES = (
    "convnext_tiny",
    "densenet121",
    "efficientnet_b4",
    "mobilenetv2_100",
    "resnet10t",
    "resnet18",
    "mobilenetv3_small_050",
    "mobilenetv3_small_100",
    "mobilenetv4_conv_small",
    "convnext_atto",
    "convnext_femto",
    "efficientnet_b0",
    "regnety_002",
    "starnet_s1",
    "efficientvit_b0",
    "hgnetv2_b0",
    "vit_tiny_patch16",
    "vit_small_patch14_dinov2",
    "mobilenetv2_100_coral",
)
"""Names of the rows of the table, in its order. Weights of one's own (`weights.folder`) go by them too."""

SCREENED = "screened"
"""Instead of a name: the best of screening."""


def unknown_backbone(name: str) -> str:
    """What to say of a name that is none: the nearest ones, and where all are and a new one goes."""
    near = " or ".join(get_close_matches(name, BACKBONE_NAMES, n=2))
    hint = f"did you mean {near}? " if near else ""
    return (
        f"there is no backbone {name!r}; {hint}`lungml backbones` lists them all, and a new one is a name in "
        "lungml/params/backbones.py and a row of lungml/models/table.py"
    )


def _known(name: str) -> str:
    if name not in BACKBONE_NAMES:
        raise refusal(unknown_backbone(name))
    return name


def _known_or_screened(name: str) -> str:
    return name if name == SCREENED else _known(name)


BackboneName = Annotated[str, AfterValidator(_known)]
BackboneChoice = Annotated[str, AfterValidator(_known_or_screened)]
"""A name, or `screened`."""
