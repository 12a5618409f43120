"""`fmtui azure`: workspaces, profiles, signing in."""

from __future__ import annotations

import click

from fmtui.cli.azure_marketplace import subscriptions, unsubscribe
from fmtui.cli.azure_options import azure_options
from fmtui.cli.output import clean, json_option, print_json, progress, table
from fmtui.services.context import context


@click.group()
def azure() -> None:
    """Azure ML: sign in, choose a workspace, say what is found."""


@azure.command()
@azure_options
@json_option
def status(as_json: bool, **given: str | None) -> None:
    """Go the way to Azure ML step by step. Exit code 5 when a step fails."""
    from fmtui.services import azure as service

    steps = []
    for step in service.examine(context(), given):
        steps.append(step)
        if not as_json:
            mark = (
                click.style("✓", fg="green") if step.verdict == "ok" else click.style("✗", fg="red")
            )
            click.echo(f"{mark} {step.name:<10} {clean(step.found)}")
            if step.advice:
                click.echo(f"  {'':<10} {clean(step.advice)}")
    if as_json:
        print_json([step.as_json() for step in steps])
    if any(step.verdict == "error" for step in steps):
        raise click.exceptions.Exit(5)


@azure.command()
@json_option
def profiles(as_json: bool) -> None:
    """List the profiles of config.toml, and those that were chosen here."""
    from fmtui.services import azure as service

    found = service.profiles(context())
    if as_json:
        print_json([profile.as_json() for profile in found])
    elif not found:
        progress("No profile yet: add [azure.profiles.NAME] to config.toml, or `fmtui azure pick`.")
    else:
        table(
            ("", "profile", "workspace", "resource group", "subscription", "auth"),
            (
                (
                    "●" if p.current else "",
                    p.name,
                    *(
                        p.values.get(k, "–")
                        for k in ("workspace", "resource_group", "subscription")
                    ),
                    p.values.get("auth", "default"),
                )
                for p in found
            ),
        )


@azure.command()
@click.argument("profile")
def use(profile: str) -> None:
    """Let PROFILE be in force from now on."""
    from fmtui.services import azure as service

    service.use(context(), profile)
    progress(f"{profile} is in force")


@azure.command()
@azure_options
@json_option
def workspaces(as_json: bool, **given: str | None) -> None:
    """List the workspaces of the subscription."""
    from fmtui.services import azure as service

    found = service.workspaces(context(), given)
    if as_json:
        print_json([workspace.as_json() for workspace in found])
        return
    table(
        ("workspace", "resource group", "location"),
        ((w.name, w.resource_group, w.location) for w in found),
    )


@azure.command()
@azure_options
@json_option
def sizes(as_json: bool, **given: str | None) -> None:
    """List the instance types of the workspace's region, with what an hour costs."""
    from fmtui.services import azure as service

    found = service.sizes(context(), given)
    if as_json:
        print_json(found)
        return
    table(
        ("instance type", "cores", "GPUs", "memory", "disk", "an hour"),
        (
            (
                s["name"],
                s["cores"],
                s["gpus"],
                f"{s['memory_gib']:g} GiB",
                f"{s['disk_gib']} GiB",
                "–" if s["price"] is None else f"{s['price']:.2f} {s['currency']}",
            )
            for s in found
        ),
        right="cores GPUs memory disk",
    )


@azure.command()
@azure_options
@json_option
def compute(as_json: bool, **given: str | None) -> None:
    """List the compute clusters of the workspace: jobs and batch endpoints run on them."""
    from dataclasses import asdict

    from fmtui.services import azure_places

    found = azure_places.clusters(context(), given)
    if as_json:
        print_json([asdict(cluster) for cluster in found])
    elif not found:
        progress("The workspace has no compute cluster.")
    else:
        rows = ((c.name, c.size, f"{c.least} to {c.most}") for c in found)
        table(("cluster", "instance type", "instances"), rows)


@azure.command()
@click.argument("workspace_name", metavar="WORKSPACE")
@click.option("--name", help="What to call the profile; the workspace's name where left out.")
@azure_options
def pick(workspace_name: str, name: str | None, **given: str | None) -> None:
    """Keep WORKSPACE of the subscription as a profile, and let it be in force."""
    from fmtui.services import azure as service

    profile = service.pick(context(), workspace_name, name=name, given=given)
    progress(f"{profile} is in force")


@azure.command()
@azure_options
def login(**given: str | None) -> None:
    """Sign in by a code that is typed in a browser on any device; works over SSH.

    It stands above what the environment says until `fmtui azure logout`.
    """
    from fmtui.services import azure as service

    who = service.sign_in(context(), lambda words: progress(words), given)
    progress(f"signed in as {who}")


@azure.command()
def logout() -> None:
    """Forget who signed in by a code."""
    from fmtui.services import azure as service

    progress("signed out" if service.sign_out(context()) else "nobody was signed in")


for command in (subscriptions, unsubscribe):
    azure.add_command(command)
