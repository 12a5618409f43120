"""The parameters that all tasks have, by group, in the words of Azure ML and transformers.

The defaults are those of runs on this machine or a cluster; `azure_default` is what Azure ML's
component does where nobody says anything, which `--preset azureml` gives.
"""

from __future__ import annotations

from dataclasses import replace

from fmtui.tasks.settings.setting import MOST, Setting


def grouped(group: str, *settings: Setting) -> tuple[Setting, ...]:
    """Settings that a form shows together."""
    return tuple(replace(setting, group=group) for setting in settings)


_SCHEDULERS = (
    "linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup",
)  # fmt: skip

COMMON: tuple[Setting, ...] = (
    *grouped(
        "schedule",
        Setting(
            "num_train_epochs", "float", 3.0, "passes over the training data", 0.01, 10_000,
            azure_default=1,
        ),
        Setting("max_steps", "int", -1, "stop after so many steps; -1: never", -1, MOST),
        Setting(
            "learning_rate", "float", 5e-5, "peak rate of the optimizer", 1e-9, 1.0,
            azure_default=2e-5,
        ),
        Setting(
            "lr_scheduler_type", "choice", "linear", "how the rate falls", choices=_SCHEDULERS
        ),
        Setting(
            "warmup_ratio", "float", 0.06, "share of the steps in which the rate rises", 0, 0.99,
            azure=None,
        ),
        Setting("warmup_steps", "int", 0, "the same in steps; 0: warmup_ratio says", 0, MOST),
    ),
    *grouped(
        "batch",
        Setting(
            "per_device_train_batch_size", "int", 32, "rows of average length in a batch", 1, 8192,
            azure_default=1,
        ),
        Setting(
            "per_device_eval_batch_size", "int", 64, "the same, when measuring", 1, 8192,
            azure_default=1,
        ),
        Setting(
            "gradient_accumulation_steps", "int", 1, "batches that make one step", 1, 4096
        ),
        Setting(
            "auto_find_batch_size", "bool", True, "out of memory: go on in parts of a batch",
            azure_default=False,
        ),
        Setting(
            "max_seq_length", "int", -1, "longer texts are cut; -1: what the task and the model "
            "take", -1, MOST, measuring=True,
        ),
        Setting(
            "pad_to_max_length", "bool", False, "pad all texts to one length; slow",
            azure_tasks=(
                "text-classification", "question-answering", "summarization", "translation",
                "text-generation",
            ),
        ),
        Setting("dataloader_num_workers", "int", 0, "processes that load rows; 0: none", 0, 256),
    ),
    *grouped(
        "optimizer",
        Setting(
            "optim", "choice", "adamw_torch_fused", "the optimizer",
            choices=(
                "adamw_torch_fused", "adamw_torch", "adafactor", "adamw_bnb_8bit",
                "paged_adamw_8bit",
            ),
            azure_choices=("adamw_torch", "adafactor"), azure_default="adamw_torch",
        ),
        Setting("weight_decay", "float", 0.01, "AdamW's decay", 0, 1, azure_default=0.0),
        Setting("adam_beta1", "float", 0.9, "AdamW's memory of the gradient", 0, 0.999999),
        Setting("adam_beta2", "float", 0.999, "AdamW's memory of its square", 0, 0.999999),
        Setting("adam_epsilon", "float", 1e-8, "keeps AdamW from dividing by 0", 1e-16, 0.1),
        Setting("max_grad_norm", "float", 1.0, "gradients are clipped to this norm", 0, 1e6),
        Setting(
            "label_smoothing_factor", "float", 0.0, "share given to the other labels", 0, 0.9,
            azure=None,
            tasks=(
                "text-classification", "token-classification", "summarization", "translation",
                "text-generation",
            ),
        ),
    ),
    *grouped(
        "LoRA",
        Setting("apply_lora", "bool", False, "train small matrices beside the frozen weights"),
        Setting("lora_r", "int", 16, "rank of these matrices", 1, 4096, azure_default=8),
        Setting("lora_alpha", "int", 32, "they count alpha/r times", 1, 65_536, azure_default=128),
        Setting("lora_dropout", "float", 0.05, "dropout before them", 0, 0.99, azure_default=0.0),
        Setting(
            "lora_target_modules", "text", "", "layers that get them, joined by commas; empty: all "
            "linear ones", azure=None,
        ),
        Setting(
            "merge_lora_weights", "bool", True, "add them to the weights at the end; false: keep "
            "an adapter",
        ),
        Setting(
            "load_in_4bit", "bool", False, "QLoRA: the frozen weights in 4 bits; CUDA only",
            azure=None,
        ),
    ),
    *grouped(
        "precision",
        Setting(
            "precision", "choice", "auto", "bits to compute with; auto: what is fastest here",
            choices=("auto", "32", "bf16", "16"), azure_choices=("32", "16"), azure_default="32",
        ),
        Setting(
            "gradient_checkpointing", "bool", False, "compute activations twice: less memory, a "
            "third slower", azure=None,
        ),
        Setting("torch_compile", "bool", False, "compile the model first; CUDA", azure=None),
        Setting(
            "use_liger_kernel", "bool", False, "liger-kernel's fused layers; CUDA", azure=None
        ),
        Setting("apply_deepspeed", "bool", False, "spread the optimizer over several GPUs"),
        Setting(
            "deepspeed_stage", "choice", "2", "ZeRO's stage; 3 spreads the weights too",
            choices=("2", "3"),
        ),
        Setting(
            "apply_ort", "bool", False, "train by ONNX Runtime; Azure ML only", local=False
        ),
        Setting(
            "ignore_mismatched_sizes", "bool", True, "a head for other labels is made anew"
        ),
    ),
    *grouped(
        "evaluation",
        Setting(
            "validation_fraction", "float", 0.1, "split off where no validation data is given", 0,
            0.9, azure=None, ours=True,
        ),
        Setting(
            "evaluation_strategy", "choice", "epoch", "when to measure on validation data",
            choices=("epoch", "steps", "no"), azure_choices=("epoch", "steps"),
        ),
        Setting("eval_steps", "int", 500, "steps between, with `steps`", 1, MOST),
        Setting(
            "evaluation_steps_interval", "float", 0.0, "the same as a share of an epoch; 0: "
            "eval_steps says", 0, 1,
        ),
        Setting(
            "eval_accumulation_steps", "int", -1, "batches kept on the GPU while measuring; -1: "
            "all", -1, MOST, local=False,
        ),
        Setting(
            "metric_for_best_model", "text", "", "which metric picks the checkpoint to keep",
            azure_default="loss",
        ),
        Setting("apply_early_stopping", "bool", False, "stop when that metric gets no better"),
        Setting(
            "early_stopping_patience", "int", 0, "evaluations without gain until then; 0: never",
            0, MOST, azure_default=1,
        ),
        Setting("early_stopping_threshold", "float", 0.0, "less than this is no gain", 0, 1e9),
    ),
    *grouped(
        "saving",
        Setting(
            "save_strategy", "choice", "epoch", "when to write a checkpoint",
            choices=("epoch", "steps", "no"), azure=None,
        ),
        Setting("save_steps", "int", 500, "steps between, with `steps`", 1, MOST, azure=None),
        Setting(
            "save_minutes", "float", 5.0, "a checkpoint at least this often", 0.01, 1e6, azure=None
        ),
        Setting(
            "save_total_limit", "int", -1, "checkpoints to keep; -1: the best and the last", -1,
            MOST,
        ),
        Setting(
            "resume_from_checkpoint", "bool", True, "a run that is resumed goes on from its last "
            "checkpoint", azure_default=False,
        ),
        Setting(
            "logging_strategy", "choice", "steps", "when to note the loss",
            choices=("epoch", "steps"),
        ),
        Setting("logging_steps", "int", 10, "steps between two points of its curve", 1, MOST),
        Setting("seed", "int", 42, "of shuffling, splitting and fresh weights", 0, MOST),
        Setting(
            "enable_full_determinism", "bool", False, "same bits on every run; slower on CUDA"
        ),
    ),
)  # fmt: skip

