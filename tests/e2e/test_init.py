"""`kunji init` as a person meets it: a real process at a terminal, and a phone."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.config import load
from bot.sandbox.zerodha import Zerodha
from bot.store import open_store
from tests.e2e.house import ADMIN, CLIENT, PATIENCE, PIN, SECRET, STRANGER, WIFE, WIFE_SECRET, House, house
from tests.e2e.terminal import CTRL_C, CTRL_D, Terminal

GROUP = -4001
WORD = r"kunji-[A-Z2-9]{4}"


class Asked(Terminal):
    """`kunji init` at a terminal."""

    def __init__(self, home: House, *words: str) -> None:
        self.home = home
        addresses = ["--telegram-api-url", home.sandbox.telegram_url, *words]
        super().__init__(home.command("init", *addresses), home.variables())

    def interrupts(self) -> None:
        """Ctrl-C, and again if nothing happens: in the moment before Python begins to read it goes unnoticed."""
        for _ in range(3):
            self.types(CTRL_C)
            ends = time.monotonic() + PATIENCE / 3
            while "nothing was written" not in self.seen and self.more(ends):
                pass
            if "nothing was written" in self.seen:
                return


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, at=None) as made:
        (made.folder / "bot_config.json").unlink()
        made.folder.rmdir()
        made.sandbox.dhan.add_client(CLIENT, PIN, SECRET)
        yield made


@contextmanager
def terminal(home: House, broker: str = "dhan") -> Iterator[Asked]:
    made = Asked(home, *[f"--endpoint={name}={url}" for name, url in home.sandbox.endpoints(broker).items()])
    try:
        yield made
    finally:
        made.close()


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()} if folder.exists() else {}


def answers_for_dhan(at: Asked) -> None:
    at.answers("number:", "dhan")
    at.answers(r"name \[dhan\]:", "")
    at.answers(r"number \[1\]:", "")
    at.answers("client id:", CLIENT)
    at.answers("PIN:", PIN)
    at.answers("TOTP secret:", SECRET)


def answers_for_telegram(at: Asked, user: int = ADMIN) -> None:
    telegram = at.home.sandbox.telegram
    at.answers("bot token:", telegram.token)
    telegram.say(user, at.sees(WORD)[0])


def is_set_up_without_a_login(home: House) -> None:
    with terminal(home) as at:
        answers_for_dhan(at)
        answers_for_telegram(at)
        for prompt in ("Is it you", "phone show the same", "Seal them"):
            at.answers(prompt, "y")
        at.answers("Log in once now", "n")
        assert at.ends() == 0, at.seen


def test_a_stranger_gets_from_nothing_to_a_token_of_an_account_that_logs_in_by_itself(home: House) -> None:
    with terminal(home) as at:
        answers_for_dhan(at)
        answers_for_telegram(at)
        at.answers(f"Admin, with the chat id {ADMIN}. Is it you", "")
        code = at.sees(r"(\d{6}) for \d+ s")[1]
        at.answers("phone show the same", "")
        at.answers("Seal them", "")
        at.answers("Log in once now", "")

        assert at.ends() == 0, at.seen

    assert code.isdigit()
    assert "FAIL" not in at.seen
    assert "dhan refreshed: good until" in at.seen
    assert home.token("dhan") == home.sandbox.dhan.token(CLIENT)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in home.folder.glob("*.json"))
    assert stat.S_IMODE(home.folder.stat().st_mode) == 0o700
    for secret in (PIN, SECRET, home.sandbox.telegram.token):
        assert secret not in at.seen
        assert secret.encode() not in b"".join(files(home.folder).values())


@pytest.mark.long
def test_the_bot_runs_with_what_was_written_and_knows_its_admin(home: House) -> None:
    is_set_up_without_a_login(home)

    home.start()

    assert "admin" in home.says("/start", "dhan").text
    assert home.sandbox.dhan.calls("generateAccessToken") == 0


@pytest.mark.long
def test_an_account_whose_admin_does_the_second_factor_logs_in_with_the_address_pasted_there(home: House) -> None:
    zerodha = home.sandbox.brokers["zerodha"]
    assert isinstance(zerodha, Zerodha)
    zerodha.add_client("AB1234", "correct-horse", SECRET)
    zerodha.add_app("samplekey0000001", "samplesecret000000000001")
    with terminal(home, "zerodha") as at:
        at.answers("number:", "4")
        at.answers(r"name \[zerodha\]:", "kite")
        at.answers("client id:", "ab1234")
        at.answers("API key:", "samplekey0000001")
        at.answers("API secret:", "samplesecret000000000001")
        answers_for_telegram(at)
        at.answers("Is it you", "")
        at.answers("Seal them", "")
        at.answers("Log in once now", "")
        link = at.sees(r"http://\S+/connect/login\S+")[0]
        at.answers("then paste", zerodha.approve(link, "AB1234"))

        assert at.ends() == 0, at.seen

    assert home.token("kite") == zerodha.token("AB1234")


@pytest.mark.long
def test_every_wrong_answer_is_told_at_once_and_asked_again(home: House) -> None:
    with terminal(home) as at:
        at.answers("number:", "7")
        at.answers("from 1 to 4(?s:.*)number:", "2")
        at.answers("name", "Dhan!")
        at.answers(r"small letters, digits and dashes(?s:.*)name \[dhan\]:", "bot")
        at.answers("the bot as a whole(?s:.*)name", "dhan")
        at.answers(r"number \[1\]:", "1")
        at.answers("client id:", "YOUR_CLIENT_ID")
        at.answers("the client id is still the placeholder(?s:.*)client id:", CLIENT)
        at.answers("PIN:", "12ab56")
        at.answers("digits only(?s:.*)PIN:", PIN)
        at.answers("TOTP secret:", "JBSWY3DPEHPK0PXP")
        at.answers("position 13(?s:.*)TOTP secret:", "no/such/picture.png")
        at.answers("picture(?s:.*)TOTP secret:", f"otpauth://totp/Dhan:me?secret={SECRET}&issuer=Dhan")
        at.answers("bot token:", "12345")
        at.answers("BotFather gives it(?s:.*)bot token:", f"{ADMIN}:{'x' * 35}")
        at.answers("does not know the bot token(?s:.*)bot token:", home.sandbox.telegram.token)
        home.sandbox.telegram.say(STRANGER, "hello")
        home.sandbox.telegram.say(STRANGER, at.sees(WORD)[0])
        at.answers("Stranger, with the chat id 6666. Is it you", "n")
        home.sandbox.telegram.say(ADMIN, at.sees(WORD)[0].lower())
        at.answers(f"Admin, with the chat id {ADMIN}. Is it you", "y")
        at.answers("phone show the same", "n")
        at.answers("TOTP secret:", SECRET)
        at.answers("phone show the same", "y")
        at.answers("Seal them", "n")
        at.answers("Log in once now", "n")

        assert at.ends() == 0, at.seen

    written = json.loads((home.folder / "dhan_config.json").read_text())
    told = json.loads((home.folder / "bot_config.json").read_text())
    assert (written["client_id"], written["pin"], written["totp_secret"]) == (CLIENT, PIN, SECRET)
    assert told["telegram_chat_id"] == ADMIN


@pytest.mark.long
def test_a_second_account_is_not_asked_for_telegram_and_may_not_be_the_same_login(home: House) -> None:
    home.folder.mkdir(mode=0o700)
    home.bot_wide(telegram_chat_id=ADMIN)
    home.auto()
    home.sandbox.dhan.add_client(WIFE, "551204", WIFE_SECRET)
    before = files(home.folder)
    with terminal(home) as at:
        at.answers("number:", "dhan")
        at.answers("name", "dhan")
        at.answers(r"already(?s:.*)name \[dhan-2\]:", "dhan-wife")
        at.answers(r"number \[1\]:", "")
        at.answers("client id:", CLIENT)
        at.answers("PIN:", "551204")
        at.answers("TOTP secret:", WIFE_SECRET)
        at.answers("same login as dhan_config.json(?s:.*)client id:", WIFE)
        at.answers("phone show the same", "y")
        at.answers("Seal them", "")
        at.answers("Log in once now", "y")

        assert at.ends() == 0, at.seen

    assert "bot token" not in at.seen
    assert home.token("dhan-wife") == home.sandbox.dhan.token(WIFE)
    assert {name: content for name, content in files(home.folder).items() if name in before} == before


@pytest.mark.long
def test_the_shown_code_is_not_the_one_that_logs_in(home: House) -> None:
    is_set_up_without_a_login(home)

    store = open_store(home.folder, environment={})

    assert store.note("dhan").windows
    store.close()


@pytest.mark.long
@pytest.mark.parametrize("trouble", ["a webhook takes", "another program reads"])
def test_who_else_reads_the_bots_messages_is_told_and_can_be_ended(home: House, trouble: str) -> None:
    telegram = home.sandbox.telegram
    with terminal(home) as at:
        answers_for_dhan(at)
        if "webhook" in trouble:
            telegram.set_webhook("https://elsewhere.example/")
        else:
            telegram.fail("getUpdates", 409)
        at.answers("bot token:", telegram.token)
        at.sees(trouble)
        telegram.set_webhook("")
        at.answers("Try again", "y")
        telegram.say(ADMIN, at.sees(rf"(?s:.*)({WORD})")[1])
        at.sees("Is it you")


@pytest.mark.long
@pytest.mark.parametrize("again", ["y", "n"])
def test_while_telegram_is_away_the_bot_token_is_kept_and_need_not_be_typed_again(home: House, again: str) -> None:
    telegram = home.sandbox.telegram
    with terminal(home) as at:
        answers_for_dhan(at)
        telegram.down()
        at.answers("bot token:", telegram.token)
        at.sees("cannot be checked")
        telegram.up()
        at.answers("Try again", again)
        telegram.say(ADMIN, at.sees(WORD)[0])
        at.sees("Is it you")

    assert at.seen.count("bot token:") == 1
    assert ("Going on without this check" in at.seen) == (again == "n")


@pytest.mark.long
def test_the_word_counts_in_private_only_and_does_not_wait_for_the_bot(home: House) -> None:
    telegram = home.sandbox.telegram
    telegram.open_chat(GROUP, "group", "Traders")
    with terminal(home) as at:
        answers_for_dhan(at)
        at.answers("bot token:", telegram.token)
        word = at.sees(WORD)[0]
        telegram.say(GROUP, word, user=STRANGER)
        telegram.say(ADMIN, word)

        assert at.sees(r"with the chat id (-?\d+)")[1] == str(ADMIN)

    assert telegram.waiting_updates() == 0


@pytest.mark.long
def test_after_five_minutes_without_the_word_it_asks_whether_to_go_on(home: House) -> None:
    with terminal(home) as at:
        answers_for_dhan(at)
        at.answers("bot token:", home.sandbox.telegram.token)
        at.sees(WORD)
        home.sandbox.telegram.wait_calls("getUpdates", 1, PATIENCE)
        home.sandbox.clock.advance(301)
        home.sandbox.telegram.say(STRANGER, "hello")
        at.answers("did not come within five minutes(?s:.*)Try again", "n")
        at.sees("chat id:")
        at.interrupts()

        assert at.ends() == 1
    assert not home.folder.exists()


@pytest.mark.long
def test_where_telegram_cannot_be_reached_the_chat_id_is_typed(home: House) -> None:
    telegram = home.sandbox.telegram
    with terminal(home) as at:
        answers_for_dhan(at)
        telegram.down()
        at.answers("bot token:", telegram.token)
        at.answers("cannot be checked(?s:.*)Try again", "n")
        at.answers("cannot be reached(?s:.*)Try again", "n")
        at.answers("who wrote(?s:.*)chat id:", "@admin")
        at.answers("digits only(?s:.*)chat id:", str(GROUP))
        at.answers("a group's(?s:.*)chat id:", telegram.token.partition(":")[0])
        at.answers("the bot's own id(?s:.*)chat id:", str(ADMIN))
        at.answers("phone show the same", "y")
        at.answers("Seal them", "n")
        at.answers("Log in once now", "n")
        at.ends()

    assert json.loads((home.folder / "bot_config.json").read_text())["telegram_chat_id"] == ADMIN


def test_a_question_is_asked_again_until_it_is_answered(home: House) -> None:
    with terminal(home) as at:
        at.answers("number:", "")
        at.answers("nothing was typed(?s:.*)number:", "dhan")
        at.answers("name", "")
        at.answers("number", "")
        at.answers("client id:", "12")
        at.answers("Is it right", "perhaps")
        at.answers("expected y for yes, or n for no(?s:.*)Is it right", "no")
        at.answers("client id:", CLIENT)
        at.answers("PIN:", "")
        at.sees("nothing was typed(?s:.*)PIN:")

    assert "Error" not in at.seen


@pytest.mark.parametrize("stopped_at", ["number:", "PIN:", "Is it right"])
def test_the_end_of_what_is_typed_ends_it_as_ctrl_c_does(home: House, stopped_at: str) -> None:
    with terminal(home) as at:
        for prompt, answer in (("number:", "dhan"), ("name", ""), ("number", ""), ("client id:", "12")):
            if prompt == stopped_at:
                break
            at.answers(prompt, answer)
        if stopped_at == "PIN:":
            at.answers("Is it right", "y")
        at.sees(stopped_at)
        at.types(CTRL_D)

        assert at.ends() == 1, at.seen

    assert "nothing was written" in at.seen
    assert not home.folder.exists()


PROMPTS = (
    (r"number:", "dhan"),
    (r"name \[dhan\]:", ""),
    (r"number \[1\]:", ""),
    ("client id:", CLIENT),
    ("PIN:", PIN),
    ("TOTP secret:", SECRET),
    ("bot token:", "the sandbox's"),
    (WORD, "sent"),
    ("Is it you", "y"),
    ("phone show the same", "y"),
    ("Seal them", "y"),
)


@pytest.mark.long
@pytest.mark.parametrize("stopped_at", range(len(PROMPTS)), ids=[prompt for prompt, _ in PROMPTS])
def test_ctrl_c_at_any_question_leaves_the_folder_as_it_was(home: House, stopped_at: int) -> None:
    telegram = home.sandbox.telegram
    with terminal(home) as at:
        for prompt, answer in PROMPTS[:stopped_at]:
            found = at.sees(prompt)[0]
            if prompt == WORD:
                telegram.say(ADMIN, found)
            else:
                at.types(f"{telegram.token if prompt == 'bot token:' else answer}\n")
        at.sees(PROMPTS[stopped_at][0])
        at.interrupts()

        assert at.ends() == 1, at.seen

    assert "nothing was written" in at.seen
    assert "Traceback" not in at.seen
    assert not home.folder.exists()


@pytest.mark.long
def test_a_folder_that_is_wrong_already_is_told_before_anything_is_asked(home: House) -> None:
    home.folder.mkdir(mode=0o700)
    home.write("dhan_config.json", {"client_id": CLIENT, "totp_secet": SECRET})
    with terminal(home) as at:
        assert at.ends() == 2

    assert "totp_secet" in at.seen
    assert "Which broker" not in at.seen


@pytest.mark.long
def test_without_a_terminal_it_says_so(home: House) -> None:
    result = home.run("init", given="dhan\n")

    assert result.returncode == 2
    assert "terminal" in result.stderr
    assert not home.folder.exists()


@pytest.mark.long
def test_what_was_written_is_what_the_config_reads(home: House) -> None:
    with terminal(home) as at:
        answers_for_dhan(at)
        answers_for_telegram(at)
        for prompt, answer in (("Is it you", "y"), ("phone show the same", "y"), ("Seal them", "n")):
            at.answers(prompt, answer)
        at.answers("Log in once now", CTRL_C)
        at.ends()

    [account] = load(home.folder, {}).accounts

    assert (account.name, account.login) == ("dhan", "auto")
    assert account.config.pin.reveal() == PIN
    assert account.audience.admin_chats == {ADMIN}
