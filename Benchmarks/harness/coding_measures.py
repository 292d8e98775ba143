"""What the coding benchmark measures, one function for each part of its report."""

import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from . import coding_data, coding_pith, environments, process
from .catalog import BENCHMARKS, PROJECT

PEERS = ("zipnn", "openzl", "pcodec", "zstd -1", "zstd -19")


def say(text):
    print(text, file=sys.stderr, flush=True)


def peer(data, tool, rounds):
    """Ratio and speed of one library, in a process of its own."""
    ran = process.run([environments.python("coding"), "-m", "peers.coders", data.numbers, data.kind, tool, 1 if tool == "zstd -19" else rounds])
    return {"problem": ran.problem} if ran.problem else json.loads(ran.output) | {"problem": None}


def lossless(data, rounds):
    """Pith beside its peers on one data set: ratio, speed in warm buffers, and whole processes beside `cp`."""
    warm = coding_pith.warm(data.path, rounds)
    told = {
        "bytes": data.byte_count,
        "bounds": data.bounds,
        "pith": {"ratio": data.path.stat().st_size / warm["bytes"], **warm, "problem": None},
        "wholeProcess": whole(data.path, rounds),
        "peers": {tool: peer(data, tool, rounds) for tool in PEERS},
    }
    say(f"  {data.name}: {told['pith']['ratio']:.4f}, {warm['encodeMBps']:.0f} / {warm['decodeMBps']:.0f} MB/s")
    return told


def whole(path, rounds, before=()):
    """Seconds of `pith pack`, `pith unpack` and `cp` of the same file in turn, the best of each, on one and all threads."""
    packed, back, copy = (path.with_suffix(ending) for ending in (".pith", ".back.safetensors", ".copy"))
    seconds = {name: [] for name in ("cp", "pack", "unpack", "packOneThread", "unpackOneThread")}
    for _ in range(rounds):
        seconds["cp"].append(process.run(["cp", path, copy]).seconds)
        copy.unlink()
        for ending, more in (("", ()), ("OneThread", ("--threads", "1"))):
            seconds["pack" + ending].append(coding_pith.timed("pack", path, "-o", packed, *more, before=before).seconds)
            seconds["unpack" + ending].append(coding_pith.timed("unpack", packed, "-o", back, *more, before=before).seconds)
            same(path, back)
            back.unlink()
    packed.unlink()
    best = {name: min(values) for name, values in seconds.items()}
    return best | {"bytes": path.stat().st_size}


def same(left, right):
    if subprocess.run(["cmp", "-s", left, right]).returncode:
        raise SystemExit(f"bench: {left.name} does not come back")


def kernels(folder):
    """Speed of the entropy coder's loops alone, for each instruction set."""
    compiler = next((found for name in ("clang", "cc") if (found := shutil.which(name))), None)
    if not compiler:
        return {"problem": "there is no C compiler"}
    sources, tool = PROJECT / "Sources" / "CPithKernels", folder / "kernels"
    names = ("pith_rans.c", "pith_rans_tables.c", "pith_rans_avx2.c", "pith_rans_neon.c", "pith_histogram.c")
    built = subprocess.run(
        [compiler, "-O2", "-I", sources / "include", "-I", sources, BENCHMARKS / "kernels" / "coding.c",
         *(sources / name for name in names), "-lm", "-o", tool],
        capture_output=True, text=True,
    )  # fmt: skip
    if built.returncode:
        return {"problem": f"the loops do not build: {built.stderr[-200:]}"}
    ran = process.run([tool])
    tool.unlink()
    return {"problem": ran.problem} if ran.problem else json.loads(ran.output) | {"problem": None}


# Over a network


def trickle(data, megabits, into):
    """Writes bytes into a pipe at a rate, in slices of 5 ms or 1 KiB."""
    rate = megabits * 1e6 / 8
    step = max(int(rate * 0.005), 1024)
    start = time.perf_counter()
    for place in range(0, len(data), step):
        ahead = place / rate - (time.perf_counter() - start)
        if ahead > 0:
            time.sleep(ahead)
        try:
            into.write(data[place : place + step])
        except BrokenPipeError:
            break
    into.close()


