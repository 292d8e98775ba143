"""What is compared: Pith and its peers, each run as a process of its own that writes a model file."""

import hashlib
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from . import machine, process
from .catalog import BENCHMARKS, PROJECT, TRANSFORMERS

CACHE = BENCHMARKS / ".cache"
STATIC = ("minmax", "percentile", "entropy")


@dataclass(frozen=True)
class Peer:
    """One way to run another tool; `arguments` follow the model, the card and the output."""

    name: str
    module: str
    arguments: tuple

    def command(self, entry, out):
        extra = ("transformer",) if self.module == "peers.nncf_ptq" and entry.name in TRANSFORMERS else ()
        return [sys.executable, "-m", self.module, entry.model, entry.card, out, *self.arguments, *extra]


def int8_peers():
    """Every peer of the int8 benchmark."""
    peers = [Peer(f"ort {m} {a}", "peers.ort", (m, a)) for m in STATIC for a in ("u8", "s8")]
    peers.append(Peer("ort dynamic", "peers.ort", ("dynamic", "u8")))
    return peers + [Peer(f"nncf {kind}", "peers.nncf_ptq", (kind,)) for kind in ("fast", "full")]


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


def fresh_profile():
    """A machine profile that knows nothing yet, so that Pith asks its questions on this machine in this call."""
    CACHE.mkdir(exist_ok=True)
    path = CACHE / "profile.json"
    path.unlink(missing_ok=True)
    return path


def run_peer(peer, entry, out, reuse=False, keep=True):
    """Runs a peer, or with `reuse` takes what it wrote in an earlier call for the same files and versions."""
    kept = CACHE / "int8" / entry.name / _key(peer, entry)
    if reuse and (kept / "record.json").is_file():
        record = json.loads((kept / "record.json").read_text()) | {"reused": True}
        for file in kept.glob("*.onnx*"):
            shutil.copy(file, out.parent / file.name.replace("model.onnx", out.name))
        return record
    ran = process.run(peer.command(entry, out))
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
    files = [entry.model, entry.card, BENCHMARKS / "requirements.txt"]
    files += [BENCHMARKS / (peer.module.replace(".", "/") + ".py"), BENCHMARKS / "peers" / "opset.py"]
    for file in files:
        digest.update(file.read_bytes())
    digest.update(repr((peer, machine.PACKAGES, process.TIME_LIMIT_SECONDS)).encode())
    return f"{peer.name.replace(' ', '-')}-{digest.hexdigest()[:12]}"
