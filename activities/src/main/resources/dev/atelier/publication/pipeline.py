"""Samples images from students that take turns, with any scheduler of diffusers."""

import inspect

import torch
from diffusers import DiffusionPipeline
from diffusers.pipelines.pipeline_utils import ImagePipelineOutput
from diffusers.utils.torch_utils import randn_tensor


class EnsemblePipeline(DiffusionPipeline):
    """`ensemble` asks, for each timestep, the student whose range holds it (ensemble/ensemble.py)."""

    def __init__(self, ensemble, scheduler):
        super().__init__()
        self.register_modules(ensemble=ensemble, scheduler=scheduler)

    def enable_model_loading_in_turn(self):
        """Keeps one student in memory at a time. Each call loads each student once: ask for many images at once."""
        self.ensemble.load_in_turn()

    def disable_model_loading_in_turn(self):
        self.ensemble.load_in_turn(False)

    @torch.no_grad()
    def __call__(
        self,
        batch_size=1,
        num_inference_steps=None,  # absent: as many as the experiment was evaluated with
        class_labels=None,  # a list of [0, classes); absent: each class in turn, if there are any
        generator=None,
        latents=None,  # [N, C, H, W], unit variance
        eta=0.0,  # of schedulers that take it
        output_type="pil",  # or "np", "pt"
        return_dict=True,
    ):
        config = self.ensemble.config
        x = latents
        if x is None:
            shape = (batch_size, config["channels"], config["resolution"], config["resolution"])
            x = randn_tensor(shape, generator=generator, device=self.ensemble.device, dtype=torch.float32)
        x = x.to(self.ensemble.device, torch.float32)  # whatever the students' dtype: steps add up
        y = {}
        if config["classes"]:
            y["class_labels"] = self._labels(class_labels, len(x), config["classes"])
        elif class_labels is not None:
            raise ValueError("class_labels are for class-conditional students; these have no classes")

        self.scheduler.set_timesteps(num_inference_steps or config["steps"], device=x.device)
        taken = inspect.signature(self.scheduler.step).parameters
        extra = {k: v for k, v in {"eta": eta, "generator": generator}.items() if k in taken}
        x = x * getattr(self.scheduler, "init_noise_sigma", 1)
        for t in self.progress_bar(self.scheduler.timesteps):
            scaled = self.scheduler.scale_model_input(x, t) if hasattr(self.scheduler, "scale_model_input") else x
            said = self.ensemble(scaled.to(self.ensemble.dtype), t, return_dict=False, **y)[0].float()
            x = self.scheduler.step(said, t, x, **extra).prev_sample

        images = (x / 2 + 0.5).clamp(0, 1).cpu()
        if output_type != "pt":
            images = images.permute(0, 2, 3, 1).numpy()
        if output_type == "pil":
            images = self.numpy_to_pil(images)
        return ImagePipelineOutput(images=images) if return_dict else (images,)

    def _labels(self, labels, count, classes):
        if labels is None:
            labels = [i % classes for i in range(count)]
        y = torch.as_tensor(labels, device=self.ensemble.device).reshape(-1)
        if len(y) != count or y.min() < 0 or y.max() >= classes:
            raise ValueError(f"expected {count} class_labels in [0, {classes}), found {y.tolist()}")
        return y
