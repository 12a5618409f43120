"""The line of a model, drawn as a tree: up to what it came from, down to all that came of it."""

from __future__ import annotations

from fmtui.services.context import Context
from fmtui.services.family import family

LINE = {
    "base": None,
    "bank": "base",
    "shop": "base",
    "bank-small": "bank",
    "bank-tiny": "bank-small",
    "bank-large": "bank",
    "other": None,
}
VERSION = (
    "INSERT INTO model_version (id, model_id, version, origin, path, size_bytes, created, "
    "parent_id) VALUES (?, ?, 1, 'folder:x', '', 0, '', ?)"
)


def register(ctx: Context) -> None:
    ids = {name: at for at, name in enumerate(LINE, 1)}
    with ctx.db.write() as connection:
        for name, parent in LINE.items():
            id = ids[name]
            connection.execute("INSERT INTO model VALUES (?, ?, '')", (id, name))
            connection.execute(VERSION, (id, id, ids.get(parent or "")))
        connection.execute(
            "INSERT INTO run (id, kind, backend, state, output_version_id, metrics, created) "
            "VALUES (7, 'finetune', 'local', 'completed', ?, '{\"accuracy\": 0.9214}', '')",
            (ids["bank-tiny"],),
        )
        connection.execute(
            "INSERT INTO endpoint (id, name, target, state, created) "
            "VALUES (1, 'e', 'local', '', '')"
        )
        connection.execute(
            "INSERT INTO deployment (endpoint_id, name, model_version_id, traffic, state, created) "
            "VALUES (1, 'blue', ?, 90, '', '')",
            (ids["bank-tiny"],),
        )


def drawn(ctx: Context, ref: str) -> list[str]:
    return [
        f"{m.branch}{m.model.name}{'*' * m.here} {m.words()}".rstrip() for m in family(ctx, ref)
    ]


def test_the_first_of_a_line_shows_all_that_came_of_it(ctx: Context) -> None:
    register(ctx)
    assert drawn(ctx, "base") == [
        "base*",
        "├─ bank",
        "│  ├─ bank-small",
        "│  │  └─ bank-tiny by r7   acc 0.921   on e/blue 90%",
        "│  └─ bank-large",
        "└─ shop",
    ]


def test_one_in_the_middle_shows_where_it_came_from_and_its_own(ctx: Context) -> None:
    register(ctx)
    assert drawn(ctx, "bank-small") == [
        "base",
        "└─ bank",
        "   └─ bank-small*",
        "      └─ bank-tiny by r7   acc 0.921   on e/blue 90%",
    ]
    assert drawn(ctx, "other") == ["other*"]
