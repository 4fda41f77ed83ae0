"""Yes or no, at the terminal."""

from __future__ import annotations

import click

WORDS = {"y": True, "yes": True, "n": False, "no": False}


def agrees(question: str, *, default: bool) -> bool:
    """Asked until it is answered; Enter alone takes the default. Raises click.Abort if they give up."""
    choice = "Y/n" if default else "y/N"
    while answer := click.prompt(f"{question} [{choice}]", default="", show_default=False).strip().lower():
        if answer in WORDS:
            return WORDS[answer]
        click.echo("  once more: expected y for yes, or n for no")
    return default
