"""Inputs to hold two models' outputs against each other, and how far they agree."""

import numpy as np

from . import cards, measure

STEPS = 8  # runs of each kind; of a stream, steps
SEED = 20


def feeds(entry, session):
    """Inputs by kind: `card` (its first evaluation rows, the state carried by the original) and `random`."""
    if not entry.card:
        return {"random": [_unknown(session, np.random.default_rng(SEED + i)) for i in range(STEPS)]}
    rows = cards.load(entry.card, "evaluate", STEPS).bound(measure.inputs_of(session))
    real = [feed for feed, _ in zip(cards.steps(session, rows), range(STEPS))]
    return {"card": real, "random": [_like(feed, rows, np.random.default_rng(SEED + i)) for i, feed in enumerate(real)]}


def _like(feed, rows, random):
    """Random values with the shapes, types and ranges of real ones; what a card fixes stays."""
    made = {}
    for name, value in feed.items():
        if name in rows.constant and name not in rows.carried:
            made[name] = value
        elif value.dtype.kind == "f":
            made[name] = random.normal(value.mean(), value.std() + 0.1, value.shape).astype(value.dtype)
        else:
            made[name] = random.integers(value.min(), value.max() + 1, value.shape).astype(value.dtype)
    return made


def _unknown(session, random):
    """Numbers from 0 to 1 for a model of which nothing is known; open dimensions are 1."""
    made = {}
    for i in session.get_inputs():
        shape = [d if isinstance(d, int) and d > 0 else 1 for d in i.shape]
        made[i.name] = random.random(shape).astype(cards.TYPES[i.type])
    return made


def agreement(original, other, runs):
    """The smallest SQNR of any output over all runs, in dB (None: bit for bit the same)."""
    names, lowest, identical = [o.name for o in original.get_outputs()], None, True
    kept = measure.inputs_of(other)
    pairs = {name: [] for name in names}
    for feed in runs:
        left = original.run(names, feed)
        right = other.run(names, {k: v for k, v in feed.items() if k in kept})
        for name, a, b in zip(names, left, right):
            pairs[name].append((a, b))
            identical = identical and a.shape == b.shape and a.tobytes() == b.tobytes()
    for found in pairs.values():
        value = measure.sqnr(*(np.concatenate([p[k].ravel() for p in found]) for k in (0, 1)))
        lowest = value if lowest is None else lowest if value is None else min(lowest, value)
    return {"identical": identical, "sqnrDB": lowest}
