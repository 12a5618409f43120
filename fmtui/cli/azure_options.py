"""The options that name a workspace of Azure ML."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def azure_options(command: F) -> F:
    """The options that name a workspace; what is left out is found as `fmtui azure status` says."""
    for option, metavar, words in (
        ("--subscription", "ID", "The subscription."),
        ("--resource-group", "NAME", "The resource group."),
        ("--workspace", "NAME", "The workspace."),
        ("--profile", "NAME", "A profile; see `fmtui azure profiles`."),
    ):
        command = click.option(option, metavar=metavar, help=words)(command)
    return command
