"""Compare training on a CPU: eager and compiled, in fp32 and bf16; one step, and a whole run.

    OMP_NUM_THREADS=1 python benchmarks/speed_cpu.py --kept speed-cpu.jsonl --out speed-cpu.md

Steps are those of dermbench (gathering, augmentation, network, loss, clipping, optimiser; memory is reused) on
random images, from random weights. A run is ``dermbench train`` on drawn lesions, including its start and
compilation. Each is a separate process. In the first round the cache of compiled code is empty ("cold"); later it
has the code of the first round ("warm"). Rounds alternate between the ways. Times are CPU seconds of one thread.
"""

from __future__ import annotations

from speed import Study, Way
from speed_study import study_speed

STUDY = Study(
    title="Training on a CPU: what makes it faster",
    ways=(
        Way("eager, fp32", "fp32"),
        Way("torch.compile, fp32", "fp32", "compile"),
        Way("torch.compile reduce-overhead, fp32", "fp32", "reduce-overhead"),
        Way("eager, bf16", "bf16"),
        Way("torch.compile, bf16", "bf16", "compile"),
    ),
    steps={
        "lite0": ("cpu-small", ("model=tf_efficientnet_lite0", "image_size=128", "batch_size=32")),
        "b4": ("efficientnet-b4-reference", ("model=tf_efficientnet_b4", "image_size=96", "batch_size=8")),
    },
    run=("cpu-small", ("epochs=30", "image_size=96")),
    lesions=("images=94",),  # 64 to train on, so that all batches have one size and one network is compiled
    warm=1,
)

if __name__ == "__main__":
    study_speed(STUDY, __doc__, "cpu")
