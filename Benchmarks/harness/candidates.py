"""What is compared: Pith and its peers, each run as a process of its own that writes a model file."""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from . import environments, machine, process
from .catalog import BENCHMARKS, PROJECT, TRANSFORMERS

CACHE = BENCHMARKS / ".cache"
STATIC = ("minmax", "percentile", "entropy")
PATIENCE = ["nice", "-n", os.environ["PEER_NICE"]] if os.environ.get("PEER_NICE") else []  # for machines that others use too


@dataclass(frozen=True)
class Recipe:
    """One recipe of Pith's: the name of a built-in one or the path of a file; `bits` is what it makes of a weight."""

    name: str
    recipe: str | Path
    bits: int = 8


@dataclass(frozen=True)
class Peer:
    """One way to run another tool; `arguments` follow the model, the card and the output.

    `environment` names the Python environment that the tool lives in, `bits` is what it makes of a weight.
    """

    name: str
    module: str
    arguments: tuple = ()
    environment: str = environments.OWN
    bits: int = 8

    def options(self, entry):
        extra = ("transformer",) if self.module == "peers.nncf_ptq" and entry.name in TRANSFORMERS else ()
        return (*self.arguments, *extra)

    def command(self, entry, out):
        python = environments.python(self.environment)
        return [python, "-m", self.module, entry.model, entry.card, out, *self.options(entry)]


def int8_peers():
    """Every peer of the int8 benchmark."""
    peers = [Peer(f"ort {m} {a}", "peers.ort", (m, a)) for m in STATIC for a in ("u8", "s8")]
    peers.append(Peer("ort dynamic", "peers.ort", ("dynamic", "u8")))
    if machine.overflows():  # what ONNX Runtime's documentation advises for such processors
        peers += [Peer(f"ort {m} u8, 7 bits", "peers.ort", (m, "u8", "--reduce-range")) for m in (*STATIC, "dynamic")]
    return peers + [Peer(f"nncf {kind}", "peers.nncf_ptq", (kind,)) for kind in ("fast", "full")]


def inc_peers():
    """neural-compressor's int8, weights and activations."""
    return [Peer(f"inc {m}", "peers.inc", (m,), "inc") for m in ("minmax", "percentile", "smooth", "dynamic")]


def weight_peers(bits):
    """Every way of the peers to quantize weights alone to 8, 4 or 2 bits in blocks of 32."""
    plain = [Peer(f"ort {m} {bits}", "peers.ort_nbits", (m, str(bits)), bits=bits) for m in ("symmetric", "asymmetric")]
    modes = ("nearest", "awq") if bits == 4 else ("nearest",)
    nncf = [Peer(f"nncf weights {m} {bits}", "peers.nncf_weights", (f"int{bits}", m), bits=bits) for m in modes]
    if bits != 4:
        return plain + nncf + [Peer(f"ort hqq {bits}", "peers.ort_nbits", ("hqq", str(bits)), "torch", bits)]
    learned = [Peer(f"ort {m} 4", "peers.ort_nbits", (m, "4"), "torch", 4) for m in ("rtn", "kquant", "hqq", "gptq")]
    return plain + learned + nncf + [Peer(f"inc {m} 4", "peers.inc", (m, "4"), "inc", 4) for m in ("rtn", "gptq", "awq")]


def pith_binary():
    """The release build, or what `PITH` names."""
    path = Path(os.environ.get("PITH", PROJECT / ".build" / "release" / "pith")).resolve()
    if not os.access(path, os.X_OK):
        raise SystemExit(f"bench: {path} is missing; run `make build` first.")
    return path


def run_pith(entry, out, recipe, profile, threads=None):
    """`pith compress`: a record of the process, and its JSON or None."""
    command = [pith_binary(), "compress", entry.model, "-o", out, "--recipe", recipe, "--format", "json", "--profile", profile]
    command += ["--data", entry.card] if entry.card else []
    command += ["--threads", threads] if threads else []
    ran = process.run(command, limit_memory=False)
    told = None
    if not ran.problem:
        try:
            told = json.loads(ran.output)
        except ValueError as problem:
            return _record(ran) | {"problem": f"no JSON on standard output: {problem}"}, None
    record = _record(ran) | {"refusedByName": ran.code in (1, 3) and bool(ran.error.strip())}
    if told:
        record["scoringSeconds"] = told["scoringSeconds"]
        record["secondsWithoutScoring"] = ran.seconds - told["scoringSeconds"]
    return record, told


def pith_recipes():
    """The names of the built-in recipes of this binary."""
    told = process.run([pith_binary(), "recipes", "list"], limit_memory=False)
    return {line.split()[0] for line in told.output.splitlines() if line.strip()}


def fresh_profile():
    """A machine profile that knows nothing yet, so that Pith asks its questions on this machine in this call."""
    CACHE.mkdir(exist_ok=True)
    path = CACHE / "profile.json"
    path.unlink(missing_ok=True)
    return path


def run_peer(peer, entry, out, reuse=False, keep=True):
    """Runs a peer, or with `reuse` takes what it wrote in an earlier call for the same files and versions."""
    if why := environments.missing(peer.environment):
        return {"problem": why}
    kept = CACHE / "peers" / entry.name / _key(peer, entry)
    if reuse and (kept / "record.json").is_file():
        record = json.loads((kept / "record.json").read_text()) | {"reused": True}
        for file in kept.glob("*.onnx*"):
            shutil.copy(file, out.parent / file.name.replace("model.onnx", out.name))
        return record
    ran = process.run([*PATIENCE, *peer.command(entry, out)])
    record = _record(ran)
    record["notes"] = [line.removeprefix("note: ") for line in ran.error.splitlines() if line.startswith("note: ")]
    if not record["problem"] and not out.is_file():
        record["problem"] = "ended without an error and without an output"
    if keep:
        _keep(kept, record, out)
    return record


def _keep(kept, record, out):
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for file in out.parent.glob(out.name + "*"):
        shutil.copy(file, kept / file.name.replace(out.name, "model.onnx"))
    (kept / "record.json").write_text(json.dumps(record))


def _record(ran):
    return {
        "problem": ran.problem,
        "seconds": ran.seconds,
        "cpuSeconds": ran.cpu_seconds,
        "peakBytes": ran.peak_bytes,
    }


def _key(peer, entry):
    """Changes with the model, the card, the peer's settings and script, and the packages' versions."""
    digest = hashlib.sha256()
    files = [entry.model, entry.card, environments.requirements(peer.environment)]
    files += [BENCHMARKS / (peer.module.replace(".", "/") + ".py"), BENCHMARKS / "peers" / "opset.py"]
    for file in files:
        digest.update(file.read_bytes())
    digest.update(repr((peer.module, peer.options(entry), process.TIME_LIMIT_SECONDS)).encode())
    return f"{peer.name.replace(' ', '-')}-{digest.hexdigest()[:12]}"
