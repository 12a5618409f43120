"""Where a run runs: this machine or Slurm, in one process or in several."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fmtui.azure.options import AzureOptions
from fmtui.config import slurm_config
from fmtui.errors import BadInputError, UsageError
from fmtui.paths import expanded
from fmtui.runs import accelerate, slots
from fmtui.runs.backends import NAMES, scheduler
from fmtui.runs.backends.slurm import SlurmOptions
from fmtui.runs.layout import KINDS, Layout
from fmtui.services import azure
from fmtui.services.context import Context

__all__ = ["KINDS", "NAMES", "Where", "places", "slurm_defaults"]

_OPTIONS = {
    "partition": "--partition",
    "nodes": "--nodes",
    "gpus": "--gpus",
    "time_limit": "--time-limit",
    "account": "--account",
    "qos": "--qos",
}


@dataclass(frozen=True)
class Where:
    """What a person asks for; None and empty is what `[slurm]` in config.toml says, or nothing.

    `processes` counts those of all machines; `config` is a file of accelerate's. `gpus` is for
    each node. `slurm` holds further options of sbatch by their long names.
    `compute` to `profile` are for Azure ML; see `fmtui.azure.options` and `fmtui.azure.settings`.
    """

    backend: str = "local"
    processes: int | None = None
    machines: int | None = None
    distributed: str = "ddp"
    address: str | None = None
    config: str | None = None
    partition: str | None = None
    nodes: int | None = None
    gpus: int | None = None
    time_limit: str | None = None
    account: str | None = None
    qos: str | None = None
    requeue: bool | None = None
    slurm: dict[str, str] = field(default_factory=dict)
    compute: str | None = None
    instance_type: str | None = None
    experiment: str | None = None
    azure_tags: dict[str, str] = field(default_factory=dict)
    subscription: str | None = None
    resource_group: str | None = None
    workspace: str | None = None
    profile: str | None = None

    def words(self) -> list[str]:
        """The options that say the same on the command line."""
        words = ["--backend", self.backend] if self.backend != "local" else []
        for name, option in (*_OPTIONS.items(), *_LAYOUT.items()):
            value = getattr(self, name)
            if value is not None and (name, value) != ("distributed", "ddp"):
                words += [option, str(value)]
        if self.requeue is not None:
            words.append("--requeue" if self.requeue else "--no-requeue")
        for key, value in self.slurm.items():
            words += ["--slurm", f"{key}={value}"]
        for name in (*_AZURE, *_WORKSPACE):
            if getattr(self, name) is not None:
                words += [f"--{name.replace('_', '-')}", str(getattr(self, name))]
        for key, value in self.azure_tags.items():
            words += ["--azure-tag", f"{key}={value}"]
        return words

    def azure_options(self, ctx: Context) -> AzureOptions:
        """What is asked of Azure ML: what the command says, else what the profile in force does.

        Raises UsageError for options of other places, and what the settings raise.
        """
        given = [o for n, o in _OPTIONS.items() if n != "nodes" and getattr(self, n) is not None]
        if given:
            raise UsageError(f"{given[0]} is an option of Slurm's, not of Azure ML's")
        said = {name: str(getattr(self, name)) for name in _WORKSPACE if getattr(self, name)}
        settings = azure.settings(ctx, said)
        compute = self.compute
        if compute is None and self.instance_type is None:
            compute = settings.compute
        return AzureOptions(
            compute=compute,
            instance_type=self.instance_type or settings.instance_type,
            experiment=self.experiment,
            tags=dict(self.azure_tags),
            given=azure.pinned(settings, said),
        )

    def as_spec(self, ctx: Context, *, zero_stage: int | None = None) -> dict[str, Any]:
        """The parts of a spec that say where: `backend`, `layout` and `slurm`.

        Args:
            zero_stage: How far DeepSpeed spreads the model, where the settings ask for it; None
                leaves the processes as they are asked for here.

        Raises UsageError for what can't be.
        """
        if zero_stage is not None:
            return replace(self, distributed="deepspeed")._as_spec(ctx, zero_stage)
        return self._as_spec(ctx, Layout.zero_stage)

    def _as_spec(self, ctx: Context, zero_stage: int) -> dict[str, Any]:
        if self.backend not in NAMES:
            raise UsageError(f"no backend `{self.backend}`", hint=f"One of {', '.join(NAMES)}.")
        slurm = self._slurm(ctx) if self.backend == "slurm" else None
        if self.config is None:
            layout = self._layout(slurm)
        else:
            layout = self._layout_in_config(self.config, slurm)
        layout.check()
        if slurm is not None and layout.machines != slurm.nodes:
            raise UsageError(
                f"{layout.machines} machines on {slurm.nodes} nodes", hint="Set --nodes alone."
            )
        if slurm is None and (found := slots.gpus()) and layout.on_each > len(found):
            raise UsageError(
                f"{layout.on_each} processes need a GPU each, this machine has {len(found)}",
                hint="Lower --num-processes.",
            )
        _check_kind(layout, slurm)
        parts: dict[str, Any] = {"backend": self.backend}
        if layout.several:
            parts["layout"] = replace(layout, zero_stage=zero_stage).as_spec()
        if slurm is not None:
            parts["slurm"] = slurm.as_spec()
        return parts

    def files(self) -> dict[str, bytes]:
        """What is put into the run's folder beside its spec. Raises BadInputError."""
        return {} if self.config is None else {accelerate.FILE: _read(self.config).encode()}

    def _layout_in_config(self, file: str, slurm: SlurmOptions | None) -> Layout:
        """The layout that the config says; what was asked for besides must be the same."""
        name = Path(file).name
        config = accelerate.parse(_read(file), name)
        found = accelerate.layout_of(config)
        if not found.several:
            raise BadInputError(
                "num_processes: one process is started without accelerate",
                file=name,
                hint="Leave --accelerate-config out, or set it to 2 or more.",
            )
        asked = replace(
            found,
            processes=self.processes or found.processes,
            machines=self.machines or (slurm.nodes if slurm else found.machines),
            distributed=found.distributed if self.distributed == "ddp" else self.distributed,
        )
        accelerate.check_against(asked, config, name)
        return found

    def _layout(self, slurm: SlurmOptions | None) -> Layout:
        machines = self.machines or (slurm.nodes if slurm else 1)
        each = max(slurm.gpus, 1) if slurm else 1
        return Layout(self.processes or machines * each, machines, self.distributed, self.address)

    def _slurm(self, ctx: Context) -> SlurmOptions:
        table = dict(slurm_config(ctx.home))
        given = {name: getattr(self, name) for name in (*_OPTIONS, "requeue")}
        values = table | {name: value for name, value in given.items() if value is not None}
        more = {str(k): str(v) for k, v in {**values.pop("more", {}), **self.slurm}.items()}
        options = SlurmOptions(**values, more=more)
        if options.time_limit is not None:
            try:
                scheduler.minutes_of(options.time_limit)
            except ValueError as error:
                raise UsageError(
                    f"--time-limit: {error}", hint="90 (minutes), 1:30:00 or 2-12:00:00."
                ) from None
        if options.nodes < 1 or options.gpus < 0:
            raise UsageError("--nodes is at least 1, --gpus at least 0")
        return options


