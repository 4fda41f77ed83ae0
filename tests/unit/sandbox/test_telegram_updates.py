"""What the bot gets to know, in the order and by the rules of getUpdates."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from bot.sandbox import Sandbox
from tests.unit.sandbox.calls import ADMIN, api, refusal

GROUP = -1001


def fetch(sandbox: Sandbox, **params: Any) -> list[dict[str, Any]]:
    answer = api(sandbox, "getUpdates", **params)
    assert answer["ok"], answer
    result: list[dict[str, Any]] = answer["result"]
    return result


def in_background(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    return thread, results


def test_what_is_said_is_fetched_until_it_is_confirmed(sandbox: Sandbox) -> None:
    sandbox.telegram.say(ADMIN, "/start")

    first = fetch(sandbox)
    again = fetch(sandbox)
    after = fetch(sandbox, offset=first[0]["update_id"] + 1)

    assert first == again
    assert first[0]["message"]["text"] == "/start"
    assert first[0]["message"]["entities"] == [{"type": "bot_command", "offset": 0, "length": 6}]
    assert first[0]["message"]["from"]["id"] == ADMIN
    assert after == []
    assert sandbox.telegram.waiting_updates() == 0


def test_a_long_poll_answers_as_soon_as_somebody_speaks(sandbox: Sandbox) -> None:
    polling, results = in_background(lambda: fetch(sandbox, timeout=20))
    sandbox.telegram.wait_calls("getUpdates", 1)

    sandbox.telegram.say(ADMIN, "hello")

    polling.join(5)
    assert results[0][0]["message"]["text"] == "hello"


def test_a_limit_and_a_negative_offset_are_kept_to(sandbox: Sandbox) -> None:
    for text in "abc":
        sandbox.telegram.say(ADMIN, text)

    assert [u["message"]["text"] for u in fetch(sandbox, limit=2)] == ["a", "b"]
    assert [u["message"]["text"] for u in fetch(sandbox, offset=-1)] == ["c"]


def test_only_what_was_asked_for_is_kept(sandbox: Sandbox) -> None:
    fetch(sandbox, allowed_updates=["message"])
    heard = sandbox.telegram.say(ADMIN, "a")
    sandbox.telegram.change(ADMIN, heard, "b")
    sandbox.telegram.block(ADMIN)

    assert [sorted(u) for u in fetch(sandbox)] == [["message", "update_id"]]


def test_a_second_poller_ends_the_first(sandbox: Sandbox) -> None:
    polling, results = in_background(lambda: api(sandbox, "getUpdates", timeout=20))
    sandbox.telegram.wait_calls("getUpdates", 1)

    assert fetch(sandbox) == []

    polling.join(5)
    assert results[0]["error_code"] == 409
    assert results[0]["description"].startswith("Conflict: terminated by other getUpdates request")


def test_beside_a_webhook_nothing_is_fetched(sandbox: Sandbox) -> None:
    assert refusal(sandbox, "setWebhook", url="http://example.com").startswith("400 Bad Request: bad webhook")
    api(sandbox, "setWebhook", url="https://example.com/hook")

    assert refusal(sandbox, "getUpdates").startswith(
        "409 Conflict: can't use getUpdates method while webhook is active"
    )
    assert api(sandbox, "getWebhookInfo")["result"]["url"] == "https://example.com/hook"
    api(sandbox, "deleteWebhook")
    assert fetch(sandbox) == []


def test_a_webhook_set_by_somebody_else_ends_the_poll(sandbox: Sandbox) -> None:
    polling, results = in_background(lambda: api(sandbox, "getUpdates", timeout=20))
    sandbox.telegram.wait_calls("getUpdates", 1)

    sandbox.telegram.set_webhook("https://thief.example/hook")

    polling.join(5)
    assert results[0]["error_code"] == 409


def test_a_webhook_can_be_taken_away_with_what_waits(sandbox: Sandbox) -> None:
    sandbox.telegram.say(ADMIN, "old")

    api(sandbox, "deleteWebhook", drop_pending_updates=True)

    assert fetch(sandbox) == []


def test_poison_stays_until_it_is_confirmed(sandbox: Sandbox) -> None:
    poisoned = sandbox.telegram.poison()

    assert fetch(sandbox) == fetch(sandbox) == [{"update_id": poisoned, "message": {"message_id": 1}}]
    assert fetch(sandbox, offset=poisoned + 1) == []


def test_an_edited_message_and_a_channel_post_are_told_apart(sandbox: Sandbox) -> None:
    heard = sandbox.telegram.say(ADMIN, "/totp")
    sandbox.telegram.change(ADMIN, heard, "/refresh")
    sandbox.telegram.open_chat(-1009, "channel")
    posted = sandbox.telegram.post(-1009, "/refresh")
    sandbox.telegram.change(-1009, posted, "/start")

    updates = fetch(sandbox)

    kinds = [next(k for k in u if k != "update_id") for u in updates]
    assert kinds == ["message", "edited_message", "channel_post", "edited_channel_post"]
    assert updates[1]["edited_message"]["edit_date"]
    assert "from" not in updates[2]["channel_post"]


def test_odd_senders_look_as_telegram_shows_them(sandbox: Sandbox) -> None:
    sandbox.telegram.open_chat(GROUP, "supergroup")
    sandbox.telegram.say(GROUP, "a", as_group=True)
    sandbox.telegram.say(GROUP, "b", as_channel=-1009)
    sandbox.telegram.say(ADMIN, "c", forwarded_from=77)
    sandbox.telegram.say(ADMIN, "d", via_bot=78)
    sandbox.telegram.say_to_business(79, "e")
    sandbox.telegram.say_as_guest(79, "f")

    anonymous, channel, forwarded, inline, business, guest = fetch(sandbox)

    assert anonymous["message"]["from"]["id"] == 1087968824
    assert anonymous["message"]["sender_chat"]["id"] == GROUP
    assert channel["message"]["from"]["id"] == 136817688
    assert channel["message"]["sender_chat"]["id"] == -1009
    assert forwarded["message"]["forward_origin"]["sender_user"]["id"] == 77
    assert inline["message"]["via_bot"]["id"] == 78
    assert business["business_message"]["business_connection_id"]
    assert guest["guest_message"]["guest_query_id"]


def test_a_press_tells_who_pressed_and_what(sandbox: Sandbox) -> None:
    sandbox.telegram.open_chat(ADMIN)
    markup = {"inline_keyboard": [[{"text": "Refresh dhan", "callback_data": "signed"}]]}
    sent = api(sandbox, "sendMessage", chat_id=ADMIN, text="x", reply_markup=markup)["result"]["message_id"]
    sandbox.telegram.press(ADMIN, sent, "Refresh")
    sandbox.telegram.press(ADMIN, sent, 0, user=666)
    sandbox.telegram.press(ADMIN, sent, data="forged")
    sandbox.telegram.press(ADMIN, sent, 0, inaccessible=True)

    by_part, by_other, forged, old = (u["callback_query"] for u in fetch(sandbox))

    assert (by_part["from"]["id"], by_part["data"]) == (ADMIN, "signed")
    assert by_part["message"]["reply_markup"] == markup
    assert by_other["from"]["id"] == 666
    assert forged["data"] == "forged"
    assert old["message"] == {"chat": old["message"]["chat"], "message_id": sent, "date": 0}


def test_invitations_and_blocks_are_told(sandbox: Sandbox) -> None:
    sandbox.telegram.invite(-5, by=ADMIN)
    sandbox.telegram.block(-5, by=ADMIN)

    joined, thrown_out = (u["my_chat_member"] for u in fetch(sandbox))

    assert joined["new_chat_member"]["status"] == "member"
    assert joined["from"]["id"] == ADMIN
    assert thrown_out["new_chat_member"]["status"] == "kicked"


def test_a_group_that_moves_says_so_in_both_chats(sandbox: Sandbox) -> None:
    sandbox.telegram.open_chat(-5, "group")
    sandbox.telegram.upgrade(-5, -1005)

    old, new = (u["message"] for u in fetch(sandbox))

    assert (old["chat"]["id"], old["migrate_to_chat_id"]) == (-5, -1005)
    assert (new["chat"]["id"], new["migrate_from_chat_id"]) == (-1005, -5)


def test_wishes_that_make_no_sense_are_refused(sandbox: Sandbox) -> None:
    heard = sandbox.telegram.say(ADMIN, "x")
    sandbox.telegram.open_chat(GROUP, "supergroup")
    with pytest.raises(ValueError, match="no chat -7"):
        sandbox.telegram.say(-7, "x", ADMIN)
    with pytest.raises(ValueError, match="no single button"):
        sandbox.telegram.press(ADMIN, heard, "go")
    with pytest.raises(ValueError, match="no message 99"):
        sandbox.telegram.erase(ADMIN, 99)
    with pytest.raises(ValueError, match="somebody must be named"):
        sandbox.telegram.say(GROUP, "x")
    with pytest.raises(ValueError, match="no kind of chat"):
        sandbox.telegram.open_chat(1, "club")
