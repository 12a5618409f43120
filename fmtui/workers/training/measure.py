"""Measuring in training: the task's own metrics of the rows held out, as an evaluate run does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fmtui.metrics import measure
from fmtui.workers.harness import CanceledError
from fmtui.workers.tasks.base import Columns, Loaded, Procedure, Record
from fmtui.workers.together import Together


@dataclass
class Measure:
    """Measures a model in training on `records`."""

    task: str
    procedure: Procedure
    loaded: Loaded
    records: Sequence[Record]
    together: Together

    def __call__(self, model: Any, *, whole: bool) -> dict[str, float]:
        """Metrics by name. Raises CanceledError, in all processes, where one was told to stop.

        Args:
            whole: Every process takes all rows, as a model that is spread over them needs: each
                pass is one that all of them make. Else each takes its share.
        """
        ranks = 1 if whole else self.together.ranks
        rank = 0 if whole else self.together.rank
        loaded = replace(self.loaded, model=model)
        model.eval()
        mine = self._predicted(loaded, self.records[rank::ranks], whole=whole)
        parts = [mine] if whole else self.together.gathered(mine)
        columns: Columns = {}
        for number, part in enumerate(parts):
            if part is None:
                raise CanceledError
            for name, values in part.items():
                column = columns.setdefault(name, [None] * len(self.records))
                column[number::ranks] = values
        for name in self.records[0]:
            columns[name] = [record.get(name) for record in self.records]
        return measure(self.task, columns, loaded.labels, resamples=0).metrics

    def _predicted(self, loaded: Loaded, share: Sequence[Record], *, whole: bool) -> Columns | None:
        """What the model makes of a share; None where this process was told to stop meanwhile."""

        def tick(done: int, total: int) -> None:
            if whole:
                self.together.check_canceled()
            else:
                self.together.worker.check_canceled()

        if not share:
            return {}
        try:
            return self.procedure.predict(loaded, share, tick)
        except CanceledError:
            if whole:
                raise
            return None
