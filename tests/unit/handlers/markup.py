"""Reads the HTML Telegram takes, and says what is wrong with it."""

from __future__ import annotations

from html.parser import HTMLParser

ALLOWED = {"b", "i", "code", "blockquote", "tg-spoiler"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        assert tag in ALLOWED, tag
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        assert "<" not in data
        assert "&" not in data
        self.text += data

    def handle_entityref(self, name):
        self.text += {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}[name]

    def handle_charref(self, name):
        self.text += chr(int(name))

    def handle_comment(self, data):
        raise AssertionError("a comment is no text")


def plain(html: str) -> str:
    """The text a person sees. Fails where tags are not balanced or something foreign was not escaped."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return blanks(reader.text)


def blanks(text: str) -> str:
    """What holds words together on a line looks like any other blank, or like nothing."""
    return text.replace("\u00a0", " ").replace("\u2060", "")
