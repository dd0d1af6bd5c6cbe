"""Searching the help: every word of the question must occur, as a word or as the beginning of one. No Qt.

Texts and questions are folded alike before they are compared, so that nobody needs a special keyboard: case and accents
go, Greek letters become their names (σ and sigma are the same, ᾱ is alpha_bar), raised and lowered figures follow ^ and
_ (xₜ is x_t, σ² is sigma^2), and space beside signs goes (KL( q ‖ p ) is KL(q||p)). A folded letter knows which letter
of the text it came from, so that hits can be marked there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

Span = tuple[int, int]
"""From and to, of the letters of a text."""

NOWHERE = 3
SNIPPET = 110
"""Letters of a text shown with a result."""
SIGNS = {
    "‖": "||", "∥": "||", "∣": "|", "−": "-", "–": "-", "—": "-", "‑": "-", "’": "'", "≤": "<=", "≥": ">=",
    "≈": "~", "∼": "~", "→": "->", "∇": "grad", "∂": "d", "∫": "integral", "√": "sqrt", "∞": "infinity",
}  # fmt: skip
MACRON = "\u0304"


@dataclass(frozen=True, slots=True)
class Folded:
    """A text made fit for comparing: its letters, whence each came, and whether a word may begin there."""

    text: str
    origin: tuple[int, ...]
    begins: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Searched:
    """One topic as the search sees it; `words` is what it is known by: its title and its name."""

    key: str
    title: str
    plain: str
    words: Folded
    headings: Folded
    body: Folded


@dataclass(frozen=True, slots=True)
class Hit:
    """A topic in which all words occur: a piece of its text, which letters of title and piece to mark, and how often
    the words occur in all of it."""

    key: str
    title: str
    snippet: str
    title_marks: tuple[Span, ...]
    snippet_marks: tuple[Span, ...]
    count: int


# ---- folding


@lru_cache(maxsize=4096)
def _spelled(letter: str) -> tuple[str, bool]:
    """What one letter becomes, and whether it is a symbol, that is, a word by itself."""
    if letter in SIGNS:
        return SIGNS[letter], SIGNS[letter].isalpha()
    kind = unicodedata.decomposition(letter).partition(">")[0]
    base = unicodedata.normalize("NFKD", letter)
    mark = {"<super": "^", "<sub": "_"}.get(kind, "")
    made: list[str] = []
    for part in base:
        if unicodedata.combining(part):
            if part == MACRON and made and made[-1].isalpha() and len(made[-1]) > 1:
                made.append("_bar")
        elif "GREEK" in unicodedata.name(part, ""):
            made.append(unicodedata.name(part).split()[-1].lower().replace("lamda", "lambda"))
        else:
            made.append(part.casefold())
    found = "".join(made)
    return mark + found, len(found) > 1 and base[:1] not in found and not mark


@lru_cache(maxsize=256)
def fold(text: str) -> Folded:
    """A text made fit for comparing; see the top of this file."""
    letters: list[str] = []
    origin: list[int] = []
    begins: list[bool] = []
    alone = gap = False
    for place, letter in enumerate(text):
        if letter.isspace():
            gap = True
            continue
        made, symbol = (letter.lower(), False) if letter.isascii() else _spelled(letter)
        if not made:
            continue
        last = letters[-1] if letters else " "
        if made == "-" and last.isalpha() and not gap and text[place + 1 : place + 2].isalpha():
            gap = True  # free-running is free running
            continue
        if made[0] in "^_" and len(made) > 1 and place and _spelled(text[place - 1])[0][:1] == made[0]:
            made = made[1:]  # the second of two raised figures
        if gap and last.isalnum() and made[0].isalnum():
            letters.append(" ")
            origin.append(place)
            begins.append(False)
            last = " "
        fresh = symbol or alone or not last.isalnum()
        for offset, one in enumerate(made):
            letters.append(one)
            origin.append(place)
            begins.append(fresh if offset == 0 else not made[offset - 1].isalnum())
        alone, gap = symbol, False
    return Folded("".join(letters), tuple(origin), tuple(begins))


def asked(query: str) -> tuple[str, ...]:
    """The words of a question, folded, each once."""
    return tuple(dict.fromkeys(fold(query).text.split()))


def _places(word: str, folded: Folded) -> Iterator[Span]:
    """Where a word occurs, or begins a longer one: from and to, in folded letters."""
    at = folded.text.find(word)
    while at >= 0:
        if folded.begins[at] or not word[0].isalnum():
            yield at, at + len(word)
            at += len(word) - 1
        at = folded.text.find(word, at + 1)


def _to_text(span: Span, folded: Folded, text: str) -> Span:
    first, end = folded.origin[span[0]], folded.origin[span[1] - 1] + 1
    while end < len(text) and unicodedata.combining(text[end]):
        end += 1
    return first, end


def marks(query: str, text: str) -> tuple[Span, ...]:
    """Which letters of a text to mark for a question: in order, none twice."""
    return _marked(asked(query), fold(text), text)


def _marked(words: Sequence[str], folded: Folded, text: str) -> tuple[Span, ...]:
    found = sorted(_to_text(span, folded, text) for word in words for span in _places(word, folded))
    joined: list[Span] = []
    for start, end in found:
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


# ---- texts


def plain(markdown: str) -> str:
    """The words of a Markdown text without its marks; an empty line between headings, points, rows and paragraphs."""
    lines: list[str] = []
    after_heading = False
    for line in markdown.splitlines():
        heading = line.startswith("#")
        if heading or after_heading or re.match(r"\s{0,3}([-*+]|\d+\.)\s|\||    ", line):
            lines.append("")
        after_heading = heading
        if line.startswith("    "):  # a formula stands as it is
            lines.append(line.strip())
        elif not re.fullmatch(r"\|?[\s|:-]*-[\s|:-]*\|?", line):
            lines.append(_unmarked(line.strip()))
    return re.sub(r"\n{2,}", "\n\n", "\n".join(lines)).strip()


def _unmarked(line: str) -> str:
    line = re.sub(r"^(#+|[-*+]|\d+\.)\s+", "", line)
    if line.startswith("|"):
        cells = line.replace(r"\|", "\0").strip("|").split("|")
        line = "  ".join(cell.strip() for cell in cells if cell.strip()).replace("\0", "|")
    line = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", line)
    line = re.sub(r"\*\*(.+?)\*\*", r"\1", line)
    line = re.sub(r"(?<![\w*])\*([^\s*](?:[^*]*[^\s*])?)\*(?![\w*])", r"\1", line)
    return re.sub(r"\\([\\`*_{}\[\]()#+\-.!|<>])", r"\1", line.replace("`", ""))


def prepare(key: str, title: str, markdown: str) -> Searched:
    """A topic made ready for searching; `markdown` begins with its title."""
    lines = markdown.splitlines()
    headings = "\n".join(plain(line) for line in lines[1:] if line.startswith("#"))
    body = plain("\n".join(lines[1:]))
    words = fold(f"{title}\n{key.rpartition('/')[2]}")
    return Searched(key, title, body, words, fold(headings), fold(body))


# ---- searching


def search(query: str, topics: Sequence[Searched]) -> list[Hit]:
    """The topics in which every word occurs: those with all of them in the title first, then in headings, then others.

    Among equals whole words come before beginnings of words, then the topic that says them more often, then the order
    of `topics`.
    """
    words = asked(query)
    ranked: list[tuple[tuple[int, int, int, int], Hit]] = []
    for topic in topics if words else ():
        found = [_best(word, topic) for word in words]
        levels = [level for level, _ in found]
        if max(levels) < NOWHERE:
            hit = _hit(words, topic)
            ranked.append(((max(levels), sum(levels), sum(loose for _, loose in found), -hit.count), hit))
    ranked.sort(key=lambda pair: pair[0])
    return [hit for _, hit in ranked]


def _best(word: str, topic: Searched) -> tuple[int, bool]:
    """Where a word occurs at best (0 title, 1 headings, 2 body, 3 nowhere), and whether only as a beginning."""
    for level, folded in enumerate((topic.words, topic.headings, topic.body)):
        ends = [end for _, end in _places(word, folded)]
        if ends:
            closed = (end == len(folded.text) or folded.begins[end] or not folded.text[end].isalnum() for end in ends)
            return level, not any(closed)
    return NOWHERE, True


def _hit(words: Sequence[str], topic: Searched) -> Hit:
    body = _marked(words, topic.body, topic.plain)
    title = marks(" ".join(words), topic.title)
    snippet = _piece(words, topic, body)
    return Hit(topic.key, topic.title, snippet, title, marks(" ".join(words), snippet), len(body) + len(title))


def _piece(words: Sequence[str], topic: Searched, body: Sequence[Span]) -> str:
    """About a line of the text around the place where most of the words stand together, else how the text begins."""
    where = {word: [_to_text(s, topic.body, topic.plain)[0] for s in _places(word, topic.body)] for word in words}
    best, most = 0, 0
    for start, _ in body:
        kinds = sum(any(start <= place < start + SNIPPET * 2 // 3 for place in places) for places in where.values())
        if kinds > most:
            best, most = start, kinds
    text = topic.plain
    opens, closes = text.rfind("\n\n", 0, best + 1) + 2, text.find("\n\n", best)
    opens, closes = (0 if opens == 1 else opens), (len(text) if closes < 0 else closes)
    first, last = opens, closes
    if closes - opens > SNIPPET and best - opens > SNIPPET // 3:
        first = max(text.rfind(" ", opens, best - SNIPPET // 4) + 1, opens)
    if closes - first > SNIPPET:
        last = max(text.rfind(" ", first, first + SNIPPET), best + 1)
    piece = re.sub(r"\s{4,}", "   ", text[first:last].strip().replace("\n", " "))
    return ("… " if first > opens else "") + piece + (" …" if last < closes else "")
