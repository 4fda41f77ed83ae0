"""What a reader does to the process it is in: nothing that its program would notice."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.redis_server import redis_server
from tests.unit.kunji.written import held, say_where, store

_ROOT = Path(__file__).parents[3]

WATCHED = """
import sys
opened, written = [], []

def watch(event, arguments):
    if event.startswith("socket."):
        opened.append(event)
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        written.append(arguments[0])

sys.addaudithook(watch)
from kunji import Reader
dhan = Reader("dhan")
dhan.token(), dhan.headers(), dhan.environment(), dhan.extra(), dhan.age
dhan.wait(1), dhan.wait_newer(0.3)
print(opened, written)
import socket
socket.socket().close()
print(opened)
"""

FORKED = """
import os, signal, threading
from kunji import Reader

asked, go_on = threading.Event(), threading.Event()

class Environment(dict):
    def get(self, name, *default):
        if name == "KUNJI_KEY" and threading.current_thread() is not threading.main_thread():
            asked.set()
            go_on.wait(60)
        return super().get(name, *default)

dhan = Reader("dhan", environment=Environment())
threading.Thread(target=dhan.token, daemon=True).start()
asked.wait(60)
child = os.fork()
if child == 0:
    signal.alarm(20)
    print(dhan.token(), flush=True)
    os._exit(0)
print("child ended with", os.waitpid(child, 0)[1])
go_on.set()
print(dhan.token())
"""

FORKED_ON_A_SERVER = """
import os, signal
from kunji import Reader

dhan = Reader("dhan")
print(dhan.token(), dhan.token(), flush=True)
child = os.fork()
if child == 0:
    signal.alarm(20)
os.write(1, f"{dhan.token()} in the {'child' if child == 0 else 'parent'}\\n".encode())
dhan.wait_newer(20)
os.write(1, f"{dhan.token()}\\n".encode())
os._exit(0 if child == 0 or os.waitpid(child, 0)[1] == 0 else 1)
"""


def printed(folder: Path, script: str) -> str:
    """What a program of its own prints, lying in that folder and begun there."""
    with begun(folder, script) as process:
        out, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    return out


def begun(folder: Path, script: str) -> subprocess.Popen[str]:
    program = folder / "strategy.py"
    program.write_text(script)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KUNJI_")}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", str(program)],
        cwd=folder,
        env=clean | {"PYTHONPATH": str(_ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store(tmp_path).save("dhan", held("one", expires_at=datetime.now(UTC) + timedelta(days=1)))
    return tmp_path


def test_it_opens_no_socket_and_writes_no_file(folder: Path) -> None:
    assert printed(folder, WATCHED) == "[] []\n['socket.__new__']\n"


def test_a_process_forked_in_the_middle_of_a_look_reads_on(folder: Path) -> None:
    assert printed(folder, FORKED) == "one\nchild ended with 0\none\n"


def test_a_forked_process_follows_the_server_for_itself(tmp_path: Path) -> None:
    lasting = datetime.now(UTC) + timedelta(days=1)
    with redis_server(tmp_path / "redis") as server:
        say_where(tmp_path, server.address)
        bot = store(tmp_path)
        bot.save("dhan", held("one", expires_at=lasting))
        with begun(tmp_path, FORKED_ON_A_SERVER) as process:
            assert process.stdout is not None
            before = {process.stdout.readline() for _ in range(3)}
            bot.save("dhan", held("two", expires_at=lasting))
            after, error = process.communicate(timeout=60)
        bot.close()

    assert before == {"one one\n", "one in the child\n", "one in the parent\n"}
    assert after == "two\ntwo\n", error
    assert process.returncode == 0


def test_a_folder_with_its_own_bot_and_brokers_keeps_them(folder: Path) -> None:
    (folder / "bot.py").write_text("mine = 'my bot'")
    (folder / "brokers").mkdir()
    (folder / "brokers" / "__init__.py").write_text("mine = 'my brokers'")

    script = "import bot, brokers, kunji; print(kunji.Reader('dhan').token(), bot.mine, brokers.mine, sep=', ')"

    assert printed(folder, script) == "one, my bot, my brokers\n"
