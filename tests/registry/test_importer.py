"""Import from a folder: what is taken, what is refused, and that a failure leaves nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fmtui.services import models
from fmtui.services.context import Context
from registry.errors import BadInputError, ConflictError, FmtuiError, NotFoundError, StorageError
from registry.hub import HubFile, Listing
from registry.views import ImportProgress


@pytest.fixture
def folder(bert: Path, tmp_path: Path) -> Path:
    """A model's folder that a test may spoil."""
    return Path(shutil.copytree(bert, tmp_path / "tiny-bert"))


def nothing_is_left(ctx: Context) -> bool:
    """No row, and no file under the store."""
    counts = [
        ctx.db.read().execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in ("model", "model_version", "model_file")
    ]
    files = list(ctx.home.models.rglob("*")) if ctx.home.models.exists() else []
    return counts == [0, 0, 0] and files == []


def shard(folder: Path) -> None:
    """Make of `model.safetensors` a shard with an index."""
    name = "model-00001-of-00001.safetensors"
    (folder / "model.safetensors").rename(folder / name)
    index = {"metadata": {}, "weight_map": {"pooler.dense.bias": name}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_an_imported_model_is_whole_and_described(ctx: Context, folder: Path) -> None:
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Tiny\n")
    info = models.import_model(ctx, str(folder), name="tiny")
    assert (info.ref, info.task, info.architecture) == ("tiny:1", "feature-extraction", "BertModel")
    assert (info.origin, info.license, info.state) == ("folder:tiny-bert", "mit", "registered")
    assert info.parameters == 21_632
    assert info.path == str(ctx.home.models / "tiny" / "1")
    files = models.files(ctx, "tiny")
    assert [f.path for f in files] == [
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    for file in files:
        content = (Path(info.path) / file.path).read_bytes()
        assert content == (folder / file.path).read_bytes()
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert info.size_bytes == sum(f.size for f in files)
    assert models.list_models(ctx) == [info] == [models.show(ctx, "tiny:1")]


def test_only_what_belongs_to_the_model_is_taken(ctx: Context, folder: Path) -> None:
    for name in ("optimizer.pt", "trainer_state.json", "pytorch_model.bin", ".env", "notes.txt"):
        (folder / name).write_text("secret")
    (folder / ".git").mkdir()
    (folder / "checkpoint-10").mkdir()
    info = models.import_model(ctx, str(folder), name="tiny")
    assert {p.name for p in Path(info.path).iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }


def test_sharded_weights_come_with_their_index(ctx: Context, folder: Path) -> None:
    shard(folder)
    info = models.import_model(ctx, str(folder), name="tiny")
    assert info.parameters == 21_632
    assert (Path(info.path) / "model-00001-of-00001.safetensors").is_file()


def test_progress_tells_every_byte(ctx: Context, folder: Path) -> None:
    seen: list[ImportProgress] = []
    info = models.import_model(ctx, str(folder), name="tiny", progress=seen.append)
    assert seen[-1].done == seen[-1].total == info.size_bytes
    assert [p.done for p in seen] == sorted(p.done for p in seen)


def truncate(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def config(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        value = json.loads((folder / "config.json").read_text())
        value.update(changes)
        (folder / "config.json").write_text(json.dumps(value))

    return change


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def missing_shard(folder: Path) -> None:
    shard(folder)
    (folder / "model-00001-of-00001.safetensors").unlink()


def link_outside(folder: Path) -> None:
    outside = folder.parent / "outside.json"
    (folder / "tokenizer.json").rename(outside)
    (folder / "tokenizer.json").symlink_to(outside)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "config.json").unlink(), "no config.json"),
        (lambda f: (f / "config.json").write_text("{"), "is no JSON"),
        (lambda f: (f / "config.json").write_text("[]"), "no model's configuration"),
        (config(model_type=None), "names no model_type"),
        (config(auto_map={"AutoModel": "code.Model"}), "code of its own"),
        (pickled, "pickled (pytorch_model.bin)"),
        (lambda f: (f / "model.safetensors").unlink(), "holds no weights"),
        (truncate, "is truncated"),
        (missing_shard, "which is missing"),
        (link_outside, "leads out of the folder"),
    ],
)
def test_what_is_no_model_is_refused_and_leaves_nothing(
    ctx: Context, folder: Path, spoil: Callable[[Path], object], message: str
) -> None:
    spoil(folder)
    with pytest.raises(BadInputError) as caught:
        models.import_model(ctx, str(folder), name="tiny")
    assert message in str(caught.value)
    assert caught.value.exit_code == 4
    assert str(folder) in (caught.value.file or "")
    assert nothing_is_left(ctx)


