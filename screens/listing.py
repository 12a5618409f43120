"""A tab: a list over the registry with search, order, and beside it what is under the cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from screens.base import Page
from screens.bindings import bindings
from screens.threads import threaded
from screens.widgets.record_list import Column, RecordList
from screens.widgets.search_line import SearchLine
from screens.widgets.sources import Rows, Source

T = TypeVar("T")


LETTERS = ("a to z", "z to a")
FIGURES = ("least first", "greatest first")
TIMES = ("earliest first", "latest first")


@dataclass(frozen=True)
class Order(Generic[T]):
    """One order of a list.

    Args:
        words: For the way up and the way down.
        value: What a record is sorted by; a list that is sorted elsewhere needs none.
        down: Whether it goes down when it is chosen.
    """

    words: tuple[str, str]
    value: Callable[[T], Any] = lambda _: None
    down: bool = False


class Listing(Page, Generic[T]):
    """The frame of the five tabs.

    A subclass says how records are fetched (in a thread), what their columns are, and which
    words a search looks at; records are fetched again each second while the list is in sight.
    """

    CSS_PATH = None
    BINDINGS = bindings("records")
    COLUMNS: ClassVar[Sequence[Column[Any]]] = ()
    ORDERS: ClassVar[Mapping[str, Order[Any]]] = {}
    HINT: ClassVar[str] = "search"
    EMPTY: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self.sorted = self.first = self._first()
        self._all: Sequence[T] | None = None
        self._timer: Timer | None = None

    def fetch(self) -> Sequence[T]:
        """All records; runs in a thread."""
        raise NotImplementedError

    def key(self, record: T) -> str:
        """What tells a record from all others."""
        raise NotImplementedError

    def words(self, record: T) -> str:
        """What a search looks at."""
        return self.key(record)

    def mark(self, record: T) -> str:
        return " "

    def detail(self, record: T) -> Content:
        """What stands beside the list on a wide terminal."""
        raise NotImplementedError

    def open(self, record: T) -> None:
        """Enter on a record."""
        raise NotImplementedError

    def columns(self) -> Sequence[Column[T]]:
        """The columns, from left to right."""
        return self.COLUMNS

    def above(self) -> Iterable[Widget]:
        """What stands between the search line and the list."""
        return ()

    def body(self) -> Iterable[Widget]:
        yield SearchLine(self.HINT)
        yield from self.above()
        with Horizontal(id="sides"):
            yield RecordList(self.columns(), key=self.key, mark=self.mark, id="records")
            yield Static(id="detail", markup=False)

    @property
    def records(self) -> RecordList[T]:
        return self.query_one("#records", RecordList)

    @property
    def record(self) -> T | None:
        return self.records.record

    @property
    def line(self) -> SearchLine:
        return self.query_one(SearchLine)

    def on_mount(self) -> None:
        self.records.focus()
        self.begin()

    def begin(self) -> None:
        """The list is there: fill it, and keep it true."""
        self.reload()
        self._timer = self.set_interval(1.0, self.reload)

    def on_screen_suspend(self) -> None:
        if self._timer:
            self._timer.pause()

    def on_screen_resume(self) -> None:
        if self._timer:
            self._timer.resume()
        if self.is_mounted:
            self.again()

    def again(self) -> None:
        """The list is in sight again."""
        self.reload()

    def reload(self) -> None:
        """Fetch again; the list is drawn again only if something changed."""
        self.start(self._reload, group="reload", wait=True)

    async def _reload(self) -> None:
        rows = await threaded(self.fetch)
        if rows != self._all:
            self._all = rows
            self.show()

    def source(self) -> Source[T]:
        """The records that the search and the order leave."""
        wanted = self.line.query_text.lower().split()
        rows = [r for r in self._all or () if _holds(self.words(r), wanted)]
        if not self.ORDERS:
            return Rows(rows)
        order, down = self.sorted
        return Rows(in_order(rows, self.ORDERS[order].value, down))

    def count(self, source: Source[T]) -> str:
        whole = len(self._all or ())
        return f"{source.total} of {whole}" if source.total != whole else str(whole or "")

    def show(self, *, keep: bool = True) -> None:
        """Draw what the search, the order and the filters leave."""
        source = self.source()
        self.records.empty = (
            f"Nothing here holds `{self.line.query_text}`. Press esc in the search to clear it."
            if self.line.query_text and self._all
            else self.EMPTY
        )
        self.records.ordered = self.sorted if self.ORDERS else None
        self.records.load(source, keep=keep)
        self.line.show_count(self.count(source))

    @on(RecordList.Moved)
    def _moved(self, event: RecordList.Moved) -> None:
        if event.list.id != "records":
            return
        shown = Content() if event.record is None else self.detail(event.record)
        self.query_one("#detail", Static).update(shown)
        self.refresh_bindings()

    @on(RecordList.Opened)
    def _opened(self, event: RecordList.Opened) -> None:
        self.open(event.record)

    @on(SearchLine.Changed)
    def _searched(self) -> None:
        self.show(keep=False)

    @on(SearchLine.Left)
    async def _left(self) -> None:
        self.records.focus()
        await self.line.close()

    async def action_search(self) -> None:
        await self.line.edit()

    def _first(self) -> tuple[str, bool]:
        """The order that a list has at first, and whether it goes down."""
        return next(((name, order.down) for name, order in self.ORDERS.items()), ("", False))

    def order_words(self) -> str:
        """The order for a line of filters; '' for the one at first."""
        order, down = self.sorted
        return "" if self.sorted == self.first else f"{order}, {self.ORDERS[order].words[down]}"

    def action_sort(self) -> None:
        from screens.widgets.picker import Option, Picker

        options = [
            Option(name, name, order.words[self._direction(name)])
            for name, order in self.ORDERS.items()
        ]

        def chosen(option: Option | None) -> None:
            if option is not None:
                self.sort_by(option.value)

        self.app.push_screen(
            Picker("Order by (the same again: the other way round)", options), chosen
        )

    @on(RecordList.Titled)
    def _titled(self, event: RecordList.Titled) -> None:
        self.sort_by(event.order)

    def sort_by(self, order: str) -> None:
        """Order the list; by what it is ordered by already: the other way round."""
        self.sorted = order, self._direction(order)
        self.show(keep=False)

    def _direction(self, order: str) -> bool:
        """Whether the list goes down when this order is chosen now."""
        now, down = self.sorted
        return not down if order == now else self.ORDERS[order].down


def _holds(words: str, wanted: Sequence[str]) -> bool:
    low = words.lower()
    return all(word in low for word in wanted)


def in_order(rows: Iterable[T], value: Callable[[T], Any], down: bool) -> list[T]:
    """Sorted; what has no value comes last either way."""
    known: list[T] = []
    unknown: list[T] = []
    for row in rows:
        (unknown if value(row) is None else known).append(row)
    return sorted(known, key=value, reverse=down) + unknown
