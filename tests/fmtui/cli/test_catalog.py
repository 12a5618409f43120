"""`fmtui catalog`: the shapes that others rely on, and what people read."""

from __future__ import annotations

from pathlib import Path

from tests.command import fmtui
from tests.registry.specifications import write_spec

SHAPE = {
    "ref", "source", "name", "version", "tasks", "finetune_tasks", "license", "parameters",
    "size_bytes", "downloads",
}  # fmt: skip


def test_a_list_prints_the_documented_shape() -> None:
    listed = fmtui("catalog", "list", "roberta", "large", "--json").json
    assert [entry["name"] for entry in listed] == [
        "roberta-large",
        "roberta-large-mnli",
        "roberta-large-openai-detector",
    ]
    assert all(entry.keys() >= SHAPE for entry in listed)


def test_filters_and_limits_narrow_a_list() -> None:
    listed = fmtui("catalog", "list", "--task", "fill-mask", "--license", "mit", "--json").json
    assert listed
    assert all("fill-mask" in e["tasks"] and e["license"] == "mit" for e in listed)
    assert len(fmtui("catalog", "list", "--limit", "3", "--json").json) == 3


def test_a_list_is_sorted_both_ways_with_the_unknown_last() -> None:
    def listed(*options: str) -> list[int | None]:
        found = fmtui("catalog", "list", "--sort", "size", "--limit", "200", "--json", *options)
        return [entry["size_bytes"] for entry in found.json]

    known = sorted(size for size in listed() if size is not None)
    unknown = [None] * (156 - len(known))
    assert known and listed() == known + unknown
    assert listed("--reverse") == known[::-1] + unknown
    assert fmtui("catalog", "list", "--sort", "luck").code == 2


def test_a_list_for_people_says_how_many_there_are() -> None:
    done = fmtui("catalog", "list", "--limit", "5")
    assert "azureml:" in done.out
    assert "5 of 156" in done.err
    assert "Nothing found" in fmtui("catalog", "list", "no such model at all").out


def test_an_entry_is_shown_with_what_it_needs() -> None:
    shown = fmtui("catalog", "show", "azureml:roberta-large", "--json").json
    assert shown["hub_id"] == "roberta-large"
    assert shown["skus"]["inference"]["minimum"]["cpus"] == 4
    assert shown["defaults"]["apply_lora"] == "true"
    assert "4 CPUs, 1 GPU, 28 GiB memory" in fmtui("catalog", "show", "azureml:roberta-large").out


def test_an_unknown_entry_exits_3_with_the_nearest() -> None:
    done = fmtui("catalog", "show", "azureml:robeta-large", "--json")
    assert done.code == 3
    assert "Nearest: roberta-large" in done.err
    assert done.json["exit_code"] == 3


def test_a_sort_that_is_none_exits_2() -> None:
    assert fmtui("catalog", "list", "--sort", "luck").code == 2


def test_a_sync_says_what_changed(tmp_path: Path) -> None:
    write_spec(tmp_path, "one", description="A card with \x1b[31mcolour\x1b[0m.")
    done = fmtui("catalog", "sync", "azureml", "--from", str(tmp_path), "--json", "-q")
    assert done.json == {"source": "azureml", "new": 1, "updated": 0, "gone": 156, "total": 1}
    assert "A card with colour." in fmtui("catalog", "show", "azureml:one").out


def test_a_sync_without_or_from_nowhere_is_an_error(tmp_path: Path) -> None:
    assert fmtui("catalog", "sync", "azureml").code == 2
    assert fmtui("catalog", "sync", "azureml", "--from", str(tmp_path / "absent")).code == 3
    (write_spec(tmp_path, "broken") / "spec.yaml").write_text("name: [")
    done = fmtui("catalog", "sync", "azureml", "--from", str(tmp_path))
    assert done.code == 4
    assert str(tmp_path / "broken" / "spec.yaml") in done.err
    assert len(fmtui("catalog", "list", "--limit", "200", "--json").json) == 156
