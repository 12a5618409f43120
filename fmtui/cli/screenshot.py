"""`fmtui screenshot`: draw a screen of the TUI to a file."""

from __future__ import annotations

import re
from pathlib import Path

import click

from fmtui.errors import BadInputError, StorageError, UsageError

_FONT = "DejaVu Sans Mono"


@click.command()
@click.argument("screen")
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write: .svg, or .png (needs resvg-py).",
)
@click.option("--size", "size_", default="120x40", show_default=True, help="Columns x rows.")
def screenshot(screen: str, target: Path, size_: str) -> None:
    """Draw SCREEN: catalog, models, data, runs, endpoints, help, model:REF, run:rN, …"""
    match = re.fullmatch(r"(\d{2,3})x(\d{2,3})", size_)
    if match is None:
        raise UsageError(f"--size {size_}: expected something like 120x40")
    if target.suffix not in (".svg", ".png"):
        raise UsageError(f"--to {target}: the name must end in .svg or .png")
    from fmtui.app import draw

    svg = without_network(draw(screen, int(match[1]), int(match[2])))
    content = to_png(svg) if target.suffix == ".png" else svg.encode()
    try:
        target.write_bytes(content)
    except OSError as error:
        raise StorageError(f"can't write {target}: {error.strerror}") from error
    click.echo(str(target))


def without_network(svg: str) -> str:
    """The picture without the web fonts that it would ask the network for."""
    svg = re.sub(r"@font-face\s*\{[^}]*\}", "", svg)
    return svg.replace("Fira Code", _FONT)


def to_png(svg: str) -> bytes:
    """The picture in pixels. Raises BadInputError where resvg-py is not installed."""
    try:
        import resvg_py
    except ImportError:
        raise BadInputError(
            "a PNG needs resvg-py", hint="`pip install 'fmtui[dev]'`, or write an .svg instead."
        ) from None
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, monospace_family=_FONT, zoom=1))
