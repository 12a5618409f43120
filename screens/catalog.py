"""The catalogue: everything that could be imported, searched as you type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from fmtui.services import catalog
from fmtui.services.text import number, one_line, size
from registry.catalog.views import CatalogChanges, CatalogEntry
from screens.base import facts
from screens.bindings import bindings
from screens.listing import FIGURES, LETTERS, Listing, Order
from screens.widgets.record_list import Column, RecordList
from screens.widgets.sources import Pages, Source
from screens.widgets.states import MUTED

FACETS = {
    "task": "task",
    "finetune_task": "finetune",
    "license": "license",
    "source": "source",
    "size": "size",
    "gated": "gated",
    "imported": "here",
}
"""What can be filtered by, with the word for it on the line of filters."""

_ALWAYS = ("task", "finetune_task", "license", "source")
_YES = {"yes": True, "no": False}
_SHORT = {"classification": "class", "generation": "gen", "answering": "answer"}


def _tasks(entry: CatalogEntry) -> str:
    """The tasks, short enough for a column."""
    words = ", ".join(entry.tasks or entry.finetune_tasks)
    for long, short in _SHORT.items():
        words = words.replace(long, short)
    return words


def _size(entry: CatalogEntry) -> str:
    """Parameters where they are known, else bytes; the unit tells which."""
    return number(entry.parameters) if entry.parameters else size(entry.size_bytes)


class CatalogScreen(Listing[CatalogEntry]):
    """Reads pages straight from the registry's index: a page takes well under a millisecond."""

    TAB = "catalog"
    HINT = "search the catalogue"
    BINDINGS = bindings("catalog")
    COLUMNS = (
        Column("name", lambda e: e.name, order="name"),
        Column("source", lambda e: e.source, width=8, drop=76, order="source"),
        Column("task", _tasks, width=15, order="task"),
        Column("size", _size, width=7, right=True, order="size"),
        Column("license", lambda e: e.license or "–", width=10, drop=64, order="license"),
    )

    ORDERS = {
        "rank": Order[CatalogEntry](("best first", "worst first")),
        "downloads": Order(FIGURES, down=True),
        **{sort: Order(LETTERS) for sort in ("name", "source", "task", "finetune_task", "license")},
        **{sort: Order(FIGURES) for sort in ("size", "parameters")},
    }

    def __init__(self) -> None:
        super().__init__()
        self.filters: dict[str, str] = {}

    def above(self) -> Iterable[Widget]:
        yield Static(self._filter_line(), id="filters", markup=False)

    def begin(self) -> None:
        self.show()

    def again(self) -> None:
        self.show()  # what was imported meanwhile has its mark

    def key(self, record: CatalogEntry) -> str:
        return record.ref

    def mark(self, record: CatalogEntry) -> str:
        return "●" if record.imported else " "

    def source(self) -> Source[CatalogEntry]:
        def page(offset: int, limit: int) -> tuple[Sequence[CatalogEntry], int, bool]:
            found = catalog.search(
                self.ctx,
                query,
                source=chosen.get("source"),
                task=chosen.get("task"),
                finetune_task=chosen.get("finetune_task"),
                license=chosen.get("license"),
                size=chosen.get("size"),
                gated=_YES.get(chosen.get("gated", "")),
                imported=_YES.get(chosen.get("imported", "")),
                sort=order,
                reverse=down != self.ORDERS[order].down,
                offset=offset,
                limit=limit,
            )
            return found.rows, found.total, found.capped

        query, chosen, (order, down) = self.line.query_text, dict(self.filters), self.sorted
        return Pages(page)

    def count(self, source: Source[CatalogEntry]) -> str:
        assert isinstance(source, Pages)
        return f"{source.counted}{'+' if source.capped else ''}"

    def show(self, *, keep: bool = True) -> None:
        source = self.source()
        self.records.empty = (
            "Nothing in the catalogue matches. Press F to take the filters away,\n"
            "or esc in the search to clear it. A model of the hub can be imported by its\n"
            "name too: press i and type hf:ORG/NAME."
        )
        self.query_one("#filters", Static).update(self._filter_line())
        self.records.ordered = self.sorted
        self.records.load(source, keep=keep)
        self.line.show_count(self.count(source))

    def _filter_line(self) -> Content:
        parts: list[str | tuple[str, str]] = [" "]
        for facet, word in FACETS.items():
            value = self.filters.get(facet)
            if value is None and facet not in _ALWAYS:
                continue
            parts += [(f"{word} ", MUTED)]
            parts += [(one_line(value), "bold") if value else ("any", MUTED), "   "]
        if words := self.order_words():
            parts += [("order ", MUTED), (words, "bold")]
        return Content.assemble(*parts)

    def detail(self, record: CatalogEntry) -> Content:
        return entry_facts(record)

    def open(self, record: CatalogEntry) -> None:
        from screens.catalog_model import CatalogModelPage

        self.app.push_screen(CatalogModelPage(record.ref))

    def action_import_model(self) -> None:
        from screens.forms.import_model import ImportForm

        self.app.push_screen(ImportForm(self.record.ref if self.record else ""))

    def action_sync(self) -> None:
        from screens.forms.sync import SyncForm

        self.app.push_screen(SyncForm())

    def action_clear(self) -> None:
        self.filters.clear()
        self._filtered()

    def action_changes(self) -> None:
        from screens.widgets.notice import Notice

        self.app.push_screen(
            Notice("What the last sync changed", _changes(catalog.changes(self.ctx)))
        )

    def action_filter(self) -> None:
        from screens.widgets.picker import Option, Picker

        options = [Option("all filters off", ("", ""))] if self.filters else []
        known = catalog.facets(self.ctx)
        for facet, word in FACETS.items():
            if facet in self.filters:
                options.append(Option(f"{word} any", (facet, "")))
            options += [
                Option(f"{word} {value}", (facet, value), f"{count:,}")
                for value, count in known.get(facet, [])
            ]
        options += [Option(f"here {value}", ("imported", value)) for value in _YES]

        def chosen(option: Option | None) -> None:
            if option is None:
                return
            facet, value = option.value
            if not facet:
                self.filters.clear()
            elif value:
                self.filters[facet] = value
            else:
                self.filters.pop(facet, None)
            self._filtered()

        self.app.push_screen(Picker("Show only", options), chosen)

    def _filtered(self) -> None:
        self.show(keep=False)
        self.query_one("#records", RecordList).focus()


