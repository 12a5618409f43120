"""Token classification: a tag for each token; spans of names, mostly."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fmtui.data.report import Finding
from fmtui.data.table import Table, Value
from fmtui.tasks import bio
from fmtui.tasks.base import Examples, Record, Role, Task, Text, by_name, count_labels
from fmtui.tasks.cells import as_list, is_empty, kind_of
from fmtui.tasks.rows import Cells, Faults, read_rows

TOKENS = Role("tokens", ("tokens", "words", "token", "word", "sentence", "text"))
TAGS = Role(
    "tags",
    ("tags", "ner_tags", "ner", "bio", "iob", "labels", "label", "tag", "entities", "pos_tags"),
)

_SCHEME_NOTES = {
    "IOB1": "the tags are IOB1 (B- only between neighbours): read as BIO",
    "BIOES": "the tags mark ends and single tokens (BIOES, BILOU): read as BIO",
    "plain": "the tags have no B- and I-: each is taken as it is, and only accuracy says much",
}


class TokenClassification(Task):
    name = "token-classification"
    roles = (TOKENS, TAGS)
    metrics = ("f1", "precision", "recall", "accuracy", "loss")
    label_role = "tags"
    heads = ("ForTokenClassification",)
    learnt_by = "TOKEN_CLASSIFICATION"
    one_answer = True

    def guess_columns(self, table: Table) -> dict[str, str]:
        """By names; of `ner_tags` with numbers and `ner_tags_str` with names, the latter."""
        found = by_name(table, self.roles)
        if "tags" in found and _numbered(table.column(found["tags"])):
            named = (found["tags"] + ending for ending in ("_str", "_string", "_names", "_text"))
            found["tags"] = next((c for c in named if table.has(c)), found["tags"])
        return found

    def examples(self, table: Table, columns: Mapping[str, str]) -> Examples:
        scheme = _scheme(table, columns)

        def record_of(cells: Cells, faults: Faults) -> dict[str, Any]:
            return _record(cells, faults, scheme)

        records, numbers, errors = read_rows(table, columns, record_of)
        labels = count_labels(self, records)
        if "tags" in columns and len(labels) < 2 and not errors:
            only = labels[0][0] if labels else ""
            message = f"all tags are `{only}`: there is nothing to learn"
            errors.append(Finding(message, table.file, None, columns["tags"]))
        warnings = []
        if scheme in _SCHEME_NOTES:
            warnings.append(Finding(_SCHEME_NOTES[scheme], table.file, None, columns["tags"]))
        return Examples(records, numbers, errors, warnings, labels)

    def texts(self, record: Record) -> dict[str, Text]:
        return {"tokens": list(record["tokens"])}

    def input_of(self, record: Record) -> str:
        return " ".join(record["tokens"])

    def answer_of(self, record: Record) -> Hashable:
        return tuple(record.get("tags", ()))

    def labels_of(self, record: Record) -> list[str]:
        return list(record.get("tags", ()))

    def stratum(self, record: Record) -> str:
        return "+".join(sorted({bio.part(tag)[1] for tag in record.get("tags", ())} - {""}))

    def repair(self, table: Table, columns: Mapping[str, str]) -> tuple[Table, list[Finding]]:
        """A span that was not begun begins with its first tag: B- in place of I-."""
        scheme, at = _scheme(table, columns), columns["tags"]
        rows, done = list(table.rows), []
        for index, (number, value) in enumerate(zip(table.numbers, table.column(at), strict=True)):
            tags = _words(value)
            if tags is None or not all(isinstance(tag, str) for tag in tags):
                continue
            found = bio.to_bio([str(tag) for tag in tags], scheme)
            if bio.dangling(found) and at in table.columns:
                column = table.columns.index(at)
                new: Value = list(bio.mended(found))
                rows[index] = (*rows[index][:column], new, *rows[index][column + 1 :])
                done.append(Finding("I- made B-", table.file, number, at, kind="I- made B-"))
        return replace(table, rows=rows), done


TASK = TokenClassification()


def _scheme(table: Table, columns: Mapping[str, str]) -> str:
    """The scheme of all tags together; a file is written in one."""
    if "tags" not in columns:
        return "BIO"
    lists = (_words(value) for value in table.column(columns["tags"]))
    return bio.scheme_of([str(tag) for tag in tags] for tags in lists if tags)


def _record(cells: Cells, faults: Faults, scheme: str) -> dict[str, Any]:
    tokens = _list(cells, "tokens", faults)
    if "tags" not in cells:
        return {"tokens": tokens}
    if _numbered([cells["tags"]]):
        shown = json.dumps(cells["tags"])[:30]
        faults.add(
            "tags",
            f"the tags are numbers, {shown}: write their names, or bring the names as ClassLabel",
            kind="the tags are numbers without names",
        )
        return {}
    tags = _list(cells, "tags", faults)
    if len(tokens) != len(tags) and tokens and tags:
        faults.add(
            "tags",
            f"{len(tokens)} tokens have {len(tags)} tags",
            kind="tokens and tags differ in number",
        )
        return {}
    tags = bio.to_bio(tags, scheme)
    _check_scheme(tokens, tags, scheme, faults)
    return {"tokens": tokens, "tags": tags}


def _check_scheme(tokens: Sequence[str], tags: Sequence[str], scheme: str, faults: Faults) -> None:
    if scheme == "plain":
        return
    bare = next((tag for tag in tags if tag != bio.OUTSIDE and not bio.part(tag)[0]), None)
    if bare is not None:
        faults.add(
            "tags", f"the tag `{bare}` has no B- or I-", kind="a tag has no B- or I-, others have"
        )
    elif wrong := bio.dangling(tags):
        index = wrong[0]
        before = f"follows `{tags[index - 1]}`" if index else "is the first"
        faults.add(
            "tags",
            f"tag {index + 1}, `{tags[index]}` of `{tokens[index]}`, {before}: a span begins with "
            f"`B{tags[index][1:]}`",
            kind="a span goes on that was not begun (--repair begins it)",
        )


def _list(cells: Cells, role: str, faults: Faults) -> list[str]:
    """The words in a cell; [] with a fault where they are none."""
    value = cells[role]
    words = _words(value)
    if is_empty(value) or words == []:
        faults.add(role, f"the {role} are empty")
        return []
    if words is None:
        faults.add(role, f"the {role} are {kind_of(value)}, not a list")
        return []
    for number, word in enumerate(words, 1):
        if not isinstance(word, str) or not word.strip(" \t\r\n"):
            what = "empty" if isinstance(word, str) else kind_of(word)  # type: ignore[arg-type]
            faults.add(
                role,
                f"{role[:-1]} {number} is {what}",
                kind=f"one of the {role} is {what}",
            )
            return []
    return [str(word) for word in words]


def _words(value: Value) -> list[object] | None:
    """A list however it is written, or the words of a text."""
    found = as_list(value)
    if found is None and isinstance(value, str):
        return list(value.split())
    return found


def _numbered(values: Sequence[Value]) -> bool:
    """Whether the first of the values with tags has numbers in place of their names."""
    first = next(filter(None, map(_words, values)), [""])
    return all(map(_is_number, first))


def _is_number(tag: object) -> bool:
    return (isinstance(tag, int) and not isinstance(tag, bool)) or (
        isinstance(tag, str) and tag.isdigit()
    )
