"""Draws small grey pictures of the digits 0-9 from strokes, without fonts or photographs.

Every digit has a few hand-written skeletons (lines, arcs and Bezier curves). A picture is one skeleton, bent by an
affine and an elastic distortion, inked with a soft pen of random width, and disturbed by marks, a lost patch, uneven
light and noise. Run as a program, it writes the calibration and evaluation rows to `digits.npz`:

    python generate.py

Only additions, products, square roots and the seeded generator touch the pixels (sines are taken with `math`, one at
a time), so that the pictures do not depend on how NumPy uses the processor.
"""

import math
from pathlib import Path

import numpy as np

SEED = 20240917
SIDE = 28
CALIBRATION_COUNT = 200
EVALUATION_COUNT = 1000
TRAINING_COUNT = 20_000
#: Grey levels that are kept; few of them, so that noisy pictures still compress.
GREY_LEVELS = 16
#: Each split draws from its own random stream, so no split changes when another one grows.
STREAMS = {"training": 0, "calibration": 1, "evaluation": 2}


# --- Skeletons: x and y in 0...1, y grows downwards -------------------------------------------------------------------

def line(*corners, steps=6):
    """Returns the points of a polyline, subdivided so that it can bend."""
    points = [corners[0]]
    for (x0, y0), (x1, y1) in zip(corners, corners[1:]):
        points += [(x0 + (x1 - x0) * k / steps, y0 + (y1 - y0) * k / steps) for k in range(1, steps + 1)]
    return points


def arc(centre, radii, start, end, steps=20):
    """Returns points on an ellipse from angle `start` to `end`, in degrees clockwise from the right."""
    points = []
    for k in range(steps + 1):
        angle = math.radians(start + (end - start) * k / steps)
        points.append((centre[0] + radii[0] * math.cos(angle), centre[1] + radii[1] * math.sin(angle)))
    return points


def curve(*controls, steps=12):
    """Returns points on a chain of cubic Bezier curves; each further curve begins where the last one ended."""
    points = [controls[0]]
    for first in range(0, len(controls) - 1, 3):
        a, b, c, d = controls[first:first + 4]
        for k in range(1, steps + 1):
            t = k / steps
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t ** 3)
            points.append(tuple(sum(w * p[axis] for w, p in zip(weights, (a, b, c, d))) for axis in (0, 1)))
    return points


