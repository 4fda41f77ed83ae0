"""A button says what was signed, to the one it was signed for, and fits into what Telegram takes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import BUTTONS
from handlers.buttons import LONGEST, ButtonRefused, keyboard, opened, sign
from handlers.context import Desk
from handlers.text import label
from tests.unit.handlers.stage import ADMIN, KEY, NOW, FakeTokens

names = st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True)
users = st.integers(min_value=1, max_value=2**52)


@given(st.sampled_from(sorted(BUTTONS)), names | st.just(""), users, st.integers(1, 10**8))
def test_what_was_signed_is_what_is_opened(action, account, user, life):
    expires_at = NOW + timedelta(seconds=life)

    data = sign(KEY, action, account, user, expires_at)
    pressed = opened(KEY, data, user, NOW)

    assert len(data.encode()) <= LONGEST
    assert (pressed.action, pressed.account, pressed.arg, pressed.expires_at) == (action, account, "", expires_at)


def test_the_longest_account_leaves_room_for_the_mark_of_a_pasted_value():
    data = sign(KEY, "use", "a" * 32, ADMIN, NOW, "ff")

    assert len(data.encode()) <= LONGEST


@given(names, users, users, st.integers(0, 63), st.characters())
def test_nothing_else_opens(account, user, other, place, character):
    data = sign(KEY, "go", account, user, NOW + timedelta(minutes=1))
    changed = data[:place] + character + data[place + 1 :]

    for key, said, who in ((KEY, changed, user), (KEY, data, other), (b"x" * 32, data, user)):
        if (key, said, who) != (KEY, data, user):
            with pytest.raises(ButtonRefused):
                opened(key, said, who, NOW)


@given(st.text(max_size=80))
def test_no_made_up_data_opens(data):
    with pytest.raises(ButtonRefused):
        opened(KEY, data, ADMIN, NOW)


@pytest.mark.parametrize("action", BUTTONS)
def test_every_button_has_words(action):
    assert label(action, "dhan") != action


def test_alerts_get_their_keyboard():
    desk = Desk(FakeTokens(), {}, {}, KEY, lambda: NOW)

    made = keyboard(desk, ADMIN, [("go", "a"), ("force", "b"), ("go", "c")])

    assert [[one.text for one in row] for row in made.inline_keyboard] == [
        ["Refresh a", "Take the risk: try b once"],
        ["Refresh c"],
    ]
    assert keyboard(desk, ADMIN, []) is None
