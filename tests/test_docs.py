"""What the docs say is what the code has."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from brokers import BROKERS, broker_class

ROOT = Path(__file__).parent.parent
DEMO = "python3 -m venv .venv && . .venv/bin/activate && pip install -c constraints.txt -e . && kunji demo"
TESTS = "python3 -m venv .venv && . .venv/bin/activate && pip install -c constraints.txt -e '.[test]' && pytest"
PAGES = sorted(path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
EXAMPLES = sorted(
    path.relative_to(ROOT) for path in [*ROOT.glob("*_config.example.json"), *ROOT.glob("docs/examples/*.json")]
)
OTHERS_FILES = re.compile(r"[a-z0-9<>-]*_config\.json|/.*|.*\*.*")
"""Names of files that whoever runs the bot makes."""


def read(page: str | Path) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def fenced_lines(text: str) -> list[str]:
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of every row of every table."""
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("|-"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def words_in_first_cells(text: str) -> set[str]:
    return {word for row in rows(text) for word in re.findall(r"`([^`]+)`", row[0])}


def test_the_first_screen_of_the_readme_holds_the_two_commands_as_single_lines() -> None:
    lines = read("README.md").splitlines()[:24]

    assert DEMO in lines
    assert TESTS in lines


def test_the_only_command_with_pytest_in_the_readme_is_the_one_ci_runs() -> None:
    assert [line for line in fenced_lines(read("README.md")) if "pytest" in line] == [TESTS]
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_the_readme_lists_the_commands_of_the_chat() -> None:
    from handlers import COMMANDS

    listed = {row[0].strip("`").split()[0]: row[1] for row in rows(read("README.md")) if row[0].startswith("`/")}

    assert listed == {f"/{command.name}": command.role.name.lower() for command in COMMANDS}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_kunji_command_in_the_docs_exists(page: Path) -> None:
    from bot.cli import cli

    text = read(page)
    spoken = re.findall(r"`kunji ([a-z]+)", text) + re.findall(
        r"\bkunji(?: --config \S+)? ([a-z]+)", "\n".join(fenced_lines(text))
    )

    assert set(spoken) - set(cli.commands) - {"token", "env", "import"} == set()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_file_the_docs_name_exists(page: Path) -> None:
    text = read(page)
    links = {link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link}
    names = set(re.findall(r"`([\w.<>/*-]+\.(?:md|json|py|toml|txt))`", text))
    missing = {link for link in links if link and not (ROOT / page.parent / link).exists()}
    missing |= {
        name
        for name in names
        if not OTHERS_FILES.fullmatch(name) and not any((base / name).exists() for base in (ROOT, ROOT / page.parent))
    }

    assert missing - {"brokers/<name>.py"} == set()


@pytest.mark.parametrize("broker", sorted(BROKERS))
def test_every_config_field_of_a_broker_is_described_and_in_an_example(broker: str) -> None:
    described = set(re.findall(r"`([a-z_]+)`", read("docs/brokers.md")))
    ours = [path for path in EXAMPLES if path.name.startswith(broker)]
    shown = {key for path in ours for key in json.loads(read(path))}

    for field in fields(broker_class(broker).Config):
        assert field.name in described
        assert field.name in shown


def test_every_other_key_is_described() -> None:
    from bot.config._keys import ENVIRONMENT, AccountKeys, BotKeys, names

    described = words_in_first_cells(read("docs/running.md"))

    assert {*names(AccountKeys), *names(BotKeys), *ENVIRONMENT} - described == set()


FILLED_IN = {
    "YOUR_CLIENT_ID": "1000000001",
    "YOUR_PIN": "012345",
    "YOUR_4_DIGIT_PIN": "0123",
    "YOUR_UCC": "ZT4K9",
    "YOUR_MOBILE_NUMBER": "+919000000042",
    "YOUR_MPIN": "012345",
    "YOUR_TOTP_SECRET": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "YOUR_BOT_TOKEN": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
    "YOUR_CHAT_ID": "5001",
    "YOUR_GROUP_ID": "-1001234567890",
    "YOUR_USER_ID": "5001",
    "YOUR_ADMIN_CHAT_ID": "5002",
}


def filled_in(value: Any) -> Any:
    if isinstance(value, list):
        return [filled_in(item) for item in value]
    if isinstance(value, str) and value.startswith("YOUR_"):
        return FILLED_IN.get(value, value.removeprefix("YOUR_").lower())
    return value


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_an_example_loads_once_it_is_filled_in(example: Path, tmp_path: Path) -> None:
    from bot.config import BOT_FILE, load

    tmp_path.chmod(0o700)
    written = {key: filled_in(value) for key, value in json.loads(read(example)).items()}
    account = tmp_path / "dhan-other_config.json"
    own = tmp_path / example.name.replace(".example", "")
    for path, content in ((account, {"client_id": "2", "pin": "1", "totp_secret": "A" * 32}), (own, written)):
        path.write_text(json.dumps(content), encoding="utf-8")
        path.chmod(0o600)
    variables = dict.fromkeys(re.findall(r"\$\{(\w+)\}", json.dumps(written)), "value")
    for_all = {"TELEGRAM_BOT_TOKEN": FILLED_IN["YOUR_BOT_TOKEN"], "TELEGRAM_CHAT_ID": "5001"}

    config = load(tmp_path, variables | for_all)

    assert len(config.accounts) == (1 if own.name == BOT_FILE else 2)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_an_example_is_refused_as_long_as_it_is_not_filled_in(example: Path, tmp_path: Path) -> None:
    from bot.config import ConfigErrors, load

    tmp_path.chmod(0o700)
    own = tmp_path / example.name.replace(".example", "")
    own.write_text(read(example), encoding="utf-8")
    own.chmod(0o600)

    with pytest.raises(ConfigErrors, match="is still the placeholder of the example"):
        load(tmp_path, {})


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    pinned = [line.partition("==") for line in read("constraints.txt").splitlines()]

    assert all(re.fullmatch(r"[a-z0-9.-]+", name) and sign and version for name, sign, version in pinned)
    assert {re.split(r"[\[<>=]", line)[0] for line in wanted} <= {name for name, _, _ in pinned}


def test_the_changelog_knows_this_version_and_what_concerns_security() -> None:
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]

    assert f"## [{version}]" in read("CHANGELOG.md")
    assert "### Security" in read("CHANGELOG.md")
