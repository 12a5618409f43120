"""Summaries, translations and texts to be written: columns, records and faults."""

from __future__ import annotations

from typing import Any

import pytest

from fmtui.tasks import get_task
from fmtui.tasks.base import choose_columns
from fmtui.tasks.translation import languages
from tests.fmtui.tasks.tables import faults, read, table

LONG = "A long document with many words that goes on and on."


@pytest.mark.parametrize(
    "columns",
    ["document summary", "article highlights", "source target", "text summary", "abstract title"],
)
def test_documents_and_summaries_are_found_by_name(columns: str) -> None:
    found = read("summarization", table(columns, (LONG, "Short.")))
    assert found.records == [{"document": LONG, "summary": ["Short."]}]


def test_sentences_are_joined_and_summaries_stay_several() -> None:
    row = ([" One. ", "", "Two."], ["Short.", "Shorter."])
    found = read("summarization", table("source target", row))
    assert found.records == [{"document": "One. Two.", "summary": ["Short.", "Shorter."]}]


def test_faults_of_summaries_have_their_rows() -> None:
    rows = [("", "S."), (LONG, None), (LONG, []), ([LONG, 5], "S."), (LONG, {"a": 1}), (LONG, LONG)]
    found = read("summarization", table("document summary", *rows))
    assert faults(found) == [
        (1, "document", "the document is empty"),
        (2, "summary", "the summary is empty"),
        (3, "summary", "the summary is empty"),
        (4, "document", "part 2 of the document is a number, not a text"),
        (5, "summary", "the summary is a JSON object, not a text"),
    ]
    assert [(w.row, w.message) for w in found.warnings] == [
        (6, "1 summaries are as long as their document")
    ]


@pytest.mark.parametrize(
    ("columns", "row", "expected"),
    [
        ("en ro", ("good day", "buna ziua"), ("en", "ro")),
        ("id eng deu", ("7", "good day", "guten Tag"), ("en", "de")),
        ("eng_Latn zho_Hans", ("good day", "早 上好"), ("en", "zh")),
        ("text_en text_pt-BR", ("good day", "bom dia"), ("en", "pt")),
        ("source target", ("good day", "bom dia"), (None, None)),
    ],
)
def test_languages_are_known_from_the_columns(
    columns: str, row: tuple[str, ...], expected: tuple[str | None, str | None]
) -> None:
    made = table(columns, row)
    task = get_task("translation")
    chosen = choose_columns(task, made, {})
    assert languages(chosen) == expected
    assert task.examples(made, chosen).records == [{"source": row[-2], "target": row[-1]}]


def test_a_column_of_pairs_is_a_translation() -> None:
    rows = [({"en": "good day", "ro": "buna ziua"},), ({"en": "yes"},)]
    made = table("translation", *rows)
    task = get_task("translation")
    chosen = choose_columns(task, made, {})
    assert chosen == {"source": "translation.en", "target": "translation.ro"}
    found = task.examples(made, chosen)
    assert found.records == [{"source": "good day", "target": "buna ziua"}]
    assert faults(found) == [(2, "translation.ro", "the target is empty")]
    turned = choose_columns(task, made, {"source": "translation.ro", "target": "translation.en"})
    assert task.examples(made, turned).records[0]["source"] == "buna ziua"


def test_odd_pairs_are_warned_of() -> None:
    same = "This was not translated at all."
    rows = [(same, same), ("Yes.", "This is a far longer sentence than that."), ("OK", "OK")]
    found = read("translation", table("en de", *rows))
    assert [(w.row, w.message) for w in found.warnings] == [
        (1, "1 translations are the source itself"),
        (2, "1 pairs differ 6 times in length"),
    ]


