"""A bundle brings models with their past to a machine without a network, or changes nothing."""

from __future__ import annotations

import hashlib
import io
import json
import resource
import struct
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fmtui.paths import Home
from fmtui.services import keeping, models
from fmtui.services.context import Context
from registry.database import Database
from registry.errors import BadInputError, ConflictError


@pytest.fixture
def filled(ctx: Context, bert: Path) -> Context:
    """A model, a child of it, and the run that made it."""
    base = models.import_model(ctx, str(bert), name="base")
    child = models.register_output(
        ctx,
        folder=bert,
        name="child",
        parent_ref="base:1",
        origin="run:r4",
        task="text-classification",
        labels=("no", "yes"),
        license=None,
    )
    folder = ctx.home.runs / "r4"
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text('{"kind": "finetune"}')
    (folder / "journal.jsonl").write_text('{"state": "completed"}\n')
    with ctx.db.write() as connection:
        connection.execute(
            "INSERT INTO run (id, kind, backend, state, model, data, model_version_id, "
            "output_version_id, metrics, created) VALUES (4, 'finetune', 'local', 'completed', "
            "'base:1', 'rows:1', ?, ?, '{\"accuracy\": 0.5}', 'then')",
            (base.id, child),
        )
        connection.execute(
            "INSERT INTO metric (run_id, step, split, name, value) "
            "VALUES (4, 1, 'train', 'loss', 2)"
        )
    keeping.tag(ctx, "child", add=["kept"])
    keeping.note(ctx, "child", "the one we use")
    return ctx


@pytest.fixture
def other(tmp_path: Path) -> Context:
    home = Home(tmp_path / "other")
    return Context(home, Database(home.registry))


def counts(ctx: Context) -> list[int]:
    tables = ("model", "model_version", "model_file", "run", "metric")
    return [ctx.db.read().execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables]


def test_a_bundle_brings_a_model_its_parent_and_its_run(
    filled: Context, other: Context, tmp_path: Path
) -> None:
    keeping.export(filled, ["child"], tmp_path / "b.tar")
    found, done = keeping.load(other, tmp_path / "b.tar")
    assert [model.ref for model in found] == ["base:1", "child:1"]
    child = models.show(other, "child")
    assert (child.parent, child.run, child.task) == ("base:1", "r1", "text-classification")
    assert (child.labels, child.tags, child.note) == (("no", "yes"), ("kept",), "the one we use")
    assert models.verify(other, "child").ok and models.verify(other, "base").ok
    (run,) = models.runs(other, "child")
    assert (run.metrics, run.model, run.output) == ({"accuracy": 0.5}, "base:1", "child:1")
    assert (other.home.runs / "r1" / "journal.jsonl").read_text() == '{"state": "completed"}\n'
    assert done.runs == 1


def test_a_bundle_that_comes_twice_changes_nothing(filled: Context, tmp_path: Path) -> None:
    keeping.export(filled, ["child"], tmp_path / "b.tar")
    before = counts(filled)
    _, done = keeping.load(filled, tmp_path / "b.tar")
    assert (done.new, done.runs, counts(filled)) == ((), 0, before)


def test_another_model_of_that_name_becomes_a_version(
    filled: Context, other: Context, bert: Path, tmp_path: Path
) -> None:
    keeping.export(filled, ["child"], tmp_path / "b.tar")
    folder = tmp_path / "edited"
    folder.mkdir()
    for file in bert.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"edited": True}))
    models.import_model(other, str(folder), name="base")
    found, _ = keeping.load(other, tmp_path / "b.tar")
    assert [model.ref for model in found] == ["base:2", "child:1"]
    assert found[1].parent == "base:2"


