"""Which models are measured, and with which data."""

import os
from dataclasses import dataclass
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parent.parent
PROJECT = BENCHMARKS.parent
DIGITS = PROJECT / "Examples" / "Digits"

# Card of each model in the shared data folder.
CARDS = {
    "resnet20-cifar10": "resnet-cifar10",
    "resnet8-mlperf": "resnet8-cifar10",
    "kws-dscnn": "kws",
    "all-minilm-l6-v2": "minilm",
    "resnet56-cifar10": "resnet-cifar10",
    "mobileface_v2": "mobileface",
    "vww-mobilenet": "vww",
    "mnist-cntk": "mnist-255",
    "magika": "magika",
    "dtln-1": "dtln-1",
    "dtln-2": "dtln-2",
    "silero-vad": "silero-vad",
    "silero-vad-half": "silero-vad",
    "silero-vad-ifless": "silero-vad",
    "kjv-lm": "kjv-lm",
    "stories260k": "stories260k",
}

# Models whose floors the project has set: they are scored on every evaluation row.
WITH_FLOORS = ("resnet20-cifar10", "resnet8-mlperf", "kws-dscnn", "all-minilm-l6-v2")
TRANSFORMERS = ("all-minilm-l6-v2", "kjv-lm", "stories260k")
OTHER_ROWS = 1000  # evaluation rows of every other model, at most
LANGUAGE_ROWS = 96  # the same for language models: a row is 128 tokens


@dataclass(frozen=True)
class Entry:
    """One model and the card that feeds it; `card` is None where there is no data."""

    name: str
    model: Path
    card: Path | None

    @property
    def evaluation_limit(self):
        """How many evaluation rows are scored at most; None for all."""
        if self.name in WITH_FLOORS:
            return None
        return LANGUAGE_ROWS if self.name in TRANSFORMERS else OTHER_ROWS


def data_folder():
    """The shared data folder, or None where it is absent."""
    named = os.environ.get("PITH_TEST_DATA")
    folder = Path(named) if named else PROJECT.parent / "shared" / "data"
    return folder.resolve() if (folder / "models").is_dir() else None


def digits():
    return Entry("digits", DIGITS / "digits.onnx", DIGITS / "digits.yaml")


def entries_with_cards(wanted=None):
    """The models that have a data card, the embedded one first."""
    found, data = [digits()], data_folder()
    for name, card in CARDS.items() if data else ():
        model, path = data / "models" / f"{name}.onnx", data / "cards" / f"{card}.yaml"
        if model.is_file() and path.is_file():
            found.append(Entry(name, model, path))
    return _chosen(found, wanted)


def all_entries(wanted=None):
    """Every ONNX model, with its card where it has one."""
    found, data = [digits()], data_folder()
    for model in sorted((data / "models").glob("*.onnx")) if data else ():
        card = CARDS.get(model.stem)
        found.append(Entry(model.stem, model, data / "cards" / f"{card}.yaml" if card else None))
    return _chosen(found, wanted)


def _chosen(entries, wanted):
    if not wanted:
        return entries
    unknown = set(wanted) - {entry.name for entry in entries}
    if unknown:
        raise SystemExit(f"bench: no model is called {', '.join(sorted(unknown))}")
    return [entry for entry in entries if entry.name in wanted]
