"""Import: a folder or a model of the hub becomes a registered version, or nothing at all."""

from __future__ import annotations

import re
from pathlib import Path

from registry import folder as model_folder
from registry import hub, search, weights
from registry.database import Database
from registry.errors import BadInputError, NotFoundError
from registry.progress import Counter, unseen
from registry.references import Reference, check_name, parse
from registry.store import Facts, Report, incoming, name_taken, place
from registry.views import CatalogEntry, ImportProgress

_HUB_SNAPSHOT = re.compile(r"models--(.+)/snapshots/([0-9a-f]{40})")


def import_model(db: Database, models: Path, source: str, *, name: str, progress: Report) -> int:
    """Import `source` (a folder or a reference) as `name:1`. Returns the version's id.

    Raises:
        ConflictError: the name is taken.
        NotFoundError: no such folder, model or revision.
        BadInputError: it is no model that can be used here.
        RemoteError: the hub can't be reached, says no, or sends something else.
        StorageError: the disk is full or read-only.
    """
    check_name(name, "model")
    if db.read().execute("SELECT 1 FROM model WHERE name = ?", (name,)).fetchone():
        raise name_taken(name)
    path = Path(source).expanduser()
    if path.is_dir():
        return _from_folder(db, models, path, name, progress)
    wanted = _reference(source, path, db)
    if wanted.source == "azureml":
        entry = search.show(db.read(), source)
        return _from_hub(db, models, _on_hub(entry), name, progress, entry)
    return _from_hub(db, models, wanted, name, progress, None)


def _reference(source: str, path: Path, db: Database) -> Reference:
    """The reference that a source is; what looks like a path, but is none, is told as one."""
    if not source.startswith(("hf:", "azureml:")):
        if path.exists():
            raise BadInputError(
                "is no folder", file=source, hint="Give the folder that holds config.json."
            )
        if source.startswith(("/", ".", "~")) or source.count("/") > 1:
            raise NotFoundError(f"no folder {source}")
        if "/" in source:
            raise NotFoundError(
                f"no folder {source}", hint=f"For the model of the hub: hf:{source}"
            )
    wanted = parse(source)
    if wanted.source != "local":
        return wanted
    found = search.find(db.read(), wanted)
    if found is None:
        search.show(db.read(), source)  # tells the nearest names
    raise NotFoundError(
        f"no folder {source}",
        hint=f"For the model of the catalogue: {found['source']}:{found['name']}"
        if found
        else None,
    )


def _on_hub(entry: CatalogEntry) -> Reference:
    if not entry.hub_id:
        raise BadInputError(
            f"{entry.ref} tells no model on the hub that its weights could be fetched from",
            hint="Download its weights from Azure ML and import the folder.",
        )
    return Reference("hf", entry.hub_id)


def _from_folder(db: Database, models: Path, path: Path, name: str, progress: Report) -> int:
    path = path.resolve()
    description = model_folder.describe(path)
    files = [path / file for file in description.files]
    for file in files:
        _stay_inside(file, path)
    advance = Counter(progress, "copying", sum(file.stat().st_size for file in files))
    with incoming(models, advance.total) as held:
        for file in files:
            held.copy(file, file.name, advance.on(file.name))
        facts = Facts(origin=f"folder:{path.name}")
        return place(db, models, held, name, description, facts, next_version=False)


def _stay_inside(file: Path, folder: Path) -> None:
    real = file.resolve()
    if real.is_relative_to(folder):
        return
    snapshot = _HUB_SNAPSHOT.search(str(folder))
    raise BadInputError(
        "is a link that leads out of the folder, so it is not followed",
        file=str(file),
        hint=f"Import it from the hub's cache: HF_HUB_OFFLINE=1 fmtui model import "
        f"hf:{snapshot[1].replace('--', '/')}@{snapshot[2]}"
        if snapshot
        else "Put the file itself there.",
    )


def _from_hub(
    db: Database,
    models: Path,
    wanted: Reference,
    name: str,
    progress: Report,
    entry: CatalogEntry | None,
) -> int:
    progress(ImportProgress("asking", "", 0, 0))
    listing = hub.look_up(wanted.name, wanted.version)
    where = f"hf:{wanted.name}"
    names = listing.names()
    main = weights.choose(names, where)
    if model_folder.CONFIG not in names:
        raise BadInputError("holds no config.json, so it is no model for transformers", file=where)
    # The small file first: what can't be used is refused before its weights are fetched.
    config, digest = hub.fetch(listing, model_folder.CONFIG, unseen)
    model_folder.read_config(config, f"{where}/{model_folder.CONFIG}")
    held_in = [main]
    if main == weights.INDEX:
        index, _ = hub.fetch(listing, main, unseen)
        held_in += weights.shards(index)
        if absent := [shard for shard in held_in if shard not in names]:
            raise BadInputError(f"its index names {absent[0]}, which is missing", file=where)

    wanted_names = [*model_folder.beside_weights(names), *held_in]
    advance = Counter(progress, "downloading", sum(listing.file(n).size or 0 for n in wanted_names))
    fetched = {}
    for file in wanted_names:
        fetched[file] = hub.fetch(listing, file, advance.on(file))
        advance.finish(file, listing.file(file).size or 0)
    description = model_folder.describe(config.parent)
    with incoming(models, 0) as held:
        for file, (path, digest) in fetched.items():
            held.link(path, file, digest)
        facts = Facts(
            origin=entry.ref if entry else f"{where}@{listing.commit}",
            revision=listing.commit,
            license=description.license or (entry.license if entry else None),
            verified=True,
        )
        return place(db, models, held, name, description, facts, next_version=False)
