"""What is in the image, and with what rights it runs. No engine is needed to see it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "compose.yaml").read_text()


def packages() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return {name.removesuffix("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]}


def ignored() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_only_the_program_gets_into_a_layer_whatever_else_lies_beside_it() -> None:
    rules = ignored()
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}

    assert rules[0] == "*"
    assert allowed == packages() | {"constraints.txt", "LICENSE", "pyproject.toml", "README.md"}
    assert {"**/.*", "**/*.key", "**/*_config.json"} <= set(rules[-4:])


def test_the_image_is_built_with_the_versions_that_are_tested() -> None:
    assert "pip wheel --no-cache-dir --wheel-dir /wheels -c constraints.txt" in DOCKERFILE
    assert "pip install --no-cache-dir --no-index" in DOCKERFILE


def test_the_bot_is_not_root_in_the_container() -> None:
    last_stage = DOCKERFILE.rpartition("\nFROM ")[2]

    assert "USER 10001:10001" in last_stage
    assert last_stage.index("USER ") < last_stage.index("ENTRYPOINT ")


def test_the_image_holds_no_value_of_a_secret() -> None:
    variables = re.findall(r"(?:ENV|ARG) (.*)", DOCKERFILE)

    assert variables == ["KUNJI_CONFIG=/config KUNJI_STORE=/store PYTHONDONTWRITEBYTECODE=1"]


def test_the_engine_asks_whether_the_bot_is_alive() -> None:
    assert 'CMD ["kunji", "check", "--alive"]' in DOCKERFILE


def test_the_container_can_write_to_its_store_and_nowhere_else() -> None:
    settings = {line.strip() for line in COMPOSE.splitlines()}

    assert {"read_only: true", "cap_drop: [ALL]", 'security_opt: ["no-new-privileges:true"]'} <= settings
    assert {"- ./config:/config:ro", "- store:/store", "restart: unless-stopped", "init: true"} <= settings
