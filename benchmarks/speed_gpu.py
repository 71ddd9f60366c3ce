"""Compare training on a GPU: eager, compiled, CUDA graphs, graphs and kernels; one step, and a whole run.

    python benchmarks/speed_gpu.py --kept speed-gpu.jsonl --out speed-gpu.md
    python benchmarks/speed_gpu.py --kept speed-gpu.jsonl --parts run --rounds 1 --ways "eager, bf16"

Steps are those of dermbench (gathering, augmentation, network, loss, clipping, optimiser, moving average) on
random images on the device. A run is ``dermbench train`` from random weights, including its start, decoding and
compilation. Each is a separate process with empty caches of compiled code ("cold"); "warm" is the same run with
the code that the first one compiled. "Launched" is the time until Python returned from a step: if it equals the
time of the step, the GPU is not the limit. Measurements of several calls add up.
"""

from __future__ import annotations

from speed import Study, Way
from speed_study import study_speed

STUDY = Study(
    title="Training on a GPU: what makes it faster",
    ways=tuple(
        Way(f"{words}, {precision}", precision, acceleration, kernels)
        for precision in ("bf16", "fp32")
        for words, acceleration, kernels in (
            ("eager", "eager", True),
            ("torch.compile", "compile", True),
            ("torch.compile reduce-overhead", "reduce-overhead", True),
            ("graphs", "auto", False),
            ("graphs and kernels", "auto", True),
        )
    ),
    steps={"b4": ("efficientnet-b4", ("model=tf_efficientnet_b4", "image_size=380", "batch_size=64"))},
    run=("efficientnet-b4", ("epochs=30", "pretrained=false")),
    lesions=("images=3370", "size=433"),
    warm=12,
)

if __name__ == "__main__":
    study_speed(STUDY, __doc__, "cuda")
