"""What students become in PyTorch and diffusers."""

from __future__ import annotations

from pathlib import Path

import pytest

import atelier

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")


def test_should_ask_each_sample_of_its_student(done: atelier.Experiment, tmp_path: Path) -> None:
    ensemble = done.load_ensemble(folder=tmp_path)
    assert isinstance(ensemble, torch.nn.Module)
    done.download(tmp_path, "student-*.pt")
    t = torch.tensor([0, 32, 33, 66, 67, 99])  # three equal ranges of 100 timesteps
    x = torch.randn(len(t), 3, 8, 8, generator=torch.Generator().manual_seed(1))
    students = [torch.jit.load(tmp_path / f"student-{k}.pt") for k in (1, 1, 2, 2, 3, 3)]
    with torch.no_grad():
        alone = torch.cat([student(x[k : k + 1], t[k : k + 1]) for k, student in enumerate(students)])
        together = ensemble(x, t)
        other = students[0](x, t)
    assert torch.allclose(together, alone, atol=1e-5)
    assert not torch.allclose(together, other, atol=1e-5), "students differ"


def test_should_make_images_as_a_pipeline_of_diffusers(done: atelier.Experiment, tmp_path: Path) -> None:
    pipeline = done.load_ensemble(as_="diffusers", folder=tmp_path, trust_remote_code=True)
    assert isinstance(pipeline, diffusers.DiffusionPipeline)
    assert not (tmp_path / "teacher").exists(), "it needs no teacher"
    images = pipeline(batch_size=2, num_inference_steps=4, generator=torch.Generator().manual_seed(1)).images
    assert [image.size for image in images] == [(8, 8)] * 2


def test_should_run_no_python_of_a_server_unless_told(done: atelier.Experiment, tmp_path: Path) -> None:
    with pytest.raises(atelier.AtelierError, match="trust_remote_code=True"):
        done.load_ensemble(as_="diffusers", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="'torch' or 'diffusers', found 'onnx'"):
        done.load_ensemble(as_="onnx", folder=tmp_path)  # type: ignore[call-overload]


def test_should_keep_files_in_the_users_cache(
    done: atelier.Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    done.load_ensemble()
    assert (tmp_path / "atelier/experiments" / done.id / "ensemble.pt").is_file()


def test_should_say_what_an_experiment_lacks(long: atelier.Experiment, tmp_path: Path) -> None:
    with pytest.raises(atelier.AtelierError, match="no file 'ensemble.pt'"):
        long.load_ensemble(folder=tmp_path)
    with pytest.raises(atelier.AtelierError, match="has no pipeline of diffusers"):
        long.load_ensemble(as_="diffusers", folder=tmp_path, trust_remote_code=True)
