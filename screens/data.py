"""The data that was added."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from textual.content import Content

from fmtui.services import data
from fmtui.services.text import ago, one_line, size
from registry.views import DatasetInfo
from screens.base import facts
from screens.bindings import bindings
from screens.listing import FIGURES, LETTERS, TIMES, Listing, Order
from screens.threads import threaded
from screens.widgets.record_list import Column


def _splits(info: DatasetInfo) -> str:
    parts = [f"{name} {rows:,}" for name, rows in info.splits.items() if name != "all"]
    return ", ".join(parts) or "–"


class DataScreen(Listing[DatasetInfo]):
    TAB = "data"
    HINT = "search the data"
    BINDINGS = bindings("data")
    COLUMNS = (
        Column("data", lambda d: d.ref, order="data"),
        Column("rows", lambda d: f"{d.rows:,}", width=10, right=True, order="rows"),
        Column("columns", lambda d: ", ".join(d.columns), width=24, order="columns"),
        Column("size", lambda d: size(d.size_bytes), width=8, right=True, order="size"),
        Column("added", lambda d: ago(d.created), width=10, drop=76, order="added"),
    )
    ORDERS = {
        "data": Order[DatasetInfo](LETTERS, lambda d: (d.name.lower(), d.name, d.version)),
        "rows": Order(FIGURES, lambda d: d.rows, down=True),
        "columns": Order(LETTERS, lambda d: d.columns),
        "size": Order(FIGURES, lambda d: d.size_bytes, down=True),
        "added": Order(TIMES, lambda d: d.created, down=True),
    }
    EMPTY = (
        "No data yet. Press a to add a file of csv, json, parquet, CoNLL or text: one column\n"
        "with the text and one with its label is all that text classification needs."
    )

    def fetch(self) -> Sequence[DatasetInfo]:
        return data.list_datasets(self.ctx)

    def key(self, record: DatasetInfo) -> str:
        return record.ref

    def words(self, record: DatasetInfo) -> str:
        return f"{record.ref} {' '.join(record.columns)} {record.source}"

    def detail(self, record: DatasetInfo) -> Content:
        return data_facts(record)

    def open(self, record: DatasetInfo) -> None:
        from screens.dataset import DatasetPage

        self.app.push_screen(DatasetPage(record.ref))

    def action_add(self) -> None:
        from screens.forms.add_data import AddDataForm

        self.app.push_screen(AddDataForm())

    def action_check(self) -> None:
        if self.record is not None:
            from screens.data_check import DataCheckPage

            self.app.push_screen(DataCheckPage(self.record.ref))

    def action_finetune(self) -> None:
        from screens.forms.finetune import FinetuneForm

        self.app.push_screen(FinetuneForm(train=self.record.ref if self.record else ""))

    def action_remove(self) -> None:
        if self.record is not None:
            remove_data(self, self.record.ref, self.reload)


def remove_data(screen: Any, ref: str, then: Callable[[], object]) -> None:
    """Ask, then remove a dataset."""

    async def job() -> None:
        await threaded(data.remove, screen.ctx, ref)
        screen.say(f"{ref} is removed.")
        then()

    screen.confirm(
        f"Remove {ref}?", "The copy here goes; the file it came from stays.", job, group="remove"
    )


def data_facts(info: DatasetInfo) -> Content:
    """What is known about a dataset, on some lines."""
    heading = Content.styled(one_line(info.ref), "bold")
    table = facts(
        ("rows", f"{info.rows:,}"),
        ("columns", ", ".join(info.columns)),
        ("roles", ", ".join(f"{role} = {column}" for role, column in info.roles.items())),
        ("splits", _splits(info)),
        ("size", size(info.size_bytes)),
        ("added", info.created[:16].replace("T", " ")),
        ("source", info.source),
        ("fingerprint", info.fingerprint),
    )
    return Content("\n\n").join([heading, table])
