"""What an import would bring, told before its weights are fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from registry import architectures, hub, weights
from registry import folder as model_folder
from registry.database import Database
from registry.errors import BadInputError, FmtuiError, RemoteError
from registry.hub.errors import hub_errors
from registry.importer import is_gguf, place_of, resolve
from registry.permissions import SAFE, Permissions
from registry.preflight_local import of_folder, of_gguf
from registry.preflight_views import Check, Mark, Preflight, bytes_text, disk_check
from registry.progress import unseen
from registry.room import free_bytes, same_disk
from registry.untrusted import parse_json


def preflight(
    db: Database, models: Path, source: str, permissions: Permissions = SAFE
) -> Preflight:
    """Look at a source without fetching its weights.

    Raises:
        NotFoundError: no such folder, model or revision.
        RemoteError: the hub can't be reached.
    """
    path = place_of(source)
    if path.is_dir():
        return of_folder(path.resolve(), models, permissions)
    if is_gguf(path):
        return of_gguf(path.resolve(), models)
    wanted, _ = resolve(db, source)
    return _Look(source, hub.look_up(wanted.name, wanted.version), models, permissions).result()


class _Look:
    def __init__(
        self, source: str, listing: hub.Listing, models: Path, permissions: Permissions
    ) -> None:
        self.source, self.listing, self.models = source, listing, models
        self.permissions = permissions
        self.checks: list[Check] = []
        self.config: dict[str, Any] = {}

    def add(self, mark: Mark, name: str, text: str) -> None:
        self.checks.append(Check(mark, name, text))

    def result(self) -> Preflight:
        listing, names = self.listing, self.listing.names()
        self.add("ok", "model", f"hf:{listing.repo} at {listing.commit[:12]}")
        if listing.license:
            self.add("ok", "license", listing.license)
        else:
            self.add("warning", "license", "none is stated")
        self._config()
        main = self._main(names)
        wanted = self._wanted(names, main)
        size = sum(listing.file(n).size or 0 for n in wanted)
        to_fetch = hub.lacking(listing, wanted)
        text = f"{len(wanted)} of {len(names)}, {bytes_text(size)}"
        self.add(
            "ok", "files", text + (f", {bytes_text(to_fetch)} to fetch" if to_fetch != size else "")
        )
        dtypes = self._dtypes(main)
        code = tuple(sorted(n for n in names if n.endswith(".py")))
        self._code(code)
        pickles = tuple(weights.pickles(names))
        if pickles and main is not None and not weights.is_pickled(main):
            self.add("ok", "pickles", f"{len(pickles)} beside the weights, left out")
        free = free_bytes(self.models)
        made = size if main and weights.is_pickled(main) else 0
        cache = hub.cache_folder()
        if same_disk(cache, self.models):
            self.checks.append(disk_check(free, to_fetch + made))
        else:  # no links lead from one disk to the other: the files come to lie on both
            self.checks.append(disk_check(free_bytes(cache), to_fetch, "the hub's cache"))
            self.checks.append(disk_check(free, max(size, made), "the models"))
        architecture = model_folder.architecture(self.config)
        model_type = self.config.get("model_type")
        return Preflight(
            source=self.source,
            repo=listing.repo,
            commit=listing.commit,
            license=listing.license,
            gated=listing.gated,
            files=len(wanted),
            size_bytes=size,
            to_fetch=to_fetch,
            parameters=sum(n for t, n in dtypes.items() if t.startswith(("F", "BF"))) or None,
            dtypes=dtypes,
            model_type=model_type if isinstance(model_type, str) else None,
            architecture=architecture,
            task=model_folder.guess_task(architecture, str(model_type), listing.task),
            pickles=pickles,
            code=code,
            free_bytes=free,
            checks=tuple(self.checks),
        )

    def _config(self) -> None:
        where = f"hf:{self.listing.repo}/{model_folder.CONFIG}"
        if model_folder.CONFIG not in self.listing.names():
            return self.add("no", "architecture", "no config.json: no model for transformers")
        try:
            path, _ = hub.fetch(self.listing, model_folder.CONFIG, unseen)
            if self.listing.gated:
                self.add("ok", "access", "gated, and you are let in")
            self.config = model_folder.read_config(path, where, trust=True)
        except FmtuiError as error:
            gated = isinstance(error, RemoteError) and "is gated" in error.message
            text = f"{error.message}. {error.hint or ''}".strip()
            return self.add("no", "access" if gated else "architecture", text)
        kind = str(self.config["model_type"])
        known = architectures.is_known(kind)
        name = model_folder.architecture(self.config) or kind
        if known or (self.config.get("auto_map") and known is None):
            self.add("ok", "architecture", f"{name}, known to {architectures.library()}")
        elif not self.config.get("auto_map"):
            self.add("no", "architecture", f"{name}: {architectures.library()} has no `{kind}`")

    def _main(self, names: list[str]) -> str | None:
        try:
            main = weights.choose(
                names, f"hf:{self.listing.repo}", pickle=self.permissions.convert_pickle
            )
        except BadInputError as error:
            self.add("no", "weights", f"{error.message}. {error.hint or ''}".strip())
            return None
        if weights.is_pickled(main):
            what = f"{main}: pickled, scanned and converted in a process without network"
            self.add("warning", "weights", what)
        return main

    def _wanted(self, names: list[str], main: str | None) -> list[str]:
        wanted = model_folder.beside_weights(names)
        if main is None:
            return wanted
        if main not in (weights.INDEX, weights.PICKLED_INDEX):
            return [*wanted, main]
        try:
            index, _ = hub.fetch(self.listing, main, unseen)
            ending = ".bin" if weights.is_pickled(main) else ".safetensors"
            shards = weights.shards(index, ending=ending)
        except FmtuiError as error:
            self.add("no", "weights", error.message)
            return wanted
        if absent := [n for n in shards if n not in names]:
            self.add("no", "weights", f"the index names {absent[0]}, which is missing")
        here = [n for n in shards if n in names]
        return [*wanted, *here] if weights.is_pickled(main) else [*wanted, main, *here]

    def _dtypes(self, main: str | None) -> dict[str, int]:
        """Parameters by type, from the weights' headers, which are asked for alone."""
        if main not in (weights.SINGLE, weights.INDEX) or self.listing.cached or not self.config:
            return {}
        from huggingface_hub import HfApi
        from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

        try:
            with hub_errors(self.listing.repo, self.listing.commit):
                disable_progress_bars()  # they would be drawn over the screen
                meta = HfApi().get_safetensors_metadata(
                    self.listing.repo, revision=self.listing.commit
                )
                dtypes = {str(k): int(v) for k, v in meta.parameter_count.items()}
        except FmtuiError:
            self.add("warning", "weights", "their header could not be read before the download")
            return {}
        text = ", ".join(f"{count:,} {kind}" for kind, count in sorted(dtypes.items()))
        self.add("ok", "weights", f"safetensors: {text}")
        return dtypes

    def _code(self, code: tuple[str, ...]) -> None:
        wants = bool(self.config.get("auto_map"))
        if not wants and model_folder.TOKENIZER in self.listing.names() and self.config:
            try:
                path, _ = hub.fetch(self.listing, model_folder.TOKENIZER, unseen)
                wants = bool(parse_json(path.read_text(encoding="utf-8")).get("auto_map"))
            except ValueError as error:
                return self.add("no", "code", f"{model_folder.TOKENIZER} is no JSON: {error}")
            except (FmtuiError, OSError, AttributeError):
                wants = False
        if wants and self.permissions.trust_remote_code:
            self.add("warning", "code", f"would run {', '.join(code) or 'code of elsewhere'}")
        elif wants:
            names = ", ".join(code[:5]) or "code of another repository"
            self.add("no", "code", f"wants to run {names}; --trust-remote-code allows it")
        elif code:
            self.add("ok", "code", f"{len(code)} Python files, left out")
