"""The language of the panels, for what is not written in them: reports, words of the analysis."""

from __future__ import annotations

from slicer.i18n import tr as _

from LungPNetLib.report.language import Language, Words


def shownLanguage() -> Language:
    """What the panels are shown in; English where a report cannot be written in their language."""
    # A translation of the panels says which language it is by translating this code.
    code = _("en")
    known = {language.value for language in Language}
    return Language(code) if code in known else Language.ENGLISH


def sentence(text: str) -> str:
    """What the analysis or an error says in English, in the language of the panels if it is known.

    See ``Words.sentence``; a text that is translated already stays as it is.
    """
    return Words(shownLanguage()).sentence(text)
