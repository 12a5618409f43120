"""Answer scoring requests with one transformers model, here or on Azure ML.

This file stands alone (transformers and torch, nothing else): it is copied as the `score.py` of
each deployment. Azure ML's contract is `init()` once and `run(raw)` for each request, with the
model in `AZUREML_MODEL_DIR`; `predict(bodies)` answers many requests in one go. What the model
does follows from its architecture; weights load from safetensors, and remote code never runs.

    {"input_data": ["a text", ...], "params": {"return_all_scores": true}}
    {"input_data": [["a text", "its pair"], ...]}
    {"input_data": {"columns": ["text"], "index": [0], "data": [["a text"]]}}
    {"input_data": {"input_string": ["a text"]}}
    {"input_data": {"input_string": [{"role": "user", "content": "a question"}]}}

What a model was taught with is in its own files: `task_specific_params` of config.json has its
`max_seq_length`, the `prefix` before each input, and whether it may say that there is no answer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

Row = tuple[str, ...]
"""One thing to answer: a text, a pair of texts, or a question with its context."""


class Chat(tuple[str, ...]):
    """A conversation to go on with, as one row: its messages as JSON."""


TOKENS_A_BATCH = 4096
"""Tokens of one forward pass, padding included."""

LIKELY = 0.5
"""From this score on, a label is one of those that a text has, where it may have several."""


class BadRequest(ValueError):  # noqa: N818 - the sentence reaches whoever sent the request
    """The request is at fault; a server answers with `status_code` and the sentence."""

    status_code = 400


def init() -> None:
    """Load the model that `AZUREML_MODEL_DIR` holds."""
    global _model
    _model = Model(find_model(Path(os.environ["AZUREML_MODEL_DIR"])))


def loaded_task() -> str:
    """What the loaded model does."""
    if _model is None:
        raise RuntimeError("init() was not called")
    return _model.task


def run(raw: str | bytes) -> Any:
    """Answer one request, given as JSON. Raises BadRequest when it is at fault."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is no JSON: {error}") from error
    answer = predict([body])[0]
    if isinstance(answer, Exception):
        raise answer
    return answer


def predict(bodies: list[Any]) -> list[Any]:
    """Answer parsed requests in as few passes as can be; the place of a bad one has its error."""
    if _model is None:
        raise RuntimeError("init() was not called")
    answers: list[Any] = [None] * len(bodies)
    groups: dict[str, list[tuple[int, list[Row]]]] = {}
    for index, body in enumerate(bodies):
        try:
            rows, params = parse(body)
            _model.check(rows)
        except BadRequest as error:
            answers[index] = error
        else:
            groups.setdefault(json.dumps(params, sort_keys=True), []).append((index, rows))
    for params_text, members in groups.items():
        try:
            outputs = _model.answer([r for _, rows in members for r in rows], params_text)
        except BadRequest as error:
            if len(members) > 1:  # one of them is at fault: each alone
                for index, _ in members:
                    answers[index] = predict([bodies[index]])[0]
            else:
                answers[members[0][0]] = error
            continue
        for index, rows in members:
            answers[index], outputs = outputs[: len(rows)], outputs[len(rows) :]
    return answers


def parse(body: Any) -> tuple[list[Row], dict[str, Any]]:
    """The rows and parameters of a request in any of the shapes above. Raises BadRequest."""
    if not isinstance(body, dict) or "input_data" not in body:
        raise BadRequest("the body must be an object with `input_data`, a list of texts")
    data, params = body["input_data"], body.get("params") or {}
    if isinstance(data, dict):
        data = dict(data)
        params = data.pop("parameters", None) or params
        chat = data.get("input_string")
        if isinstance(chat, list) and chat and all(isinstance(part, dict) for part in chat):
            return [_chat(chat)], params
        data = _from_columns(data)
    if isinstance(data, str):
        data = [data]
    if not isinstance(data, list):
        raise BadRequest("`input_data` must be a list of texts, or an object of columns")
    if not isinstance(params, dict):
        raise BadRequest("`params` must be an object")
    return [_row(value, number) for number, value in enumerate(data, start=1)], params


