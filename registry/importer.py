"""Import: a folder or a model of the hub becomes a registered version, or nothing at all."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from registry import architectures, hub, pickled, trust_file, weights
from registry import folder as model_folder
from registry.catalog import queries as catalog
from registry.catalog.views import CatalogEntry
from registry.database import Database
from registry.errors import BadInputError, NotFoundError
from registry.permissions import SAFE, Convert, Permissions
from registry.progress import Counter, unseen
from registry.references import Reference, check_name, parse
from registry.room import check_room, same_disk
from registry.store import Facts, Report, incoming, name_taken, place
from registry.views import ImportProgress

GGUF_GROWS = 4
"""Times its size that a GGUF file takes: numbers of four bits and more become sixteen."""

_HUB_SNAPSHOT = re.compile(r"models--(.+)/snapshots/([0-9a-f]{40})")


def import_model(
    db: Database,
    models: Path,
    source: str,
    *,
    name: str,
    progress: Report,
    permissions: Permissions = SAFE,
    convert: Convert | None = None,
    cached: bool = False,
) -> int:
    """Import `source` (a folder, a GGUF file or a reference) as `name:1`. Returns its id.

    With `cached` the hub is left alone: its cache must hold all of the model.

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
    path = place_of(source)
    if path.is_dir():
        return _from_folder(db, models, path, name, progress, permissions, convert)
    if is_gguf(path) and convert:
        return _from_gguf(db, models, path, name, progress, convert)
    wanted, entry = resolve(db, source)
    return _from_hub(db, models, wanted, name, progress, entry, permissions, convert, cached)


def place_of(source: str) -> Path:
    """The folder or file that a source may be; nothing of that name where it can't be one."""
    try:
        path = Path(source).expanduser()
        path.is_dir()
    except (OSError, RuntimeError):  # a name that is too long, the home of nobody
        return Path(os.devnull, "no-such-file")
    return path


def is_gguf(path: Path) -> bool:
    """Whether a path names a GGUF file that is there."""
    return path.suffix.lower() == ".gguf" and path.is_file()


def resolve(db: Database, source: str) -> tuple[Reference, CatalogEntry | None]:
    """The hub's reference that a source stands for, and the catalogue's entry it came by.

    Raises NotFoundError or BadInputError where it stands for none.
    """
    wanted = _reference(source, place_of(source), db)
    if wanted.source == "hf":
        return wanted, None
    entry = catalog.show(db.read(), source)
    return _on_hub(entry), entry


