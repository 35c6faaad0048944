"""Markdown, as models write it, into the HTML that Matrix clients show. Nothing else gets through:
HTML in it is text, and what the renderer makes is sanitised all the same."""

import html
import re
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt

# Of the subset that the Matrix specification lists (client-server API, m.room.message): no images,
# which clients would fetch, and no colours.
TAGS = frozenset(
    "a blockquote br code del em h1 h2 h3 h4 h5 h6 hr li ol p pre strong sub table tbody td th "
    "thead tr ul".split()  # noqa: SIM905
)
ATTRIBUTES = {"a": {"href"}, "ol": {"start"}, "code": {"class"}}
SCHEMES = {"http", "https", "mailto"}

# Anything else is relative, even `https:x`: it would mean a page of the client's own.
_ADDRESS = re.compile(r"https?://|mailto:", re.IGNORECASE)

# Every row of a table is filled up to the width of its head, so that a short text can have more
# cells than there is time to write. A table with more than these would fit into no event.
CELLS_MAX = 3_000

# A line's end stays one, as in what people write there themselves: models count on that, too.
_OPTIONS = {"html": False, "breaks": True}
_MARKDOWN = (
    MarkdownIt("commonmark", _OPTIONS)
    .enable(["table", "strikethrough"])
    .disable(["image", "html_block", "html_inline"])
)
_WITHOUT_TABLES = (
    MarkdownIt("commonmark", _OPTIONS)
    .enable(["strikethrough"])
    .disable(["image", "html_block", "html_inline"])
)


@lru_cache(maxsize=64)
def to_html(markdown: str) -> str:
    """Remembered: while a long answer grows, its finished parts are asked for again and again."""
    renderer = _MARKDOWN if _cells(markdown) <= CELLS_MAX else _WITHOUT_TABLES
    rendered = renderer.render(markdown.replace("\0", "\ufffd")).strip()
    return nh3.clean(
        rendered.replace("<s>", "<del>").replace("</s>", "</del>"),
        tags=set(TAGS),
        attributes=ATTRIBUTES,
        attribute_filter=_kept,
        url_schemes=SCHEMES,
        link_rel=None,
        strip_comments=True,
    )


def escaped(text: str) -> str:
    return html.escape(text, quote=False)


def _cells(markdown: str) -> int:
    """At least as many as its tables have, each of which ends at an empty line."""
    cells = 0
    for block in re.split(r"\n\s*\n", markdown):
        lines = block.split("\n")
        cells += max(line.count("|") for line in lines) * len(lines)
    return cells


def _kept(tag: str, name: str, value: str) -> str | None:
    if name not in ATTRIBUTES.get(tag, ()):
        return None  # titles and languages, which it lets through everywhere
    if (tag, name) == ("a", "href"):
        return value if _ADDRESS.match(value) else None
    if (tag, name) == ("code", "class"):
        return value if re.fullmatch(r"language-[A-Za-z0-9_+#.-]{1,32}", value) else None
    if (tag, name) == ("ol", "start"):
        return value if re.fullmatch(r"\d{1,9}", value) else None
    return value