def _from_columns(data: dict[str, Any]) -> list[Any]:
    """Rows of `{"columns", "data"}` as pandas splits a frame, or of `{"column": [values]}`."""
    if "data" in data and "columns" in data:
        names, rows = data["columns"], data["data"]
        if not isinstance(names, list) or not isinstance(rows, list):
            raise BadRequest("`columns` and `data` must be lists")
        for number, row in enumerate(rows, start=1):
            if len(names) != (len(row) if isinstance(row, list) else 1):
                raise BadRequest(f"row {number} of `data` does not have {len(names)} values")
        return rows
    columns = list(data.values())
    if not columns or not all(isinstance(c, list) for c in columns):
        raise BadRequest("`input_data` must hold `columns` and `data`, or lists of texts by column")
    if len({len(c) for c in columns}) != 1:
        raise BadRequest(f"the columns {', '.join(data)} differ in length")
    if "question" in data and "context" in data:
        columns = [data["question"], data["context"]]
    return [list(row) for row in zip(*columns, strict=True)]


def _row(value: Any, number: int) -> Row:
    row = tuple(value) if isinstance(value, list) else (value,)
    if not 1 <= len(row) <= 2:
        raise BadRequest(f"row {number} has {len(row)} values: expected a text, or a pair of texts")
    if not all(isinstance(text, str) for text in row):
        raise BadRequest(f"row {number} is no text")
    return row


def _chat(messages: list[Any]) -> Row:
    for number, message in enumerate(messages, start=1):
        if not all(isinstance(message.get(key), str) for key in ("role", "content")):
            raise BadRequest(f"message {number} has no `role` and `content`")
    return Chat([json.dumps(messages)])


def find_model(folder: Path) -> Path:
    """`folder` itself or the folder below it that holds the model's config.json."""
    if (folder / "config.json").is_file():
        return folder
    found = sorted(folder.glob("**/config.json"), key=lambda path: len(path.parts))
    if not found:
        raise BadRequest(f"{folder} holds no config.json")
    return found[0].parent


def _trusted(folder: Path) -> bool:
    """Whether a person let this model run code of its own; its import recorded that."""
    return (Path(folder) / "trust.json").is_file()