def _reference(source: str, path: Path, db: Database) -> Reference:
    """The reference that a source is; what looks like a path, but is none, is told as one."""
    if not source.startswith(("hf:", "azureml:")):
        if path.exists():
            raise BadInputError(
                "is no folder",
                file=source,
                hint=f"For a bundle: fmtui model import {shlex.quote(source)}"
                if path.suffix == ".tar"
                else "Give the folder that holds config.json.",
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
    found = catalog.find(db.read(), wanted)
    if found is None:
        catalog.show(db.read(), source)  # tells the nearest names
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


def _from_folder(
    db: Database,
    models: Path,
    path: Path,
    name: str,
    progress: Report,
    permissions: Permissions,
    convert: Convert | None,
) -> int:
    path = path.resolve()
    names = model_folder.names_in(path)
    main, pickles = "", {}
    if convert and permissions.convert_pickle and model_folder.CONFIG in names:
        main = weights.choose(names, str(path), pickle=True)
        if weights.is_pickled(main):
            found = pickled.files_of(main, path / main, names, str(path))
            pickles = {name: path / name for name in found}
    stated = str(path) if model_folder.CONFIG not in names else None
    _check_known(model_folder.read_config(path / model_folder.CONFIG, stated), str(path))
    if pickles:
        taken = model_folder.beside_weights(names)
    else:
        taken = list(model_folder.describe(path).files)
    files = [path / file for file in taken]
    for file in [*files, *pickles.values()]:
        _stay_inside(file, path)
    advance = Counter(progress, "copying", sum(file.stat().st_size for file in files))
    needed = advance.total + sum(file.stat().st_size for file in pickles.values())
    with incoming(models, needed) as held:
        for file in files:
            held.copy(file, file.name, advance.on(file.name))
        if pickles and convert:
            pickled.convert_into(held, main, pickles, convert, progress)
        facts = Facts(origin=f"folder:{_as_text(path.name)}")
        with _told_as(held.folder, str(path)):
            description = model_folder.describe(held.folder)
        return place(db, models, held, name, description, facts, next_version=False)


def _from_gguf(
    db: Database, models: Path, path: Path, name: str, progress: Report, convert: Convert
) -> int:
    path = path.resolve()
    with incoming(models, GGUF_GROWS * path.stat().st_size) as held:
        progress(ImportProgress("converting", path.name, 0, 0))
        convert("gguf", path, held.folder)
        description = model_folder.describe(held.folder)
        for file in held.folder.iterdir():
            if file.name not in description.files:
                file.unlink()
        for file_name in description.files:
            held.adopt(file_name)
        facts = Facts(origin=f"gguf:{_as_text(path.name)}")
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
    permissions: Permissions,
    convert: Convert | None,
    cached: bool,
) -> int:
    progress(ImportProgress("asking", "", 0, 0))
    listing = hub.look_up(wanted.name, wanted.version, cached=cached)
    where = f"hf:{wanted.name}"
    names = listing.names()
    pickle = permissions.convert_pickle and convert is not None
    try:
        main = weights.choose(names, where, pickle=pickle)
    except BadInputError as error:
        if listing.cached:
            error.hint = (
                "The hub's cache may hold a part of it only: import it without HF_HUB_OFFLINE."
            )
        raise
    if model_folder.CONFIG not in names:
        raise BadInputError("holds no config.json, so it is no model for transformers", file=where)
    # The small file first: what can't be used is refused before its weights are fetched.
    config, digest = hub.fetch(listing, model_folder.CONFIG, unseen)
    trust = permissions.trust_remote_code
    stated = model_folder.read_config(config, f"{where}/{model_folder.CONFIG}", trust=trust)
    _check_known(stated, where)
    wants_code = bool(stated.get("auto_map"))
    if model_folder.TOKENIZER in names:
        tokenizer, _ = hub.fetch(listing, model_folder.TOKENIZER, unseen)
        wants_code |= model_folder.tokenizer_code(tokenizer, where, trust=trust)
    code = sorted(n for n in names if n.endswith(".py")) if wants_code else []
    held_in = [main]
    if main == weights.INDEX:
        index, _ = hub.fetch(listing, main, unseen)
        held_in += weights.shards(index)
        if absent := [shard for shard in held_in if shard not in names]:
            raise BadInputError(f"its index names {absent[0]}, which is missing", file=where)
    elif weights.is_pickled(main):
        listed = hub.fetch(listing, main, unseen)[0] if main == weights.PICKLED_INDEX else None
        held_in = pickled.files_of(main, listed, names, where)

    wanted_names = [*model_folder.beside_weights(names), *code, *held_in]
    advance = Counter(progress, "downloading", sum(listing.file(n).size or 0 for n in wanted_names))
    check_room(hub.cache_folder(), hub.lacking(listing, wanted_names), "HF_HOME")
    if not same_disk(hub.cache_folder(), models):  # no link leads from one disk to the other
        check_room(models, advance.total, "FMTUI_HOME")
    fetched = {}
    for file in wanted_names:
        fetched[file] = hub.fetch(listing, file, advance.on(file))
        advance.finish(file, listing.file(file).size or 0)
    pickles = {n: fetched.pop(n)[0] for n in held_in if weights.is_pickled(main)}
    with incoming(models, sum(path.stat().st_size for path in pickles.values())) as held:
        for file, (path, digest) in fetched.items():
            held.link(path, file, digest)
        if pickles and convert:
            pickled.convert_into(held, main, pickles, convert, progress)
        if wants_code:
            trust_file.write(held.folder, f"{where}@{listing.commit}", code)
            held.adopt(trust_file.NAME)
        with _told_as(held.folder, where):
            description = model_folder.describe(held.folder, trust=trust)
        facts = Facts(
            origin=entry.ref if entry else f"{where}@{listing.commit}",
            revision=listing.commit,
            license=description.license or listing.license or (entry.license if entry else None),
            verified=all(map(listing.has_hash, wanted_names)),
        )
        return place(db, models, held, name, description, facts, next_version=False)


def _as_text(name: str) -> str:
    """A file's name as the registry can hold it: its bytes need not be text."""
    return os.fsencode(name).decode("utf-8", errors="replace")


@contextmanager
def _told_as(folder: Path, where: str) -> Iterator[None]:
    """Name a file by the place that the person knows: the folder it lies in is soon gone."""
    try:
        yield
    except BadInputError as error:
        error.file = error.file and error.file.replace(str(folder), where)
        raise


def _check_known(config: dict[str, Any], where: str) -> None:
    """Refuse what the installed transformers can't load, while its weights are still there."""
    kind = str(config["model_type"])
    if not config.get("auto_map") and architectures.is_known(kind) is False:
        raise BadInputError(
            f"is a `{kind}`, which {architectures.library()} does not know",
            file=where,
            hint="A newer transformers may: pip install --upgrade transformers.",
        )
