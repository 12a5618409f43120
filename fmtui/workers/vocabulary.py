"""Training only those rows of the word embeddings that the data uses.

A row that no text names has no gradient: AdamW leaves it where it is, but still sums, scales and
steps through it, and keeps two moments of it. Of a multilingual encoder's parameters most are such
rows. Left out they cost nothing, and the model that is made is the same, but for weight decay,
which does not reach them: words that the data does not have stay as the base knew them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from fmtui.estimate.memory import MOST_WORDS


class UsedRows(nn.Embedding):  # type: ignore[misc]
    """An embedding that trains some rows of another, and saves and loads all.

    Its `weight` holds the rows that are trained, (used, width). State dicts hold the whole matrix,
    (vocabulary, width), under the same name, so that a checkpoint is any model's checkpoint. When
    it is not training, it knows the other rows as well.
    """

    def __init__(self, whole: nn.Embedding, used: torch.Tensor) -> None:
        """Args:
        whole: The embedding whose rows are trained.
        used: Ids of those rows, sorted, each once.
        """
        places = torch.full((whole.num_embeddings,), -1, device=used.device)
        places[used] = torch.arange(len(used), device=used.device)
        padding = whole.padding_idx
        super().__init__(
            len(used),
            whole.embedding_dim,
            padding_idx=int(places[padding]) if padding is not None and padding in used else None,
            _weight=whole.weight.detach()[used].clone(),
        )
        # No buffers: those would be sent from process to process at each step.
        self.used, self.places, self.base = used, places, whole.weight.detach()
        self.train(whole.training)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        places = self.places[ids]
        if self.training:
            return super().forward(places)
        known = super().forward(places.clamp(min=0))
        others = nn.functional.embedding(ids, self.base)
        return torch.where((places < 0).unsqueeze(-1), others, known)

    def whole(self) -> torch.Tensor:
        """The matrix as an ordinary embedding has it: (vocabulary, width)."""
        rows = self.base.clone()
        rows[self.used] = self.weight.detach().to(rows.dtype)
        return rows

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Any:
        self.used, self.places, self.base = map(fn, (self.used, self.places, self.base))
        return super()._apply(fn, recurse)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        destination[prefix + "weight"] = self.whole()

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        name = prefix + "weight"
        if name in state_dict:
            rows = state_dict[name].to(self.base.device, self.base.dtype)
            self.base = rows.clone()
            state_dict = {**state_dict, name: rows[self.used]}
        super()._load_from_state_dict(state_dict, prefix, *args)


def narrow(model: Any, features: Mapping[str, Sequence[Any]], padding: int | None) -> int | None:
    """Train the rows that `features` name alone; how many, None where all are trained.

    All are where most are used, where they are trained for another end too (a language model's
    head may be the same matrix), and where they are not trained at all.

    Args:
        features: What is trained on, with token ids a row in `input_ids`.
        padding: The id that fills rows up.
    """
    if getattr(model.config, "is_encoder_decoder", False):
        return None
    try:
        whole = model.get_input_embeddings()
    except NotImplementedError:  # CANINE, for one, hashes characters into several matrices
        return None
    if type(whole) is not nn.Embedding or not whole.weight.requires_grad or whole.max_norm:
        return None
    if sum(p is whole.weight for _, p in model.named_parameters(remove_duplicate=False)) != 1:
        return None
    ids = {i for row in features["input_ids"] for i in row}
    ids |= {i for i in (padding, whole.padding_idx) if i is not None}
    if len(ids) > MOST_WORDS * whole.num_embeddings:
        return None
    used = torch.tensor(sorted(ids), device=whole.weight.device)
    model.set_input_embeddings(UsedRows(whole, used))
    return len(ids)
