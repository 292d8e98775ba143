"""The coding benchmark: `.pith` containers beside zipnn, openzl, pcodec, zstandard and NNCodec.

Lossless ratios and speeds in warm buffers, whole processes beside `cp`, quantized weights, networks, parts of files, memory, damage and
jemalloc. Results/coding.json holds every figure, Results/coding.md the tables and what was promised.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from harness import catalog, coding_data, coding_levels, coding_measures, coding_network, coding_pith, coding_report, machine

RESULTS = catalog.BENCHMARKS / "Results"
PARTS = ("lossless", "kernels", "levels", "whole", "network", "rows", "memory", "damage", "jemalloc")
PACKAGES = ("nncodec", "numpy", "openzl", "pcodec", "torch", "zipnn", "zstandard")
say = coding_measures.say


def sets(folder, quick, model):
    """All data sets one after the other; the files of each go before the next is made."""
    yield from coding_data.generated(folder, quick)
    if model:
        yield from coding_data.of_model(folder, model)


def lossless(folder, asked, model):
    told = {}
    for data in sets(folder, asked.quick, model):
        told[data.name] = coding_measures.lossless(data, asked.rounds)
        for path in (data.path, data.numbers):
            path.unlink()
    if not asked.quick:  # the speed of whole processes is promised for a file of a gigabyte
        path = folder / "large.safetensors"
        coding_data.large(path, 1 << 30)
        told["bf16 of 1 GiB"] = {"bytes": path.stat().st_size, "wholeProcess": coding_measures.whole(path, asked.rounds)}
        path.unlink()
    return told


def damage(folder, asked, model):
    path = folder / "damage.safetensors"
    coding_data.large(path, (8 << 20) if asked.quick else (96 << 20))
    told = coding_measures.flips(path, folder, 500 if asked.quick else 10_000)
    path.unlink()
    return told


def jemalloc(folder, asked, model):
    path = folder / "jemalloc.safetensors"
    coding_data.large(path, (16 << 20) if asked.quick else (512 << 20))
    told = coding_measures.jemalloc(path, asked.rounds)
    path.unlink()
    return told


def kernels(folder, asked, model):
    return coding_measures.kernels(folder)


def memory(folder, asked, model):
    byte_count = (256 << 20) if asked.quick else 6 << 30
    with tempfile.TemporaryDirectory(dir=asked.disk) as place:  # not in memory: that is what is measured
        if not coding_measures.room(place, 2.8 * byte_count):
            return {"problem": f"there is no room for {2.8 * byte_count / 1e9:.0f} GB in {place}"}
        return coding_measures.memory(Path(place), byte_count)


def measure(part, folder, asked, model):
    if part in ("levels", "whole", "network", "rows"):
        if not model:
            return {"problem": "the shared models are not there"}
        if part == "levels":
            return coding_levels.measure(model, 1 if asked.quick else asked.rounds)
        if part == "whole":
            return coding_network.measure(model.parent, folder, asked.quick)
        if part == "network":
            return coding_measures.network(model, folder, (1000,) if asked.quick else (10, 100, 1000))
        return coding_measures.row_range(model, folder, asked.rounds)
    return globals()[part](folder, asked, model)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help="only these, with commas between; the results keep the others")
    parser.add_argument("--quick", action="store_true", help="small arrays and few rounds, to see that everything runs")
    parser.add_argument("--rounds", type=int, help="rounds of which the best counts: 5, or 2 with --quick")
    parser.add_argument("--disk", help="folder for the large file whose memory is measured")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for coding.json and coding.md")
    asked = parser.parse_args()
    asked.rounds = asked.rounds or (2 if asked.quick else 5)
    shared = catalog.data_folder()
    model = shared / "models" / "all-minilm-l6-v2.onnx" if shared else None
    asked.results.mkdir(exist_ok=True)
    file, started = asked.results / "coding.json", time.time()
    results = json.loads(file.read_text()) if file.is_file() else {}
    results |= machine.header(coding_pith.BINARY, "coding", PACKAGES) | {"quick": asked.quick, "seconds": 0}
    for part in asked.parts.split(","):
        say(f"bench: {part}")
        begun = time.time()
        with tempfile.TemporaryDirectory(dir=coding_measures.fastest_folder()) as place:
            results[part] = measure(part, Path(place), asked, model)
        results[part]["partSeconds"] = round(time.time() - begun, 1)
        results["seconds"] = round(time.time() - started, 1)
        file.write_text(json.dumps(results, indent=1) + "\n")
        (asked.results / "coding.md").write_text("\n".join(coding_report.lines(results)).rstrip() + "\n")


if __name__ == "__main__":
    main()
