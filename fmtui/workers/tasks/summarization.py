"""Summarization: a document to its summary."""

from __future__ import annotations

from fmtui.workers.tasks.seq2seq import Seq2Seq

PROCEDURE = Seq2Seq(
    "AutoModelForSeq2SeqLM",
    longest=1024,
    task="summarization",
    source="document",
    target="summary",
)