@pytest.mark.parametrize(
    ("columns", "row", "expected"),
    [
        ("text", ("Once upon a time.",), {"prompt": "", "text": "Once upon a time."}),
        ("story", ("Once upon a time.",), {"prompt": "", "text": "Once upon a time."}),
        ("prompt completion", ("Say hi.", "Hi."), {"prompt": "Say hi.", "text": "Hi."}),
        ("question answer", ("Say hi.", "Hi."), {"prompt": "Say hi.", "text": "Hi."}),
        ("input output", ("Say hi.", "Hi."), {"prompt": "Say hi.", "text": "Hi."}),
        (
            "instruction input output",
            ("Say it back.", "Hi.", "Hi."),
            {"prompt": "Say it back.\n\nHi.", "text": "Hi."},
        ),
        ("instruction input output", ("Say hi.", "", "Hi."), {"prompt": "Say hi.", "text": "Hi."}),
    ],
)
def test_texts_to_write_are_found(columns: str, row: tuple[str, ...], expected: Any) -> None:
    assert read("text-generation", table(columns, row)).records == [expected]


CHAT = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Hi?"},
    {"role": "assistant", "content": "Hi!"},
]


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        ("messages", (CHAT,)),
        ("messages", (__import__("json").dumps(CHAT),)),
        ("messages", (str(CHAT),)),
        ("messages", ([{"role": "developer", "content": "Be kind."}, *CHAT[1:]],)),
        (
            "conversations",
            (
                [
                    {"from": "system", "value": "Be kind."},
                    {"from": "human", "value": "Hi?"},
                    {"from": "gpt", "value": "Hi!"},
                ],
            ),
        ),
        ("messages", ([*CHAT, {"role": "user", "content": "And?"}],)),
        (
            "messages",
            ([*CHAT[:2], {"role": "assistant", "content": [{"type": "text", "text": "Hi!"}]}],),
        ),
        ("prompt completion", (CHAT[:2], CHAT[2:])),
    ],
)
def test_chats_are_read_up_to_their_last_answer(columns: str, row: tuple[Any, ...]) -> None:
    found = read("text-generation", table(columns, row))
    assert not found.errors
    assert found.records == [{"messages": CHAT, "prompt": "", "text": "Hi!"}]


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        (None, "the messages are empty"),
        ([], "the messages are empty"),
        ("hello", "the messages are a text, not a list of objects"),
        (["hello"], "message 1 is a text, not an object"),
        ([{"content": "Hi."}], "message 1 has no role"),
        ([{"role": "oracle", "content": "Hi."}], "message 1 is from `oracle`, an unknown role"),
        ([CHAT[1], {"role": "assistant", "content": ""}], "message 2 is empty"),
        ([CHAT[1], {"role": "assistant", "content": 5}], "message 2 is a number, not a text"),
        (
            [CHAT[1], {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}],
            "message 2 is a call of tools alone, which can't be learnt yet",
        ),
        (CHAT[:2], "the assistant says nothing: there is nothing to learn"),
    ],
)
def test_faults_of_chats_have_their_rows(messages: Any, message: str) -> None:
    found = read("text-generation", table("messages", (CHAT,), (messages,)))
    assert faults(found) == [(2, "messages", message)]


def test_chats_that_templates_refuse_are_warned_of() -> None:
    twice = [CHAT[1], CHAT[1], CHAT[2]]
    late = [CHAT[1], CHAT[2], CHAT[0], CHAT[1], CHAT[2]]
    found = read("text-generation", table("messages", (twice,), (late,), (CHAT,)))
    assert [(w.row, w.kind) for w in found.warnings] == [
        (1, "no taking turns"),
        (2, "a late system message"),
    ]


def test_empty_prompts_and_answers_are_faults() -> None:
    rows = [("", "Hi."), ("Say hi.", ""), (5, "Hi.")]
    found = read("text-generation", table("prompt completion", *rows))
    assert faults(found) == [
        (1, "prompt", "the prompt is empty"),
        (2, "completion", "the text is empty"),
        (3, "prompt", "the prompt is a number, not a text"),
    ]


def test_a_role_that_is_set_takes_the_place_of_its_others() -> None:
    made = table("messages notes", (CHAT, "Hi."), (CHAT, "Ho."))
    found = read("text-generation", made, text="notes")
    assert [r["text"] for r in found.records] == ["Hi.", "Ho."]
    assert "messages" not in found.records[0]