ZSTD_READER = "import sys, zstandard; zstandard.ZstdDecompressor().copy_stream(sys.stdin.buffer, open(sys.argv[1], 'wb'))"


def network(model, folder, rates):
    """Seconds from the first byte to a usable model file over rate-limited pipes."""
    import zlib

    import zstandard

    raw = Path(model).read_bytes()
    packed = folder / "network.pith"
    coding_pith.run("pack", model, "-o", packed)
    gzip = zlib.compressobj(6, zlib.DEFLATED, 31)
    sent = {
        "pith": packed.read_bytes(),
        "raw file": raw,
        "gzip -6": gzip.compress(raw) + gzip.flush(),
        "zstd -3": zstandard.ZstdCompressor(level=3).compress(raw),
    }
    target = folder / "network.onnx"
    commands = {
        "pith": [coding_pith.BINARY, "unpack", "-", "-o", target],
        "raw file": ["sh", "-c", 'cat > "$1"', "sh", target],
        "gzip -6": ["sh", "-c", 'gzip -d > "$1"', "sh", target],
        "zstd -3": [environments.python("coding"), "-c", ZSTD_READER, target],
    }
    told = {"model": Path(model).name, "bytes": {name: len(data) for name, data in sent.items()}, "seconds": {}}

    def receive(name, rate):
        start, own = time.perf_counter(), Path(f"{target}.{name.split()[0]}.onnx")
        command = [str(own if part == target else part) for part in commands[name]]
        reader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        trickle(sent[name], rate, reader.stdin)
        if reader.wait():
            raise SystemExit(f"bench: {name} does not arrive")
        seconds = time.perf_counter() - start
        same(Path(model), own)
        own.unlink()
        return seconds

    for rate in rates:
        # On slow networks nobody is busy, so all can be received at once.
        with ThreadPoolExecutor(len(sent) if rate <= 10 else 1) as pool:
            found = pool.map(lambda name: receive(name, rate), commands)
            told["seconds"][str(rate)] = dict(zip(commands, found))
        say(f"  {rate} Mbit/s: " + ", ".join(f"{name} {s:.2f} s" for name, s in told["seconds"][str(rate)].items()))
    packed.unlink()
    return told


# Parts of files


def row_range(model, folder, rounds):
    """Time and bytes of reading some rows of the largest array out of the container of a model."""
    packed, target = folder / "rows.pith", folder / "rows.npy"
    coding_pith.run("pack", model, "-o", packed)
    arrays = coding_pith.told("inspect", packed)["arrays"]
    array = max((a for a in arrays if len(a["shape"]) > 1), key=lambda a: a["bytes"])
    middle = array["shape"][0] // 2
    command = ("unpack", packed, "--array", array["name"], "--rows", f"{middle}-{middle + 16}", "-o", target)
    told = {
        "array": array["name"],
        "rows": 16,
        "containerBytes": packed.stat().st_size,
        "seconds": min(coding_pith.timed(*command).seconds for _ in range(rounds)),
        "startSeconds": min(coding_pith.timed("help").seconds for _ in range(rounds)),
        "bytesRead": bytes_read([coding_pith.BINARY, *command]),
        "bytesReadAtStart": bytes_read([coding_pith.BINARY, "help"]),
    }
    packed.unlink()
    say(f"  rows: {told['seconds'] * 1e3:.1f} ms of a process that takes {told['startSeconds'] * 1e3:.1f} ms to start")
    return told


def bytes_read(command):
    """Bytes that a process reads through system calls; None where the system does not count them."""
    running = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    account = f"/proc/{running.pid}"
    try:
        # A process that has ended keeps its account until it is waited for.
        while "Z" not in Path(f"{account}/stat").read_text().rpartition(")")[2].split()[0]:
            time.sleep(0.002)
        lines = Path(f"{account}/io").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("rchar"))
    except (OSError, StopIteration):
        return None
    finally:
        running.wait()


