"""The tables of the coding benchmark, and what was promised."""

from . import coding_network
from .tables import checklist, number, preamble, sentence, table

PEERS = ("zipnn", "openzl", "pcodec", "zstd -1", "zstd -19")
RATIOS = {"bf16": 1.5005, "fp32": 1.2001, "fp16": 1.1733, "sparse fp32": 11.0, "MiniLM fp32": 1.2205, "MiniLM bf16": 1.5088}

# Where the floors of speed were set, ZipNN coded and decoded at so many MB/s: they tell what a floor means on another machine.
ZIPNN_MBPS = {"bf16": (1580, 3770), "fp32": (1250, 5340), "fp16": (1720, 3980), "MiniLM bf16": (1571, 3703)}


def lines(results):
    """The whole page."""
    page = preamble(results, "Coding of weights: `.pith` containers beside other coders")
    if results["quick"]:
        page += ["**Made with --quick: small arrays and few rounds, no figures to quote.**", ""]
    writers = {
        "lossless": _lossless, "kernels": _kernels, "levels": _levels, "whole": _whole, "network": _network, "rows": _rows, "memory": _memory,
        "damage": _damage, "jemalloc": _jemalloc,
    }  # fmt: skip
    for part, writer in writers.items():
        told = results.get(part)
        if told and told.get("problem"):
            page += [f"## {part.capitalize()}", "", f"Not measured: {told['problem']}.", ""]
        elif told:
            page += writer(told)
    return page + ["## What was promised", "", *checklist(promises(results))]


def _cell(record):
    if record is None or record.get("problem"):
        return sentence(record["problem"])[:40] if record else "–"
    return f"{record['ratio']:.4f} ({record['encodeMBps']:,.0f} / {record['decodeMBps']:,.0f})"


def _sets(told):
    return {name: data for name, data in told.items() if isinstance(data, dict)}


def _lossless(told):
    coded = {name: data for name, data in _sets(told).items() if "pith" in data}
    rows = []
    for name, data in coded.items():
        bound = data["bounds"]
        limits = " / ".join(f"{bound[key]:.4f}" for key in ("exponents", "symbols") if key in bound)
        rows.append([name, limits, _cell(data["pith"]), *(_cell(data["peers"].get(peer)) for peer in PEERS)])
    page = [
        "## Lossless", "",
        "Ratio (MB/s of encoding / decoding), one thread, in process, in warm buffers; the best round. `zstd -19` codes the first 2 M",
        "elements. Bounds: an ideal coder of order 0 for exponents alone / for whole symbols.", "",
        *table(["data", "bounds", "pith", *PEERS], rows),
        "Whole processes on files in memory, in turn with `cp` of the same file, the best round.", "",
    ]  # fmt: skip
    rows = []
    for name, data in _sets(told).items():
        best = data["wholeProcess"]
        cell = lambda key: f"{best[key]:.2f} s, {best[key] / best['cp']:.2f}x"
        rows.append(
            [f"{name}, {best['bytes'] / 1e6:,.0f} MB", f"{best['cp']:.2f} s", cell("pack"), cell("unpack"),
             f"{best['packOneThread'] / best['pack']:.2f}x", f"{best['unpackOneThread'] / best['unpack']:.2f}x"]
        )  # fmt: skip
    heads = ["file", "cp", "pack", "unpack", "pack, all threads over one", "unpack, all threads over one"]
    return page + table(heads, rows)


def _kernels(told):
    rows = []
    for data in ("exponents", "exponents and 3 bits"):
        found = told[data]
        for name in (name for name in found if isinstance(found[name], dict)):
            rows.append([data, name, f"{found[name]['encode']:,.0f}", f"{found[name]['decode']:,.0f}"])
    return [
        "## Loops of the entropy coder", "",
        "Millions of symbols a second, 256 Ki of them in buffers that are used again, one thread (`Benchmarks/kernels/coding.c`). A processor",
        "without an instruction set runs the next narrower one.", "",
        *table(["symbols", "instructions", "encode", "decode"], rows),
    ]  # fmt: skip


def _levels(told):
    rows = []
    for label in told["pith"]:
        ours, theirs = told["pith"][label], told["nncodec"][label]
        rows.append(
            [f"pith, {label}", number(ours["decibels"], 2), number(ours["bits"], 3), number(ours["order0"], 3),
             number(ours["bitsAtGoal"], 3), number(ours["encodeMweights"], 0), number(ours["decodeMweights"], 0)]
        )  # fmt: skip
        if theirs["problem"]:
            rows.append([f"nncodec, {label}", sentence(theirs["problem"])[:60], "–", "–", "–", "–", "–"])
        else:
            rows.append(
                [f"nncodec, {label}", number(theirs["decibels"], 2), number(theirs["bits"], 3), "–",
                 number(theirs["bitsAtGoal"], 3), number(theirs["encodeMweights"], 1), number(theirs["decodeMweights"], 1)]
            )  # fmt: skip
    heads = ["coder", "dB", "bits a weight", "order 0", f"bits at {told['goalDecibels']} dB", "coded, M/s", "decoded, M/s"]
    return [
        "## Quantized weights", "",
        f"{len(told['matrices'])} matrices of {told['model']}. Bits are those of levels, scales and tables as they lie in the file.",
        "Speeds are millions of weights a second, one thread: NNCodec's with its choice of levels (with a trellis where one is used), Pith's",
        "of coding alone. Choosing levels, the processor's time of `compress` less that of cleaning, writing and checking the same model: "
        + ", ".join(f"{number(told['pith'][label]['chooseMweights'], 0)} M/s ({label})" for label in told["pith"])
        + "; `compress` with all it does takes "
        + ", ".join(f"{told['pith'][label]['compressSeconds']:.1f} s ({label})" for label in told["pith"]) + ".", "",
        *table(heads, rows),
    ]  # fmt: skip


