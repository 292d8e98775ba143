"""Latency of several models measured side by side, so that what else the machine does touches all of them alike."""

import time

import numpy as np

CHUNK_SECONDS = 0.001  # a quick model is run several times in a row: reading clocks is not free
FEWEST_ROUNDS, MOST_ROUNDS = 24, 300


def measure(models, budget_seconds=6.0):
    """Times `models` (name to session and inputs) in rounds; the first name is the reference.

    A round runs each model once unmeasured, since the others have just used the caches, and then for a chunk of about
    1 ms; each round starts one place further along. The speed of a
    model is the median over rounds of the ratio to the reference *in the same round*, by the processor time of the
    calling thread: with one thread nothing waits, so that on an idle machine it equals the time on the clock, and on
    a busy one it leaves out what other programs took. The ratio by the clock is kept beside it.
    """
    names = list(models)
    repeats = {name: _repeats(*models[name]) for name in names}
    round_seconds = sum((count + 1) * once for count, once in repeats.values())
    rounds = int(np.clip(budget_seconds / round_seconds, FEWEST_ROUNDS, MOST_ROUNDS))
    taken = {name: np.zeros((rounds, 2)) for name in names}
    for turn in range(rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            taken[name][turn] = _chunk(*models[name], repeats[name][0])
    return {name: _summary(taken[name], taken[names[0]]) for name in names}


def _chunk(model, feed, count):
    """Seconds of one run, by the thread's processor time and by the clock, averaged over `count` runs after one unmeasured."""
    model.run(None, feed)
    clock, processor = time.perf_counter(), time.thread_time()
    for _ in range(count):
        model.run(None, feed)
    return (time.thread_time() - processor) / count, (time.perf_counter() - clock) / count


def _repeats(model, feed):
    """How many runs make a chunk, and the seconds of one; warms the model up on the way."""
    once = min(_chunk(model, feed, 1)[0] for _ in range(5))
    return max(1, int(round(CHUNK_SECONDS / once))), once


def _summary(taken, reference):
    lower, median, upper = np.percentile(reference[:, 0] / taken[:, 0], [25, 50, 75])
    return {
        "milliseconds": float(np.median(taken[:, 0]) * 1000),
        "millisecondsByClock": float(np.median(taken[:, 1]) * 1000),
        "speed": float(median),
        "speedLowerQuartile": float(lower),
        "speedUpperQuartile": float(upper),
        "speedByClock": float(np.median(reference[:, 1] / taken[:, 1])),
        "rounds": len(taken),
    }
