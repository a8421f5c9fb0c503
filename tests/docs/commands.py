"""The commands of ours that documents show: found in their code, and parsed as the command line would."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from cli.main import cli

#: What may stand before a command of ours in a shell: variables, other programs that run it, their options.
_OURS = re.compile(r"(?:^|[\s;&|(])(?:\S*/)?gopfarm\s+(?=[a-z])")

#: Where a command of ours ends.
_END = re.compile(r"\s(?:\||&&|&|;|>>?|2>)(?:\s|$)|\)\s*$")


def shell_lines(text: str) -> Iterator[str]:
    """Yield the commands of a shell script: continued lines joined, comments and prompts left out."""
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        command = re.sub(r"(?:^|\s)#.*", "", line).strip().removeprefix("$ ")
        if command:
            yield command


def commands_of(page: Path) -> Iterator[list[str]]:
    """Yield the words after ``gopfarm`` of every such command in a page's blocks of shell commands."""
    fence = r"^\s*```(?:sh|console|bash)?\n(.*?)^\s*```$"
    blocks = re.findall(fence, page.read_text(), re.MULTILINE | re.DOTALL)
    for block in blocks:
        for line in shell_lines(block):
            yield from commands_in(line)


def commands_in(line: str) -> Iterator[list[str]]:
    """Yield the words after each ``gopfarm`` in a line of shell."""
    for found in _OURS.finditer(line):
        rest = line[found.end() :]
        if end := _END.search(rest):
            rest = rest[: end.start()]
        given = ["FROM-XARGS"] if "xargs" in line[: found.start()] else []
        yield shlex.split(rest) + given


def parse(words: list[str]) -> None:
    """Parse a command as the command line does, without running it.

    Raises:
        click.UsageError: There is no such command, option or value.
    """
    context = click.Context(cli, info_name="gopfarm")
    command: click.Command = cli
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        context, command = click.Context(found, context, name), found
        if not words and isinstance(command, click.Group):
            return
    if not {"-h", "--help"} & set(words):
        command.make_context(context.info_name, words, context.parent)
