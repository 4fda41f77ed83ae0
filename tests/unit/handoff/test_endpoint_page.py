"""The examples of docs/handoff.md that ask the local endpoint work as they stand there, but for the place."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.unit.handoff.counter import Counter, counter
from tests.unit.tokens.desk import NAME

PAGE = (Path(__file__).parents[3] / "docs" / "handoff.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n## Asking over a socket\n")[2].partition("\n## ")[0]


def example(language: str) -> str:
    [found] = re.findall(rf"^```{language}\n(.*?)^```", SECTION, flags=re.MULTILINE | re.DOTALL)
    return found


async def follows(at: Counter, *command: str, **environment: str) -> None:
    """The program says the headers of the live token, and those of the next one when there is one."""
    variables = {"PATH": os.environ["PATH"], **environment}
    program = await asyncio.create_subprocess_exec(*command, env=variables, stdout=PIPE)
    assert program.stdout is not None
    try:
        first = await asyncio.wait_for(program.stdout.readline(), 20)
        await asyncio.to_thread(at.refresh)
        second = await asyncio.wait_for(program.stdout.readline(), 20)
    finally:
        program.kill()
        await program.wait()
    assert [json.loads(line) for line in (first, second)] == [{"access-token": "token-1"}, {"access-token": "token-2"}]


async def test_the_example_in_python_follows_the_token(tmp_path: Path) -> None:
    use = "import sys\nfor headers in followed(sys.argv[1], sys.argv[2]):\n    print(json.dumps(headers), flush=True)\n"
    async with counter(tmp_path, port=True) as at:
        address = f"http://{at.private.door.place}/v1/tokens/{NAME}"

        await follows(at, sys.executable, "-c", f"{example('python')}\n{use}", address, at.key())


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node here")
async def test_the_example_for_node_follows_the_token(tmp_path: Path) -> None:
    use = 'follow("", (headers) => console.log(JSON.stringify(headers)));'
    async with counter(tmp_path) as at:
        script = example("js").replace("/home/kunji/config/kunji.sock", str(at.private.door.place.path))  # type: ignore[union-attr]

        await follows(at, "node", "-e", script.replace("/v1/tokens/dhan", f"/v1/tokens/{NAME}") + use)


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
async def test_the_examples_for_the_shell_print_the_token(tmp_path: Path) -> None:
    [on_socket, on_port] = [line for line in SECTION.splitlines() if "curl -s" in line]
    async with counter(tmp_path) as socket, counter(tmp_path, port=True) as port:
        lines = [
            on_socket.replace("kunji.sock", str(tmp_path / "kunji.sock")),
            on_port.replace("127.0.0.1:8731", str(port.private.door.place)),
        ]
        script = "\necho\n".join(lines).replace("tokens/dhan", f"tokens/{NAME}")
        variables = {"PATH": os.environ["PATH"], "READER_KEY": port.key()}
        shell = await asyncio.create_subprocess_exec("sh", "-c", script, env=variables, stdout=PIPE)
        said, _ = await asyncio.wait_for(shell.communicate(), 20)

    assert [json.loads(line)["token"] for line in said.splitlines()] == ["token-1"] * 2
    assert socket.bench.script.logins == 1
