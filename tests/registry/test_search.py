"""Search: words and beginnings in any order, whatever is typed; filters, sorts, pages."""

from __future__ import annotations

import pytest

from fmtui.services import catalog
from fmtui.services.context import Context
from registry.catalog.entries import Entry
from registry.catalog.sync import replace
from registry.database import now
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


def test_a_wide_search_can_be_sorted_too(ctx: Context) -> None:
    ctx.db.prepare()
    listed = (Entry(f"model-{i:04}", size_bytes=(i * 7919) % 4001 + 1) for i in range(4000))
    replace(ctx.db.catalog, "azureml", listed, now())
    sizes = [row.size_bytes for row in catalog.search(ctx, "model", sort="size").rows]
    assert sizes == sorted(s for i in range(4000) if (s := (i * 7919) % 4001 + 1))[:50]