#: For each digit its variants; a variant is a list of strokes, a stroke a list of points.
SKELETONS = [
    [  # 0
        [arc((0.5, 0.5), (0.32, 0.5), 0, 360)],
        [arc((0.5, 0.5), (0.22, 0.5), 0, 360)],
        [arc((0.5, 0.52), (0.3, 0.48), -70, 275)],
        [curve((0.6, 0.0), (0.1, 0.0), (0.05, 1.0), (0.45, 1.0), (0.95, 1.0), (0.9, 0.05), (0.5, 0.05))],
    ],
    [  # 1
        [line((0.5, 0.0), (0.5, 1.0))],
        [line((0.28, 0.25), (0.55, 0.0), (0.55, 1.0))],
        [line((0.3, 0.22), (0.52, 0.0), (0.52, 1.0)), line((0.28, 1.0), (0.78, 1.0))],
        [curve((0.4, 0.18), (0.5, 0.12), (0.55, 0.05), (0.58, 0.0)), line((0.58, 0.0), (0.48, 1.0))],
    ],
    [  # 2
        [curve((0.2, 0.28), (0.25, -0.1), (0.85, -0.1), (0.8, 0.3), (0.76, 0.6), (0.4, 0.75), (0.2, 1.0)),
         line((0.2, 1.0), (0.82, 1.0))],
        [curve((0.22, 0.2), (0.4, -0.1), (0.85, 0.0), (0.75, 0.35), (0.65, 0.7), (0.35, 1.05), (0.2, 0.92),
               (0.15, 0.75), (0.45, 0.8), (0.85, 1.0))],
        [line((0.2, 0.2), (0.45, 0.0), (0.75, 0.18), (0.72, 0.4), (0.2, 1.0), (0.8, 1.0))],
        [arc((0.5, 0.28), (0.3, 0.28), 180, 380), line((0.78, 0.38), (0.2, 1.0), (0.85, 0.95))],
    ],
    [  # 3
        [arc((0.46, 0.25), (0.3, 0.25), 200, 450), arc((0.46, 0.74), (0.34, 0.26), 270, 520)],
        [line((0.22, 0.0), (0.78, 0.0), (0.45, 0.4)),
         curve((0.45, 0.4), (0.95, 0.4), (0.95, 1.0), (0.45, 1.0), (0.35, 1.0), (0.25, 0.95), (0.2, 0.88))],
        [curve((0.2, 0.1), (0.55, -0.1), (0.9, 0.1), (0.7, 0.35), (0.65, 0.43), (0.55, 0.46), (0.4, 0.47)),
         curve((0.4, 0.47), (0.75, 0.45), (0.9, 0.7), (0.7, 0.9), (0.55, 1.05), (0.3, 1.0), (0.18, 0.9))],
        [line((0.25, 0.05), (0.7, 0.1), (0.7, 0.4), (0.4, 0.48)),
         line((0.4, 0.48), (0.75, 0.6), (0.7, 0.95), (0.22, 1.0))],
    ],
    [  # 4
        [line((0.3, 0.0), (0.2, 0.58), (0.85, 0.58)), line((0.66, 0.2), (0.62, 1.0))],
        [line((0.65, 1.0), (0.65, 0.0), (0.15, 0.66), (0.88, 0.66))],
        [curve((0.25, 0.05), (0.15, 0.6), (0.3, 0.65), (0.7, 0.5)), line((0.75, 0.0), (0.65, 1.0))],
        [line((0.55, 0.0), (0.18, 0.7), (0.82, 0.7)), line((0.6, 0.45), (0.6, 1.0))],
    ],
    [  # 5
        [line((0.78, 0.0), (0.3, 0.0), (0.26, 0.45)),
         curve((0.26, 0.45), (0.6, 0.3), (0.9, 0.5), (0.78, 0.8), (0.65, 1.05), (0.35, 1.03), (0.2, 0.9))],
        [line((0.3, 0.02), (0.26, 0.42)), line((0.3, 0.02), (0.8, 0.0)),
         arc((0.46, 0.69), (0.34, 0.31), 230, 505)],
        [curve((0.8, 0.05), (0.3, -0.05), (0.1, 0.35), (0.4, 0.45), (0.95, 0.55), (0.85, 1.05), (0.2, 0.95))],
        [line((0.75, 0.0), (0.25, 0.0), (0.25, 0.45), (0.65, 0.45), (0.78, 0.6), (0.75, 0.9), (0.6, 1.0), (0.2, 0.98))],
    ],
    [  # 6
        [curve((0.7, 0.0), (0.4, 0.1), (0.2, 0.4), (0.2, 0.7)), arc((0.5, 0.7), (0.3, 0.3), 0, 360)],
        [line((0.55, 0.0), (0.25, 0.58)), arc((0.48, 0.74), (0.27, 0.26), 0, 360)],
        [curve((0.75, 0.08), (0.3, -0.1), (0.1, 0.5), (0.22, 0.8), (0.35, 1.1), (0.8, 1.0), (0.78, 0.7),
               (0.75, 0.45), (0.35, 0.45), (0.22, 0.75))],
        [curve((0.35, 0.0), (0.2, 0.4), (0.15, 1.0), (0.45, 1.0), (0.8, 1.0), (0.8, 0.55), (0.5, 0.58),
               (0.35, 0.6), (0.28, 0.75), (0.3, 0.85))],
    ],
    [  # 7
        [line((0.18, 0.0), (0.82, 0.0), (0.4, 1.0))],
        [line((0.2, 0.02), (0.8, 0.0), (0.42, 1.0)), line((0.32, 0.5), (0.78, 0.48))],
        [line((0.2, 0.15), (0.2, 0.0), (0.8, 0.0)), curve((0.8, 0.0), (0.6, 0.3), (0.48, 0.6), (0.48, 1.0))],
        [curve((0.18, 0.1), (0.35, -0.05), (0.6, 0.15), (0.82, 0.0)), line((0.82, 0.0), (0.5, 1.0))],
    ],
    [  # 8
        [arc((0.5, 0.25), (0.25, 0.25), 0, 360), arc((0.5, 0.74), (0.31, 0.26), 0, 360)],
        [curve((0.5, 0.48), (0.1, 0.3), (0.2, 0.0), (0.5, 0.0), (0.8, 0.0), (0.9, 0.3), (0.5, 0.48),
               (0.05, 0.7), (0.15, 1.0), (0.5, 1.0), (0.85, 1.0), (0.95, 0.7), (0.5, 0.48))],
        [curve((0.75, 0.12), (0.55, -0.1), (0.1, 0.05), (0.25, 0.35), (0.4, 0.55), (0.9, 0.6), (0.75, 0.88),
               (0.6, 1.1), (0.1, 1.0), (0.25, 0.7), (0.35, 0.5), (0.75, 0.35), (0.75, 0.12))],
        [arc((0.5, 0.27), (0.22, 0.27), 0, 360), arc((0.5, 0.77), (0.24, 0.23), 0, 360)],
    ],
    [  # 9
        [arc((0.48, 0.29), (0.29, 0.29), 0, 360), line((0.77, 0.25), (0.72, 1.0))],
        [arc((0.5, 0.3), (0.29, 0.3), 0, 360), curve((0.79, 0.3), (0.8, 0.65), (0.65, 0.95), (0.3, 1.0))],
        [curve((0.75, 0.15), (0.55, -0.1), (0.2, 0.05), (0.22, 0.3), (0.25, 0.6), (0.65, 0.6), (0.76, 0.15)),
         line((0.76, 0.15), (0.5, 1.0))],
        [arc((0.47, 0.27), (0.26, 0.27), 0, 360),
         curve((0.73, 0.27), (0.78, 0.6), (0.8, 1.0), (0.5, 1.0), (0.35, 1.0), (0.28, 0.95), (0.25, 0.88))],
    ],
]


