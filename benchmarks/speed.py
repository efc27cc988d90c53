"""Benchmark of the speed of skae, compared with a plain torch loop and other packages.

    SKAE_DATA=folder python benchmarks/speed.py                       all, long
    python benchmarks/speed.py training scaling --repeats 3           some
    SKAE_DATA=folder python benchmarks/speed.py --save                into the docs as well
    SKAE_DATA=folder python benchmarks/speed.py --quick               one run, a tenth of the rows

The compared methods alternate in one process; figures are medians over the runs, with ranges from
the lowest to the highest. ``fashion`` needs ``fashion_mnist.npz`` in the folder. The figure of the
docs is drawn if both ``training`` and ``scaling`` are run. Needs Linux.
"""

from __future__ import annotations

import argparse
import inspect
from pathlib import Path

import pandas as pd
import torch
from machine import machine
from sections import save, section
from speed_fashion import fashion
from speed_inference import inference
from speed_memory import memory
from speed_neighbour import neighbour
from speed_plot import draw
from speed_scaling import scaling
from speed_small import small
from speed_training import training
from timing import Settings

from skae._runtime.device import resolve_device

RESULTS = Path(__file__).parent.parent / "docs" / "benchmarks" / "speed.md"
PARTS = {
    "training": training,
    "inference": inference,
    "memory": memory,
    "scaling": scaling,
    "neighbour": neighbour,
    "small": small,
    "fashion": fashion,
}


def caption(name: str, settings: Settings) -> str:
    """Return the caption of a part."""
    text = inspect.getdoc(PARTS[name]).replace("\n\n", " ").replace("\n", " ")
    device = str(settings.device)
    if settings.device.type == "cuda":
        device = torch.cuda.get_device_name(settings.device)
    runs = "one run" if settings.repeats == 1 else f"medians of {settings.repeats} runs"
    rows = "" if settings.divisor == 1 else ", a tenth of the rows"
    return f"{text} On {device}, {runs}{rows}. {machine()}"


def run(name: str, settings: Settings) -> list[pd.DataFrame]:
    """Run a part and print its tables."""
    print(f"\n{name}: {caption(name, settings)}", flush=True)
    tables = PARTS[name](settings)
    for table in tables:
        print(f"\n{table.to_string(index=False)}", flush=True)
    return tables


def main() -> None:
    """Run the requested parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[])
    parser.add_argument("--repeats", type=int, default=5, help="timed runs of each method")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--quick", action="store_true", help="one run, a tenth of the rows")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name} and the picture")
    chosen = parser.parse_args()
    repeats, divisor = (1, 10) if chosen.quick else (chosen.repeats, 1)
    settings = Settings(repeats, resolve_device(chosen.device), divisor)
    results = {}
    for name in chosen.parts or PARTS:
        results[name] = run(name, settings)
        if chosen.save and results[name]:
            text = section(caption(name, settings), *results[name])
            save(RESULTS, PARTS, {name: text})
    if chosen.save and {"training", "scaling"} <= set(results):
        draw(results["training"][0], results["scaling"][0])


if __name__ == "__main__":
    main()
