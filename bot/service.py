"""Running for good under systemd: the unit, and the commands that install it and take it away.

The system's own manager runs the bot as a user of its own, shut off from the rest of the machine. The manager of one
user (`--user`) cannot do the latter: what needs its own view of the file system is not in that unit.

Everything here looks and plans; `carry_out` alone does something.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from brokers import KunjiError

NAME = "kunji"
UNIT = f"{NAME}.service"
USER = "kunji"
CREDENTIAL = "kunji.key"
STEPS_SINCE = 254
"""The first systemd that can lengthen the pause before each further restart."""
NO_SYSTEMD = (
    "let whatever starts programs here keep it running: kunji --config DIR run; in a container see compose.yaml"
)
HIDDEN = tuple(map(Path, ("/home", "/root", "/run/user", "/tmp", "/var/tmp")))  # noqa: S108 - none is made there
"""By ProtectHome=yes and PrivateTmp=yes."""

CONFINED = """\
NoNewPrivileges=yes
LimitCORE=0
UMask=0077
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
"""
SHUT_OFF = """\
CapabilityBoundingSet=
AmbientCapabilities=
DevicePolicy=closed
KeyringMode=private
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
SystemCallFilter=~@privileged
"""
"""What the manager of one user has not the right to do, and what a bot of root's own would miss. Comes after CONFINED:
the first SystemCallFilter says whether calls are named to be allowed or to be refused."""
NETWORK_AND_TIME = """\
Wants=network-online.target time-sync.target
After=network-online.target time-sync.target
"""


class ServiceError(KunjiError):
    """The service cannot be installed, taken away or asked."""


@dataclass(frozen=True, slots=True)
class Service:
    """What is run, and what it may touch; every path is absolute."""

    program: Path
    config: Path
    store: Path
    """As it was named: a link is not followed."""
    named_store: bool
    """By KUNJI_STORE: then the unit says it too."""
    key_file: Path | None
    """Where KUNJI_KEY_FILE says the key lies. The system's manager reads it and hands it over."""
    writable: tuple[Path, ...]
    """Folders besides the store in which the config has something written: sockets, files for programs."""
    for_user: bool
    systemd: int
    """Its version."""

    def unit(self) -> str:
        """The text of the unit. Raises ServiceError if a path cannot be written there."""
        parts = [
            "[Unit]\nDescription=Keeps brokers' access tokens alive\n",
            ("" if self.for_user else NETWORK_AND_TIME) + "StartLimitIntervalSec=0\n\n",
            "[Service]\nType=notify\nNotifyAccess=main\n",
            f"ExecStart={_word(self.program)} --config {_word(self.config, dollar='$$')} run\n",
            *(f"{line}\n" for line in self._places()),
            "TimeoutStopSec=15\nWatchdogSec=60\nRestart=always\nRestartSec=5\n",
            "RestartSteps=5\nRestartMaxDelaySec=300\n" if self.systemd >= STEPS_SINCE else "",
            CONFINED,
            "" if self.for_user else f"User={USER}\nGroup={USER}\n{SHUT_OFF}",
            f"\n[Install]\nWantedBy={'default' if self.for_user else 'multi-user'}.target\n",
        ]
        return "".join(parts)

    def _places(self) -> list[str]:
        lines = [_variable("KUNJI_STORE", self.store)] if self.named_store else []
        if self.for_user:
            return [*lines, *([_variable("KUNJI_KEY_FILE", self.key_file)] if self.key_file else [])]
        if self.key_file:
            lines.append(f"LoadCredential={CREDENTIAL}:{_specifiers(self.key_file)}")
            lines.append(f"Environment=KUNJI_KEY_FILE=%d/{CREDENTIAL}")
        return [*lines, *(f"ReadWritePaths={_word(path)}" for path in (self.store, *self.writable))]

    @property
    def unit_file(self) -> Path:
        return unit_file(self.for_user)

    def obstacles(self, lies_in: Iterable[Path]) -> list[str]:
        """Why the system's manager cannot run it. `lies_in`: the folders that Python and kunji are loaded from."""
        if self.for_user:
            return []
        found = [
            f"{folder} is where no service may look; install kunji in a virtual environment elsewhere, say /opt/{NAME}"
            for folder in sorted({self.program, *lies_in})
            if is_hidden(folder)
        ]
        found += [
            f"{folder} is where no service may look; move it elsewhere, say to /etc/{NAME}"
            for folder in sorted({self.config, self.store.resolve(), *self.writable})
            if is_hidden(folder)
        ]
        found += [
            f"{folder} would be given to the user {USER} with all that is in it"
            for folder in sorted({self.config, self.store})
            if len(folder.parts) <= 2
        ]
        return found + self._exposures()

    def _exposures(self) -> list[str]:
        """Why root may not give the store away: somebody may have put another folder in its place, or may yet."""
        if self.store.is_symlink():
            return [f"the store {self.store} is a symbolic link; name the folder it leads to, as that is given away"]
        return [
            f"others may write in {folder}, and so put another folder into the place of the store, which is given "
            f"away; move the store, or say: chmod go-w {shlex.quote(str(folder))}"
            for folder in self.store.resolve().parents
            if folder.exists() and folder.stat().st_mode & 0o022
        ]


