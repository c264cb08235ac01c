"""Writes a small TorchScript file with the signature of inception-2015-12-05.pt.

Like it, the network takes bytes [N, 3, H, W] of any size, resizes them to 299 x 299 itself, and gives
2048 features or the probabilities of 1008 classes. Its features are means of image regions.

    python3 inception_like_fixture.py ../resources/evaluation/inception-like.pt
"""

import sys

import torch


class InceptionLike(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("bias", torch.linspace(-1, 1, 1008))

    def forward(
        self,
        img: torch.Tensor,
        return_features: bool = False,
        use_fp16: bool = False,
        no_output_bias: bool = False,
    ) -> torch.Tensor:
        x = img.to(torch.float16 if use_fp16 else torch.float32)
        x = torch._C._nn.upsample_bilinear2d(x, [299, 299], False)  # interpolate would name operators of the newest PyTorch
        regions = torch.nn.functional.adaptive_avg_pool2d(x.to(torch.float32), [32, 22])  # 2112 of three channels
        features = (regions.flatten(1)[:, :2048] - 128) / 128
        if return_features:
            return features
        logits = features[:, :1008]
        if not no_output_bias:
            logits = logits + self.bias
        return logits.softmax(1)


torch.jit.script(InceptionLike().eval()).save(sys.argv[1])
