import base64
import hashlib
import html
import io
import json
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lungml.report.scatter import Colours, ScatterPage, draw_sprites, render, thumbnail_px

CHROMIUM = shutil.which("chromium")
NODULES = 40
COLOURS = Colours(groups=["#0072B2", "#D55E00", "#009E73"], ramp=["#000000", "#FFFFFF"], rest="#7B8794")


def make_page(nodules=NODULES, size_px=24, ids=None):
    rng = np.random.default_rng(0)
    rank = rng.permutation(nodules) + 1
    points = pd.DataFrame(
        {
            "nodule_id": ids or [f"n{number:04}" for number in range(nodules)],
            "tsne_x": rng.normal(size=nodules) * 20,
            "tsne_y": rng.normal(size=nodules) * 20,
            "unusual": (nodules - rank) / 10,
            "rank": rank,
            "detector": rng.choice(["knn", "image"], nodules),
            "reason": [f"image 3.0 deviations above train; mean {number} HU" for number in range(nodules)],
            **{name: rng.normal(size=nodules) for name in ("knn", "mahalanobis", "isolation", "image")},
            "score": np.where(np.arange(nodules) % 4, 3.5, np.nan),
            "class": rng.choice(["benign", "malignant", "no class"], nodules),
            "part": rng.choice(["train", "val", "test"], nodules),
            "manufacturer": [f"maker {number % 5}" if number % 7 else "" for number in range(nodules)],
        }
    )
    images_hu = rng.normal(-700, 200, (nodules, size_px, size_px)).astype(np.int16)
    first = points.nsmallest(30, "rank").index
    return ScatterPage(
        title="Outliers of <b>a view</b>",
        note="No nodule is excluded.",
        points=points,
        thumbnails=draw_sprites(images_hu, size_px=thumbnail_px(nodules)),
        first=draw_sprites(images_hu[first], size_px=48),
        colours=COLOURS,
    )


@pytest.fixture(scope="module")
def page():
    return make_page()


@pytest.fixture(scope="module")
def text(page):
    return render(page)


def test_every_picture_is_in_its_place_of_the_sheet():
    images_hu = np.full((7, 10, 10), -1350, np.int16)
    images_hu[5] = 150

    sprites = draw_sprites(images_hu, size_px=4)

    sheet = np.asarray(Image.open(io.BytesIO(sprites.png)))
    assert (sprites.columns, sprites.rows, sheet.shape) == (3, 3, (12, 12))
    assert (sheet[4:8, 8:12] == 255).all()
    assert sheet.sum() == 255 * 16


def test_a_lung_window_is_shown_in_its_own_greys():
    middle_hu = np.full((1, 8, 8), -600, np.int16)

    (grey,) = np.unique(np.asarray(Image.open(io.BytesIO(draw_sprites(middle_hu, size_px=8).png))))

    assert abs(int(grey) - 127) <= 4  # 64 shades


def test_the_page_refers_to_nothing_and_runs_its_own_script_only(text):
    assert not re.search(r"""\s(src|href|srcset|action)\s*=""", text)
    assert set(re.findall(r"url\(([^;]+);", text)) == {"data:image/png"}
    assert "@import" not in text
    script = re.search(r"<script>(.*?)</script>", text, flags=re.S).group(1)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert "default-src 'none'" in text


def test_text_from_outside_is_shown_not_run():
    planted = "</script><script>alert(1)</script>"
    text = render(make_page(ids=[planted, *(f"n{number}" for number in range(NODULES - 1))]))

    assert "<b>" not in text.split("<h1>")[1].split("</h1>")[0]
    assert planted not in text
    assert text.count("<script") == 2


def test_equal_pages_give_equal_bytes(page, text):
    assert render(make_page()) == text


def test_the_list_holds_the_first_30_by_rank_with_their_reasons(page, text):
    listed = re.findall(r"<b>(\d+)\. (n\d+)</b> <i>(\w+)</i><br>([^<]+)</span>", text)

    expected = page.points.nsmallest(30, "rank")[["rank", "nodule_id", "part", "reason"]]
    assert listed == [(str(row[0]), *row[1:]) for row in expected.itertuples(index=False)]


