"""`fmtui model adopt`: take over what other tools left in the hub's cache."""

from __future__ import annotations

import click

from fmtui.cli.output import clean, json_option, print_json, progress, quiet_option, size, table
from fmtui.errors import UsageError
from fmtui.services.context import context


@click.command()
@click.argument("repos", metavar="[ORG/NAME]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that are not registered yet.")
@quiet_option
@json_option
def adopt(repos: tuple[str, ...], everything: bool, quiet: bool, as_json: bool) -> None:
    """Register models of the hub's cache where they are; without a name: list them.

    Their files are checked and linked, not copied; nothing is fetched.
    """
    from fmtui.services import adopt as service

    if repos and everything:
        raise UsageError("names and --all exclude each other")
    if not repos and not everything:
        found = service.find(context())
        if as_json:
            print_json([_row(c.repo, c.commit, c.ref, None) for c in found])
        elif not found:
            click.echo("The hub's cache holds no model.")
        else:
            rows = ((c.repo, c.commit[:12], size(c.size_bytes), c.ref or "–") for c in found)
            table(("model", "commit", "size", "registered as"), rows, right="size")
        return
    done = service.adopt(
        context(),
        [repo.removeprefix("hf:") for repo in repos],
        lambda cached: progress(f"checking {cached.repo}", quiet=quiet),
    )
    if as_json:
        print_json([_row(d.cached.repo, d.cached.commit, d.ref, d.error) for d in done])
        return
    for one in done:
        click.echo(clean(f"{one.cached.repo}: {one.ref or f'not taken: {one.error}'}"))
    if not done:
        click.echo("Nothing to adopt.")


def _row(repo: str, commit: str, ref: str | None, error: object) -> dict[str, str | None]:
    return {"repo": repo, "commit": commit, "ref": ref, "error": str(error) if error else None}
