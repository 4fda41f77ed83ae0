"""The unit says what it should, whatever the paths are called; and what is done is said before."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from bot.cli import cli
from bot.service import (
    STEPS_SINCE,
    Service,
    ServiceError,
    Write,
    carry_out,
    in_words,
    installing,
    uninstalling,
    unit_file,
)
from brokers import KunjiError
from kunji import StoreUnreadable
from kunji._places import Places, read_ring
from kunji._seal import write_ring
from tests.unit.config.files import AUTO, write
from tests.unit.store.samples import KEY

SERVICE = Service(
    program=Path("/opt/kunji/bin/kunji"),
    config=Path("/etc/kunji"),
    store=Path("/etc/kunji/.kunji"),
    named_store=False,
    key_file=None,
    writable=(),
    for_user=False,
    systemd=STEPS_SINCE,
)
needs_analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")


def lines(service: Service, key: str) -> list[str]:
    return [line.partition("=")[2] for line in service.unit().splitlines() if line.startswith(f"{key}=")]


def read_word(text: str) -> str:
    """A quoted word, as systemd's manual says it is read; specifiers and variables too."""
    assert text[0] == text[-1] == '"'
    return text[1:-1].replace('\\"', '"').replace("\\\\", "\\").replace("%%", "%").replace("$$", "$")


# The unit.


def test_the_system_unit_shuts_the_bot_off_from_the_machine() -> None:
    unit = SERVICE.unit().splitlines()

    assert {"User=kunji", "ProtectSystem=strict", "ProtectHome=yes", "NoNewPrivileges=yes", "UMask=0077"} <= set(unit)
    assert {"CapabilityBoundingSet=", "LimitCORE=0", "SystemCallFilter=@system-service"} <= set(unit)
    assert lines(SERVICE, "ReadWritePaths") == ['"/etc/kunji/.kunji"']


def test_a_stuck_bot_is_ended_and_started_again_ever_more_slowly_and_for_ever() -> None:
    unit = set(SERVICE.unit().splitlines())

    assert {"Type=notify", "WatchdogSec=60", "Restart=always", "StartLimitIntervalSec=0"} <= unit
    assert {"RestartSec=5", "RestartSteps=5", "RestartMaxDelaySec=300"} <= unit


def test_an_older_systemd_gets_nothing_it_does_not_know() -> None:
    assert "RestartSteps" not in replace(SERVICE, systemd=STEPS_SINCE - 1).unit()


def test_a_unit_of_ones_own_asks_for_nothing_that_only_the_systems_manager_may_do() -> None:
    unit = replace(SERVICE, for_user=True).unit()

    assert not any(word in unit for word in ("User=", "ProtectSystem", "PrivateTmp", "Capability", "network-online"))
    assert {"NoNewPrivileges=yes", "SystemCallFilter=@system-service", "WantedBy=default.target"} <= set(unit.split())


def test_a_key_that_lies_elsewhere_is_handed_over_and_not_readable_for_the_bot_itself() -> None:
    service = replace(SERVICE, key_file=Path("/root/the 100% key"))

    assert lines(service, "LoadCredential") == ["kunji.key:/root/the 100%% key"]
    assert lines(service, "Environment") == ["KUNJI_KEY_FILE=%d/kunji.key"]


