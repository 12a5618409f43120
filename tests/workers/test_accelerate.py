"""accelerate.yaml against accelerate's own parser and launcher, for every layout."""

from __future__ import annotations

from dataclasses import fields
from itertools import product
from pathlib import Path

import pytest
from accelerate.commands.config.config_args import ClusterConfig
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_multi_gpu_env

from fmtui.errors import BadInputError
from fmtui.runs.accelerate import KEYS, check_against, config_text, layout_of, parse
from fmtui.runs.layout import KINDS, Layout

LAYOUTS = [
    Layout(4, machines, kind, "10.0.0.1:29400" if machines > 1 else None)
    for kind, machines in product(KINDS, (1, 2))
]


def test_the_keys_are_those_that_accelerate_knows() -> None:
    assert set(KEYS) == {field.name for field in fields(ClusterConfig)}


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda lay: f"{lay.distributed}-{lay.machines}")
def test_what_is_written_is_what_accelerate_starts(layout: Layout, tmp_path: Path) -> None:
    file = tmp_path / "accelerate.yaml"
    file.write_text(config_text(layout))
    assert layout_of(parse(config_text(layout))) == layout
    known = ClusterConfig.from_yaml_file(str(file))
    assert (known.num_processes, known.num_machines) == (4, layout.machines)

    words = ["--config_file", str(file), "--machine_rank", "1" if layout.machines > 1 else "0"]
    args, _, _ = _validate_launch_command(
        launch_command_parser().parse_args([*words, "-m", "fmtui.workers", "folder"])
    )
    assert args.use_fsdp == (layout.distributed == "fsdp")
    assert args.use_deepspeed == (layout.distributed == "deepspeed")
    assert (args.num_processes, args.num_machines) == (4, layout.machines)
    if layout.machines > 1:
        assert (args.main_process_ip, args.main_process_port) == ("10.0.0.1", 29400)
        assert args.machine_rank == 1
    if layout.distributed == "deepspeed":
        assert (args.zero_stage, args.offload_optimizer_device) == (2, "none")
        return
    environment = prepare_multi_gpu_env(args)
    assert environment.get("ACCELERATE_USE_FSDP") == (
        "true" if layout.distributed == "fsdp" else None
    )
    if layout.distributed == "fsdp":
        assert environment["FSDP_VERSION"] == "2"
        assert environment["FSDP_STATE_DICT_TYPE"] == "FULL_STATE_DICT"
        assert environment["FSDP_AUTO_WRAP_POLICY"] == "TRANSFORMER_BASED_WRAP"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("distributed_type: MAGIC", "distributed_type: MAGIC"),
        ("distributed_type: [1]", "distributed_type"),
        ("num_processes: many", "num_processes: expected a number"),
        ("num_processes: 0", "num_processes: expected a number"),
        ("num_machines: true", "num_machines: expected a number"),
        ("compute_environment: AMAZON_SAGEMAKER", "only LOCAL_MACHINE"),
        ("- a\n- b", "no YAML in line"),
        ("a: [1", "no YAML in line"),
        ("fsdp_confg: {}", "no key `fsdp_confg`"),
    ],
)
def test_what_could_not_be_started_is_told(change: str, told: str) -> None:
    with pytest.raises(BadInputError, match=told):
        parse(config_text(Layout(2)) + change + "\n")
    with pytest.raises(BadInputError, match="expected lines"):
        parse("just words")


def test_other_processes_than_the_run_has_are_told() -> None:
    config = parse(config_text(Layout(2)))
    check_against(Layout(2), config)
    with pytest.raises(BadInputError, match="num_processes: 4 asked for, 2 in the file"):
        check_against(Layout(4), config)
    with pytest.raises(BadInputError, match="distributed_type: fsdp asked for, ddp in the file"):
        check_against(Layout(2, distributed="fsdp"), config)