def test_the_same_models_make_the_same_bytes_and_share_theirs(
    filled: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secretsecret")
    _, size = keeping.export(filled, ["child"], tmp_path / "a.tar")
    keeping.export(filled, ["child:1", "base"], tmp_path / "b.tar")
    content = (tmp_path / "a.tar").read_bytes()
    assert content == (tmp_path / "b.tar").read_bytes()
    assert size < 2 * models.show(filled, "base").size_bytes
    for secret in (b"hf_secretsecret", str(tmp_path).encode() + b"/home"):
        assert secret not in content
    with pytest.raises(ConflictError, match="exists"):
        keeping.export(filled, ["child"], tmp_path / "a.tar")


def test_a_file_that_changed_is_not_exported(filled: Context, tmp_path: Path) -> None:
    folder = Path(models.show(filled, "child").path)
    for damage in (b"short", b"x" * (folder / "config.json").stat().st_size, None):
        if damage is None:
            (folder / "config.json").unlink()
        else:
            (folder / "config.json").unlink()
            (folder / "config.json").write_bytes(damage)
        with pytest.raises(BadInputError, match=r"config\.json"):
            keeping.export(filled, ["child"], tmp_path / "b.tar")
        assert not list(tmp_path.glob("*b.tar*"))


Edit = Callable[[dict[str, bytes]], None]


def _manifest(change: Callable[[dict], None]) -> Edit:  # type: ignore[type-arg]
    def edit(members: dict[str, bytes]) -> None:
        value = json.loads(members["manifest.json"])
        change(value)
        members["manifest.json"] = json.dumps(value).encode()

    return edit


def _damage(members: dict[str, bytes]) -> None:
    name = max(members, key=lambda name: (name != "manifest.json", len(members[name])))
    members[name] = members[name][:-1] + bytes([members[name][-1] ^ 1])


def _set(value: dict, key: str, to: object) -> None:  # type: ignore[type-arg]
    value["models"][0]["files"][0][key] = to


EDITS: dict[str, Edit] = {
    "a flipped bit": _damage,
    "a file missing": lambda m: m.__delitem__(min(m)),
    "a stranger": lambda m: m.update({"files/" + "0" * 64: b"x"}),
    "a path out of the folder": lambda m: m.update({"../evil": b"x"}),
    "an absolute path": lambda m: m.update({"/tmp/evil": b"x"}),
    "no manifest": lambda m: m.pop("manifest.json") and None,
    "another format": _manifest(lambda v: v.update(format=9)),
    "no list": _manifest(lambda v: v.update(models={})),
    "a name that climbs": _manifest(lambda v: v["models"][0].update(name="../up")),
    "a file that climbs": _manifest(lambda v: _set(v, "path", "../../evil")),
    "a file that is absolute": _manifest(lambda v: _set(v, "path", "/evil")),
    "a file with control characters": _manifest(lambda v: _set(v, "path", "a\x1b[2J")),
    "a wrong size": _manifest(lambda v: _set(v, "size", 3)),
    "a wrong hash": _manifest(lambda v: _set(v, "sha256", "f" * 64)),
    "a version that is none": _manifest(lambda v: v["models"][0].update(version=-1)),
    "a child before its parent": _manifest(lambda v: v["models"].reverse()),
    "a version that is true": _manifest(lambda v: v["models"][0].update(version=True)),
    "another name for a model": _manifest(lambda v: v["models"][1].update(ref="x:1")),
    "more parameters than can be": _manifest(lambda v: v["models"][0].update(parameters=10**30)),
    "half a character": _manifest(lambda v: v["models"][0].update(labels=["\ud800"])),
    "a tag twice": _manifest(lambda v: v["models"][0].update(tags=["a", "a"])),
    "a metric that is none": _manifest(lambda v: v["runs"][0].update(points=[[{}] * 5])),
    "a metric without a step": _manifest(
        lambda v: v["runs"][0].update(points=[[None, None, "train", "loss", 1.0]])
    ),
    "a metric of no number": _manifest(
        lambda v: v["runs"][0].update(points=[[1, None, "train", "loss", float("nan")]])
    ),
    "a figure that is none": _manifest(lambda v: v["runs"][0].update(metrics={"f1": None})),
    "a figure that is a word": _manifest(lambda v: v["runs"][0].update(metrics={"f1": "high"})),
    "a run that is alive": _manifest(lambda v: v["runs"][0].update(state="running")),
    "a run without a start that is a time": _manifest(
        lambda v: v["runs"][0].update(started="yesterday")
    ),
    "a run with an end in no time zone": _manifest(
        lambda v: v["runs"][0].update(ended="2026-01-01T00:00:00")
    ),
    "a pause that is no number": _manifest(lambda v: v["runs"][0].update(away="lots")),
    "a pause before the start": _manifest(lambda v: v["runs"][0].update(away=-5.0)),
    "a run with a script": _manifest(lambda v: v["runs"][0]["files"][0].update(path="x.py")),
}


@pytest.mark.parametrize("what", EDITS)
def test_a_bundle_that_lies_is_refused_and_nothing_is_written(
    filled: Context, other: Context, tmp_path: Path, what: str
) -> None:
    keeping.export(filled, ["child"], tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar") as tar:
        members = {m.name: file.read() for m in tar if (file := tar.extractfile(m))}
    EDITS[what](members)
    with tarfile.open(tmp_path / "bad.tar", "w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    refused(other, tmp_path / "bad.tar")


@pytest.mark.parametrize("kind", ["link", "symlink", "fifo", "device", "folder", "twice", "cut"])
def test_a_tar_with_what_no_bundle_holds_is_refused(
    filled: Context, other: Context, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "b.tar"
    keeping.export(filled, ["child"], path)
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:-20_000])
    else:
        with tarfile.open(path, "a") as tar:
            last = tar.getmembers()[-1]
            member = tarfile.TarInfo(last.name)
            member.type = {
                "link": tarfile.LNKTYPE,
                "symlink": tarfile.SYMTYPE,
                "fifo": tarfile.FIFOTYPE,
                "device": tarfile.CHRTYPE,
                "folder": tarfile.DIRTYPE,
                "twice": tarfile.REGTYPE,
            }[kind]
            member.linkname = "/etc/passwd"
            member.size = last.size if kind == "twice" else 0
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    refused(other, path)


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
@pytest.mark.parametrize("size", [1 << 62, 1 << 70, -512])
def test_a_header_that_asks_for_all_memory_is_refused(
    ctx: Context, tmp_path: Path, kind: bytes, size: int
) -> None:
    member = tarfile.TarInfo("manifest.json")
    member.type = kind
    header = bytearray(member.tobuf(tarfile.GNU_FORMAT)[:512])
    header[124:136] = ((1 << 95) + size if size >= 0 else (1 << 96) + size).to_bytes(12, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    path = tmp_path / "b.tar"
    path.write_bytes(bytes(header) + b"abc")
    with pytest.raises(BadInputError, match="Nothing was registered"):
        keeping.load(ctx, path)


def _with_files(filled: Context, path: Path, files: dict[str, bytes]) -> Path:
    """A bundle whose first model has these files in place of its own of those names."""
    keeping.export(filled, ["base"], path)
    with tarfile.open(path) as tar:
        members = {m.name: file.read() for m in tar if (file := tar.extractfile(m))}
    manifest = json.loads(members["manifest.json"])
    model = manifest["models"][0]
    model["files"] = [file for file in model["files"] if file["path"] not in files]
    for name, content in files.items():
        if content:
            sha256 = hashlib.sha256(content).hexdigest()
            model["files"].append({"path": name, "size": len(content), "sha256": sha256})
            members[f"files/{sha256}"] = content
    used = {f"files/{f['sha256']}" for m in [model, *manifest["runs"]] for f in m["files"]}
    members["manifest.json"] = json.dumps(manifest).encode()
    with tarfile.open(path, "w") as tar:
        for name in ["manifest.json", *sorted(used)]:
            member = tarfile.TarInfo(name)
            member.size = len(members[name])
            tar.addfile(member, io.BytesIO(members[name]))
    return path


@pytest.mark.parametrize(
    "files",
    [
        {"model.safetensors": b"", "pytorch_model.bin": b"\x80\x02."},
        {"model.safetensors": b"\x80\x02."},
        {"config.json": b'{"model_type": "bert", "auto_map": {"AutoModel": "m.M"}}'},
    ],
)
def test_a_bundle_holds_models_to_what_any_import_does(
    filled: Context, other: Context, tmp_path: Path, files: dict[str, bytes]
) -> None:
    refused(other, _with_files(filled, tmp_path / "b.tar", files))


def test_a_bundle_can_not_bring_trust_in_its_own_code(
    filled: Context, other: Context, tmp_path: Path
) -> None:
    code = {
        "config.json": b'{"model_type": "bert", "auto_map": {"AutoModel": "m.M"}}',
        "m.py": b"evil",
        "trust.json": b"{}",
    }
    path = _with_files(filled, tmp_path / "b.tar", code)
    with pytest.raises(BadInputError, match=r"runs code of its own \(m\.py, trust\.json\)"):
        keeping.load(other, path)
    refused(other, path)
    (info,), _ = keeping.load(other, path, trust=True)
    assert (Path(info.path) / "m.py").read_bytes() == b"evil"


def refused(ctx: Context, path: Path) -> None:
    with pytest.raises(BadInputError, match="Nothing was registered"):
        keeping.load(ctx, path)
    assert counts(ctx) == [0] * 5
    left = [p for p in ctx.home.root.rglob("*") if p.is_file() and ".db" not in p.name]
    assert [p.name for p in left] == ["catalog-lock"]
    assert not Path("/tmp/evil").exists()


def test_a_large_file_passes_through_little_memory(ctx: Context, tmp_path: Path) -> None:
    """300 MB each way in a process whose data may not pass 200 MB."""
    big = tmp_path / "big"
    big.mkdir()
    (big / "config.json").write_text('{"model_type": "bert"}')
    header = {"a": {"dtype": "I8", "shape": [300_000_000], "data_offsets": [0, 300_000_000]}}
    text = json.dumps(header).encode()
    with (big / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + 300_000_000)
    code = (
        "import sys; from pathlib import Path; from registry import bundle, store\n"
        "from registry.database import Database; from registry import queries\n"
        "root = Path(sys.argv[1]); db = Database(root / 'a' / 'registry.db'); c = db.read()\n"
        "c.execute(\"INSERT INTO model VALUES (1, 'big', '')\")\n"
        'c.execute("INSERT INTO model_version (model_id, version, origin, path, size_bytes, "\n'
        "          \"created) VALUES (1, 1, 'x', ?, 300000000, '')\", (str(root / 'big'),))\n"
        "for path in (root / 'big').iterdir():\n"
        "    told = (path.name, path.stat().st_size, store.hash_file(path))\n"
        "    c.execute('INSERT INTO model_file (model_version_id, path, size, sha256) '\n"
        "              'VALUES (1, ?, ?, ?)', told)\n"
        "quiet = lambda _: None\n"
        "bundle.export(db, root, queries.list_models(c), root / 'b.tar', quiet)\n"
        "there = Database(root / 'b' / 'registry.db')\n"
        "done = bundle.load(there, root / 'b', root / 'r', root / 'b.tar', quiet)\n"
        "print(done.new)"
    )
    limit = 200_000_000

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        preexec_fn=bound,
    )
    assert (done.stdout.strip(), done.stderr) == ("(1,)", "")
