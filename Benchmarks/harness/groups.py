"""The groups of the quantization benchmark: which models, which recipes of Pith's, beside which peers."""

from collections.abc import Callable
from dataclasses import dataclass, field

from generators import heavy_tails, recurrent

from . import candidates, catalog
from .candidates import Recipe, inc_peers, int8_peers, weight_peers

MADE = candidates.CACHE / "made"
RECIPES = catalog.BENCHMARKS / "recipes"
DYNAMIC = ("ort dynamic", "ort dynamic u8, 7 bits", "inc dynamic", "nncf fast")
LARGE = ("all-minilm-l6-v2",)

# Weights of a model, what stands twice counted once, tables of positions and masks left out.
WEIGHTS = {"kjv-lm": 1_714_400}


def built_in(name, bits=8):
    return Recipe(f"pith {name}", name, bits)


def own(name, bits):
    """A recipe of the benchmark's own."""
    return Recipe(f"pith {name}", RECIPES / f"{name}.yaml", bits)


@dataclass(frozen=True)
class Group:
    """One part of the benchmark; `models` None means every model with a card.

    `every_row` scores all evaluation rows, otherwise as many as the int8 benchmark does; `heads` are the columns of its
    tables; `scored` False times whole processes and nothing else.
    """

    title: str
    recipes: tuple
    peers: Callable = tuple
    models: tuple | None = None
    every_row: bool = True
    scored: bool = True
    heads: tuple = field(default=("bits", "bytes", "smaller", "SQNR, dB", "cosine", "score", "added", "speed", "quartiles", "process, s"))


def _static():
    return int8_peers() + inc_peers()


def _dynamic():
    return [peer for peer in _static() if peer.name in DYNAMIC]


def _all_bits():
    return _dynamic()[:1] + [peer for bits in (8, 4, 2) for peer in weight_peers(bits)]


def _encoder():
    """All but those that take too long on 22 M weights: GPTQ and AWQ to make their outputs, HQQ to run them."""
    slow = ("gptq", "awq", "hqq")
    weights = [peer for bits in (8, 4) for peer in weight_peers(bits) if not set(slow) & set(peer.arguments)]
    return [peer for peer in _static() if peer.name in ("ort dynamic", "inc dynamic")] + weights


GROUPS = {
    "cnn": Group(
        "int8 with the help of data, every model with a card", (built_in("int8-accurate"),), _static, every_row=False,
        heads=("bytes", "smaller", "SQNR, dB", "cosine", "score", "added", "speed", "quartiles", "integer kernels", "process, s"),
    ),
    "int4": Group(
        "4-bit weights of image classifiers",
        (built_in("int4-accurate", 4), built_in("int4", 4), own("int4-channel", 4), own("int4-channel-int8", 4)),
        lambda: [p for p in weight_peers(4) if p.name in ("ort asymmetric 4", "nncf weights nearest 4", "nncf weights awq 4", "inc rtn 4")],
        ("resnet8-mlperf", "resnet20-cifar10", "resnet56-cifar10"),
    ),
    "lm": Group(
        "a language model at 8, 4 and 2 bits",
        (built_in("int8"), built_in("int8-accurate"), built_in("int8-dynamic"), built_in("int8-weights"))
        + (built_in("int4", 4), built_in("int4-accurate", 4), built_in("int2", 2)),
        _all_bits, ("kjv-lm",),
        heads=("bits", "bytes", "bits a weight", "SQNR, dB", "cosine", "score", "added", "speed", "quartiles", "process, s"),
    ),
    "tails": Group(
        "heavy-tailed weights at 4 bits", (built_in("int4", 4), built_in("int4-accurate", 4)), lambda: weight_peers(4),
        ("heavy-tails",),
    ),
    "recurrent": Group(
        "recurrent models", (built_in("int8"), built_in("int8-accurate"), built_in("int8-dynamic"), built_in("int8-weights")), _dynamic,
        ("dtln-1", "dtln-2", "silero-vad", "silero-vad-ifless", "silero-vad-half", "lstm", "gru", "gru-strong"), every_row=False,
        heads=("bytes", "smaller", "SQNR, dB", "cosine", "speed", "quartiles", "integer kernels", "process, s"),
    ),
    "minilm": Group(
        "a sentence encoder",
        (built_in("int8"), built_in("int8-dynamic"), built_in("int8-weights"), built_in("int4-accurate", 4)), _encoder,
        ("all-minilm-l6-v2",),
        heads=("bits", "bytes", "smaller", "SQNR, dB", "cosine", "score", "speed", "quartiles", "integer kernels", "process, s"),
    ),
    "time": Group(
        "seconds of whole processes", (built_in("int8"), built_in("int8-accurate"), built_in("int4-accurate", 4)), scored=False,
    ),
}  # fmt: skip


def entries(group):
    """The models of a group, made ones included; those whose files are absent are left out."""
    known = {entry.name: entry for entry in catalog.entries_with_cards()}
    if group.models is None:
        small = [entry for entry in known.values() if entry.name not in LARGE]
        return small + [known[name] for name in LARGE if group.scored and name in known]  # what takes longest comes last
    return [known[name] if name in known else made(name) for name in group.models if name in known or name in MAKERS]


MAKERS = {"heavy-tails": heavy_tails.write} | {name: (lambda folder, name=name: recurrent.write(folder, name)) for name in recurrent.LAYOUTS}


def expected(group):
    """The names of all models of a group, whether their files are here or not."""
    names = group.models or (catalog.digits().name, *catalog.CARDS)
    return [name for name in names if group.scored or name not in LARGE]


def made(name):
    """A model that a generator of the benchmark writes."""
    return catalog.Entry(name, *MAKERS[name](MADE))