def memory(folder, byte_count):
    """Peak memory of packing and unpacking a large file."""
    source, packed, back = (folder / name for name in ("large.safetensors", "large.pith", "large.back.safetensors"))
    coding_data.large(source, byte_count)
    try:
        pack = coding_pith.timed("pack", source, "-o", packed)
        unpack = coding_pith.timed("unpack", packed, "-o", back)
        same(source, back)
        told = {
            "bytes": source.stat().st_size,
            "packedBytes": packed.stat().st_size,
            "pack": {"seconds": pack.seconds, "peakBytes": pack.peak_bytes},
            "unpack": {"seconds": unpack.seconds, "peakBytes": unpack.peak_bytes},
        }
    finally:
        for path in (source, packed, back):
            path.unlink(missing_ok=True)
    say(f"  memory: {pack.peak_bytes >> 20} and {unpack.peak_bytes >> 20} MiB for {told['bytes'] / 1e9:.1f} GB")
    return told


# Damage


def flips(path, folder, wanted, seed=5):
    """Random single-bit flips, many blocks at a time with one flip each: `verify` has to name exactly these blocks.

    Blocks know nothing of each other, so this is the same as one flip a run, in a hundredth of the time. Flips of what
    is no block, and truncations, have runs of their own.
    """
    packed, damaged = folder / "flips.pith", folder / "damaged.pith"
    coding_pith.run("pack", path, "-o", packed)
    whole = bytearray(packed.read_bytes())
    blocks = frames(whole)
    random = np.random.default_rng(seed)
    told = {"bytes": len(whole), "blocks": len(blocks), "flips": 0, "detected": 0, "others": 0, "othersDetected": 0}
    while told["flips"] < wanted:
        copy = bytearray(whole)
        for start, end in blocks:
            place = int(random.integers(start, end))
            copy[place] ^= 1 << int(random.integers(8))
        damaged.write_bytes(copy)
        ran = process.run([coding_pith.BINARY, "verify", damaged, "--format", "json"], limit_memory=False)
        named = {entry["block"] for entry in json.loads(ran.output)["damage"]} if ran.code == 3 and ran.output else set()
        told["flips"] += len(blocks)
        told["detected"] += len(named)
    start, end = (0, blocks[0][0]), (blocks[-1][1], len(whole))
    for index in range(min(wanted // 50, 200)):
        copy = bytearray(whole)
        if index % 4 == 3:
            copy = copy[: int(random.integers(len(whole)))]
        else:
            copy[int(random.integers(*(start if index % 2 else end)))] ^= 1 << int(random.integers(8))
        damaged.write_bytes(copy)
        ran = process.run([coding_pith.BINARY, "verify", damaged], limit_memory=False)
        told["others"] += 1
        told["othersDetected"] += ran.code == 3 and not ran.timed_out
    for name in (packed, damaged):
        name.unlink()
    say(f"  damage: {told['detected']} of {told['flips']} flips in blocks, {told['othersDetected']} of {told['others']} others")
    return told


def frames(container):
    """Where the frames of blocks start and end, as Documentation/Format.md says."""
    found, place = [], 16
    while place < len(container):
        end = place + 13 + int.from_bytes(container[place + 1 : place + 5], "little")
        if container[place] == 2:
            found.append((place, end))
        place = end
    return found


def jemalloc(path, rounds):
    """The whole processes again with jemalloc in place of the C library's allocator."""
    library = coding_pith.jemalloc()
    if not library:
        return {"problem": "libjemalloc2 is not installed"}
    told = {"problem": None, "without": whole(path, rounds), "with": whole(path, rounds, before=("env", f"LD_PRELOAD={library}"))}
    for name, before in (("without", ()), ("with", ("env", f"LD_PRELOAD={library}"))):
        packed = path.with_suffix(".pith")
        told[name]["packPeakBytes"] = coding_pith.timed("pack", path, "-o", packed, before=before).peak_bytes
        packed.unlink()
    say(f"  jemalloc: pack {told['without']['pack']:.2f} s without, {told['with']['pack']:.2f} s with")
    return told


def room(folder, byte_count):
    """Whether a folder has space for so many bytes and a little more."""
    return shutil.disk_usage(folder).free > byte_count * 1.1


def fastest_folder():
    """A folder in memory where there is one, so that disks are no part of a speed."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
