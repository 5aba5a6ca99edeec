"""A page in headless Chromium: how wide it is, what it asks for, and whether its pictures are drawn."""

import html
import json
import re
import shutil
import subprocess

import pytest

CHROMIUM = shutil.which("chromium")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")


def shown(page, folder, width_px):
    """{width, requests, images, drawn} of a page, all folded parts open, in a window of this width."""
    unfolded = page.replace("<details ", "<details open ")
    probe = f"""<!doctype html>
        <iframe id="f" width="{width_px}" height="900" srcdoc="{html.escape(unfolded)}"></iframe>
        <pre id="o"></pre><script>f.onload = () => {{
        const inner = f.contentDocument, images = [...inner.images];
        o.textContent = JSON.stringify({{
          width: inner.documentElement.scrollWidth,
          requests: f.contentWindow.performance.getEntriesByType("resource").map(e => e.name),
          images: images.length, drawn: images.filter(e => e.naturalWidth > 100).length}}) }}</script>"""
    (folder / "probe.html").write_text(probe, encoding="utf-8")
    found = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile",
         "--virtual-time-budget=5000", "--dump-dom", (folder / "probe.html").as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    return json.loads(html.unescape(re.search(r'<pre id="o">(.*?)</pre>', found).group(1)))