# --- Bending ----------------------------------------------------------------------------------------------------------

def affine(rng):
    """Returns a random 2 x 2 matrix (pixels per unit) and the place of the digit's middle."""
    angle = rng.uniform(-0.35, 0.35)
    shear = rng.uniform(-0.35, 0.35)
    width, height = rng.uniform(12.5, 22.0), rng.uniform(14.0, 22.0)
    c, s = math.cos(angle), math.sin(angle)
    matrix = ((c * width, (c * shear - s) * height), (s * width, (s * shear + c) * height))
    middle = (SIDE - 1) / 2 + rng.uniform(-2.5, 2.5, 2)
    return matrix, middle


def elastic(points, field):
    """Moves each point (N x 2, in pixels) by a smooth field given on a 5 x 5 grid of knots."""
    place = np.clip(points / (SIDE - 1), 0.0, 0.9999) * 4
    cell = place.astype(int)
    fade = place - cell
    fade = fade * fade * (3 - 2 * fade)
    (x, y), (u, v) = cell.T, fade.T[:, :, None]
    top = field[y, x] * (1 - u) + field[y, x + 1] * u
    bottom = field[y + 1, x] * (1 - u) + field[y + 1, x + 1] * u
    return points + top * (1 - v) + bottom * v


def bent_segments(strokes, rng):
    """Returns the distorted skeleton as segments, S x 2 x 2: segment, end, (x, y) in pixels."""
    ((a, b), (c, d)), middle = affine(rng)
    field = rng.uniform(-1.0, 1.0, (5, 5, 2)) * rng.uniform(0.5, 3.2)
    segments = []
    for stroke in strokes:
        x, y = np.array(stroke).T - 0.5
        points = elastic(np.stack([a * x + b * y, c * x + d * y], axis=1) + middle, field)
        segments.append(np.stack([points[:-1], points[1:]], axis=1))
    return np.concatenate(segments)


# --- Inking -----------------------------------------------------------------------------------------------------------

