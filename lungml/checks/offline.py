"""Data Docs that open without a network and are equal for equal data.

Great Expectations' pages load Bootstrap, jQuery, fonts and a logo from the internet, and hold the time of
the run and random ids. Here the pages keep their content and get one small style and script instead.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from html import escape
from pathlib import Path

STYLE = """
:root{--line:#d8dee6;--soft:#f3f6f9;--text:#1d2733;--quiet:#5b6b7c;--good:#1a7f4b;--bad:#c0322b;--warn:#a86500}
*{box-sizing:border-box}
body{margin:0;font:15px/1.5 system-ui,"Segoe UI",Roboto,"Liberation Sans",sans-serif;color:var(--text)}
a{color:#1558a6;text-decoration:none}a:hover{text-decoration:underline}
h1{font-size:26px;margin:0 0 4px}h4{font-size:20px;margin:0 0 4px}h5{font-size:16px;margin:0}
h6,.h6{font-size:14px;margin:0;font-weight:600}p{margin:0 0 8px}
nav.navbar{background:#fff}nav.navbar.sticky-top{position:sticky;top:0;z-index:9;padding:0 32px;
border-bottom:1px solid var(--line);display:flex;align-items:center;height:52px!important}
.navbar-brand{font-weight:700;margin-right:20px}.navbar-brand a{color:var(--text)}
.breadcrumb{list-style:none;display:flex;margin:0;padding:0;color:var(--quiet)}
.breadcrumb li+li::before{content:"/";padding:0 8px}
.d-flex{display:flex}.align-items-center{align-items:center}.justify-content-center{justify-content:center}
.container-fluid.pt-4,main{padding:24px 32px}main{max-width:1200px}
.container-fluid.pt-4>.row{display:grid;grid-template-columns:230px minmax(0,1fr);gap:32px}
.sticky{position:sticky;top:70px}.lead,.quiet{color:var(--quiet)}
.card{border:1px solid var(--line);border-radius:6px;margin-bottom:16px;background:#fff}
.card-header{background:var(--soft);padding:8px 12px;border-bottom:1px solid var(--line)}
.card-body{padding:8px 12px;overflow:auto}
.nav{list-style:none;margin:0;padding:0}.nav-link{display:block;padding:3px 6px;word-break:break-word}
.btn-group label{display:inline-block;padding:4px 10px;border:1px solid #1558a6;cursor:pointer;color:#1558a6}
.btn-group label:has(input:checked){background:#1558a6;color:#fff}.btn-group input{display:none}
.ge-section{margin-bottom:24px}
.alert{background:var(--soft);border-left:4px solid #9db2c7;
padding:8px 14px;border-radius:4px;margin-bottom:8px}
table{border-collapse:collapse;margin:4px 0 10px}
th,td{text-align:left;vertical-align:top;padding:6px 14px 6px 0;border-bottom:1px solid var(--line)}
th{font-weight:600;color:var(--quiet)}td p{margin:0}
.table-bordered td,.table-bordered th{border:1px solid var(--line);padding:4px 10px}
table.table{width:100%}.col-6 table{width:auto}
.text-danger,.bad{color:var(--bad)}.text-success,.good{color:var(--good)}.text-warning,.warn{color:var(--warn)}
.fas{font-style:normal;font-weight:700}.fa-check-circle::before{content:"\\2713"}
.fa-times::before{content:"\\2717"}.fa-exclamation-triangle::before{content:"!"}
.collapse{display:none}.collapse.show{display:block}
code{background:var(--soft);padding:1px 4px;border-radius:3px}
ul.rows{margin:2px 0;padding-left:18px}ul.rows code{word-break:break-all}summary{cursor:pointer}
@media (max-width:800px){.container-fluid.pt-4>.row{display:block}.container-fluid.pt-4,main{padding:16px}
.stacked tr{display:flex;flex-wrap:wrap;gap:0 16px;border-bottom:1px solid var(--line);padding:6px 0}
.stacked tr:first-child{display:none}.stacked td{border:0;padding:0}.stacked td:first-child{flex-basis:100%}
.stacked td:empty{display:none}.stacked td[data-name]::before{content:attr(data-name) " ";color:var(--quiet)}}
"""

_SCRIPT = """
function each(selector, act) { document.querySelectorAll(selector).forEach(act); }
function setSucceeded(display) {
  each(".hide-succeeded-validation-target-child", cell => { cell.parentElement.style.display = display; });
  each(".hide-succeeded-validations-column-section-target-child", block => {
    const section = block.closest(".ge-section");
    section.style.display = display;
    each('a[href="#' + section.id + '"]', link => { link.style.display = display; });
  });
}
function showAllValidations() { setSucceeded(""); }
function hideSucceededValidations() { setSucceeded("none"); }
each('[data-toggle="collapse"]', link => link.addEventListener("click", event => {
  event.preventDefault();
  document.getElementById(link.getAttribute("href").slice(1)).classList.toggle("show");
}));
"""

_REMOVED = re.compile(
    r"<script\b.*?</script>|<style\b.*?</style>|<link\b[^>]*>|<footer\b.*?</footer>|<title></title>",
    re.DOTALL,
)
_LOGO = re.compile(r"<img\s[^>]*great-expectations-web-assets[^>]*>", re.DOTALL)
_INTRODUCTION = re.compile(
    r"Evaluates whether a batch of data matches expectations\.|A collection of Expectations defined for "
    r"batches of data\."
)
_UUID = re.compile(r"-?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{8}T\d{6}\.\d{6}Z(?!/)|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_CRUMB = re.compile(r"Validations / (\w+) / \w+ / not recorded")
_NO_ASSET = re.compile(r"<br>\s*Data asset: None")


def make_offline(site: Path, about: Mapping[str, str]) -> None:
    """Rewrite every page below `site` in place and drop the files they no longer use.

    Args:
        site: the Data Docs.
        about: name of a suite -> the sentence that introduces it on its pages.
    """
    for page in sorted(site.rglob("*.html")):
        html = _offline(page.read_text(encoding="utf-8"))
        parts = {*page.relative_to(site).parts, page.stem}
        for name in parts & about.keys():
            html = _INTRODUCTION.sub(escape(about[name]), html)
        page.write_text(html, encoding="utf-8")
    shutil.rmtree(site / "static", ignore_errors=True)


def _offline(html: str) -> str:
    html = _REMOVED.sub("", html)
    html = _LOGO.sub("lungml data checks", html)
    html = _UUID.sub("", html)
    html = _TIME.sub("not recorded", html)
    html = _CRUMB.sub(r"Results / \1", html)
    html = _NO_ASSET.sub("", html)
    html = html.replace("</head>", f"<style>{STYLE}</style>\n</head>")
    html = html.replace("</body>", f"<script>{_SCRIPT}</script>\n</body>")
    return "\n".join(line.rstrip() for line in html.splitlines() if line.strip()) + "\n"