def read_config(folder: Path) -> dict[str, Any]:
    """The model's config.json. Raises BadRequest when there is none that can be read."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadRequest(f"its config.json can't be read ({error})") from error
    return config if isinstance(config, dict) else {}


HEADS = (
    # (end of the architecture's name, task, transformers' class)
    ("ForSequenceClassification", "text-classification", "AutoModelForSequenceClassification"),
    ("ForTokenClassification", "token-classification", "AutoModelForTokenClassification"),
    ("ForQuestionAnswering", "question-answering", "AutoModelForQuestionAnswering"),
    ("ForMaskedLM", "fill-mask", "AutoModelForMaskedLM"),
    ("ForCausalLM", "text-generation", "AutoModelForCausalLM"),
    ("LMHeadModel", "text-generation", "AutoModelForCausalLM"),
    ("ForConditionalGeneration", "text2text-generation", "AutoModelForSeq2SeqLM"),
    ("MTModel", "text2text-generation", "AutoModelForSeq2SeqLM"),
    ("Model", "feature-extraction", "AutoModel"),
)


def _head(config: dict[str, Any]) -> tuple[str, str]:
    architectures = config.get("architectures") or []
    for ending, task, auto_class in HEADS:
        if architectures and str(architectures[0]).endswith(ending):
            return task, auto_class
    named = f"the architecture {architectures[0]}" if architectures else "a model without one"
    raise BadRequest(f"{named} has no task that this script knows")


def task_of(config: dict[str, Any]) -> str:
    """What a model with this config.json does. Raises BadRequest when it is nothing known."""
    return _head(config)[0]


class Model:
    """A model with its tokenizer, ready to answer."""

    def __init__(self, folder: Path) -> None:
        # Threads that wait by spinning take the cores from each other: where anything else runs,
        # short requests were measured 12 times slower. Read when torch is loaded.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        import torch
        import transformers

        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        torch.set_num_threads(len(os.sched_getaffinity(0)))
        self.config = read_config(folder)
        self.task, auto_class = _head(self.config)
        options: dict[str, Any] = {"trust_remote_code": _trusted(folder)}
        if self.task == "text-generation":
            options |= {"padding_side": "left", "truncation_side": "left"}
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **options)
        if self.task == "token-classification" and not getattr(
            self.tokenizer, "add_prefix_space", True
        ):  # one that marks spaces takes words only with a space before each
            self.tokenizer = transformers.AutoTokenizer.from_pretrained(
                folder, add_prefix_space=True, **options
            )
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        model = getattr(transformers, auto_class).from_pretrained(
            folder, use_safetensors=True, trust_remote_code=_trusted(folder)
        )
        # In half precision a processor is slower, not faster.
        model = model.to("cuda") if torch.cuda.is_available() else model.float()
        self.model = model.eval()
        self.learnt = _learnt(self.config)
        self.max_length = min(
            _max_length(self.tokenizer, model.config), self.learnt.get("max_seq_length", 1_000_000)
        )
        self._answer = TASKS[self.task]

    def check(self, rows: list[Row]) -> None:
        """Raises BadRequest for a row that this model's task can't take."""
        pairs = {"question-answering": (2, 2), "text-classification": (1, 2)}
        low, high = pairs.get(self.task, (1, 1))
        for number, row in enumerate(rows, start=1):
            if not low <= len(row) <= high:
                wanted = "a question and its context" if low == 2 else "one text"
                raise BadRequest(f"row {number} has {len(row)} values: expected {wanted}")
            if isinstance(row, Chat) and not getattr(self.tokenizer, "chat_template", None):
                raise BadRequest("this model holds no conversations: send it a text")
            if self.task == "fill-mask" and self.tokenizer.mask_token not in row[0]:
                raise BadRequest(f"row {number} has no {self.tokenizer.mask_token} to fill")

    def answer(self, rows: list[Row], params_text: str) -> list[Any]:
        """One output a row, in their order. Raises BadRequest for a parameter that is unknown."""
        import torch

        if not rows:
            return []
        with torch.inference_mode():
            return self._answer(self, rows, json.loads(params_text))

    def encode(self, rows: Sequence[Any], **options: Any) -> Any:
        """Token ids without padding, cut to what the model can take."""
        columns = [list(column) for column in zip(*rows, strict=True)]
        options = {"truncation": True, "max_length": self.max_length} | options
        return self.tokenizer(*columns, **options)

    def batches(self, encoded: Any) -> Iterator[tuple[list[int], dict[str, Any]]]:
        """Rows of like length together: their places, and their padded tensors."""
        names = [n for n in self.tokenizer.model_input_names if n in encoded]
        lengths = [len(ids) for ids in encoded["input_ids"]]
        batch: list[int] = []
        for place in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
            batch.append(place)
            if lengths[batch[0]] * (len(batch) + 1) > TOKENS_A_BATCH:
                yield batch, self._pad(encoded, names, batch)
                batch = []
        if batch:
            yield batch, self._pad(encoded, names, batch)

    def _pad(self, encoded: Any, names: list[str], batch: list[int]) -> dict[str, Any]:
        rows = {name: [encoded[name][place] for place in batch] for name in names}
        padded = self.tokenizer.pad(rows, return_tensors="pt")
        return {name: tensor.to(self.model.device) for name, tensor in padded.items()}


def _max_length(tokenizer: Any, config: Any) -> int:
    """Tokens that the model can take; a tokenizer that knows no limit says 1e30."""
    positions = getattr(config, "max_position_embeddings", None) or 0
    if config.model_type in ("roberta", "xlm-roberta", "camembert", "longformer", "mpnet"):
        positions -= 2  # the first positions of this family stand for padding
    limits = [n for n in (tokenizer.model_max_length, positions) if 0 < n < 1_000_000]
    return min(limits, default=512)


def _learnt(config: dict[str, Any]) -> dict[str, Any]:
    """What a finetuned model says of the one task that it was taught; nothing for a base."""
    known = config.get("task_specific_params")
    values = list(known.values()) if isinstance(known, dict) else []
    return values[0] if len(values) == 1 and isinstance(values[0], dict) else {}


def _options(params: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """The defaults `known` with `params` over them."""
    for name in params:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise BadRequest(f"unknown parameter `{name}`; this model's parameters: {listed}")
    return known | params


def _classify(model: Model, rows: list[Row], params: dict[str, Any]) -> list[Any]:
    """`{"label", "score"}` of the best class, or all of them, best first.

    Where a text may have several labels: the list of those that it has, which may be empty.
    """
    options = _options(params, {"return_all_scores": False, "top_k": None})
    labels = model.model.config.id2label
    many = model.config.get("problem_type") == "multi_label_classification"
    outputs: list[Any] = [None] * len(rows)
    # Single texts and pairs are tokenized apart.
    for width in sorted({len(row) for row in rows}):
        places = [i for i, row in enumerate(rows) if len(row) == width]
        for batch, tensors in model.batches(model.encode([rows[i] for i in places])):
            logits = model.model(**tensors).logits.float()
            if many:
                logits = logits.sigmoid()
            elif len(labels) > 1:
                logits = logits.softmax(-1)
            for place, scores in zip(batch, logits.tolist(), strict=True):
                ranked = [
                    {"label": labels[i], "score": scores[i]}
                    for i in sorted(range(len(scores)), key=scores.__getitem__, reverse=True)
                ]
                outputs[places[place]] = ranked
    if options["return_all_scores"]:
        return outputs
    if (top_k := options["top_k"]) is None:
        if many:
            return [[one for one in ranked if one["score"] >= LIKELY] for ranked in outputs]
        return [ranked[0] for ranked in outputs]
    if not isinstance(top_k, int) or top_k < 1:
        raise BadRequest("`top_k` must be a whole number from 1")
    return [ranked[:top_k] for ranked in outputs]


def _tag(model: Model, rows: list[Row], params: dict[str, Any]) -> list[Any]:
    """`{"0": "['O', 'B-PER']"}`: a tag for each word that white space parts, as Azure ML writes.

    What is longer than the model is read in windows; a word's first token has the say.
    """
    _options(params, {})
    labels = model.model.config.id2label
    words = [row[0].split() for row in rows]
    encoded = model.encode(
        [(w,) for w in words], is_split_into_words=True, return_overflowing_tokens=True
    )
    tags: list[list[str | None]] = [[None] * len(w) for w in words]
    best: dict[int, list[int]] = {}
    for batch, tensors in model.batches(encoded):
        best |= zip(batch, model.model(**tensors).logits.argmax(-1).tolist(), strict=True)
    for window, row in enumerate(encoded["overflow_to_sample_mapping"]):
        for token, word in enumerate(encoded.word_ids(window)):
            if word is not None and tags[row][word] is None:
                tags[row][word] = labels[best[window][token]]
    return [{"0": str([tag or "O" for tag in row])} for row in tags]


def _extract(model: Model, rows: list[Row], params: dict[str, Any]) -> list[Any]:
    """The span of the context that answers the question; a long context is read in windows.

    A model that was taught so answers "" where nothing in any window scores higher than nothing.
    """
    _options(params, {})
    learnt = model.learnt
    stride = min(learnt.get("doc_stride", 128), model.max_length // 4)
    windows = {"truncation": "only_second", "stride": stride}
    try:
        encoded = model.encode(
            rows, **windows, return_overflowing_tokens=True, return_offsets_mapping=True
        )
    except Exception as error:  # the tokenizers library raises nothing narrower
        raise BadRequest(f"a question is too long for this model: {error}") from error
    longest = learnt.get("max_answer_length", 30)
    best: list[tuple[float, str]] = [(float("-inf"), "")] * len(rows)
    nothing = [float("inf")] * len(rows)
    for batch, tensors in model.batches(encoded):
        result = model.model(**tensors)
        for place, window in enumerate(batch):
            row = encoded["overflow_to_sample_mapping"][window]
            inside = [i for i, part in enumerate(encoded.sequence_ids(window)) if part == 1]
            start, end = result.start_logits[place].tolist(), result.end_logits[place].tolist()
            nothing[row] = min(nothing[row], start[0] + end[0])
            for first in inside:
                until = min(first + longest, inside[-1] + 1)
                last = max(range(first, until), key=lambda i: end[i])
                if start[first] + end[last] > best[row][0]:
                    offsets = encoded["offset_mapping"][window]
                    text = rows[row][1][offsets[first][0] : offsets[last][1]]
                    best[row] = (start[first] + end[last], text)
    refuses = bool(learnt.get("version_2_with_negative"))
    lead = learnt.get("null_score_diff_threshold", 0.0)
    return [
        "" if refuses and none - score > lead else text
        for (score, text), none in zip(best, nothing, strict=True)
    ]


def _fill(model: Model, rows: list[Row], params: dict[str, Any]) -> list[Any]:
    """The word for the first gap."""
    _options(params, {})
    outputs: list[Any] = [""] * len(rows)
    for batch, tensors in model.batches(model.encode(rows)):
        logits = model.model(**tensors).logits
        for row, place in enumerate(batch):
            gaps = (tensors["input_ids"][row] == model.tokenizer.mask_token_id).nonzero()
            if len(gaps):  # none where the text was cut before it
                best = logits[row, int(gaps[0])].argmax()
                outputs[place] = model.tokenizer.decode([int(best)]).strip()
    return outputs


def _embed(model: Model, rows: list[Row], params: dict[str, Any]) -> list[Any]:
    """The mean of the last layer's vectors, padding left out."""
    _options(params, {})
    outputs: list[Any] = [None] * len(rows)
    for batch, tensors in model.batches(model.encode(rows)):
        mask = tensors["attention_mask"].unsqueeze(-1).float()
        hidden = model.model(**tensors).last_hidden_state.float()
        means = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
        for place, vector in zip(batch, means.tolist(), strict=True):
            outputs[place] = vector
    return outputs


