"""A page with one point per nodule that shows what the nodule looks like: one HTML file, opened offline."""

from __future__ import annotations

from lungml.report.scatter.page import LISTED, Colours, ScatterPage, render
from lungml.report.scatter.sprites import Sprites, draw_sprites, thumbnail_px

__all__ = ["LISTED", "Colours", "ScatterPage", "Sprites", "draw_sprites", "render", "thumbnail_px"]