Command = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Write:
    path: Path
    text: str

    def __str__(self) -> str:
        return f"write {self.path}"


Step = Command | Write


def installing(service: Service, *, user_exists: bool) -> list[Step]:
    unit: Step = Write(service.unit_file, service.unit())
    start = [_systemctl(service.for_user, *words) for words in (["daemon-reload"], ["enable", UNIT], ["restart", UNIT])]
    if service.for_user:
        return [unit, *start, ("loginctl", "enable-linger")]
    outside = [] if service.store.is_relative_to(service.config) else [str(service.store)]
    return [
        *([] if user_exists else [_new_user()]),
        ("install", "-d", "-m", "700", "-o", USER, "-g", USER, str(service.store)),
        ("chown", "-R", "--no-dereference", f"{USER}:{USER}", str(service.config), *outside),
        unit,
        *start,
    ]


def uninstalling(for_user: bool) -> list[Step]:
    """Config, store and user stay."""
    return [
        _systemctl(for_user, "disable", "--now", UNIT),
        ("rm", str(unit_file(for_user))),
        _systemctl(for_user, "daemon-reload"),
    ]


def unit_file(for_user: bool) -> Path:
    if not for_user:
        return Path("/etc/systemd/system") / UNIT
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user" / UNIT


def in_words(step: Step) -> str:
    return str(step) if isinstance(step, Write) else shlex.join(step)


def carry_out(steps: Iterable[Step]) -> None:
    """One after the other. Raises ServiceError at the first that fails."""
    for step in steps:
        if isinstance(step, Write):
            step.path.parent.mkdir(parents=True, exist_ok=True)
            step.path.write_text(step.text, encoding="utf-8")
            step.path.chmod(0o644)
        elif subprocess.run(step, check=False).returncode:  # noqa: S603 - our own words and paths
            raise ServiceError(f"this failed: {in_words(step)}", hint="what stands before it was done")


def systemd_version() -> int | None:
    """None where there is no systemd."""
    program = shutil.which("systemctl")
    if program is None:
        return None
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603 - ours
    found = re.match(r"systemd (\d+)", said)
    return int(found[1]) if found else None


def need_systemd() -> None:
    """Raises ServiceError where it does not run the machine."""
    if not Path("/run/systemd/system").is_dir():
        raise ServiceError("systemd does not run this machine", hint=NO_SYSTEMD)


def is_hidden(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in HIDDEN)


def _new_user() -> Command:
    return ("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", USER)


def _systemctl(for_user: bool, *words: str) -> Command:
    return ("systemctl", *(["--user"] if for_user else []), *words)


def _variable(name: str, path: Path) -> str:
    return f'Environment="{name}={_escaped(path)}"'


def _word(path: Path, dollar: str = "$") -> str:
    """A path as one word of a unit."""
    return f'"{_escaped(path).replace("$", dollar)}"'


def _escaped(path: Path) -> str:
    return _specifiers(path).replace("\\", "\\\\").replace('"', '\\"')


def _specifiers(path: Path) -> str:
    text = str(path)
    if not text.isprintable():
        raise ServiceError("a path with a line break or another control character cannot be written into a unit")
    return text.replace("%", "%%")
