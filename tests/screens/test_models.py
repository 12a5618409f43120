"""The models here: the list, a model's page, importing by a form."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fmtui.errors import NotFoundError
from fmtui.services import models
from fmtui.services.context import Context
from screens.threads import finish_threads
from tests.screens.tools import SIZES, make_run, opened, shows, text, type_in


async def test_an_empty_list_says_what_to_do(here: Context) -> None:
    async with opened() as pilot:
        await pilot.press("2")
        await shows(pilot, "No models here yet. Press i to import", "make demo")


@pytest.mark.parametrize("size", SIZES)
async def test_a_model_has_a_page_with_parts(size: tuple[int, int], stocked: Context) -> None:
    async with opened(size) as pilot:
        await pilot.press("2")
        await shows(pilot, "tiny:1")
        await pilot.press("enter")
        await shows(pilot, "Models › tiny:1", "architecture", "BertModel")
        await pilot.press("right")
        await shows(pilot, "model.safetensors", "tokenizer.json")
        await pilot.press("right")
        await shows(pilot, "Nothing was made of it yet")
        await pilot.press("right")
        await shows(pilot, "No run used or made this model")
        await pilot.press("right")
        await shows(pilot, "enter asks the model")


async def test_runs_of_a_model_open_from_its_page(stocked: Context) -> None:
    run = make_run(stocked, model_version_id=models.show(stocked, "tiny").id)
    async with opened() as pilot:
        await pilot.press("2")
        await shows(pilot, "tiny:1")
        await pilot.press("enter")
        await shows(pilot, "Models › tiny:1", "BertModel")
        await pilot.press("right", "right", "right")
        await shows(pilot, f"{run} ")
        await pilot.press("enter")
        await shows(pilot, f"Runs › {run} finetune")
        await pilot.press("escape")
        await shows(pilot, "Models › tiny:1")


async def test_verify_says_which_file_differs(stocked: Context) -> None:
    config = Path(models.show(stocked, "tiny").path) / "config.json"
    config.chmod(0o644)
    config.write_text(config.read_text() + " ")
    async with opened() as pilot:
        await pilot.press("2")
        await shows(pilot, "tiny:1")
        await pilot.press("enter")
        await shows(pilot, "BertModel")
        await pilot.press("v")
        await shows(pilot, "config.json differs")


async def test_tags_note_and_bundle_from_a_model_s_page(
    stocked: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened() as pilot:
        await pilot.press("2")
        await shows(pilot, "tiny:1")
        await pilot.press("T")
        await shows(pilot, "Tags of tiny:1", "No tags yet")
        await type_in(pilot, "prod")
        await pilot.press("enter")
        await shows(pilot, "tiny:1: + prod")
        assert models.show(stocked, "tiny").tags == ("prod",)
        await pilot.press("enter", "T")
        await shows(pilot, "take off prod")
        await type_in(pilot, "not a tag")
        await pilot.press("enter")
        await shows(pilot, "can't be a tag")
        await pilot.press("n")
        await shows(pilot, "Note on tiny:1")
        await pilot.press(*"small")
        await pilot.press("ctrl+s")
        await shows(pilot, "The note on tiny:1 is kept", "note          small")
        await pilot.press("X")
        await shows(pilot, "Export tiny:1 to", "tiny-1.tar")
        await pilot.press("enter")
        await shows(pilot, "tiny-1.tar: 1 model")
        assert (tmp_path / "tiny-1.tar").stat().st_size > 10_000
        await pilot.press("X", "enter")
        await shows(pilot, "tiny-1.tar exists")


async def test_the_model_s_own_card_is_rendered_and_harmless(
    here: Context, bert: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(bert, tmp_path / "carded"))
    (folder / "README.md").write_text(
        "---\nlicense: mit\n---\n# A small one\n\nFor \x1b]0;evil\x07**tests**, [red]not[/] more.\n"
    )
    models.import_model(here, str(folder), name="carded")
    async with opened() as pilot:
        await pilot.press("2")
        await shows(pilot, "carded:1")
        await pilot.press("enter")
        await shows(pilot, "Models › carded:1", "mit")
        await pilot.press("end")
        seen = await shows(pilot, "A small one", "For tests, [red]not[/] more.")
        assert "license: mit" not in seen and "\x1b" not in seen


async def test_a_card_without_end_is_drawn_in_part(
    here: Context, bert: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(bert, tmp_path / "long"))
    (folder / "README.md").write_text("# Long\n" + "- an item\n" * 20_000)
    models.import_model(here, str(folder), name="long")
    async with opened() as pilot:
        await pilot.press("2")
        await shows(pilot, "long:1")
        await pilot.press("enter")
        await shows(pilot, "Models › long:1")
        await pilot.press("end")
        await shows(pilot, "an item", "… 19,801 more lines")


async def test_removing_asks_first(stocked: Context) -> None:
    async with opened() as pilot:
        await pilot.press("2")
        await shows(pilot, "tiny:1")
        await pilot.press("x")
        await shows(pilot, "Remove tiny:1?")
        await pilot.press("n")
        await shows(pilot, "tiny:1")
        assert models.show(stocked, "tiny")
        await pilot.press("x", "y")
        await shows(pilot, "tiny:1 is removed", "No models here yet")
        with pytest.raises(NotFoundError):
            models.show(stocked, "tiny")


async def test_import_by_the_form_with_its_command(here: Context, bert: Path) -> None:
    async with opened() as pilot:
        await pilot.press("2", "i")
        await shows(pilot, "Models › import", "A source is needed")
        await type_in(pilot, str(bert))
        await pilot.press("tab")
        await type_in(pilot, "mine")
        await shows(pilot, "--name", "mine")
        await pilot.press("ctrl+s")
        await shows(pilot, "Models › mine:1", "BertModel")
        assert models.show(here, "mine").architecture == "BertModel"
        await pilot.press("escape")
        await shows(pilot, "2 Models", "mine:1")


async def test_an_import_that_fails_stays_on_the_form_with_a_sentence(
    here: Context, tmp_path: Path
) -> None:
    async with opened() as pilot:
        await pilot.press("2", "i")
        await shows(pilot, "Models › import")
        await type_in(pilot, str(tmp_path / "nothing"))
        await pilot.press("ctrl+s")
        seen = await shows(pilot, "✗")
        assert "Traceback" not in seen and "Models › import" in seen
        assert models.list_models(here) == []


@pytest.mark.parametrize("leaving", ["escape", "quit"])
async def test_an_import_is_cancelled_by_leaving(
    leaving: str, here: Context, bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from fmtui.services.models import ImportProgress

    left, raised = threading.Event(), threading.Event()

    def slow(ctx: Context, source: str, *, progress: object, **more: object) -> None:
        assert callable(progress)
        progress(ImportProgress("copying", "model.safetensors", 10, 100))
        assert left.wait(20)
        try:
            progress(ImportProgress("copying", "model.safetensors", 20, 100))
        except Exception:
            raised.set()
            raise

    monkeypatch.setattr(models, "import_model", slow)
    async with opened() as pilot:
        await pilot.press("2", "i")
        await shows(pilot, "Models › import")
        await type_in(pilot, str(bert))
        await pilot.press("ctrl+s")
        await shows(pilot, "10 B of 100 B", "copying model.safetensors")
        if leaving == "escape":
            await pilot.press("escape")
            await shows(pilot, "No models here yet")
            left.set()
            assert raised.wait(20), "the service was told to stop"
            assert "Traceback" not in text(pilot)
    left.set()
    finish_threads()
    assert raised.is_set(), "leaving the program waits until the service has cleaned up"


async def test_a_try_shows_the_likeliest_label_first(
    stocked: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typing import Any

    from fmtui.errors import BadInputError
    from fmtui.services import predict

    closed: list[bool] = []

    class Session:
        def __init__(self, ctx: Context, ref: str) -> None:
            self.model = models.show(ctx, ref)

        def predict(self, texts: list[str], **_: Any) -> list[predict.Prediction]:
            if texts == ["bad"]:
                raise BadInputError("the text is bad")
            scores = [{"label": "loan", "score": 0.03}, {"label": "card", "score": 0.97}]
            return [predict.Prediction(texts[0], scores)]

        def close(self) -> None:
            closed.append(True)

    monkeypatch.setattr(predict, "PredictSession", Session)
    async with opened() as pilot:
        await pilot.press("2")
        await shows(pilot, "tiny:1")
        await pilot.press("enter")
        await shows(pilot, "BertModel")
        await pilot.press("t")
        await shows(pilot, "enter asks the model")
        await type_in(pilot, "i lost 1/2 of my + card")
        await pilot.press("enter")
        seen = await shows(pilot, "i lost 1/2 of my + card", "card", "0.970", "answered in")
        assert seen.index("card  ") < seen.index("loan  ")
        await pilot.press("ctrl+u")
        await type_in(pilot, "bad")
        await pilot.press("enter")
        await shows(pilot, "the text is bad.")
        await pilot.press("escape", "escape")
        await shows(pilot, "2 Models")
    assert closed == [True]
