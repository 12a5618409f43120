"""What becomes of a version: outputs with lineage, verifying, removing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fmtui.services import family, models
from fmtui.services.context import Context
from registry.errors import BadInputError, ConflictError, NotFoundError
from registry.runs import NewRun, insert


@pytest.fixture
def base(ctx: Context, bert: Path) -> str:
    return models.import_model(ctx, str(bert), name="base").ref


@pytest.fixture
def output(bert: Path, tmp_path: Path) -> Path:
    """What a run leaves in its folder."""
    return Path(shutil.copytree(bert, tmp_path / "runs" / "r1" / "output"))


def register(ctx: Context, folder: Path, parent: str | None, run: str = "r1") -> str:
    id = models.register_output(
        ctx,
        folder=folder,
        name="mine",
        parent_ref=parent,
        origin=f"run:{run}",
        task="text-classification",
        labels=["no", "yes"],
        license="mit",
    )
    return next(m.ref for m in models.list_models(ctx) if m.id == id)


def test_an_output_becomes_a_version_with_lineage(ctx: Context, base: str, output: Path) -> None:
    (output / "trainer_state.json").write_text("{}")
    ref = register(ctx, output, base)
    info = models.show(ctx, ref)
    assert (ref, info.parent, info.origin) == ("mine:1", "base:1", "run:r1")
    assert (info.task, info.labels, info.license) == (
        "text-classification",
        ("no", "yes"),
        "mit",
    )
    weights = Path(info.path) / "model.safetensors"
    assert weights.samefile(output / "model.safetensors"), "linked, not copied"
    assert not (Path(info.path) / "trainer_state.json").exists()
    assert models.verify(ctx, ref).ok


def test_a_name_that_exists_gets_its_next_version(ctx: Context, base: str, output: Path) -> None:
    assert register(ctx, output, base) == "mine:1"
    assert register(ctx, output, "mine:1", run="r2") == "mine:2"
    lineage = family.lineage(ctx, "mine")
    assert [m.ref for m in lineage.ancestors] == ["mine:1", "base:1"]
    assert [m.ref for m in family.lineage(ctx, base).children] == ["mine:1"]
    assert [m.ref for m in models.list_models(ctx)] == ["base:1", "mine:2", "mine:1"]


def test_a_run_that_is_settled_twice_is_registered_once(ctx: Context, output: Path) -> None:
    assert register(ctx, output, None) == "mine:1"
    assert register(ctx, output, None) == "mine:1"
    assert [p.name for p in (ctx.home.models / "mine").iterdir()] == ["1"]


def test_an_output_that_is_no_model_is_not_registered(ctx: Context, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"no config\.json"):
        register(ctx, tmp_path, None)
    assert models.list_models(ctx) == []


def test_an_output_outlives_its_run(ctx: Context, base: str, output: Path) -> None:
    ref = register(ctx, output, base)
    shutil.rmtree(output)
    assert models.verify(ctx, ref).ok


def test_what_changed_or_went_is_told_and_unmarks(ctx: Context, base: str) -> None:
    assert models.verify(ctx, base).ok
    assert models.show(ctx, base).state == "verified"
    folder = Path(models.show(ctx, base).path)
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    (folder / "tokenizer.json").unlink()
    report = models.verify(ctx, base)
    assert report.as_json() == {
        "ref": "base:1",
        "ok": False,
        "missing": ["tokenizer.json"],
        "changed": ["model.safetensors"],
    }
    assert models.show(ctx, base).state == "registered"


def test_a_removed_version_is_gone_with_its_files(ctx: Context, base: str, output: Path) -> None:
    register(ctx, output, None)
    register(ctx, output, None, run="r2")
    models.remove(ctx, "mine:1")
    assert [p.name for p in (ctx.home.models / "mine").iterdir()] == ["2"]
    models.remove(ctx, "mine")
    assert sorted(p.name for p in ctx.home.models.iterdir()) == ["base"]
    assert (output / "model.safetensors").is_file()
    with pytest.raises(NotFoundError):
        models.show(ctx, "mine")
    tables = {t: ctx.db.read().execute(f"SELECT count(*) FROM {t}").fetchone()[0]
              for t in ("model", "model_version")}  # fmt: skip
    assert tables == {"model": 1, "model_version": 1}


def test_what_is_needed_is_not_removed(ctx: Context, base: str, output: Path) -> None:
    child = register(ctx, output, base)
    with pytest.raises(ConflictError, match="mine:1 was made from base:1"):
        models.remove(ctx, base)

    id = models.show(ctx, child).id
    with ctx.db.write() as connection:
        insert(connection, 1, NewRun("evaluate", "local", None, None, child, "d", id, None, ""))
    with pytest.raises(ConflictError, match="run r1 is at work on mine:1"):
        models.remove(ctx, child)

    with ctx.db.write() as connection:
        connection.execute("UPDATE run SET state = 'completed'")
        connection.execute(
            "INSERT INTO endpoint (id, name, target, state, created) "
            "VALUES (1, 'bank', 'local', 'running', '')"
        )
        connection.execute(
            "INSERT INTO deployment (endpoint_id, name, model_version_id, traffic, state, created) "
            "VALUES (1, 'blue', ?, 100, 'running', '')",
            (id,),
        )
    ((endpoint, deployment),) = family.lineage(ctx, child).deployments
    assert (endpoint, deployment.name, deployment.model) == ("bank", "blue", "mine:1")
    with pytest.raises(ConflictError, match="fmtui endpoint delete bank"):
        models.remove(ctx, child)

    with ctx.db.write() as connection:
        connection.execute("DELETE FROM deployment")
    assert [run.run for run in models.runs(ctx, child)] == ["r1"]
    models.remove(ctx, child)
    models.remove(ctx, base)
    assert ctx.db.read().execute("SELECT model FROM run").fetchone()[0] == "mine:1"
