"""Stable Diffusion whose U-Net is an ensemble of students that take turns (unet/ensemble.py)."""

from diffusers import StableDiffusionPipeline


class EnsemblePipeline(StableDiffusionPipeline):
    def __init__(
        self,
        vae,
        text_encoder,
        tokenizer,
        unet,
        scheduler,
        safety_checker=None,
        feature_extractor=None,
        image_encoder=None,
        requires_safety_checker=False,
    ):
        super().__init__(
            vae, text_encoder, tokenizer, unet, scheduler, safety_checker, feature_extractor, image_encoder, requires_safety_checker
        )

    def enable_model_loading_in_turn(self):
        """Keeps one student in memory at a time. Each call loads each student once: ask for many images at once."""
        self.unet.load_in_turn()

    def disable_model_loading_in_turn(self):
        self.unet.load_in_turn(False)