def distance(segments):
    """Returns the distance of every pixel to the nearest segment, SIDE x SIDE."""
    grid = np.arange(SIDE, dtype=np.float64)
    start, way = segments[:, 0], segments[:, 1] - segments[:, 0]
    dx = grid[None, None, :] - start[:, 0, None, None]
    dy = grid[None, :, None] - start[:, 1, None, None]
    wx, wy = way[:, 0, None, None], way[:, 1, None, None]
    along = np.clip((dx * wx + dy * wy) / np.maximum(wx * wx + wy * wy, 1e-9), 0.0, 1.0)
    ex, ey = dx - along * wx, dy - along * wy
    return np.sqrt((ex * ex + ey * ey).min(axis=0))


def ink(segments, radius, softness):
    """Returns how much ink a round pen leaves on each pixel, 0...1, with an edge `softness` pixels wide."""
    depth = np.clip((radius - distance(segments)) / softness + 0.5, 0.0, 1.0)
    return depth * depth * (3 - 2 * depth)


def blurred(picture):
    """Returns the picture after one 3 x 3 binomial blur."""
    wide = np.pad(picture, 1)
    rows = (wide[:-2] + 2 * wide[1:-1] + wide[2:]) / 4
    return (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4


# --- Disturbing -------------------------------------------------------------------------------------------------------

def marks(rng):
    """Returns the ink of up to three short random strokes that belong to no digit."""
    picture = np.zeros((SIDE, SIDE))
    for _ in range(rng.integers(0, 4)):
        start = rng.uniform(0, SIDE - 1, 2)
        segment = np.stack([start, start + rng.uniform(-7.0, 7.0, 2)])[None]
        strength = rng.uniform(0.3, 1.0)
        picture = np.maximum(picture, strength * ink(segment, rng.uniform(0.3, 1.1), 1.0))
    return picture


def lost_patch(rng):
    """Returns a factor per pixel that wipes out one small disc in half of the pictures."""
    centre = rng.uniform(6, SIDE - 7, 2)
    radius = rng.uniform(1.0, 3.6)
    keep = 1.0 - ink(np.stack([centre, centre])[None], radius, 1.5)
    return keep if rng.uniform() < 0.5 else np.ones_like(keep)


def light(rng):
    """Returns a brightness that falls off along a random direction, 0...0.2."""
    grid = np.linspace(-0.5, 0.5, SIDE)
    slope = rng.uniform(-0.2, 0.2, 2)
    return np.clip(rng.uniform(-0.15, 0.1) + slope[0] * grid[None, :] + slope[1] * grid[:, None], 0.0, 0.2)


# --- Pictures ---------------------------------------------------------------------------------------------------------

def draw(digit, rng):
    """Returns one picture of `digit`: SIDE x SIDE, uint8, bright ink on a dark ground."""
    variants = SKELETONS[digit]
    strokes = variants[rng.integers(len(variants))]
    picture = ink(bent_segments(strokes, rng), rng.uniform(0.55, 2.1), rng.uniform(0.8, 2.0))
    picture = picture * lost_patch(rng)
    picture = np.maximum(picture, marks(rng))
    if rng.uniform() < 0.4:
        picture = blurred(picture)
    picture = picture * rng.uniform(0.4, 1.0) + light(rng)
    picture = picture + rng.uniform(0.0, 0.13) * rng.standard_normal((SIDE, SIDE)) - 0.05
    levels = np.floor(np.clip(picture, 0.0, 1.0) * (GREY_LEVELS - 1) + 0.5)
    return (levels * (255 // (GREY_LEVELS - 1))).astype(np.uint8)


def draw_split(split, count):
    """Returns `count` pictures and their labels, every digit equally often, in random order."""
    rng = np.random.default_rng([SEED, STREAMS[split]])
    labels = rng.permutation(np.arange(count) % 10).astype(np.int64)
    return np.stack([draw(int(digit), rng) for digit in labels]), labels


def main():
    """Writes the calibration rows and then the evaluation rows to `digits.npz`."""
    calibration = draw_split("calibration", CALIBRATION_COUNT)
    evaluation = draw_split("evaluation", EVALUATION_COUNT)
    image, label = (np.concatenate(pair) for pair in zip(calibration, evaluation))
    np.savez_compressed(Path(__file__).with_name("digits.npz"), image=image, label=label)
    print(f"digits.npz: {len(image)} pictures, {image.shape[1]} x {image.shape[2]}")


if __name__ == "__main__":
    main()