def _whole(told):
    rows = []
    for kind, name in (("pith", "pith with data, step"), ("blind", "pith without data, step")):
        for one in told[kind]:
            rows.append([f"{name} {one['step']}", f"{one['bytes']:,}", number(one["decibels"], 1), number(one["accuracy"], 4)])
    for one in told["recipes"]:
        rows.append([f"pith with data, `{one['recipe']}`", f"{one['bytes']:,}", number(one["decibels"], 1), number(one["accuracy"], 4)])
    for kind, found in told["nncodec"].items():
        for one in found:
            name = f"nncodec, {'weights in units of their own' if kind == 'unit' else 'weights as they are'}, qp {one['quality']}"
            if one["problem"]:
                rows.append([name, sentence(one["problem"])[:60], "–", "–"])
            else:
                rows.append([name, f"{one['bytes']:,}", number(one["decibels"], 1), number(one["accuracy"], 4)])
    return [
        "## A whole network", "",
        f"{told['network']}, {number(told['pith'][0]['reference'], 4)} in float. Pith's bytes are those of the container: graph, biases, recipe and all",
        "(`code.trellis` with a `step`, and built-in recipes); NNCodec's are its stream, by its trellis, and 4 for each bias. Its",
        "weights come from the model with folded normalizations, as they are and divided by their root mean squares. It sees no data; what data are",
        "worth shows between Pith's own rows.", "",
        *table(["", "bytes", "output SQNR, dB", "accuracy"], rows),
    ]  # fmt: skip


def _network(told):
    names = list(told["bytes"])
    rows = [["bytes sent", *(f"{told['bytes'][name]:,}" for name in names)]]
    for rate, seconds in told["seconds"].items():
        rows.append([f"{rate} Mbit/s", *(f"{seconds[name]:.2f} s" for name in names)])
    return [
        "## Over a network", "",
        f"Seconds from the first byte to the usable file of {told['model']}, over a pipe of that rate.", "", *table(["", *names], rows),
    ]  # fmt: skip


def _rows(told):
    count = lambda value: "not counted" if value is None else f"{value:,} bytes"
    return [
        "## A range of rows", "",
        f"{told['rows']} rows of `{told['array']}` out of a container of {told['containerBytes']:,} bytes: "
        f"{told['seconds'] * 1e3:.1f} ms, {count(told['bytesRead'])} read. A process that does nothing takes "
        f"{told['startSeconds'] * 1e3:.1f} ms and reads {count(told['bytesReadAtStart'])}.", "",
    ]  # fmt: skip


def _memory(told):
    rows = [[kind, f"{told[kind]['seconds']:.1f} s", f"{told[kind]['peakBytes'] / 2**20:.0f} MiB"] for kind in ("pack", "unpack")]
    return ["## Memory", "", f"A file of {told['bytes'] / 1e9:.1f} GB on disk.", "", *table(["", "time", "peak"], rows)]


def _damage(told):
    return [
        "## Damage", "",
        f"{told['detected']:,} of {told['flips']:,} random flips in the {told['blocks']} blocks of a container of {told['bytes']:,} bytes were "
        f"named by `pith verify`, each with its block; {told['othersDetected']} of {told['others']} flips elsewhere and truncations were refused.",
        "",
    ]  # fmt: skip


def _jemalloc(told):
    rows = []
    for kind in ("pack", "unpack", "packOneThread", "unpackOneThread"):
        rows.append([kind, *(f"{told[side][kind]:.2f} s" for side in ("without", "with"))])
    rows.append(["peak memory of pack", *(f"{told[side]['packPeakBytes'] / 2**20:.0f} MiB" for side in ("without", "with"))])
    return ["## jemalloc", "", "Whole processes without and with jemalloc preloaded.", "", *table(["", "without", "with"], rows)]


