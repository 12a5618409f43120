"""A mirror of the hub's list: page by page, taken up again, all of it or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmtui.paths import Home
from tests.e2e.cli import Cli
from tests.hubserver import Hub, running


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"org/model-{number:04}",
        "downloads": 10_000 - number,
        "gated": False,
        "pipeline_tag": "fill-mask" if number % 2 else "translation",
        "tags": ["transformers", "license:mit", "en", "de"],
        "safetensors": {"parameters": {"F32": 1000, "BF16": 10}, "total": 1010},
        "config": {"architectures": ["BertForMaskedLM"]},
    } | changes


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running() as server:
        server.models = [row(number) for number in range(250)]
        server.page = 100
        yield server


@pytest.fixture
def cli(hub: Hub, home: Home, tmp_path: Path) -> Cli:
    return Cli(home.root, {"HF_HOME": str(tmp_path / "hf"), **hub.environment()})


def sync(cli: Cli, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = cli.json("catalog", "sync", "huggingface", "-q", *words)
    return found


def test_all_pages_come_into_the_catalogue(hub: Hub, cli: Cli) -> None:
    hub.models[3] = row(3, gated="manual", id="org/gated")
    hub.models[4] = row(4, id="bad name\x1b[2J")
    hub.models[5] = row(5, safetensors=None, config={}, tags=[], pipeline_tag=None, downloads=None)
    assert sync(cli) == {"source": "hf", "new": 249, "updated": 0, "gone": 0, "total": 249}
    assert len(hub.listed) == 3
    entry = cli.json("catalog", "show", "hf:org/model-0001")
    assert (entry["ref"], entry["license"], entry["tasks"]) == (
        "hf:org/model-0001",
        "mit",
        ["fill-mask"],
    )
    assert (entry["parameters"], entry["size_bytes"]) == (1010, 4020)
    assert (entry["architecture"], entry["languages"]) == ("BertForMaskedLM", ["en", "de"])
    assert cli.json("catalog", "show", "hf:org/gated")["gated"] is True
    assert len(cli.json("catalog", "list", "--source", "hf", "--limit", "1000")) == 249
    assert len(cli.json("catalog", "list", "--source", "azureml", "--limit", "1000")) > 100

    hub.models[0] = row(0, downloads=5)
    del hub.models[1]
    hub.models.append(row(900))
    found = sync(cli)
    assert (found["new"], found["updated"], found["gone"], found["total"]) == (1, 1, 1, 249)


def test_rows_that_no_registry_can_hold_are_taken_as_far_as_they_go(hub: Hub, cli: Cli) -> None:
    hub.models = [
        row(0, id=None), row(1, id=["x"]), row(2, id="../../etc"), 5, None,
        row(3, downloads=10**30, safetensors={"parameters": {"F32": 10**30}, "total": 10**40}),
        row(4, pipeline_tag="\ud800", tags=["license:\x1b[31mmit", 5, "license:gpl"]),
        row(5, tags="none", config={"architectures": [{"a": "\x9b2J"}]}, downloads=True),
        row(6, safetensors={"parameters": {"F32": 1.5}, "total": -1}),
    ]  # fmt: skip
    assert sync(cli)["total"] == 4
    found = {entry["name"]: entry for entry in cli.json("catalog", "list", "--source", "hf")}
    large, odd = found["org/model-0003"], found["org/model-0004"]
    assert (large["downloads"], large["parameters"], large["size_bytes"]) == (None, None, None)
    assert (odd["tasks"], odd["license"]) == ([], "gpl")
    assert found["org/model-0005"]["downloads"] is None
    assert found["org/model-0006"]["parameters"] is None


def test_a_list_that_goes_round_in_circles_ends(hub: Hub, cli: Cli) -> None:
    hub.circle = True
    done = cli.run("catalog", "sync", "huggingface", code=5)
    assert "does not answer as a hub does" in done.stderr


def test_filters_and_the_limit_are_asked_of_the_hub(hub: Hub, cli: Cli) -> None:
    found = sync(cli, "--task", "fill-mask", "--library", "transformers", "--license", "mit",
                 "--author", "org", "--search", "mod", "--limit", "120")  # fmt: skip
    assert found["total"] == 120
    asked = hub.listed[0]
    assert asked["pipeline_tag"] == ["fill-mask"]
    assert asked["filter"] == ["transformers", "license:mit"]
    assert (asked["author"], asked["search"], asked["sort"]) == (["org"], ["mod"], ["downloads"])


def test_a_sync_that_ended_early_goes_on_and_changes_nothing_before(hub: Hub, cli: Cli) -> None:
    sync(cli, "--limit", "10")
    before = cli.json("catalog", "list", "--source", "hf", "--limit", "1000")
    hub.listed.clear()
    hub.list_busy = [(503, "0")]
    pages = hub.models
    hub.models = pages[:100] + pages[100:200] + [{}] * 50
    hub.page = 200

    # The second page is refused for good.
    class Refusing(list[tuple[int, str]]):
        def __bool__(self) -> bool:
            return len(hub.listed) == 1

        def pop(self, *_: Any) -> tuple[int, str]:
            return (429, "86400")

    hub.list_busy = Refusing()
    done = cli.run("catalog", "sync", "huggingface", "-q", code=5)
    assert "slow down" in done.stderr and "goes on where this one ended" in done.stderr
    assert cli.json("catalog", "list", "--source", "hf", "--limit", "1000") == before
    hub.list_busy, hub.models = [], pages
    assert sync(cli)["total"] == 250
    assert [asked.get("cursor") for asked in hub.listed] == [None, ["200"]]
    sync(cli)
    assert hub.listed[2].get("cursor") is None, "one that ended is not taken up again"


def test_a_list_that_leads_to_another_host_is_not_followed(hub: Hub, cli: Cli) -> None:
    hub.next_host = f"http://localhost:{hub.server_port}"
    done = cli.run("catalog", "sync", "huggingface", "-q", code=5)
    assert "does not answer as a hub" in done.stderr


def test_offline_the_hub_can_not_be_listed(hub: Hub, cli: Cli) -> None:
    done = cli.run("--offline", "catalog", "sync", "huggingface", code=4)
    assert "offline" in done.stderr
    assert hub.listed == []
