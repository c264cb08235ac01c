"""Students that take turns: for each timestep t the one whose range [low, high) holds it is asked."""

import gc
import json
import os

import diffusers
import torch
from diffusers.models.unets.unet_2d import UNet2DOutput


class StudentEnsemble(torch.nn.Module):
    """Asked as a model of diffusers is. Students are loaded when they are first asked, and stay; with `loads_in_turn` only
    the one that is asked is in memory. Their files, as config.json beside this file names them, lie beside its folder."""

    def __init__(self, folder, config):
        super().__init__()
        self.folder = folder
        self.config = config
        self.loads_in_turn = False
        self.loaded = torch.nn.ModuleDict()  # by folder: a model may own several ranges
        self.register_buffer("place", torch.zeros(0), persistent=False)  # goes where models are to go, in their dtype

    @classmethod
    def from_pretrained(cls, path, torch_dtype=None, **ignored):
        with open(os.path.join(path, "config.json")) as file:
            config = json.load(file)
        for student in config["students"]:
            file = os.path.join(path, "..", student["folder"], student["subfolder"], "config.json")
            if not os.path.isfile(file):
                raise FileNotFoundError(f"expected a student in {student['folder']}, found no {os.path.normpath(file)}")
        return cls(os.path.join(path, ".."), config).to(torch_dtype or torch.float32)

    @property
    def dtype(self):
        return self.place.dtype

    @property
    def device(self):
        return self.place.device

    def load_in_turn(self, in_turn=True):
        self.loads_in_turn = in_turn
        self._unload()

    def owner(self, t):
        """The entry of the student whose range holds t, a number that need not be whole."""
        students = self.config["students"]
        for student in students:
            if student["low"] <= t < student["high"]:
                return student
        low, high = min(s["low"] for s in students), max(s["high"] for s in students)
        raise ValueError(f"timestep {t} lies outside of the students' ranges [{low}, {high})")

    def forward(self, sample, timestep, *args, return_dict=True, **kwargs):
        """sample: [N, C, H, W], timestep: one, or [N] within one student's range."""
        t = torch.as_tensor(timestep, device=sample.device).reshape(-1)
        owner, *others = {json.dumps(self.owner(one)) for one in t.tolist()}
        if others:
            raise ValueError("the timesteps of one batch must lie in the range of one student")
        student = self._student(json.loads(owner))
        answer = student(sample, t.expand(len(sample)), *args, return_dict=False, **kwargs)[0]
        answer = answer[:, : sample.shape[1]]  # of a learned sigma, the half that is no sigma
        return UNet2DOutput(sample=answer) if return_dict else (answer,)

    def _student(self, entry):
        key = entry["folder"].replace(".", "_")
        if key not in self.loaded:
            if self.loads_in_turn:
                self._unload()
            model = getattr(diffusers, entry["class_name"]).from_pretrained(
                os.path.join(self.folder, entry["folder"]), subfolder=entry["subfolder"], torch_dtype=self.dtype
            )
            self.loaded[key] = model.to(self.device).eval()
        return self.loaded[key]

    def _unload(self):
        self.loaded.clear()
        gc.collect()
