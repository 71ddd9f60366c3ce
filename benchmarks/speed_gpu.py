"""Training on a GPU: eager, compiled, CUDA graphs, graphs and kernels; a step, and 30 epochs from end to end.

    python benchmarks/speed_gpu.py --kept speed-gpu.jsonl --out speed-gpu.md
    python benchmarks/speed_gpu.py --kept speed-gpu.jsonl --parts run --rounds 1 --ways "eager, bf16"

Steps are dermbench's own (gathering, augmentation, network, loss, clipping, optimiser, moving average) on random
images that lie on the device. A run is ``dermbench train`` from random weights; its start, decoding and compiling
count. Each is a process of its own with empty caches of compiled code ("cold"); "warm" is the same run again with
what that one compiled. "Launched" is when Python was done with a step: if that is all of it, the GPU does not
bound the step. Measurements add up over calls, so that a GPU lent for minutes can be used in parts.
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