def _check_kind(layout: Layout, slurm: SlurmOptions | None) -> None:
    """fsdp and deepspeed are for several GPUs: without them accelerate would do ddp unasked."""
    if layout.distributed == "ddp":
        return
    if not layout.several:
        raise UsageError(
            f"--distributed {layout.distributed} spreads a model over several processes",
            hint="Say how many: --num-processes 2.",
        )
    if slurm is None:
        there = bool(slots.gpus())
    else:
        there = slurm.gpus > 0 or any("gpu" in k or "gpu" in v for k, v in slurm.more.items())
    if not there:
        where = "this machine has none" if slurm is None else "ask Slurm for some: --gpus 2"
        raise UsageError(f"--distributed {layout.distributed} needs GPUs; {where}")


_AZURE = ("compute", "instance_type", "experiment")
_WORKSPACE = ("subscription", "resource_group", "workspace", "profile")


def _read(file: str) -> str:
    try:
        return expanded(file).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise BadInputError(f"can't be read: {error}", file=file) from error


_LAYOUT = {
    "processes": "--num-processes",
    "machines": "--num-machines",
    "distributed": "--distributed",
    "address": "--main-address",
    "config": "--accelerate-config",
}


def slurm_defaults(ctx: Context) -> dict[str, Any]:
    """What `[slurm]` in config.toml asks for. Raises BadInputError."""
    return slurm_config(ctx.home)


def places() -> tuple[str, ...]:
    """The backends that this machine can reach: Slurm where its commands are, Azure ML where
    a workspace is named."""
    import shutil

    there = {"local": True, "slurm": bool(shutil.which("sbatch"))}
    return tuple(name for name in NAMES if there.get(name) or _azure_here(name))


def _azure_here(name: str) -> bool:
    from fmtui.services.context import context

    return name == "azureml" and azure.configured(context())
