"""What programs are given to know."""

from __future__ import annotations

from pathlib import Path

from bot.handoff.environment import for_programs, referred_to


def test_the_bots_own_variables_and_those_its_config_refers_to_stay_behind(tmp_path: Path) -> None:
    (tmp_path / "dhan_config.json").write_text('{"pin": "${DHAN_PIN}", "totp_secret": "${SEED}"}')
    (tmp_path / "bot_config.json").write_text('{"telegram_bot_token": "${BOT}", damaged')
    ours = {"KUNJI_KEY": "k", "TELEGRAM_BOT_TOKEN": "t", "ADMIN_CHAT_ID": "1", "DHAN_PIN": "p", "SEED": "s", "BOT": "b"}

    given = for_programs({**ours, "PATH": "/bin", "DHAN_PINS": "2"}, tmp_path)

    assert given == {"PATH": "/bin", "DHAN_PINS": "2"}
    assert referred_to(tmp_path) == {"DHAN_PIN", "SEED", "BOT"}


def test_a_folder_that_is_not_there_refers_to_nothing(tmp_path: Path) -> None:
    assert for_programs({"PATH": "/bin"}, tmp_path / "none") == {"PATH": "/bin"}