def test_two_thousand_nodules_stay_below_5_mb_even_if_they_are_noise():
    assert len(render(make_page(nodules=2000, size_px=64))) < 5e6


def browse(folder, address):
    shown = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile",
         "--virtual-time-budget=5000", "--dump-dom", address],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return shown.stdout


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
def test_a_nodule_in_the_address_is_shown_with_all_that_is_known_of_it(page, text, tmp_path):
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    nodule = page.points.iloc[9]

    shown = browse(tmp_path, f"{(tmp_path / 'page.html').as_uri()}#{nodule['nodule_id']}")

    detail = shown.split('id="shown"')[1].split("</section>")[0]
    assert f'<h2 id="name">{nodule["nodule_id"]}</h2>' in detail
    assert f"Rank {nodule['rank']} of {NODULES}: {nodule['reason']}" in detail
    assert f"<dt>Part</dt><dd>{nodule['part']}</dd>" in detail
    assert f"<dt>knn</dt><dd>{round(nodule['knn'], 3)}</dd>" in detail
    sheet = "first" if nodule["rank"] <= 30 else "thumbnails"
    assert f"background-image: var(--{sheet})" in detail


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
@pytest.mark.parametrize("width_px", [390, 1200])
def test_every_point_answers_to_the_mouse_and_every_colouring_has_a_legend(page, text, tmp_path, width_px):
    probe = f"""<!doctype html>
        <iframe id="f" width="{width_px}" height="900" srcdoc="{html.escape(text)}"></iframe>
        <pre id="o"></pre><script>f.onload = () => {{
        const inner = f.contentDocument, canvas = inner.querySelector("canvas"), names = new Set();
        const box = canvas.getBoundingClientRect(), select = inner.querySelector("select");
        const part = (id) => inner.getElementById(id);
        const name = () => part("shown").hidden ? "" : part("name").textContent;
        const move = (x, y) => canvas.dispatchEvent(new f.contentWindow.PointerEvent("pointermove",
          {{ clientX: box.left + x, clientY: box.top + y, pointerType: "mouse" }}));
        for (let x = 0; x < box.width; x += 5) for (let y = 0; y < box.height; y += 5) {{
          move(x, y); names.add(name()); }}
        const legends = [...select.options].map((option) => {{
          select.value = option.value; select.dispatchEvent(new Event("change"));
          return [option.text, part("legend").textContent]; }});
        const press = (key) => {{
          canvas.dispatchEvent(new f.contentWindow.KeyboardEvent("keydown", {{ key }})); return name(); }};
        move(-99, -99);
        const keys = [press("ArrowRight"), press("ArrowRight"), press("ArrowLeft")];
        inner.querySelectorAll("button")[4].click();
        const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        o.textContent = JSON.stringify({{
          width: inner.documentElement.scrollWidth, names: [...names], legends, keys, listed: name(),
          drawn: pixels.some((value, place) => place % 4 === 3 && value > 0),
          requests: f.contentWindow.performance.getEntriesByType("resource").map(e => e.name)
            .filter(e => !e.startsWith("data:"))}}) }}</script>"""
    (tmp_path / "probe.html").write_text(probe, encoding="utf-8")

    shown = browse(tmp_path, (tmp_path / "probe.html").as_uri())

    found = json.loads(html.unescape(re.search(r'<pre id="o">(.*?)</pre>', shown).group(1)))
    ordered = page.points.sort_values("rank")["nodule_id"].tolist()
    assert found["width"] <= width_px
    assert found["requests"] == []
    assert found["drawn"]
    assert set(found["names"]) == {"", *ordered}
    assert found["keys"] == [ordered[0], ordered[1], ordered[0]]
    assert found["listed"] == ordered[4]
    legends = dict(found["legends"])
    assert legends["Outlier rank"] == "1 to 10 (10)11 to 30 (20)the others (10)"
    assert legends["Scanner"].count("maker") == len(COLOURS.groups)
    assert re.fullmatch(r".*others \(\d+\)", legends["Scanner"])
    assert legends["Readers' score"] == "3.5  5not given (10)"
    assert set(re.findall(r"train|val|test", legends["Part"])) == {"train", "val", "test"}
