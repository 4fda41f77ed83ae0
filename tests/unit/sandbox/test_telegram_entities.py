"""What the stand-in makes of HTML, and what it refuses."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.telegram.entities import marked_by_telegram, parse_html, units
from bot.sandbox.telegram.params import Refused


@pytest.mark.parametrize(
    ("source", "text", "entity"),
    [
        ("<b>x</b>", "x", {"type": "bold"}),
        ("<strong>x</strong>", "x", {"type": "bold"}),
        ("<i>x</i>", "x", {"type": "italic"}),
        ("<em>x</em>", "x", {"type": "italic"}),
        ("<u>x</u>", "x", {"type": "underline"}),
        ("<ins>x</ins>", "x", {"type": "underline"}),
        ("<s>x</s>", "x", {"type": "strikethrough"}),
        ("<strike>x</strike>", "x", {"type": "strikethrough"}),
        ("<del>x</del>", "x", {"type": "strikethrough"}),
        ('<span class="tg-spoiler">x</span>', "x", {"type": "spoiler"}),
        ("<tg-spoiler>x</tg-spoiler>", "x", {"type": "spoiler"}),
        ('<a href="https://example.com/?a=1&amp;b=2">x</a>', "x", {"type": "text_link", "url": "https://example.com/?a=1&b=2"}),
        ("<code>x</code>", "x", {"type": "code"}),
        ("<pre>x</pre>", "x", {"type": "pre"}),
        ('<pre><code class="language-json">x</code></pre>', "x", {"type": "pre"}),
        ("<blockquote>x</blockquote>", "x", {"type": "blockquote"}),
        ("<blockquote expandable>x</blockquote>", "x", {"type": "expandable_blockquote"}),
        ('<tg-emoji emoji-id="5368">x</tg-emoji>', "x", {"type": "custom_emoji", "custom_emoji_id": "5368"}),
        (
            '<tg-time unix="1800000000" format="r">in 3 hours</tg-time>',
            "in 3 hours",
            {"type": "date_time", "unix_time": 1800000000, "date_time_format": "r"},
        ),
    ],
)  # fmt: skip
def test_every_supported_tag_becomes_its_entity(source: str, text: str, entity: dict[str, object]) -> None:
    assert parse_html(source) == (text, [{"offset": 0, "length": len(text), **entity}])


@pytest.mark.parametrize(
    "source",
    [
        "<b>never closed",
        "closed</b>",
        "<b><i>crossed</b></i>",
        "<div>x</div>",
        "<br>",
        "<h1>x</h1>",
        "a < b",
        "<",
        "<b",
        "<>",
        "< b>x</b>",
        "<b class='x'>x</b>",
        "<span>x</span>",
        '<span class="red">x</span>',
        '<a href="x" onclick="y">x</a>',
        "<tg-time>x</tg-time>",
        "<tg-emoji>x</tg-emoji>",
        "a&nbsp;b",
        "&#0;",
        "&#xD800;",
    ],
)
def test_what_telegram_cannot_parse_is_refused(source: str) -> None:
    with pytest.raises(Refused, match="Bad Request: can't parse entities: "):
        parse_html(source)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("&lt;&gt;&amp;&quot;", '<>&"'),
        ("&#8377;&#x20B9;", "₹₹"),
        ("A & B", "A & B"),
        ("a > b", "a > b"),
        ("<b></b>x", "x"),
    ],
)
def test_references_and_lone_signs_are_text(source: str, text: str) -> None:
    assert parse_html(source) == (text, [])


def test_offsets_count_utf16_units() -> None:
    text, entities = parse_html("🔑 <b>₹1</b>")

    assert text == "🔑 ₹1"
    assert entities == [{"offset": 3, "length": 2, "type": "bold"}]


def test_tags_may_lie_in_each_other() -> None:
    _, entities = parse_html("<b>a<i>b</i></b>")

    assert [(e["type"], e["offset"], e["length"]) for e in entities] == [("bold", 0, 2), ("italic", 1, 1)]


def test_blanks_at_both_ends_go() -> None:
    assert parse_html(" \n<b> x </b>\n") == ("x", [{"offset": 0, "length": 1, "type": "bold"}])


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_escaped_text_comes_out_as_it_went_in(text: str) -> None:
    assert parse_html(html.escape(text))[0] == text.strip()


@given(st.text(alphabet="<>/&;=\"' abipre-code#x0"))
def test_nothing_but_a_refusal_comes_of_nonsense(source: str) -> None:
    try:
        text, entities = parse_html(source)
    except Refused:
        return
    assert all(0 <= e["offset"] < e["offset"] + e["length"] <= units(text) for e in entities)


@pytest.mark.parametrize(
    ("typed", "marked"),
    [
        ("/start", [("bot_command", 0, 6)]),
        ("/status@other_bot dhan", [("bot_command", 0, 17)]),
        ("see /help.", [("bot_command", 4, 5)]),
        ("a/b", []),
        ("https://x.test/callback/?tokenId=1", [("url", 0, 34)]),
        ("🔑 /totp", [("bot_command", 3, 5)]),
        ("/", []),
        ("//x", []),
    ],
)
def test_commands_and_links_in_typed_text_are_marked(typed: str, marked: list[tuple[str, int, int]]) -> None:
    assert [(e["type"], e["offset"], e["length"]) for e in marked_by_telegram(typed)] == marked
