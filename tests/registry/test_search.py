"""Search: words and beginnings in any order, whatever is typed; filters, sorts, pages."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from fmtui.paths import Home
from fmtui.services import catalog
from fmtui.services.context import Context
from registry.catalog import facets
from registry.catalog.entries import Entry
from registry.catalog.sync import replace
from registry.catalog.views import CatalogEntry
from registry.database import Database, now
from registry.errors import BadInputError, NotFoundError, UsageError

LISTED = [
    Entry(
        "roberta-large",
        "19",
        hub_id="roberta-large",
        license="mit",
        tasks=("fill-mask",),
        finetune_tasks=("text-classification",),
        size_bytes=300,
        architecture="RobertaForMaskedLM",
        languages=("en",),
        description="A long card.",
    ),
    Entry("bert-base", "2", license="apache-2.0", tasks=("fill-mask",), size_bytes=100),
    Entry("Zeta_Model.v2", "1", license="mit", tasks=("text-generation",), parameters=7),
    Entry("alpha", "1", finetune_tasks=("fill-mask",), parameters=5, size_bytes=200),
]


@pytest.fixture
def small(ctx: Context) -> Context:
    ctx.db.prepare()
    replace(ctx.db.catalog, "azureml", LISTED, now())
    return ctx


def names(ctx: Context, query: str = "", **options: object) -> list[str]:
    return [row.name for row in catalog.search(ctx, query, **options).rows]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "query",
    [
        "roberta-large",
        "roberta large",
        "large roberta",
        "lar rob",
        "ROBERTA",
        "  roberta  ",
        "mask mit",
        "robertafor",
    ],
)
def test_words_and_their_beginnings_are_found_in_any_order(small: Context, query: str) -> None:
    assert names(small, query) == ["roberta-large"]


@pytest.mark.parametrize(
    "typed",
    ['"', "'", '"rob', "rob AND", "NOT rob", "NEAR(rob", "rob*", "name:rob", "^rob", "{rob}", "(",
     ")", "-", "--", "+", "\\", "%", "_", "a" * 5000, "rob " * 500, "\x00", "😀", "中文", "́",
     "\ue000", "rob OR bert", ";drop table catalog_model"],
)  # fmt: skip
def test_whatever_is_typed_is_words_and_never_an_error(small: Context, typed: str) -> None:
    page = catalog.search(small, typed)
    assert page.total == len(page.rows) <= 4
    assert catalog.search(small).total == 4


def test_a_word_that_nothing_holds_finds_nothing(small: Context) -> None:
    assert catalog.search(small, "roberta zebra").rows == ()


def test_filters_are_exact_and_join_with_words(small: Context) -> None:
    assert names(small, task="fill-mask") == ["roberta-large", "bert-base"]
    assert names(small, finetune_task="fill-mask") == ["alpha"]
    assert names(small, task="fill") == []
    assert names(small, license="MIT") == ["roberta-large", "Zeta_Model.v2"]
    assert names(small, "bert", task="fill-mask", license="apache-2.0") == ["bert-base"]
    assert names(small, source="azureml", license="gpl") == []


def test_facets_count_what_the_filters_find(small: Context) -> None:
    assert catalog.facets(small) == {
        "source": [("azureml", 4)],
        "task": [("fill-mask", 2), ("text-generation", 1)],
        "finetune_task": [("fill-mask", 1), ("text-classification", 1)],
        "license": [("mit", 2), ("apache-2.0", 1)],
        "gated": [("no", 4)],
        "size": [("<100M", 3), ("<1G", 3), ("<10G", 3), (">=10G", 0)],
    }


def test_every_bundled_facet_finds_as_many_as_it_counts(ctx: Context) -> None:
    for kind, values in catalog.facets(ctx).items():
        for value, count in values:
            chosen = {kind: value == "yes" if kind == "gated" else value}
            assert catalog.search(ctx, **chosen).total == count, (kind, value)  # type: ignore[arg-type]


def test_lists_are_sorted_with_the_unknown_last(small: Context) -> None:
    assert names(small) == ["roberta-large", "bert-base", "Zeta_Model.v2", "alpha"]
    assert names(small, sort="name") == ["alpha", "bert-base", "roberta-large", "Zeta_Model.v2"]
    assert names(small, sort="size") == ["bert-base", "alpha", "roberta-large", "Zeta_Model.v2"]
    assert names(small, sort="parameters")[:2] == ["alpha", "Zeta_Model.v2"]
    assert names(small, "r", sort="name") == ["roberta-large"]
    with pytest.raises(UsageError, match="can't sort by `luck`"):
        names(small, sort="luck")


def test_pages_follow_each_other_without_a_gap(ctx: Context) -> None:
    for query in ("", "b"):
        whole = names(ctx, query, limit=200)
        paged = [name for at in range(0, 200, 7) for name in names(ctx, query, offset=at, limit=7)]
        assert paged == whole
    assert names(ctx, offset=1000) == []


def test_a_total_stops_at_a_thousand(ctx: Context) -> None:
    ctx.db.prepare()
    replace(ctx.db.catalog, "azureml", (Entry(f"model-{i}") for i in range(1500)), now())
    for query in ("", "model"):
        page = catalog.search(ctx, query)
        assert (page.total, page.capped, len(page.rows)) == (1000, True, 50)
    assert catalog.search(ctx, "model-14").total == 111


@pytest.mark.parametrize(
    "reference",
    [
        "azureml:roberta-large",
        "azureml:roberta-large@19",
        "azureml://registries/azureml/models/roberta-large/versions/19",
        "roberta-large",
        "azureml:RoBERTa-Large",
    ],
)
def test_an_entry_is_shown_by_every_form_of_its_reference(small: Context, reference: str) -> None:
    entry = catalog.show(small, reference)
    assert entry.ref == "azureml:roberta-large@19"
    assert entry.description == "A long card."


def test_an_unknown_entry_is_told_with_the_nearest(ctx: Context) -> None:
    with pytest.raises(NotFoundError, match="Nearest: roberta-base"):
        catalog.show(ctx, "azureml:robeta-base")
    with pytest.raises(NotFoundError, match="Nearest: bert-base-cased, bert-base-uncased"):
        catalog.show(ctx, "bert-base")
    with pytest.raises(NotFoundError, match="It has azureml:roberta-base@18"):
        catalog.show(ctx, "azureml:roberta-base@3")
    with pytest.raises(NotFoundError):
        catalog.show(ctx, "hf:org/name")
    with pytest.raises(BadInputError, match="is no reference"):
        catalog.show(ctx, "!!")


def test_an_entry_tells_what_was_imported_from_it(small: Context) -> None:
    with small.db.write() as connection:
        connection.execute("INSERT INTO model (id, name, created) VALUES (1, 'mine', '')")
        insert = (
            "INSERT INTO model_version (id, model_id, version, origin, path, size_bytes, created, "
            "parent_id) VALUES (?, 1, ?, 'azureml:roberta-large@18', '', 0, '', ?)"
        )
        connection.execute(insert, (1, 1, None))
        connection.execute(insert, (2, 2, 1))  # finetuned from it: not the import itself
    assert catalog.show(small, "azureml:roberta-large").imported == "mine:1"
    assert [row.imported for row in catalog.search(small).rows] == ["mine:1", None, None, None]


def test_sizes_consent_and_imports_can_be_filtered_by(ctx: Context) -> None:
    sizes = {"tiny": 999, "small": 99_999_999, "middle": 100_000_000, "large": 3_000_000_000}
    listed = [Entry(name, size_bytes=size, gated=size > 10**9) for name, size in sizes.items()]
    ctx.db.prepare()
    replace(ctx.db.catalog, "azureml", [*listed, Entry("unknown")], now())
    assert names(ctx, size="<100M") == ["tiny", "small"]
    assert names(ctx, size="<=100M") == ["tiny", "small", "middle"]
    assert names(ctx, size=">=100MB") == ["middle", "large"]
    assert names(ctx, size=">100M") == ["large"]
    assert names(ctx, size="<1k") == ["tiny"]
    assert names(ctx, size="2.9G") == ["tiny", "small", "middle"]
    assert names(ctx, "l", size="<3.1G") == ["large"]
    assert names(ctx, gated=True) == ["large"]
    assert names(ctx, gated=False) == ["tiny", "small", "middle", "unknown"]
    assert (names(ctx, imported=True), len(names(ctx, imported=False))) == ([], 5)
    for bound in ("", "G", "<", "-1", "1X", "<1G<"):
        if bound:
            with pytest.raises(UsageError, match="is no size"):
                catalog.search(ctx, size=bound)


VALUES = {
    "name": lambda e: e.name.lower(),
    "source": lambda e: e.source,
    "task": lambda e: min(e.tasks, default=None),
    "finetune_task": lambda e: min(e.finetune_tasks, default=None),
    "size": lambda e: e.size_bytes,
    "parameters": lambda e: e.parameters,
    "license": lambda e: e.license,
    "downloads": lambda e: e.downloads,
}
"""What each order goes by."""


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """A catalogue that is large enough for sets of words; some facts of each model are unknown."""
    home = Home(tmp_path_factory.mktemp("wide"))
    ctx = Context(home, Database(home.registry))
    ctx.db.prepare()
    pick, words = random.Random(3), ("Bert", "bart", "classifier", "classical")
    listed = [
        Entry(
            f"{pick.choice(words)}-{pick.choice('xyz')}{i:04}",
            license=pick.choice((None, "mit", "apache-2.0", "gpl")),
            tasks=pick.choice(((), ("fill-mask",), ("translation",))),
            finetune_tasks=pick.choice(((), ("fill-mask",), ("summarization",))),
            parameters=pick.choice((None, pick.randrange(10**6))),
            size_bytes=pick.choice((None, pick.randrange(10**9))),
            downloads=pick.choice((None, pick.randrange(10**6))),
            gated=pick.random() < 0.2,
        )
        for i in range(4000)
    ]
    replace(ctx.db.catalog, "azureml", listed, now())
    yield ctx
    ctx.db.close()


def everything(ctx: Context, query: str = "", **options: Any) -> list[CatalogEntry]:
    return list(catalog.search(ctx, query, limit=5000, **options).rows)


@pytest.mark.parametrize("query", ["", "b", "class", "bert x", "z00"])
@pytest.mark.parametrize("sort", VALUES)
@pytest.mark.parametrize("reverse", [False, True])
def test_every_order_goes_by_its_column_both_ways(
    wide: Context, query: str, sort: str, reverse: bool
) -> None:
    value, ranked = VALUES[sort], everything(wide, query)
    known = [e for e in ranked if value(e) is not None]
    unknown = [e for e in ranked if value(e) is None]
    down = reverse != (sort == "downloads")
    values = [value(e) for e in everything(wide, query, sort=sort, reverse=reverse)]
    assert values == sorted(map(value, known), reverse=down) + [None] * len(unknown)


@pytest.mark.parametrize("sort", [*VALUES, "rank"])
@pytest.mark.parametrize("reverse", [False, True])
def test_pages_of_an_order_follow_each_other(wide: Context, sort: str, reverse: bool) -> None:
    for query in ("", "class", "bert y"):
        whole = everything(wide, query, sort=sort, reverse=reverse)
        at = range(0, len(whole) + 60, 60)
        pages = [
            catalog.search(wide, query, sort=sort, reverse=reverse, offset=start, limit=60).rows
            for start in at
        ]
        assert [e.ref for page in pages for e in page] == [e.ref for e in whole]
        assert len({e.ref for e in whole}) == len(whole)


@pytest.mark.parametrize(
    ("query", "filters"),
    [
        ("c", {}),
        ("cla", {}),
        ("classi", {}),
        ("classic", {}),
        ("CLASSIFIER", {}),
        ("classifiers", {}),
        ("bért", {}),
        ("b x", {"license": "MIT"}),
        ("x00", {"gated": False}),
        ("class y", {"task": "fill-mask", "gated": True}),
        ("", {"size": "<100M", "finetune_task": "summarization"}),
        ("bart", {"size": "<123456k"}),
        ("", {"size": ">=123456789", "license": "gpl"}),
    ],
)
def test_what_is_frequent_and_what_is_rare_is_found_alike(
    wide: Context, query: str, filters: dict[str, Any]
) -> None:
    """Held against a look at every row."""

    def holds(entry: CatalogEntry) -> bool:
        words = re.findall(r"[a-z0-9]+", f"{entry.name} {entry.tasks} {entry.license}".lower())
        typed = query.lower().replace("é", "e").split()
        low, high = facets.bytes_between(filters.get("size", ">=0"))
        size = -1 if entry.size_bytes is None else entry.size_bytes
        return (
            all(any(word.startswith(t) for word in words) for t in typed)
            and filters.get("gated", entry.gated) is entry.gated
            and filters.get("license", entry.license or "").lower() == (entry.license or "")
            and filters.get("task", "") in ("", *entry.tasks)
            and filters.get("finetune_task", "") in ("", *entry.finetune_tasks)
            and ("size" not in filters or (low <= size and (high is None or size < high)))
        )

    expected = [e.ref for e in everything(wide) if holds(e)]
    assert [e.ref for e in everything(wide, query, **filters)] == expected
    assert expected or query == "classifiers"