def _changes(found: Sequence[CatalogChanges]) -> str:
    """For each source its counts, and the best ranked names of each change."""
    parts = []
    for one in found:
        parts.append(
            f"{one_line(one.source)}: {one.total:,} models, synced "
            f"{one.synced[:16].replace('T', ' ')}\n"
            f"{one.new:,} new, {one.updated:,} updated, {one.gone:,} gone"
        )
        for change, count in (("new", one.new), ("updated", one.updated), ("gone", one.gone)):
            names = one.names[change][:8]
            parts += [f"  {change:8} {one_line(name)}" for name in names]
            if count > len(names) > 0:
                parts.append(f"  {change:8} and {count - len(names):,} more")
    return "\n".join(parts)


def entry_facts(entry: CatalogEntry) -> Content:
    """What is known about a model of the catalogue, on some lines; its card is left out."""
    heading = Content.styled(one_line(entry.name), "bold")
    table = facts(
        ("reference", entry.ref),
        ("hub", entry.hub_id),
        ("tasks", ", ".join(entry.tasks)),
        ("finetunes", ", ".join(entry.finetune_tasks)),
        ("architecture", entry.architecture),
        ("parameters", number(entry.parameters) if entry.parameters else None),
        ("size", size(entry.size_bytes) if entry.size_bytes else None),
        ("license", entry.license),
        ("languages", ", ".join(entry.languages)),
        ("downloads", f"{entry.downloads:,}" if entry.downloads else None),
        ("access", "asks for consent on the hub" if entry.gated else None),
        ("here as", f"● {entry.imported}" if entry.imported else None),
    )
    return Content("\n\n").join([heading, table])
