"""`fmtui web`."""

from __future__ import annotations

import click


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="What to bind to.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8484, show_default=True, help="0: a free one."
)
@click.option("--url", metavar="URL", help="Where people find it, behind a proxy.")
def web(host: str, port: int, url: str | None) -> None:
    """The TUI in a browser, for whoever has the address that is printed.

    Over SSH: `ssh -L 8484:127.0.0.1:8484 BOX`, then open the address here.
    """
    from fmtui.services import web as service

    if host not in (service.LOOPBACK, "localhost", "::1"):
        click.echo(
            f"{host} can be reached from elsewhere, and the address goes there unencrypted: "
            "put a proxy with TLS before it.",
            err=True,
        )
    service.serve(host, port, told=click.echo, url=url)
