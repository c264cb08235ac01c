"""The students that take turns, as other libraries' objects."""

from __future__ import annotations

import json
import os
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from atelier.errors import AtelierError

if TYPE_CHECKING:
    from atelier.experiment import Experiment

_SINGLE_MODELS = ("teacher/*", "one-to-one/*", "merged*/*", "student-*/*")
_MEMBERS = ("ensemble/config.json", "unet/config.json", "transformer/config.json")


def load(
    experiment: Experiment,
    device: str,
    as_: Literal["torch", "diffusers"],
    folder: str | os.PathLike[str] | None,
    trust_remote_code: bool,
) -> Any:
    target = Path(folder) if folder is not None else _cache() / experiment.id
    if as_ == "torch":
        return _module(experiment, device, target)
    if as_ == "diffusers":
        return _pipeline(experiment, device, target, trust_remote_code)
    raise ValueError(f"as_ must be 'torch' or 'diffusers', found {as_!r}.")


def _module(experiment: Experiment, device: str, folder: Path) -> Any:
    try:
        import torch
    except ImportError as e:
        raise ImportError("An ensemble wants PyTorch: pip install 'atelier[torch]'.") from e
    file = experiment.download(folder, "ensemble.pt") / "ensemble.pt"
    module: Any = torch.jit.load(str(file), map_location=device)  # type: ignore[no-untyped-call]
    return module.eval()


def _pipeline(experiment: Experiment, device: str, folder: Path, trust_remote_code: bool) -> Any:
    if not trust_remote_code:
        raise AtelierError(
            f"The pipeline of {experiment.id} is Python that diffusers runs (pipeline.py, ensemble/ensemble.py): "
            "read it, or trust the server, and say trust_remote_code=True."
        )
    try:
        from diffusers import DiffusionPipeline
    except ImportError as e:
        raise ImportError("A pipeline wants diffusers: pip install 'atelier[diffusers]'.") from e
    experiment.download(folder, *_pipeline_files(experiment, folder))
    pipeline: Any = DiffusionPipeline.from_pretrained(  # type: ignore[no-untyped-call]
        str(folder), custom_pipeline=str(folder), trust_remote_code=True
    )
    return pipeline.to(device)


def _pipeline_files(experiment: Experiment, folder: Path) -> list[str]:
    """What the pipeline reads: its own files, and the models that own a range."""
    names = [artifact.name or "" for artifact in experiment.artifacts]
    members = next((name for name in _MEMBERS if name in names), None)
    if members is None or "pipeline.py" not in names:
        raise AtelierError(
            f"Experiment {experiment.id} is {experiment.stage} and has no pipeline of diffusers; its events say why.",
            status=404,
            type="artifact-not-found",
        )
    experiment.download(folder, members)
    owners = {student["folder"] for student in json.loads((folder / members).read_text("utf-8"))["students"]}
    return [
        name
        for name in names
        if name in ("model_index.json", "pipeline.py")
        or name.partition("/")[0] in owners
        or ("/" in name and not any(fnmatchcase(name, model) for model in _SINGLE_MODELS))
    ]


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "atelier/experiments"