def test_a_link_within_the_folder_is_followed(ctx: Context, folder: Path) -> None:
    (folder / "tokenizer.json").rename(folder / "real.json")
    (folder / "tokenizer.json").symlink_to("real.json")
    info = models.import_model(ctx, str(folder), name="tiny")
    assert not (Path(info.path) / "tokenizer.json").is_symlink()


def test_a_name_that_exists_is_refused(ctx: Context, folder: Path) -> None:
    models.import_model(ctx, str(folder))
    with pytest.raises(ConflictError, match=r"a model `tiny-bert` exists.*--name"):
        models.import_model(ctx, str(folder))
    assert [m.ref for m in models.list_models(ctx)] == ["tiny-bert:1"]


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "a b", "x" * 200, "\x1b[2J"])
def test_a_name_that_could_leave_the_store_is_refused(
    ctx: Context, folder: Path, name: str
) -> None:
    with pytest.raises(BadInputError, match="can't be the name"):
        models.import_model(ctx, str(folder), name=name)
    assert nothing_is_left(ctx)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("./absent", "no folder ./absent"),
        ("/absent/folder", "no folder /absent/folder"),
        ("org/name", "For the model of the hub: hf:org/name"),
        ("roberta-base", "For the model of the catalogue: azureml:roberta-base"),
        ("robrta-base", "Nearest: roberta-base"),
        ("azureml:robrta-base", "Nearest: roberta-base"),
        ("azureml:Phi-4", "tells no model on the hub"),
        ("hf:", "is no reference"),
        ("hf:../../etc", "is no reference"),
        ("hf:org/name@../x", "can't be a revision"),
    ],
)
def test_a_source_that_is_none_is_told_with_what_is_near(
    ctx: Context, source: str, message: str
) -> None:
    with pytest.raises(FmtuiError) as caught:
        models.import_model(ctx, source, name="x")
    assert message in str(caught.value)
    assert nothing_is_left(ctx)


def test_a_file_is_no_folder(ctx: Context, folder: Path) -> None:
    with pytest.raises(BadInputError, match="is no folder"):
        models.import_model(ctx, str(folder / "config.json"))


def test_an_interrupt_leaves_nothing(ctx: Context, folder: Path) -> None:
    def interrupt(at: ImportProgress) -> None:
        if at.file == "tokenizer.json":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        models.import_model(ctx, str(folder), name="tiny", progress=interrupt)
    assert nothing_is_left(ctx)


def test_a_disk_that_is_full_leaves_nothing(ctx: Context, folder: Path) -> None:
    ctx.db.prepare()
    # A limit on the size of files is the disk's refusal that a test can bring about.
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from fmtui.services import models; from fmtui.services.context import context\n"
        "from fmtui.errors import StorageError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "try: models.import_model(context(), sys.argv[1], name='tiny')\n"
        "except StorageError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True)
    assert "model.safetensors could not be written" in done.stdout, done.stderr
    assert nothing_is_left(ctx)


