"""What a task's procedure is, and what several of them share."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from fmtui.errors import BadInputError
from fmtui.tasks.settings import complete
from fmtui.workers import adapters
from fmtui.workers.forward import Tick
from fmtui.workers.loading import load_model, load_tokenizer, max_length

Record = Mapping[str, Any]
Columns = dict[str, list[Any]]
"""Lists of the same length by name: model inputs, or what was predicted."""


@dataclass
class Loaded:
    """A model with its tokenizer; `limit` is how many tokens of input fit."""

    model: Any
    tokenizer: Any
    labels: list[str]
    limit: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    """All that the task has, as `fmtui.tasks.settings.complete` gives them."""
    fresh: Sequence[str] = ()
    """Names of the parameters that the model at that path did not have."""

    @property
    def device(self) -> torch.device:
        device: torch.device = self.model.device
        return device

    def collate(self, collator: Any, columns: Columns, indices: Sequence[int]) -> dict[str, Any]:
        """The rows at `indices`, padded to tensors, where the model is."""
        batch = collator([{name: values[i] for name, values in columns.items()} for i in indices])
        return {name: tensor.to(self.device) for name, tensor in batch.items()}


class Procedure(Protocol):
    """One task's way from records to tensors and back. Modules hold one instance, `PROCEDURE`."""

    divides_loss: bool
    """Whether the model divides its loss by the targets of all accumulated batches, as the
    causal ones of transformers do; most others average over their batch alone."""

    def load(self, path: Path, spec: Mapping[str, Any]) -> Loaded:
        """The model at `path`, as the run's spec wants it: with a head for its labels."""

    def features(self, loaded: Loaded, records: Sequence[Record]) -> Columns:
        """Inputs and targets to train on, unpadded; a record may give several rows or share one."""

    def lengths(self, features: Columns) -> list[int]:
        """Tokens that each of those rows costs."""

    def collator(self, loaded: Loaded) -> Any:
        """Pads a list of rows to tensors."""

    def predict(
        self, loaded: Loaded, records: Sequence[Record], tick: Tick | None = None
    ) -> Columns:
        """What the model makes of each record, in their order: the columns that a task has beside
        its records' own, `prediction` and `loss` among them."""


@dataclass(frozen=True)
class Base:
    """What most procedures do alike."""

    auto_class: str
    divides_loss: bool = False
    longest: int | None = None
    """Tokens of input where the person asks for no other limit and the model can take more."""
    taught: tuple[str, ...] = ()
    """Settings that are saved with the model, so that it answers as it did when it was measured."""

    def load(self, path: Path, spec: Mapping[str, Any]) -> Loaded:
        tokenizer = load_tokenizer(path)
        task, finetune = spec["task"], spec["kind"] == "finetune"
        given = spec.get("settings") or {}
        wished = complete(task, given)
        options = adapters.base_options(wished) | self.options(spec)
        if finetune:
            # A head for other labels is replaced; a base model has none yet.
            options["ignore_mismatched_sizes"] = wished["ignore_mismatched_sizes"]
        model, fresh = load_model(path, self.auto_class, **options)
        # A tokenizer of another family may give what this model does not take.
        taken = inspect.signature(model.forward).parameters
        tokenizer.model_input_names = [n for n in tokenizer.model_input_names if n in taken]
        known = learnt(model, task)
        settings = complete(task, given, {n: known[n] for n in self.taught if n in known})
        wanted = settings["max_seq_length"]
        if wanted <= 0:
            wanted = known.get("max_seq_length") or self.longest or -1
        limit = max_length(model, tokenizer, wanted)
        added = tokenizer.num_special_tokens_to_add()
        if limit <= added:  # such a limit a tokenizer passes over in silence
            raise BadInputError(
                f"max_seq_length={limit} leaves no room for the text: the tokenizer itself adds "
                f"{added} token{'' if added == 1 else 's'} to each"
            )
        if finetune:
            known = self.known(model, task, settings)
            if limit < max_length(model, tokenizer):
                known["max_seq_length"] = limit
            model.config.task_specific_params = {task: known}
        return Loaded(model, tokenizer, self.labels(model, spec), limit, settings, fresh)

    def known(self, model: Any, task: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """What the base knows of the task before it is finetuned."""
        return dict(learnt(model, task))

    def options(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """What `from_pretrained` is told beside the path."""
        return {}

    def labels(self, model: Any, spec: Mapping[str, Any]) -> list[str]:
        return []

    def lengths(self, features: Columns) -> list[int]:
        return [len(ids) for ids in features["input_ids"]]


@dataclass(frozen=True)
class Labelled(Base):
    """A model with a head for the spec's labels: new ones to train, its own to measure."""

    def options(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        if spec["kind"] != "finetune":
            return {}
        labels = spec["labels"]
        return {
            "num_labels": len(labels),
            "id2label": dict(enumerate(labels)),
            "label2id": {label: i for i, label in enumerate(labels)},
        }

    def labels(self, model: Any, spec: Mapping[str, Any]) -> list[str]:
        return [model.config.id2label[i] for i in range(model.config.num_labels)]


def learnt(model: Any, task: str) -> dict[str, Any]:
    """What a model's configuration says of how it does a task: its `max_seq_length`, for instance,
    or the `prefix` before each input.

    It is where transformers' own models have it. What is put there is saved, and obeyed where the
    model is measured and where it is served (`fmtui.serving.score`).
    """
    if not isinstance(getattr(model.config, "task_specific_params", None), dict):
        model.config.task_specific_params = {}
    known: dict[str, Any] = model.config.task_specific_params.setdefault(task, {})
    return known


def target_loss(logits: torch.Tensor, targets: torch.Tensor) -> tuple[list[float], list[int]]:
    """The negative log likelihood of each row's targets, summed, and how many they are.

    Args:
        logits: (rows, tokens, words), each for the target at the same place.
        targets: (rows, tokens), -100 where nothing counts.
    """
    losses = torch.nn.functional.cross_entropy(
        logits.float().transpose(1, 2), targets, reduction="none", ignore_index=-100
    )
    return losses.sum(-1).tolist(), (targets != -100).sum(-1).tolist()


_LOGITS_BYTES = 256_000_000


def rows_for_logits(model: Any, tokens: Sequence[int]) -> int:
    """Rows of average length in a batch whose logits, one a word of the vocabulary and token,
    take a quarter of a gigabyte."""
    mean = sum(tokens) / max(len(tokens), 1)
    each = 4 * max(mean, 1.0) * int(model.config.get_text_config().vocab_size)
    return max(1, min(64, int(_LOGITS_BYTES / each)))


def fast(tokenizer: Any, why: str) -> None:
    """Raise BadInputError for a tokenizer that can't tell which token came from where."""
    if not tokenizer.is_fast:
        raise BadInputError(
            f"the model's tokenizer can't tell {why}",
            hint="Choose a model that has a tokenizer.json.",
        )
