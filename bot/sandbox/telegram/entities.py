"""Marked-up text: what the Bot API makes of HTML, and what Telegram marks by itself in what people type.

Offsets and lengths are in UTF-16 units, as everywhere in the Bot API.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.telegram.params import bad

Entity = dict[str, Any]

LONGEST = 4096
PLAIN = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "code": "code",
    "pre": "pre",
}
WITH_ATTRIBUTES = {"a": {"href"}, "span": {"class"}, "blockquote": {"expandable"}, "tg-emoji": {"emoji-id"}}
WITH_ATTRIBUTES |= {"tg-time": {"unix", "format"}, "code": {"class"}}
NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)((?:\s[^<>]*)?)>")
_ATTRIBUTE = re.compile(r"""\s*([A-Za-z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_REFERENCE = re.compile(r"&(#[0-9]+|#x[0-9A-Fa-f]+|[A-Za-z][A-Za-z0-9]*);")
_URL = re.compile(r"https?://[^\s<>\"]+")
_COMMAND = re.compile(r"(?<![\w/<>:.@-])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w@/])")


def units(text: str) -> int:
    """How long it is for Telegram."""
    return len(text.encode("utf-16-le")) // 2


@dataclass(slots=True)
class _Open:
    tag: str
    attributes: dict[str, str]
    at: int


@dataclass(slots=True)
class _Reader:
    source: str
    text: str = ""
    stack: list[_Open] = field(default_factory=list)
    entities: list[Entity] = field(default_factory=list)

    def read(self) -> None:
        at = 0
        while at < len(self.source):
            character = self.source[at]
            if character == "<":
                at = self._tag(at)
            elif character == "&" and (reference := _REFERENCE.match(self.source, at)):
                self.text += self._referred(reference, at)
                at = reference.end()
            else:
                self.text += character
                at += 1
        if self.stack:
            raise _unparsable(f'Can\'t find end tag corresponding to start tag "{self.stack[-1].tag}"')

    def _tag(self, at: int) -> int:
        found = _TAG.match(self.source, at)
        if found is None:
            raise _unparsable(f"Unclosed or malformed tag at byte offset {self._byte(at)}")
        closing, tag, rest = found.group(1), found.group(2).lower(), found.group(3)
        if closing:
            self._close(tag, at)
        else:
            self.stack.append(_Open(tag, self._attributes(tag, rest, at), units(self.text)))
        return found.end()

    def _attributes(self, tag: str, rest: str, at: int) -> dict[str, str]:
        if tag not in PLAIN and tag not in WITH_ATTRIBUTES:
            raise _unparsable(f'Unsupported start tag "{tag}" at byte offset {self._byte(at)}')
        rest = rest.strip()
        found = {m.group(1).lower(): m.group(2) or m.group(3) or m.group(4) or "" for m in _ATTRIBUTE.finditer(rest)}
        if _ATTRIBUTE.sub("", rest).strip() or found.keys() - WITH_ATTRIBUTES.get(tag, set()):
            raise _unparsable(f'Unexpected attribute of the tag "{tag}" at byte offset {self._byte(at)}')
        if tag == "span" and found.get("class") != "tg-spoiler":
            raise _unparsable(f'Tag "span" must have class "tg-spoiler" at byte offset {self._byte(at)}')
        if tag in ("tg-emoji", "tg-time"):
            needed = found.get("emoji-id" if tag == "tg-emoji" else "unix", "")
            if not needed.lstrip("-").isdigit():
                raise _unparsable(f'Tag "{tag}" lacks its number at byte offset {self._byte(at)}')
        return {name: _dereferenced(value) for name, value in found.items()}

    def _close(self, tag: str, at: int) -> None:
        if not self.stack:
            raise _unparsable(f"Unexpected end tag at byte offset {self._byte(at)}")
        opened = self.stack.pop()
        if opened.tag != tag:
            raise _unparsable(
                f'Unmatched end tag at byte offset {self._byte(at)}, expected "</{opened.tag}>", found "</{tag}>"'
            )
        length = units(self.text) - opened.at
        inside_pre = tag == "code" and bool(self.stack) and self.stack[-1].tag == "pre"
        if length and not inside_pre and (made := _entity(opened)):
            self.entities.append({"offset": opened.at, "length": length, **made})

    def _referred(self, reference: re.Match[str], at: int) -> str:
        name = reference.group(1)
        if name in NAMED:
            return NAMED[name]
        if name.startswith("#"):
            number = int(name[2:], 16) if name[1] == "x" else int(name[1:])
            if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000:
                return chr(number)
        raise _unparsable(f'Unsupported character reference "&{name};" at byte offset {self._byte(at)}')

    def _byte(self, at: int) -> int:
        return len(self.source[:at].encode())


def _entity(opened: _Open) -> Entity | None:
    tag, attributes = opened.tag, opened.attributes
    if tag == "a":
        return {"type": "text_link", "url": attributes["href"]} if attributes.get("href") else None
    if tag == "blockquote":
        return {"type": "expandable_blockquote" if "expandable" in attributes else "blockquote"}
    if tag == "tg-emoji":
        return {"type": "custom_emoji", "custom_emoji_id": attributes["emoji-id"]}
    if tag == "tg-time":
        shown_as = {"date_time_format": attributes["format"]} if attributes.get("format") else {}
        return {"type": "date_time", "unix_time": int(attributes["unix"]), **shown_as}
    return {"type": "spoiler" if tag == "span" else PLAIN[tag]}


def _dereferenced(value: str) -> str:
    return _REFERENCE.sub(lambda m: NAMED.get(m.group(1), m.group(0)), value)


def _unparsable(why: str) -> Exception:
    return bad(f"can't parse entities: {why}")


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """The text that is shown, and its entities. Refuses what the Bot API refuses."""
    reader = _Reader(source)
    reader.read()
    return _trimmed(reader.text, sorted(reader.entities, key=lambda e: (e["offset"], -e["length"])))


def plain(source: str) -> tuple[str, list[Entity]]:
    return _trimmed(source, [])


def _trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Blanks at both ends go, as Telegram does it."""
    lead = units(text) - units(text.lstrip())
    shown = text.strip()
    kept = []
    for entity in entities:
        start = max(0, entity["offset"] - lead)
        end = min(units(shown), entity["offset"] + entity["length"] - lead)
        if end > start:
            kept.append({**entity, "offset": start, "length": end - start})
    return shown, kept


def marked_by_telegram(text: str) -> list[Entity]:
    """Links and commands in what somebody typed."""
    links = [m.span() for m in _URL.finditer(text)]
    commands = [m.span() for m in _COMMAND.finditer(text) if not any(a <= m.start() < b for a, b in links)]
    found = [("url", span) for span in links] + [("bot_command", span) for span in commands]
    return [
        {"type": kind, "offset": units(text[:start]), "length": units(text[start:end])}
        for kind, (start, end) in sorted(found, key=lambda f: f[1])
    ]
