"""What is kept with a model, from its page and from the list: tags, a note, a bundle of it,
and its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from fmtui.paths import expanded
from fmtui.services import keeping, models
from fmtui.services.text import one_line, size
from registry.views import ModelInfo
from screens.tagging import pick_tag
from screens.threads import threaded, threaded_whole


def tag_model(screen: Any, model: ModelInfo) -> None:
    """Put a tag on a model, or take one off."""
    used = Counter(tag for one in models.list_models(screen.ctx) for tag in one.tags)
    pick_tag(screen, [model.ref], model.tags, used.most_common(), partial(keeping.tag, screen.ctx))


def note_model(screen: Any, model: ModelInfo) -> None:
    """Write its note; emptied, it is gone."""
    from screens.widgets.edit_text import EditText

    def kept(text: str | None) -> None:
        async def job() -> None:
            await threaded(keeping.note, screen.ctx, model.ref, text or "")
            screen.say(f"The note on {model.ref} is {'kept' if (text or '').strip() else 'gone'}.")
            screen.reload()

        if text is not None:
            screen.start(job, group="note")

    screen.app.push_screen(
        EditText(f"Note on {model.ref}", model.note or "", check=keeping.check_note), kept
    )


def export_model(screen: Any, model: ModelInfo) -> None:
    """Write a bundle of it, of what it was made of, and of its runs, for another machine."""
    from screens.widgets.picker import Option, Picker

    name = f"{model.name}-{model.version}.tar"
    offered = [Path.cwd() / name, Path.home() / name]

    def chosen(option: Option | None) -> None:
        async def job() -> None:
            assert option is not None
            to = expanded(option.value)
            screen.say(f"Writing {one_line(str(to))} …")
            found, written = await threaded_whole(keeping.export, screen.ctx, [model.ref], to)
            count = f"{len(found)} model" + ("s" if len(found) > 1 else "")
            screen.say(f"{one_line(str(to))}: {count}, {size(written)}.")

        if option is not None:
            screen.start(job, group="export")

    screen.app.push_screen(
        Picker(
            f"Export {model.ref} to",
            [Option(str(path), str(path)) for path in dict.fromkeys(offered)],
            free=lambda words: Option(f"file {words}", words),
        ),
        chosen,
    )


def remove_model(screen: Any, ref: str, then: Callable[[], object]) -> None:
    """Ask, then remove a model."""

    async def job() -> None:
        await threaded(models.remove, screen.ctx, ref)
        screen.say(f"{ref} is removed.")
        then()

    stays = "Its files are deleted from this machine."
    screen.confirm(f"Remove {ref}?", stays, job, group="remove")
