"""The reference of all commands, made from the commands: `python -m fmtui.cli.reference`.

Writes docs/commands.md. A test holds the file equal to what this makes, so it never drifts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from fmtui.cli import GROUPS, cli

FILE = Path(__file__).parents[2] / "docs" / "commands.md"

_HEAD = """# Commands

Made by `python -m fmtui.cli.reference`; do not edit.

Results go to stdout, progress and errors to stderr. Exit codes: 0 done, 2 usage, 3 not found,
4 bad input or data, 5 remote or network, 6 a run failed, 130 interrupted.

A model is `NAME[:VERSION]` (registered here, the latest when left out), `azureml:NAME[@VERSION]`
(the catalogue) or `hf:ORG/NAME[@REVISION]` (the hub). Data is `NAME[:VERSION][@SPLIT]` or a path.
A run is `r17`, an endpoint its name.

## What `--json` prints

More keys may come; these keep their names. An error prints `{error, exit_code}`, where `error` is
`{message, hint, file, row, column}`.

| command | shape |
|---|---|
| catalog list | `[{ref, source, name, version, tasks, finetune_tasks, license, parameters, size_bytes, downloads}]` |
| model list, show | `{ref, name, version, task, architecture, parameters, size_bytes, license, origin, parent, run, state, path}` |
| data add, list, show | `{ref, name, version, rows, columns, fingerprint, splits}` |
| data check | `{ref, rows, errors: [{file, row, column, message}], warnings: [...], columns: {...}}` |
| finetune, evaluate, run show | `{run, kind, state, backend, model, data, output, metrics: {...}, started, ended, error}` |
| run metrics | `[{step, epoch, split, name, value}]` |
| run compare | `{runs, metrics, best, intervals, rows, note, tests: [{runs, test, metric, p, adjusted, sentence}], settings, same, seconds}` |
| run report | `{run, model, data, task, rows, metrics, intervals, labels, confusion_matrix, per_label, slices, calibration}` |
| run errors | `[{position, ...}]`: the columns of each row, of `scores` the highest; with `--confusions` `[{label, taken_for, rows, of}]` |
| endpoint create, deploy, show | `{endpoint, target, state, url, deployments: [{name, model, state, traffic}]}` |
| azure subscriptions | `[{name, model, status, publisher, offer, plan, created}]` |
| endpoint invoke | the body that the endpoint answered |
| model predict | `[{input, output}]` |
| doctor | `[{name, verdict, found, advice}]` |
"""  # noqa: E501  (the rows of a Markdown table can't be folded)


def reference() -> str:
    """The whole text."""
    context = click.Context(cli, info_name="fmtui")
    parts = [_HEAD]
    for name in GROUPS:
        command = cli.get_command(context, name)
        assert command is not None
        for path, leaf in _leaves(command, f"fmtui {name}"):
            # A width of its own: what a terminal happens to be must not show.
            # Click keeps a command's help option from its first use: forget it here.
            about = click.Context(
                leaf,
                info_name=path,
                terminal_width=96,
                help_option_names=cli.context_settings["help_option_names"],
            )
            leaf._help_option = None
            shown = leaf.get_help(about)
            parts.append(f"## {path}\n\n```\n{shown}\n```\n")
    return "\n".join(parts)


def _leaves(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from _leaves(child, f"{path} {name}")
    else:
        yield path, command


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
    print(f"wrote {FILE.name}")
