"""The command line. A group's module is imported when the group is used, never before."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from fmtui import __version__

GROUPS = {
    "catalog": "Browse and sync the catalogues of models.",
    "model": "Import, show, verify and try models.",
    "data": "Add, show, check and split data.",
    "finetune": "Finetune a model on your own data.",
    "evaluate": "Measure a model on your own test data.",
    "run": "List, watch, cancel, resume and compare runs.",
    "endpoint": "Create, deploy to, invoke and delete endpoints.",
    "batch": "Answer every row of a file with a model.",
    "azure": "Sign in to Azure ML, choose a workspace.",
    "web": "Serve the TUI to a browser.",
    "doctor": "Say what is found here, and what is wrong.",
    "screenshot": "Draw a screen of the TUI to an SVG or PNG file.",
}
"""Each command's one line; its code is `fmtui.cli.NAME:NAME`."""


class LazyGroup(click.Group):
    """Lists the commands from the table above, and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(GROUPS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in GROUPS:
            return None
        command: click.Command = getattr(import_module(f"fmtui.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(GROUPS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in GROUPS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], GROUPS, n=1)
            ctx.fail(f"no command `{args[0]}`." + (f" Did you mean `{near[0]}`?" if near else ""))
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="fmtui")
@click.option("--offline", is_flag=True, help="Reach for no network; the same as HF_HUB_OFFLINE=1.")
@click.pass_context
def cli(ctx: click.Context, offline: bool) -> None:
    """Foundation models, from the catalogue to an endpoint. Without a command: the TUI."""
    if offline:
        import os

        os.environ["HF_HUB_OFFLINE"] = "1"
    if ctx.invoked_subcommand is None:
        from fmtui.app import run

        sys.exit(run())


def main() -> Any:
    """The console script: errors become sentences, exit codes are API."""
    from fmtui.errors import FmtuiError

    try:
        # Not standing alone, click returns the code of an `Exit` in place of raising it.
        if code := cli.main(standalone_mode=False):
            sys.exit(code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except FmtuiError as error:
        from fmtui.cli.output import show_error

        show_error(error)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe went away (`fmtui run list | head`): nothing is wrong.
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        from fmtui.cli.output import show_error
        from fmtui.paths import home
        from fmtui.services.trouble import record

        show_error(record(home(), error))
        sys.exit(1)
