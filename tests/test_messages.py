"""docs/messages.md lists all the bot can say: a sentence more in the code, and these fail until it is there."""

from __future__ import annotations

import re

import pytest

from handlers.text import ALERTS
from tests.messages.page import PAGE, page, said
from tests.messages.source import GAP, alert_kinds, pieces


def test_the_page_is_the_one_the_code_makes() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "make it anew: python -m tests.messages"


def test_every_piece_of_every_sentence_of_the_chat_has_an_occasion_on_the_page() -> None:
    all_said = said()

    missing = {piece for piece in pieces("handlers/text/") if piece not in all_said}

    assert missing == set()


@pytest.mark.parametrize("kind", sorted(alert_kinds()))
def test_whatever_is_queued_for_the_admin_has_a_sentence(kind: str) -> None:
    pattern = re.escape(kind).replace(re.escape(GAP), r"\w+")

    assert any(re.fullmatch(pattern, known) for known in ALERTS)
