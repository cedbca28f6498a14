"""gettext for words that are said many times a second: each is looked up once in a language."""

from functools import lru_cache

from django.utils.translation import get_language, gettext


def said(words: str) -> str:
    """Return ``words`` in the active language; imported as ``_``, so that they are collected."""
    return _in_language(words, get_language())


@lru_cache(maxsize=4096)
def _in_language(words: str, _language: str | None) -> str:
    return gettext(words)