def promises(results):
    """`(met, what)` for everything that was measured."""
    found = []
    sets = _sets(results.get("lossless", {}))
    for name, least in RATIOS.items():
        if name in sets:
            pith = sets[name]["pith"]
            found.append((pith["ratio"] >= least, f"{name}: ratio {pith['ratio']:.4f}, wanted {least}"))
            encode, decode = (0, 4000) if name == "sparse fp32" else (2500, 5000)
            speed = f"{pith['encodeMBps']:,.0f} / {pith['decodeMBps']:,.0f} MB/s, wanted {encode:,} / {decode:,}"
            found.append((pith["encodeMBps"] >= encode and pith["decodeMBps"] >= decode, f"{name}: {speed}"))
            found += _relative_speed(name, pith, sets[name]["peers"].get("zipnn"), encode, decode)
    if "int8 levels" in sets:
        loss = sets["int8 levels"]["bounds"]["symbols"] / sets["int8 levels"]["pith"]["ratio"] - 1
        found.append((loss <= 0.003, f"int8 levels: {100 * loss:.2f} % above the entropy of all levels, wanted 0.3 %"))
    for name in ("bf16 of 1 GiB",):
        if name in sets:
            best = sets[name]["wholeProcess"]
            worst = max(best["pack"], best["unpack"]) / best["cp"]
            found.append((worst <= 3, f"{name}: whole processes at most {worst:.2f}x the time of cp, wanted 3x"))
            for kind in ("pack", "unpack"):
                gain = best[kind + "OneThread"] / best[kind]
                found.append((gain >= 1.7, f"{name}: {kind} {gain:.2f}x as fast on two cores, wanted 1.7x"))
    return found + _level_promises(results.get("levels")) + _whole_promises(results.get("whole")) + _other_promises(results)


def _relative_speed(name, pith, zipnn, encode, decode):
    """The same floor as a multiple of what ZipNN does in the same run."""
    if name not in ZIPNN_MBPS or not zipnn or zipnn.get("problem"):
        return []
    wanted = [floor / theirs for floor, theirs in zip((encode, decode), ZIPNN_MBPS[name])]
    times = [pith[kind] / zipnn[kind] for kind in ("encodeMBps", "decodeMBps")]
    text = f"{times[0]:.1f} / {times[1]:.1f} times ZipNN's speed in the same run, wanted {wanted[0]:.2f} / {wanted[1]:.2f}"
    return [(all(have >= want for have, want in zip(times, wanted)), f"{name}: {text}")]


def _level_promises(told):
    if not told or told.get("problem"):
        return []
    found, plain, trellis = [], told["pith"]["nearest"], told["pith"]["trellis"]
    above = plain["bits"] / plain["order0"] - 1
    found.append((above <= 0.003, f"nearest levels with scales and tables: {100 * above:.2f} % above their entropy, wanted 0.3 %"))
    found.append((trellis["bitsAtGoal"] <= 4.0, f"trellis: {trellis['bitsAtGoal']:.3f} bits at {told['goalDecibels']} dB, wanted 4.0"))
    theirs = told["nncodec"]["nearest"]
    if not theirs["problem"]:
        times = min(plain["encodeMweights"] / theirs["encodeMweights"], plain["decodeMweights"] / theirs["decodeMweights"])
        found.append((times >= 30, f"nearest levels: coding and decoding {times:.0f}x NNCodec's speed, wanted 30x"))
    theirs = told["nncodec"]["trellis"]
    if not theirs["problem"]:
        chosen = trellis["chooseMweights"]
        speed = 1 / (1 / chosen + 1 / trellis["encodeMweights"]) if chosen else 0
        times = min(speed / theirs["encodeMweights"], trellis["decodeMweights"] / theirs["decodeMweights"])
        found.append((times >= 5, f"trellis: choosing levels with coding, and decoding {times:.1f}x NNCodec's speed, wanted 5x"))
    return found


def _whole_promises(told):
    if not told or told.get("problem"):
        return []
    found = []
    for kind, peers in told["nncodec"].items():
        name = "weights in units of their own" if kind == "unit" else "weights as they are"
        peers = [peer for peer in peers if not peer["problem"]]
        besides = [(peer, coding_network.smallest_beside(told, peer, "pith")) for peer in peers]
        for peer, beside in besides:
            if beside is None:
                found.append((False, f"{told['network']}: nothing errs as little as NNCodec ({name}) at qp {peer['quality']}"))
        shares = [beside["bytes"] / peer["bytes"] for peer, beside in besides if beside]
        if shares:
            found.append((max(shares) <= 0.8, f"{told['network']}: at most {max(shares):.2f} of the bytes of NNCodec ({name}) at its error, wanted 0.80"))
    return found


def _other_promises(results):
    found = []
    rows, memory, damage = (results.get(part) or {} for part in ("rows", "memory", "damage"))
    if "seconds" in rows:
        own = max(rows["seconds"] - rows["startSeconds"], 0) * 1e3
        found.append((own < 5, f"a range of rows: {own:.1f} ms more than starting, wanted under 5 ms"))
    if "pack" in memory:
        peak = max(memory[kind]["peakBytes"] for kind in ("pack", "unpack")) / 2**20
        found.append((peak < 256, f"memory: {peak:.0f} MiB for {memory['bytes'] / 1e9:.1f} GB, wanted under 256"))
    if "flips" in damage:
        all_found = damage["flips"] == damage["detected"] and damage["others"] == damage["othersDetected"]
        found.append((all_found, f"damage: {damage['detected']} of {damage['flips']} and {damage['othersDetected']} of {damage['others']} found"))
    return found
