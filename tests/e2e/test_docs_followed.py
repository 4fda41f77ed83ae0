"""The pages, followed as they stand: a fresh clone, an empty home, and a person at a terminal who types every command.

Telegram and the brokers are stand-ins, by the config keys `telegram_api_url` and `endpoints`. Where `kunji init` asks
before there is a config, the shell gives it the same addresses by options that nobody is told of.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.sandbox import Sandbox
from tests.e2e.house import ADMIN, API, CLIENT, LANDING, PATIENCE, PIN, SECRET, WIFE, WIFE_SECRET
from tests.e2e.pages import ROOT, Told, told
from tests.e2e.terminal import CTRL_C, Terminal
from tests.redis_server import free_port

CLONE, FIRST, FOLDER, RESTORED = "~/clone", "~/trading", "~/kunji", "~/restored"
INSTALLING = 150.0
PASSPHRASE = "correct horse battery"
WORD = r"kunji-[A-Z2-9]{4}"
DONE = r"(?:\(\.venv\) )?followed (\d+)> "
SHELL = ("/bin/bash", "--noprofile", "--norc", "--noediting", "-i")
KEPT = re.compile("PIP_.*|SSL_.*|.*_proxy|REQUESTS_CA_BUNDLE|LANG|TMPDIR", re.IGNORECASE)
"""Variables of this machine that pip may need to get at packages."""
INIT_KNOWS_THE_STAND_INS = """
kunji() { case " $* " in *" init "*) command kunji "$@" "${STAND_INS[@]}" ;; *) command kunji "$@" ;; esac; }
"""


class Person:
    """At a terminal with a shell in it, and with a phone."""

    def __init__(self, sandbox: Sandbox, home: Path) -> None:
        self.sandbox = sandbox
        self.home = home
        kept = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
        path = f"{sys.base_prefix}/bin:/usr/local/bin:/usr/bin:/bin"
        given = {"HOME": str(home), "PATH": path, "TERM": "dumb", "BROWSER": "true"}
        self.at = Terminal(SHELL, kept | given, home)
        self.folder = ""
        self.does(f"stty -echo; PS1='followed $?> '; {' '.join(INIT_KNOWS_THE_STAND_INS.split())}")

    def does(self, line: str) -> None:
        """What is not on the page, such as going to a folder."""
        self.at.types(f"{line}\n")
        assert self.at.sees(DONE)[1] == "0", self.at.seen

    def goes_to(self, folder: str) -> None:
        if folder != self.folder:
            self.does(f"mkdir -p -m 700 {folder} && cd {folder}")
            self.folder = folder

    def path(self, name: str) -> Path:
        return Path(self.folder.replace("~", str(self.home))) / name

    def writes(self, name: str, text: str, mode: int = 0o600) -> None:
        self.path(name).write_text(text, encoding="utf-8")
        self.path(name).chmod(mode)

    def sets(self, **keys: object) -> None:
        """In `bot_config.json`."""
        there = json.loads(self.path("bot_config.json").read_text(encoding="utf-8"))
        self.writes("bot_config.json", json.dumps(there | keys))


Answer = str | Callable[[Person, re.Match[str]], str | None]


def nothing(_person: Person) -> None:
    """Nothing comes before or after."""


@dataclass(frozen=True)
class Typed:
    """A command that is typed as it stands, and what it does by what the page says."""

    prints: str = ""
    code: int = 0
    at: str = FOLDER
    answers: tuple[tuple[str, Answer], ...] = ()
    """To what it asks."""
    before: Callable[[Person], None] = nothing
    """What the page tells to do first."""
    after: Callable[[Person], None] = nothing
    meanwhile: Callable[[Person], None] | None = None
    """For a command that stays: what the person does once it has printed that, and before Ctrl-C."""
    patience: float = PATIENCE
    needs: str = "bash"
    """A program that not every machine has."""


@dataclass(frozen=True)
class Left:
    """A command that is not typed here."""

    why: str


# What the person answers and does.


def bot_token(person: Person, _prompt: re.Match[str]) -> str:
    return person.sandbox.telegram.token


def sends_the_word(person: Person, word: re.Match[str]) -> None:
    person.sandbox.telegram.say(ADMIN, word[0])


def logs_in_on_the_page(person: Person, link: re.Match[str]) -> str:
    return person.sandbox.dhan.approve(link[1])


def with_stand_ins_of(broker: str) -> Callable[[Person], None]:
    def before(person: Person) -> None:
        words = [f"--endpoint={name}={url}" for name, url in person.sandbox.endpoints(broker).items()]
        person.does(f"STAND_INS=(--telegram-api-url {person.sandbox.telegram_url} {' '.join(words)})")

    return before


def hears_from_the_bot(person: Person) -> None:
    mark = person.sandbox.telegram.mark()
    person.sandbox.telegram.say(ADMIN, "/start")
    person.sandbox.telegram.wait_for(ADMIN, "dhan", after=mark, timeout=PATIENCE)


def has_the_variables(person: Person) -> None:
    person.does(f'test "$DHAN_CLIENT_ID" = {CLIENT} -a -n "$DHAN_ACCESS_TOKEN"')


def has_a_strategy(person: Person) -> None:
    person.writes("strategy", '#!/bin/sh\necho "trading for $DHAN_CLIENT_ID"\n', 0o700)


def has_a_public_door(person: Person) -> None:
    person.sets(public_url="https://kunji.example.com", listen="unix:door.sock")


def runs_the_bot_with_a_private_door(person: Person) -> None:
    person.sets(private_listen="unix:kunji.sock")
    person.does("kunji run 2> log &")
    person.does("until curl -s --unix-socket kunji.sock http://localhost/healthz; do sleep 0.1; done")


def ends_the_bot(person: Person) -> None:
    person.does("kill %1; wait %1; rm log")


def has_a_server_for_the_store(person: Person) -> None:
    port = free_port()
    person.does(f"redis-server --port {port} --save '' > redis.log &")
    person.does(f"until redis-cli -p {port} ping; do sleep 0.1; done")
    person.writes("redis.address", f"redis://127.0.0.1:{port}/0")


def ends_the_server(person: Person) -> None:
    person.does("kill %1; wait %1; rm -r redis.log redis.address store")


def removes_both_keys(person: Person) -> None:
    assert person.path("both.key").stat().st_mode & 0o777 == 0o600
    person.does("rm both.key")


def has_the_backup_and_nothing_else(person: Person) -> None:
    person.does("cp ~/kunji/kunji.backup .")


def has_lost_it_all(person: Person) -> None:
    person.does("mv ~/kunji ~/lost")


def can_be_read_by_nobody_else(person: Person) -> None:
    assert person.path("prometheus.key").stat().st_mode & 0o777 == 0o600


CHAT: tuple[tuple[str, Answer], ...] = (
    ("bot token:", bot_token),
    (WORD, sends_the_word),
    ("Is it you", "y"),
)
SET_UP_DHAN: tuple[tuple[str, Answer], ...] = (
    ("number:", "dhan"),
    (r"name \[dhan\]:", ""),
    (r"number \[1\]:", ""),
    ("client id:", CLIENT),
    ("PIN:", PIN),
    ("TOTP secret:", SECRET),
    *CHAT,
    ("phone show the same", "y"),
    ("Seal them", "y"),
    ("Log in once now", "y"),
)
SET_UP_WITH_A_LINK: tuple[tuple[str, Answer], ...] = (
    ("number:", "dhan"),
    (r"name \[dhan\]:", ""),
    (r"number \[1\]:", "2"),
    ("client id:", WIFE),
    ("API key:", API["api_key"]),
    ("API secret:", API["api_secret"]),
    *CHAT,
    ("Seal them", "n"),
    ("Log in once now", "y"),
    (r"(?s)consentAppId=(\S+)\s.*here:", logs_in_on_the_page),
)
SET_UP_THE_NEXT: tuple[tuple[str, Answer], ...] = (
    ("number:", "zerodha"),
    (r"name \[zerodha\]:", ""),
    ("client id:", "AB1234"),
    ("API key:", "samplekey0000001"),
    ("API secret:", "samplesecret000000000001"),
    ("Seal them", "n"),
    ("Log in once now", "n"),
)
NEW_PASSPHRASE = (("passphrase for the backup:", PASSPHRASE), ("the same again:", PASSPHRASE))
OLD_PASSPHRASE = (("passphrase of the backup:", PASSPHRASE),)

# Why not.

SYSTEMD = Left("changes the machine's systemd; tests/unit/test_service.py looks at the unit and the steps")
NEEDS_DOCKER = Left("needs Docker; tests/unit/test_container.py looks at the image")
NEEDS_A_SECOND_MACHINE = Left("needs a machine elsewhere; tests/unit/store/test_opening.py has two with one key")
ONLY_NAMED = Left("names a command that stands whole elsewhere")
LIKE_DHANS = Left("as kunji env dhan; that each broker's variables are right is held by tests/contract")

STEPS: dict[str, tuple[Typed | Left, ...]] = {
    # README.md
    "python3 -m venv .venv && . .venv/bin/activate && pip install -c constraints.txt -e . && kunji demo": (
        Typed(r"http://127\.0\.0\.1:\d+/", at=CLONE, meanwhile=nothing, patience=INSTALLING),
    ),
    "python3 -m venv .venv && . .venv/bin/activate && pip install -c constraints.txt -e '.[test]' && pytest": (
        Left("runs the tests, of which this is one; .ci/run types it"),
    ),
    "apt install python3-venv": (Left("changes the machine; .ci/run does it where it is needed"),),
    ". …/.venv/bin/activate": (Left("has … for the clone; the lines before switch the same environment on"),),
    "kunji init": (
        Typed(
            "dhan refreshed: good until", at=FIRST, answers=SET_UP_DHAN, before=with_stand_ins_of("dhan"), patience=45
        ),
    ),
    "kunji run": (Typed("serving dhan", at=FIRST, meanwhile=hears_from_the_bot),),
    "kunji unlock": (Typed("it was not locked", at=FIRST),),
    "kunji token dhan": (Typed(r"\A\S{20,}\s+\Z", at=FIRST),),
    'eval "$(kunji env dhan)"': (Typed(r"\A\Z", at=FIRST, after=has_the_variables),),
    # docs/running.md
    "python3 -m venv .venv && . .venv/bin/activate && pip install -c constraints.txt -e .": (
        Typed("Successfully installed", at=CLONE, patience=INSTALLING),
    ),
    "kunji --config ~/kunji init": (
        Typed("dhan refreshed", at=CLONE, answers=SET_UP_WITH_A_LINK, before=with_stand_ins_of("dhan")),
        Typed("Written(?!.*FAIL)", at=CLONE, answers=SET_UP_THE_NEXT, before=with_stand_ins_of("zerodha")),
    ),
    "kunji --config ~/kunji check --online": (Typed(r"\A(?!.*FAIL).*Dhan can be reached", at=CLONE),),
    "kunji --config ~/kunji run": (Typed("serving dhan", at=CLONE, meanwhile=hears_from_the_bot),),
    "pip install -c constraints.txt -e '.[qr]'": (Typed("Successfully installed", at=CLONE, patience=INSTALLING),),
    "kunji init --login unofficial": (
        Typed(
            r"against its stated\s+position.*nothing was written",
            code=1,
            answers=(("number:", "zerodha"), (r"name \[zerodha-2\]:", ""), ("All the same", "n")),
        ),
    ),
    "chmod 600": (ONLY_NAMED,),
    "kunji check --online": (Typed(r"\A(?!.*FAIL).*the bot is @kunji_sandbox_bot"),),
    'read -rs TOKEN && curl -s --config - <<< "url = \\"https://api.telegram.org/bot$TOKEN/getUpdates\\""': (
        Left("asks Telegram itself"),
    ),
    "sudo /opt/kunji/bin/kunji --config /etc/kunji service install": (SYSTEMD,),
    "journalctl -u kunji -f": (SYSTEMD,),
    "python3 -m venv /opt/kunji && /opt/kunji/bin/pip install -c constraints.txt .": (
        Left("writes outside the home; the same without /opt is typed first of all"),
    ),
    "sudo -u kunji /opt/kunji/bin/kunji --config /etc/kunji status": (SYSTEMD,),
    "systemd-analyze security kunji": (SYSTEMD,),
    "kunji --config ~/kunji service install --user": (SYSTEMD,),
    "loginctl enable-linger": (SYSTEMD,),
    "kunji service install": (SYSTEMD,),
    "kunji service status": (SYSTEMD,),
    "kunji service uninstall": (SYSTEMD,),
    "systemctl restart": (SYSTEMD,),
    "kunji --config DIR run": (Left("has DIR for the folder"),),
    "timedatectl": (SYSTEMD,),
    "kunji check --alive": (Typed(code=1),),
    "kunji run --log-format json": (Typed(r'\{"time": ".*"message": "serving dhan', meanwhile=hears_from_the_bot),),
    "mkdir config && cp docs/examples/dhan-auto_config.json config/dhan_config.json": (Typed(at=CLONE),),
    "sudo chown -R 10001:10001 config && sudo chmod 700 config && sudo chmod 600 config/dhan_config.json": (
        NEEDS_DOCKER,
    ),
    "docker compose up -d --build": (NEEDS_DOCKER,),
    "docker compose exec bot kunji status": (NEEDS_DOCKER,),
    "chmod 600 *_config.json": (Typed(),),
    "kunji key seal dhan_config.json": (Typed("sealed: .*api_secret"),),
    "kunji demo": (Typed(r"http://127\.0\.0\.1:\d+/", meanwhile=nothing),),
    "kunji check": (Typed(r"\A(?!.*FAIL).*store: readable"),),
    "kunji status": (Typed(r"dhan +Dhan +fresh"),),
    "kunji refresh dhan": (Typed("dhan kept, .*good until"),),
    "kunji totp dhan": (Typed(r"\b\d{6}\b", at=FIRST, patience=75),),
    "kunji env dhan": (Typed(rf"export DHAN_CLIENT_ID='?{WIFE}"),),
    "kunji exec dhan -- ./strategy": (Typed(f"trading for {WIFE}", before=has_a_strategy),),
    "kunji exec": (ONLY_NAMED,),
    "kunji key rotate": (Typed("sealed with a new key"),),
    "kunji key reader add strategy1 --accounts dhan": (Typed(r"^\S{40,}\s*$"),),
    "kunji key reader list": (Typed("strategy1 .*dhan"),),
    "kunji key reader remove strategy1": (Typed("strategy1 has no key any more"),),
    "kunji addresses": (Typed("https://kunji.example.com/callback/dhan/", before=has_a_public_door),),
    "kunji backup kunji.backup": (Typed("kunji.backup", answers=NEW_PASSPHRASE),),
    "kunji restore kunji.backup": (
        Typed("restored into", at=RESTORED, before=has_the_backup_and_nothing_else, answers=OLD_PASSPHRASE),
    ),
    "pip install -c constraints.txt -e '.[redis]'": (Typed("Successfully installed", at=CLONE, patience=INSTALLING),),
    "kunji store move --to file:redis.address": (
        ONLY_NAMED,
        Typed("copied from", before=has_a_server_for_the_store, needs="redis-server"),
    ),
    "kunji store move": (ONLY_NAMED,),
    "ssh second 'umask 077; mkdir -p kunji/.kunji'": (NEEDS_A_SECOND_MACHINE,),
    "scp -p ~/kunji/*_config.json ~/kunji/redis.address second:kunji/": (NEEDS_A_SECOND_MACHINE,),
    "scp -p ~/kunji/.kunji/kunji.key second:kunji/.kunji/": (NEEDS_A_SECOND_MACHINE,),
    "(umask 077; (head -c 32 /dev/urandom | base64; cat ~/kunji/.kunji/kunji.key) > ~/kunji/both.key)": (
        Typed(after=removes_both_keys),
    ),
    "kunji store move --from file:redis.address --to ~/kunji/store": (
        Typed("copied from", after=ends_the_server, needs="redis-server"),
    ),
    "ssh -N -o ExitOnForwardFailure=yes -o ServerAliveInterval=30 "
    "-R 127.0.0.1:8730:127.0.0.1:8730 you@server.example": (Left("needs a server elsewhere"),),
    "curl -s --unix-socket kunji.sock http://localhost/healthz": (
        Typed(before=runs_the_bot_with_a_private_door, after=ends_the_bot, needs="curl"),
    ),
    "pip install -c constraints.txt -e '.[charts]'": (Typed("Successfully installed", at=CLONE, patience=INSTALLING),),
    "pip install -c constraints.txt -e '.[metrics]'": (Typed("Successfully installed", at=CLONE, patience=INSTALLING),),
    "(umask 077; kunji key reader add prometheus --accounts all > prometheus.key)": (
        Typed("shown only now", after=can_be_read_by_nobody_else),
    ),
    "kunji --config ~/kunji backup kunji.backup": (Typed("kunji.backup", at="~", answers=NEW_PASSPHRASE),),
    "kunji --config ~/kunji restore kunji.backup": (
        Typed("restored into", at="~", before=has_lost_it_all, answers=OLD_PASSPHRASE),
    ),
    "kunji backup - --passphrase-file ~/passphrase | ssh elsewhere 'umask 077; cat > kunji.backup'": (
        Left("needs a machine elsewhere"),
    ),
    "kunji restore kunji.backup --list": (Typed("dhan_config.json +[0-9]+ bytes", at="~", answers=OLD_PASSPHRASE),),
    "kunji restore": (ONLY_NAMED,),
    "kunji lock": (Typed("locked"),),
    # docs/security.md and docs/brokers.md
    "kunji backup": (ONLY_NAMED,),
    "kunji key reader remove": (ONLY_NAMED,),
    "kunji totp": (Typed(r"\b\d{6}\b", at=FIRST, answers=(("TOTP secret:", SECRET),)),),
    "kunji env kotak": (LIKE_DHANS,),
    "kunji env angelone": (LIKE_DHANS,),
    "kunji env zerodha": (LIKE_DHANS,),
}
"""Every command of the pages. One that stands there more than once takes its steps in turn, and then the last again."""


@dataclass
class Progress:
    """Which step of a command comes next."""

    taken: dict[str, int] = field(default_factory=dict)

    def next(self, command: str) -> Typed | Left:
        steps, number = STEPS[command], self.taken.get(command, 0)
        self.taken[command] = number + 1
        return steps[min(number, len(steps) - 1)]


def follow(person: Person, command: Told, step: Typed) -> None:
    person.goes_to(step.at)
    step.before(person)
    begun = person.at.read_to
    person.at.types(f"{command.command}\n")
    for prompt, answer in step.answers:
        asked = person.at.sees(prompt, step.patience)
        said = answer(person, asked) if callable(answer) else answer
        if said is not None:
            person.at.types(f"{said}\n")
    if step.meanwhile:
        person.at.sees(step.prints, step.patience)
        step.meanwhile(person)
        person.at.types(CTRL_C)
    ended = person.at.sees(DONE, step.patience)
    printed = person.at.seen[begun : ended.start()].replace("\r", "")
    assert int(ended[1]) == step.code, f"{command.command}\n{printed}"
    assert re.search(step.prints, printed, re.DOTALL | re.MULTILINE), f"{command.command}\n{printed}"
    if command.printed:
        assert json.loads(printed).keys() == json.loads(command.printed).keys()
    step.after(person)


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            copy = tmp_path / "clone" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy)
    with Sandbox(at=None, skip_sleeps=True) as sandbox:
        sandbox.telegram.add_user(ADMIN, "Admin")
        sandbox.telegram.open_chat(ADMIN)
        sandbox.dhan.add_client(CLIENT, PIN, SECRET)
        sandbox.dhan.add_client(WIFE, "551204", WIFE_SECRET, redirect_url=LANDING, **API)
        made = Person(sandbox, tmp_path)
        try:
            yield made
        finally:
            made.at.close()


def test_every_command_of_the_pages_is_followed_or_left_out_by_name() -> None:
    commands = {one.command for one in told()}

    assert commands - STEPS.keys() == set(), "a command on a page has no row"
    assert STEPS.keys() - commands == set(), "a row has no command on a page any more"


@pytest.mark.long
def test_the_pages_are_true_as_they_stand(person: Person) -> None:
    progress = Progress()

    for command in told():
        step = progress.next(command.command)
        if isinstance(step, Typed) and shutil.which(step.needs):
            follow(person, command, step)