_TC, _TOK, _QA = "text-classification", "token-classification", "question-answering"
_SUM, _MT, _GEN = "summarization", "translation", "text-generation"

OF_TASKS: tuple[Setting, ...] = grouped(
    "task",
    Setting(
        "label_all_tokens", "bool", False, "each piece of a word gets its tag, not the first alone",
        tasks=(_TOK,), azure=None,
    ),
    Setting(
        "doc_stride", "int", 128, "tokens that two windows of a long context share", 1, MOST,
        tasks=(_QA,), measuring=True,
    ),
    Setting(
        "max_answer_length", "int", 30, "tokens of an answer at most", 1, MOST, tasks=(_QA,),
        azure="max_answer_length_in_tokens", measuring=True,
    ),
    Setting(
        "n_best_size", "int", 20, "spans looked at for an answer", 1, 1000, tasks=(_QA,),
        local=False,
    ),
    Setting(
        "version_2_with_negative", "bool", False, "a question may have no answer", tasks=(_QA,),
        azure=None, measuring=True,
    ),
    Setting(
        "null_score_diff_threshold", "float", 0.0, "no answer, where that leads the best by more",
        -1e6, 1e6, tasks=(_QA,), azure=None, measuring=True,
    ),
    Setting(
        "max_target_length", "int", -1, "tokens to write at most; -1: as the model was taught, "
        "else 128", -1, MOST, tasks=(_SUM, _MT), azure=None, measuring=True,
    ),
    Setting(
        "num_beams", "int", 0, "beams, when writing to measure; 0: as the model was taught, "
        "else 1", 0, 64, tasks=(_SUM, _MT), azure=None, measuring=True,
    ),
    Setting(
        "source_prefix", "text", "", "words before each source, as T5 wants them",
        tasks=(_SUM, _MT), azure=None, measuring=True,
    ),
    Setting(
        "source_lang", "text", "", "the source's language, as the model writes it: en, eng_Latn",
        tasks=(_MT,), azure=None, measuring=True,
    ),
    Setting(
        "target_lang", "text", "", "the target's language", tasks=(_MT,), azure=None,
        measuring=True,
    ),
    Setting(
        "summarization_lang", "text", "", "the documents' language, where a model writes several",
        tasks=(_SUM,), measuring=True,
    ),
    Setting("packing", "bool", False, "several texts in one row", tasks=(_GEN,), azure=None),
    Setting(
        "completion_only_loss", "bool", True, "learn the answers, not the prompts", tasks=(_GEN,),
        azure=None, measuring=True,
    ),
    Setting(
        "max_new_tokens", "int", 0, "tokens to write after each prompt when measuring; 0: none", 0,
        MOST, tasks=(_GEN,), azure=None, measuring=True,
    ),
    Setting(
        "neftune_noise_alpha", "float", 0.0, "noise on the embeddings while training; 0: none", 0,
        1000, tasks=(_GEN,), azure=None,
    ),
)  # fmt: skip

SETTINGS = COMMON + OF_TASKS
BY_NAME = {setting.name: setting for setting in SETTINGS}