def test_too_little_room_is_told_before_anything_is_copied(
    ctx: Context, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(StorageError, match="1,000 free"):
        models.import_model(ctx, str(folder), name="tiny")
    assert nothing_is_left(ctx)


def test_a_cache_without_room_is_told_before_the_weights_are_fetched(
    ctx: Context, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = (
        HubFile("config.json", 1, None, "a" * 40),
        HubFile("model.safetensors", 10**15, "b" * 64, None),
    )
    fetched = []

    def fetch(listing: Listing, name: str, advance: object) -> tuple[Path, str]:
        fetched.append(name)
        return folder / name, "c" * 64

    listing = Listing("org/vast", "d" * 40, files)
    monkeypatch.setattr("registry.importer.hub.look_up", lambda *_, **__: listing)
    monkeypatch.setattr("registry.importer.hub.fetch", fetch)
    with pytest.raises(StorageError, match=r"1,000,000,000,000,001 bytes needed.*HF_HOME"):
        models.import_model(ctx, "hf:org/vast")
    assert fetched == ["config.json"]


@pytest.mark.parametrize("source", ["a" * 4000, "/" + "a" * 4000, "~nobody-of-that-name/x"])
def test_a_name_that_no_folder_can_have_is_a_sentence(ctx: Context, source: str) -> None:
    with pytest.raises((BadInputError, NotFoundError)):
        models.import_model(ctx, source)


def test_a_registry_that_fails_at_the_last_step_leaves_no_folder(
    ctx: Context, folder: Path
) -> None:
    with ctx.db.write() as connection:
        connection.execute(
            "CREATE TRIGGER no BEFORE INSERT ON model_file BEGIN SELECT raise(ABORT, 'no'); END"
        )
    with pytest.raises(Exception, match="no"):
        models.import_model(ctx, str(folder), name="tiny")
    assert nothing_is_left(ctx)


def test_what_a_killed_import_left_is_swept_away_by_the_next(
    ctx: Context, folder: Path, tmp_path: Path
) -> None:
    code = (
        "import os, signal, sys; from fmtui.services import models\n"
        "from fmtui.services.context import context\n"
        "def die(at):\n"
        "    if at.file == 'tokenizer.json': os.kill(os.getpid(), signal.SIGKILL)\n"
        "models.import_model(context(), sys.argv[1], name='tiny', progress=die)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    (left,) = (ctx.home.models / ".incoming").iterdir()
    os.utime(left, (0, 0))
    info = models.import_model(ctx, str(folder), name="tiny")
    assert info.ref == "tiny:1"
    assert sorted(p.name for p in ctx.home.models.iterdir()) == ["tiny"]


def test_an_import_under_way_is_not_swept_away(ctx: Context, folder: Path) -> None:
    def import_another(at: ImportProgress) -> None:
        if at.file == "tokenizer.json" and not models.list_models(ctx):
            for left in (ctx.home.models / ".incoming").iterdir():
                os.utime(left, (0, 0))
            models.import_model(ctx, str(folder), name="other")

    models.import_model(ctx, str(folder), name="tiny", progress=import_another)
    assert [m.ref for m in models.list_models(ctx)] == ["other:1", "tiny:1"]
    assert models.verify(ctx, "tiny").ok


def test_of_two_imports_at_once_under_one_name_one_wins(ctx: Context, folder: Path) -> None:
    ctx.db.prepare()
    ready = threading.Barrier(2)
    outcomes: list[str] = []

    def run() -> None:
        def wait(at: ImportProgress) -> None:
            if at.done == at.total:
                ready.wait(30)

        try:
            outcomes.append(models.import_model(ctx, str(folder), name="x", progress=wait).ref)
        except ConflictError:
            outcomes.append("conflict")

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict", "x:1"]
    assert models.verify(ctx, "x").ok


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("hf:sentence-transformers/all-MiniLM-L6-v2@main", "all-MiniLM-L6-v2"),
        ("azureml:bert-base-cased@18", "bert-base-cased"),
        ("azureml://registries/azureml/models/gpt2/versions/18", "gpt2"),
        ("/some/where/my model/", "my-model"),
        ("./.hidden", "hidden"),
        ("/", "model"),
    ],
)
def test_a_name_is_suggested_from_the_source(source: str, name: str) -> None:
    assert models.suggest_name(source) == name


def test_the_command_of_an_import_can_be_pasted() -> None:
    assert models.import_command("./my model", "x") == "fmtui model import './my model' --name x"
    assert models.import_command("hf:a/b", None) == "fmtui model import hf:a/b"


def test_a_snapshot_of_the_hubs_cache_is_told_how_to_import(ctx: Context, folder: Path) -> None:
    snapshot = folder.parent / "models--org--name" / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    for file in folder.iterdir():
        (snapshot / file.name).symlink_to(file)
    with pytest.raises(BadInputError, match=f"hf:org/name@{'a' * 40}"):
        models.import_model(ctx, str(snapshot), name="x")


def test_an_unknown_model_is_told_with_the_nearest(ctx: Context, folder: Path) -> None:
    models.import_model(ctx, str(folder), name="minilm")
    with pytest.raises(NotFoundError, match=r"no model `minilmm`\. Nearest: minilm"):
        models.show(ctx, "minilmm")
    with pytest.raises(NotFoundError, match="Registered: minilm:1"):
        models.show(ctx, "minilm:7")
    with pytest.raises(NotFoundError, match="fmtui model import hf:org/x"):
        models.show(ctx, "hf:org/x")
