"""The language of report and panels: the report's own texts, and sentences of the analysis.

Everything is written in English first, and ``result.json`` stays English. A catalogue, ``zh.json``,
holds the Chinese of two kinds of text: those of the report itself, found by their English, and
sentences that the analysis has made from a pattern and its figures, found by that pattern. What the
catalogue does not hold, such as a name from DICOM, stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

_CATALOGUES = Path(__file__).parent
_PLACE = re.compile(r"\{(\w+)\}")


class Language(str, Enum):
    """What a report can be written in; the values are codes of ISO 639-1."""

    ENGLISH = "en"
    CHINESE = "zh"

    @property
    def tag(self) -> str:
        """As HTML and PDF name it (BCP 47); the Chinese is that of the mainland, simplified."""
        return "zh-CN" if self is Language.CHINESE else "en"


@dataclass(frozen=True)
class Catalogue:
    """English texts with their translations.

    Parameters
    ----------
    texts : mapping
        Texts of the report, with named places such as ``{page}`` to be filled by ``str.format``.
    sentences : mapping
        Patterns of what the analysis says. What stands in a place goes into the same place of the
        translation: as it is, or, where the place's name begins with ``text``, translated in turn.
    """

    texts: Mapping[str, str]
    sentences: Mapping[str, str]


class Words:
    """Says things in one language.

    Examples
    --------
    >>> words = Words(Language.CHINESE)
    >>> words("Views")
    '图像'
    >>> words.sentence("Noise of 12.5 HU is low enough for lung density and faint nodules.")
    '噪声为 12.5 HU，足够低，适合肺密度测量和淡薄结节的观察。'
    >>> words.sentence("No pattern has these words.")
    'No pattern has these words.'
    """

    def __init__(self, language: Language = Language.ENGLISH) -> None:
        self.language = language
        self._catalogue = catalogue(language)

    def __call__(self, text: str) -> str:
        """A text of the report, places and all; the English one where there is no other."""
        return self._catalogue.texts.get(text, text)

    def sentence(self, text: str) -> str:
        """What the analysis has said in English; as it is where no pattern fits."""
        exact = self._catalogue.sentences.get(text)
        if exact is not None:
            return exact
        for pattern, translation in _patterns(self.language):
            found = pattern.fullmatch(text)
            if found:
                return translation.format(
                    **{
                        name: self.sentence(part) if name.startswith("text") else part
                        for name, part in found.groupdict().items()
                    }
                )
        return text


@cache
def catalogue(language: Language) -> Catalogue:
    """The translations into a language; none for English."""
    if language is Language.ENGLISH:
        return Catalogue({}, {})
    path = _CATALOGUES / f"{language.value}.json"
    return Catalogue(**json.loads(path.read_text(encoding="utf-8")))


@cache
def _patterns(language: Language) -> list[tuple[re.Pattern[str], str]]:
    """Patterns with places and their translations, the most telling (most letters) first."""
    pairs = [pair for pair in catalogue(language).sentences.items() if _PLACE.search(pair[0])]
    pairs.sort(key=lambda pair: len(_PLACE.sub("", pair[0])), reverse=True)
    return [(_as_expression(pattern), translation) for pattern, translation in pairs]


def _as_expression(pattern: str) -> re.Pattern[str]:
    # re.split with a group answers text, name, text, name, ..., text.
    parts = _PLACE.split(pattern)
    return re.compile(
        "".join(f"(?P<{part}>.+?)" if i % 2 else re.escape(part) for i, part in enumerate(parts))
    )