def test_a_key_handed_over_by_systemd_is_taken_although_its_access_list_looks_open(tmp_path: Path) -> None:
    key = tmp_path / "kunji.key"
    key.write_text(write_ring(KEY))
    key.chmod(0o440)
    places = Places(str(tmp_path / "store"), str(key))

    assert read_ring(places, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == KEY
    with pytest.raises(StoreUnreadable, match="others may read the key"):
        read_ring(places, {"CREDENTIALS_DIRECTORY": str(tmp_path / "elsewhere")})


def test_a_store_named_by_a_variable_is_named_in_the_unit_too() -> None:
    service = replace(SERVICE, store=Path('/srv/a "b" 5%'), named_store=True)

    assert lines(service, "Environment") == ['"KUNJI_STORE=/srv/a \\"b\\" 5%%"']


PRINTABLE = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"], exclude_characters="/"), min_size=1)


@given(name=PRINTABLE.filter(lambda name: name not in {".", ".."} and name.isprintable()))
def test_any_path_comes_out_of_the_unit_as_it_went_in(name: str) -> None:
    path = Path("/srv") / name
    service = replace(SERVICE, config=path, store=path)

    [command] = lines(service, "ExecStart")
    [writable] = lines(service, "ReadWritePaths")

    assert read_word(command.removeprefix('"/opt/kunji/bin/kunji" --config ').removesuffix(" run")) == str(path)
    assert read_word(writable.replace("$", "$$")) == str(path)


def test_a_path_cannot_add_a_line_to_the_unit() -> None:
    with pytest.raises(ServiceError, match="line break"):
        replace(SERVICE, config=Path("/srv/a\nExecStartPre=/bin/evil")).unit()


@needs_analyze
@pytest.mark.parametrize("systemd", [STEPS_SINCE - 1, STEPS_SINCE])
def test_systemd_has_nothing_to_say_against_the_unit(tmp_path: Path, systemd: int) -> None:
    service = replace(
        SERVICE,
        program=Path(sys.executable),
        key_file=Path("/srv/a key 5%"),
        writable=(Path("/srv/with $blank and 5%"),),
        systemd=systemd,
    )
    (tmp_path / "kunji.service").write_text(service.unit())

    said = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "kunji.service")], capture_output=True, text=True, check=False
    )

    # What only newer ones know is ignored by older ones, with a word.
    ours = [line for line in said.stderr.splitlines() if "kunji.service" in line and "Restart" not in line]
    assert said.returncode == 0
    assert ours == []


@needs_analyze
def test_systemd_counts_the_unit_among_the_well_confined(tmp_path: Path) -> None:
    (tmp_path / "kunji.service").write_text(SERVICE.unit())

    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(tmp_path / "kunji.service")],
        capture_output=True,
        text=True,
        check=False,
    )

    if "unrecognized option" in said.stderr:
        pytest.skip("this systemd-analyze cannot judge a unit that is not running")
    assert said.returncode == 0, said.stdout


# What is done.


def test_the_folders_belong_to_the_services_user_before_it_starts() -> None:
    steps = [in_words(step) for step in installing(SERVICE, user_exists=False)]

    assert steps == [
        "useradd --system --user-group --no-create-home --shell /usr/sbin/nologin kunji",
        "install -d -m 700 -o kunji -g kunji /etc/kunji/.kunji",
        "chown -R --no-dereference kunji:kunji /etc/kunji",
        "write /etc/systemd/system/kunji.service",
        "systemctl daemon-reload",
        "systemctl enable kunji.service",
        "systemctl restart kunji.service",
    ]


def test_a_store_elsewhere_is_given_to_the_services_user_too() -> None:
    steps = [in_words(step) for step in installing(replace(SERVICE, store=Path("/srv/a b")), user_exists=True)]

    assert "chown -R --no-dereference kunji:kunji /etc/kunji '/srv/a b'" in steps
    assert not any("useradd" in step for step in steps)


def test_a_service_of_ones_own_changes_nothing_that_is_not_ones_own() -> None:
    steps = [in_words(step) for step in installing(replace(SERVICE, for_user=True), user_exists=False)]

    assert not any(word in step for step in steps for word in ("chown", "useradd", "/etc/systemd"))
    assert steps[-1] == "loginctl enable-linger"


def test_taking_it_away_leaves_config_and_store_alone() -> None:
    steps = " ".join(in_words(step) for step in uninstalling(for_user=False))

    assert "/etc/kunji" not in steps
    assert "userdel" not in steps
    assert str(unit_file(for_user=False)) in steps


@pytest.mark.parametrize("hidden", ["/home/alice/kunji", "/root/kunji", "/tmp/kunji"])
def test_what_the_unit_hides_from_the_bot_is_told_before_anything_is_done(hidden: str) -> None:
    [config] = replace(SERVICE, config=Path(hidden)).obstacles([])
    [program] = SERVICE.obstacles([Path(hidden)])

    assert config == f"{hidden} is where no service may look; move it elsewhere, say to /etc/kunji"
    assert program.endswith("install kunji in a virtual environment elsewhere, say /opt/kunji")
    assert replace(SERVICE, config=Path(hidden), for_user=True).obstacles([Path(hidden)]) == []


