"""Endpoints: deploy by the form, try a request, keys, traffic, log, delete; on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmtui.services import endpoints
from fmtui.services.context import Context
from screens.widgets.lines import Editor
from tests.screens.tools import fill_in, hides, opened, shows, text, type_in
from tests.serving_tools import ECHO


@pytest.fixture
def echo(stocked: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    """Models are served by a script that repeats the request, so that none loads torch."""
    script = tmp_path / "score.py"
    script.write_text(ECHO)
    deploy = endpoints.deploy

    def with_script(*words: Any, **options: Any) -> Any:
        return deploy(*words, **{"script": script} | options)

    monkeypatch.setattr(endpoints, "deploy", with_script)
    yield stocked
    for info in endpoints.list_endpoints(stocked):
        endpoints.delete(stocked, info.name)


async def test_an_empty_list_says_what_to_do(here: Context) -> None:
    async with opened() as pilot:
        await pilot.press("5")
        await shows(pilot, "No endpoints yet. Press n to make one")


async def test_from_a_model_to_an_answer_and_away(echo: Context, tmp_path: Path) -> None:
    async with opened() as pilot:
        await pilot.press("2")
        await shows(pilot, "tiny:1")
        await pilot.press("d")
        await shows(pilot, "Deploy › tiny:1", "An endpoint is needed")
        await type_in(pilot, "bank")
        seen = await shows(pilot, "a new one on this machine", "--model tiny:1")
        assert "fmtui endpoint create bank && fmtui endpoint deploy bank" in seen.replace(
            "\\\n", ""
        ).replace("     ", "")
        await fill_in(pilot, "script", str(tmp_path / "score.py"))
        await shows(pilot, "--script")
        await pilot.press("ctrl+s")
        await shows(pilot, "Endpoints › bank", "✓ healthy", "blue", "100%", '"input_data"')
        editor = pilot.app.screen.query_one(Editor)
        editor.text = ""
        await pilot.press("left_curly_bracket", "quotation_mark", "plus", "slash")
        assert editor.text == '{"+/', "every character goes to the editor"
        editor.text = '{"q": "a + b / 100%"}'
        await pilot.press("ctrl+s")
        await shows(pilot, "✓ 200", " ms", "from blue", '"q": "a + b / 100%"')
        await pilot.press("escape", "l")
        await shows(pilot, "/score", "follow ✓")
        await pilot.press("K")
        await shows(pilot, "primary", "••••")
        key = endpoints.keys(echo, "bank").primary
        assert key not in text(pilot)
        await pilot.press("v")
        await shows(pilot, key)
        await pilot.press("v")
        await hides(pilot, key)
        await pilot.press("y")
        await shows(pilot, "Copied the primary key")
        assert pilot.app.clipboard == key
        await pilot.press("x")
        await shows(pilot, "Delete the endpoint bank?")
        await pilot.press("y")
        await shows(pilot, "The endpoint bank is deleted", "2 Models")
    assert endpoints.list_endpoints(echo) == []


async def test_traffic_is_shared_out_by_a_form(echo: Context) -> None:
    endpoints.create(echo, "bank")
    endpoints.deploy(echo, "bank", "tiny")
    endpoints.deploy(echo, "bank", "tiny", name="green")
    async with opened() as pilot:
        await pilot.press("5")
        await shows(pilot, "bank", "✓ healthy", "blue tiny:1 100%")
        await pilot.press("enter")
        await shows(pilot, "Endpoints › bank", "green")
        await pilot.press("escape", "percent_sign")
        await shows(pilot, "traffic", "blue=100 green=0")
        await pilot.press("backspace", "backspace", "backspace")
        await type_in(pilot, "90")
        await shows(pilot, "the shares make 90, not 100")
        await pilot.press("tab", "backspace")
        await type_in(pilot, "10")
        await shows(pilot, "blue=90 green=10")
        await pilot.press("ctrl+s")
        await shows(pilot, "Endpoints › bank", " 90%", " 10%")
    shares = {d.name: d.traffic for d in endpoints.show(echo, "bank").deployments}
    assert shares == {"blue": 90, "green": 10}


async def test_a_name_that_can_not_be_is_a_sentence_on_the_form(echo: Context) -> None:
    async with opened() as pilot:
        await pilot.press("2")
        await shows(pilot, "tiny:1")
        await pilot.press("d")
        await shows(pilot, "Deploy › tiny:1")
        await type_in(pilot, "/bank/")
        await pilot.press("ctrl+s")
        seen = await shows(pilot, "✗", "can't be the name of a")
        assert "Traceback" not in seen
    assert endpoints.list_endpoints(echo) == []
