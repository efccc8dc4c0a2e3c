"""The text of a rendered page, block by block, with marks where something was left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from bs4 import BeautifulSoup, Tag
from bs4.element import Comment, NavigableString

GONE = "\ufffc"  # stands for an element that was left out
LINKED = "\u2063"  # stands before the words of a link

_BLOCKS = frozenset(
    {"address", "article", "blockquote", "caption", "dd", "details", "div", "dl", "dt", "fieldset",
     "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "legend", "li", "ol", "p",
     "pre", "section", "summary", "table", "tbody", "thead", "tr", "ul"}
)  # fmt: skip
_SILENT = frozenset({"script", "style", "template", "svg", "noscript"})
_NO_PROSE = frozenset(
    {"button", "code", "h1", "h2", "h3", "h4", "h5", "h6", "kbd", "math", "pre", "samp", "select"}
)
# `computed` is for directives: text that they made from the files of this build.
_SOURCED = frozenset(
    {"admonition-title", "caption-number", "cell", "cited", "computed", "footnote-reference",
     "headerlink", "math", "MathJax", "result"}
)  # fmt: skip
_BIBLIOGRAPHY = frozenset({"citation", "citation-list"})


def article(markup: str) -> Tag:
    """Parse a page's own part, without navigation and without the bytes of its images.

    Parameters
    ----------
    markup : str
        The page.

    Returns
    -------
    article : bs4.Tag
    """
    parsed = BeautifulSoup(re.sub(r'"data:[^"]*"', '""', markup), "html.parser")
    found = parsed.find("article")
    return found if isinstance(found, Tag) else parsed


def blocks(part: Tag, is_left_out: Callable[[Tag], bool]) -> Iterator[str]:
    """Yield the text of each paragraph, list item or table row.

    Parameters
    ----------
    part : bs4.Tag
        A page's article, or a piece of it.
    is_left_out : callable
        Tells which elements give way to `GONE`.

    Yields
    ------
    text : str
        With single spaces; links begin with `LINKED`, cells of a row end with a bar.

    Examples
    --------
    >>> page = article("<p>Two <b>words</b></p><p><code>x = 1</code> here</p>")
    >>> [text.replace(GONE, "?") for text in blocks(page, needs_no_source)]
    ['Two words', '? here']
    """
    for block in "".join(_flat(part, is_left_out)).split("\n\n"):
        text = " ".join(block.split())
        if text.strip(f" |{GONE}{LINKED}"):
            yield text


def _flat(part: Tag, is_left_out: Callable[[Tag], bool]) -> Iterator[str]:
    for child in part.children:
        if isinstance(child, NavigableString):
            yield "" if isinstance(child, Comment) else re.sub(r"\s+", " ", child)
        elif isinstance(child, Tag):
            edge = "\n\n" if child.name in _BLOCKS else ""
            yield edge + (LINKED if child.name == "a" and child.get("href") else "")
            yield from [GONE] if is_left_out(child) else _flat(child, is_left_out)
            yield " | " if child.name in ("td", "th") else edge


def is_reference(tag: Tag) -> bool:
    """Tell whether an element is an entry of a bibliography, or no text at all."""
    is_entry = str(tag.get("id") or "").startswith("ref-")
    return is_entry or tag.name in _SILENT or bool(_classes(tag) & _BIBLIOGRAPHY)


def needs_no_source(tag: Tag) -> bool:
    """Tell whether the numbers of an element are computed, cited, or none of prose's business."""
    return tag.name in _NO_PROSE or is_reference(tag) or bool(_classes(tag) & _SOURCED)


def _classes(tag: Tag) -> set[str]:
    return set(tag.get_attribute_list("class"))