def _generate(model: Model, rows: list[Row], params: dict[str, Any]) -> list[Any]:
    """The text that the model writes; a causal model's begins with what it was given."""
    causal = model.task == "text-generation"
    known = set(model.model.generation_config.to_dict()) | {"max_new_tokens"}
    options = dict(params)
    full = options.pop("return_full_text", True) if causal else False
    for name in options:
        if name not in known:
            raise BadRequest(f"unknown parameter `{name}`: it is none of generation's")
    own = model.model.generation_config
    limited = {"max_new_tokens", "max_length"} & set(options) or own.max_new_tokens
    outputs: list[Any] = [None] * len(rows)
    for batch, tensors in model.batches(_prompts(model, rows)):
        width = tensors["input_ids"].shape[1]
        if not limited and (own.max_length or 20) <= 20:  # transformers' default cuts sentences
            options["max_new_tokens"] = 64 if causal else min(64 + 2 * width, model.max_length - 1)
        try:
            written = model.model.generate(**tensors, **options)
        except (ValueError, TypeError) as error:
            if params:
                raise BadRequest(f"generation refuses these parameters: {error}") from error
            raise
        if causal:
            written = written[:, width:]
        texts = model.tokenizer.batch_decode(written, skip_special_tokens=True)
        for place, text in zip(batch, texts, strict=True):
            if isinstance(rows[place], Chat) or not causal:
                outputs[place] = text.strip()
            else:
                outputs[place] = rows[place][0] + text if full else text
    return outputs


