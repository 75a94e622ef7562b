"""The report as one HTML file: no script, nothing loaded from elsewhere, every string escaped."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from LungPNetLib import lazy
from LungPNetLib.report.blocks import ReportContent
from LungPNetLib.report.pictures import Picture

if TYPE_CHECKING:
    import jinja2
    import markupsafe

TEMPLATES = Path(__file__).parent / "templates"


def write_html(content: ReportContent, path: Path) -> None:
    """Write the report to ``path`` as UTF-8.

    The page's Content-Security-Policy allows its own style sheet (by hash) and pictures inside
    the page, and nothing else.

    Raises
    ------
    DependencyError
        Jinja2 is not installed.
    OSError
        The file cannot be written.
    """
    css = _style(content)
    page = environment("The HTML report").get_template("report.html.j2")
    text = page.render(content=content, css=trusted(css), policy=policy(style=css))
    path.write_text(text, "utf-8", newline="\n")


def _style(content: ReportContent) -> str:
    """The style sheet; the number of a printed page is the one text that it writes."""
    number = json.dumps(content.page_line, ensure_ascii=False)
    for place in ("page", "pages"):
        number = number.replace(f"{{{place}}}", f'" counter({place}) "')
    return (TEMPLATES / "report.css").read_text("utf-8").replace('"PAGE LINE"', number)


def environment(feature: str) -> jinja2.Environment:
    """Templates of this package, with every value escaped; ``feature`` goes into the error.

    Raises
    ------
    DependencyError
        Jinja2 is not installed.
    """
    jinja = lazy.require("jinja2", feature=feature, extra="report")
    made: jinja2.Environment = jinja.Environment(
        loader=jinja.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja.StrictUndefined,
    )
    made.filters["data_uri"] = data_uri
    return made


def trusted(text: str) -> markupsafe.Markup:
    """Mark our own style sheet or script as not to be escaped; never for data."""
    from markupsafe import Markup  # a part of Jinja2, which `environment` has asked for

    return Markup(text)


def policy(*, style: str, script: str | None = None) -> str:
    """A Content-Security-Policy that allows these inline texts and embedded pictures only."""
    parts = ["default-src 'none'", "img-src data:", f"style-src {_hash(style)}"]
    if script is not None:
        parts.append(f"script-src {_hash(script)}")
    return "; ".join([*parts, "base-uri 'none'", "form-action 'none'"])


def data_uri(picture: Picture) -> str:
    """The picture as a ``data:`` address."""
    return f"data:{picture.media_type};base64,{base64.b64encode(picture.data).decode('ascii')}"


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
