"""Fonts of the PDF: DejaVu Sans for most scripts, the PDF standard's Asian fonts for CJK names."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

from LungPNetLib import lazy

REGULAR, BOLD = "LungPNet-Sans", "LungPNet-Sans-Bold"
_FEATURE = "The PDF report"
_KOREAN, _JAPANESE, _CHINESE = "HYSMyeongJo-Medium", "HeiseiKakuGo-W5", "STSong-Light"
_CODECS = {_KOREAN: "euc_kr", _JAPANESE: "cp932", _CHINESE: "gbk"}
_UNKNOWN = "?"
_ASIAN = "[\u3001-\u30ff\u3400-\u9fff\uff01-\uffe5]"
_RIGHT_TO_LEFT = "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]+"
_RIGHT_TO_LEFT_WORDS = re.compile(f"{_RIGHT_TO_LEFT}(?:[ ,.-]+{_RIGHT_TO_LEFT})*")


@cache
def register() -> frozenset[int]:
    """Make the fonts known to reportlab; answers the code points that DejaVu Sans can draw.

    DejaVu Sans comes with matplotlib and is embedded. The Asian fonts are not embedded: the PDF
    names them and the viewer brings them (PDF 32000-1, 9.7.5.2).

    Raises
    ------
    DependencyError
        reportlab or matplotlib is not installed.
    """
    metrics = lazy.require("reportlab.pdfbase.pdfmetrics", feature=_FEATURE, extra="report")
    truetype = lazy.require("reportlab.pdfbase.ttfonts", feature=_FEATURE, extra="report")
    asian = lazy.require("reportlab.pdfbase.cidfonts", feature=_FEATURE, extra="report")
    matplotlib = lazy.require("matplotlib", feature=_FEATURE, extra="report")
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for name, file in ((REGULAR, "DejaVuSans.ttf"), (BOLD, "DejaVuSans-Bold.ttf")):
        metrics.registerFont(truetype.TTFont(name, str(folder / file)))
    metrics.registerFontFamily(REGULAR, REGULAR, BOLD, REGULAR, BOLD)
    for name in _CODECS:
        metrics.registerFont(asian.UnicodeCIDFont(name))
    return frozenset(metrics.getFont(REGULAR).face.charToGlyph)


def markup(text: str) -> str:
    """Plain text as reportlab paragraph markup: escaped, each run in a font that can draw it.

    Characters that no font has are shown as ``?``. Hebrew and Arabic are put into the order in
    which they are seen, as reportlab draws from left to right; Arabic letters are not joined.
    """
    known = register()
    text = _RIGHT_TO_LEFT_WORDS.sub(lambda words: words[0][::-1], text)
    parts: list[str] = []
    asian_font = _asian_font(text)
    run, run_font = "", ""
    for character in text:
        font, shown = "", character
        if ord(character) not in known:
            font = asian_font if _encodes(character, asian_font) else _any_font(character)
            shown = character if font else _UNKNOWN
        if font != run_font:
            parts.append(_in_font(run, run_font))
            run, run_font = "", font
        run += shown
    return "".join([*parts, _in_font(run, run_font)])


def is_asian(text: str) -> bool:
    """Whether the text holds Chinese or Japanese characters, of which no font here is bold."""
    return bool(re.search(_ASIAN, text))


def is_asian_prose(text: str) -> bool:
    """Whether lines have to be broken without spaces: there are more such characters than a name's.

    >>> is_asian_prose("肺边缘逐层平滑过渡，未见运动伪影。"), is_asian_prose("山田 太郎")
    (True, False)
    """
    return bool(re.search(f"{_ASIAN}{{8}}", text))


def _in_font(run: str, font: str) -> str:
    return f'<font name="{font}">{escape(run)}</font>' if font else escape(run)


def _asian_font(text: str) -> str:
    """The font whose language the whole text is most likely in: the same Han looks different."""
    if any("\uac00" <= character <= "\ud7a3" for character in text):
        return _KOREAN
    if any("\u3040" <= character <= "\u30ff" for character in text):
        return _JAPANESE
    return _CHINESE


def _any_font(character: str) -> str:
    return next((font for font in _CODECS if _encodes(character, font)), "")


def _encodes(character: str, font: str) -> bool:
    try:
        character.encode(_CODECS[font])
    except UnicodeEncodeError:
        return False
    return True