@pytest.mark.parametrize(
    "service",
    [
        replace(SERVICE, config=Path("/etc"), store=Path("/srv/store")),
        replace(SERVICE, store=Path("/etc")),
    ],
    ids=["config", "store"],
)
def test_no_folder_of_the_system_is_given_away(service: Service) -> None:
    [obstacle] = service.obstacles([])

    assert "/etc would be given to the user kunji" in obstacle


def test_a_store_that_is_a_link_is_not_given_away(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "store").symlink_to("/etc")

    found = replace(SERVICE, store=tmp_path / "store").obstacles([])

    assert any("is a symbolic link" in obstacle for obstacle in found)
    assert replace(SERVICE, store=tmp_path / "store", for_user=True).obstacles([]) == []


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
def test_a_store_in_whose_place_others_may_put_something_is_not_given_away(tmp_path: Path, mode: int) -> None:
    shared = tmp_path / "shared"
    (shared / "deep").mkdir(parents=True)
    shared.chmod(mode)

    found = replace(SERVICE, store=shared / "deep" / "store").obstacles([])

    assert any(f"others may write in {shared}," in obstacle for obstacle in found)


def test_the_first_step_that_fails_is_the_last(tmp_path: Path) -> None:
    unit, never = Write(tmp_path / "new" / "kunji.service", "text"), Write(tmp_path / "never", "")

    with pytest.raises(ServiceError, match="this failed: false"):
        carry_out([unit, ("false",), never])

    assert unit.path.read_text() == "text"
    assert not never.path.exists()


# The command.


def printed(folder: Path, *words: str, **environment: str) -> Result:
    alone = {"KUNJI_STORE": None, "KUNJI_KEY": None, "KUNJI_KEY_FILE": None, **environment}
    return CliRunner().invoke(cli, ["--config", str(folder), "service", "install", "--print", *words], env=alone)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "my config 100%"
    made.mkdir(mode=0o700)
    write(made, "dhan_config.json", AUTO)
    return made


def test_nothing_secret_is_in_the_unit(folder: Path) -> None:
    unit = printed(folder).stdout

    assert "ExecStart=" in unit
    assert [value for value in AUTO.values() if isinstance(value, str) and len(value) > 5 and value in unit] == []


def test_where_the_config_has_something_written_the_bot_may_write(folder: Path) -> None:
    write(folder, "bot_config.json", {"private_listen": "unix:doors/kunji.sock"})
    write(folder, "dhan_config.json", AUTO | {"write_to": str(folder.parent / "tokens" / "dhan.env")})

    unit = printed(folder).stdout

    for name in ("my config 100%%/doors", "tokens", "my config 100%%/.kunji"):
        assert f'ReadWritePaths="{folder.parent}/{name}"' in unit


def test_a_key_in_a_variable_is_not_written_down(folder: Path) -> None:
    ended = printed(folder, KUNJI_KEY="hidden-hidden-hidden")

    assert isinstance(ended.exception, KunjiError)
    assert "KUNJI_KEY_FILE" in str(ended.exception)
    assert "hidden-hidden" not in str(ended.exception) + ended.output


def test_the_address_of_a_store_is_not_written_down(folder: Path) -> None:
    ended = printed(folder, KUNJI_STORE="redis://:hidden-hidden@10.0.0.7")

    assert ended.exit_code == 1
    assert "bot_config.json" in str(ended.exception)
    assert "hidden-hidden" not in ended.output + str(ended.exception)


def test_of_a_store_on_a_server_the_bot_may_write_what_lies_here(folder: Path) -> None:
    write(folder, "bot_config.json", {"store": "redis://:hidden-hidden@10.0.0.7"})

    unit = printed(folder).stdout

    assert f'ReadWritePaths="{folder.parent}/my config 100%%/.kunji"' in unit
    assert "hidden-hidden" not in unit


def test_what_only_this_shell_knows_is_missed_at_once(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO | {"pin": "${ONLY_HERE}"})

    ended = printed(folder, ONLY_HERE="482913")

    assert "ONLY_HERE" in str(ended.exception)
    assert "ExecStart" not in ended.output
