"""The picker by which tags are put on and taken off."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from screens.threads import threaded
from screens.widgets.picker import Option, Picker


def pick_tag(
    screen: Any,
    names: Sequence[str],
    on: Iterable[str],
    others: Iterable[tuple[str, int]],
    change: Callable[..., object],
) -> None:
    """Ask for a tag to put on or to take off; any word may be typed. The screen reloads then.

    Args:
        names: What gets it, for the person and for `change`.
        on: The tags that one of them has.
        others: Tags that are in use elsewhere, and how often.
        change: Called in a thread with each name and `add=[tag]` or `remove=[tag]`.
    """
    told, off = " ".join(names), set(on)
    options = [Option(f"take off {tag}", ("remove", tag)) for tag in sorted(off)]
    options += [Option(f"put on {t}", ("add", t), f"{n:,}") for t, n in others if t not in off]

    def picked(option: Option | None) -> None:
        if option is None:
            return
        what, tag = option.value

        def all_of_them() -> None:
            for name in names:
                change(name, **{what: [tag]})

        async def job() -> None:
            await threaded(all_of_them)
            screen.say(f"{told}: {'+' if what == 'add' else '−'} {tag}")
            screen.reload()

        screen.start(job, group="tag")

    screen.app.push_screen(
        Picker(
            f"Tags of {told}",
            options,
            free=lambda words: Option(f"put on {words}", ("add", words)),
            empty="No tags yet: type a word, then enter.",
        ),
        picked,
    )