def _prompts(model: Model, rows: list[Row]) -> Any:
    """Token ids of what is to be gone on with, as the model was taught to get it."""
    encoded: dict[str, list[Any]] = {}
    causal, end = model.task == "text-generation", model.tokenizer.eos_token_id
    for row in rows:
        if isinstance(row, Chat):
            text, bare = _templated(model, json.loads(row[0])), {"add_special_tokens": False}
        else:
            text, bare = model.learnt.get("prefix", "") + row[0], {}
            after = model.learnt.get("after_prompt", "")
            text += "" if text[-1:].isspace() else after
        columns = {name: values[0] for name, values in model.encode([(text,)], **bare).items()}
        ids = columns["input_ids"]
        # Some tokenizers end each text; what is to be gone on with has not ended.
        ended = causal and len(ids) > 1 and ids[-1] == end
        for name, values in columns.items():
            encoded.setdefault(name, []).append(values[:-1] if ended else values)
    return encoded


def _templated(model: Model, messages: list[Any]) -> str:
    try:
        text: str = model.tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )
    except Exception as error:  # whatever the template refuses with
        raise BadRequest(f"the model's chat template refuses these messages: {error}") from error
    return text


TASKS: dict[str, Callable[[Model, list[Row], dict[str, Any]], list[Any]]] = {
    "text-classification": _classify,
    "token-classification": _tag,
    "question-answering": _extract,
    "fill-mask": _fill,
    "feature-extraction": _embed,
    "text-generation": _generate,
    "text2text-generation": _generate,
}

_model: Model | None = None
