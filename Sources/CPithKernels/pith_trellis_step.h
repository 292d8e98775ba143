#pragma once
#include "pith_trellis.h"
#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

// What the searches for levels share: the ways through the trellis, and the levels of a kind. Whatever the state, only four
// levels come into question: the best with an even and an odd number in each of the two sets. They lie 4 apart within their
// kind: 0, 4, 8 ... and 2, 6 ... in set 0; 0, 3, 7 ... and 1, 5 ... in set 1.

enum { R = PITH_TRELLIS_RUNS, MOST = 8 };
static const float unreachable = 1e30f;

// The state and the oddness of k that lead to each state: two ways.
struct way {
    uint8_t state, odd;
};
static const struct way ways4[4][2] = {{{0, 0}, {1, 1}}, {{2, 0}, {3, 1}}, {{0, 1}, {1, 0}}, {{2, 1}, {3, 0}}};
static const struct way ways8[8][2] = {{{0, 0}, {4, 1}}, {{2, 0}, {6, 1}}, {{0, 1}, {4, 0}}, {{2, 1}, {6, 0}},
                                       {{3, 1}, {7, 0}}, {{1, 1}, {5, 0}}, {{3, 0}, {7, 1}}, {{1, 0}, {5, 1}}};

#define SET(states, state) ((states) == 8 ? (state) & 1u : (state) >> 1)

// The better of the nearest level of a kind and the one below it: its cost, and the level.
static inline __attribute__((always_inline)) float
best(float x, float w, const float *rates, float offset, float least, float most, int set, int *level) {
    // What is rounded down is never below zero, so a cast does it; beyond all levels, and for what is no number, the last one is near.
    float bound = x < 128 ? x : 128;
    float near = 4 * (float)(int)((bound - offset) * 0.25f + 0.5f) + offset;
    near = near < least ? least : near > most ? most : near;
    float below = near - 4 < least ? least : near - 4;
    int a = (int)near, b = (int)below;
    float da = x - near, db = x - below;
    float ca = w * (da * da) + rates[(a + set) >> 1], cb = w * (db * db) + rates[(b + set) >> 1];
    *level = cb < ca ? b : a;
    return cb < ca ? cb : ca;
}

// The better of the nearest level and the one below it, without a trellis.
static inline __attribute__((always_inline)) float best_plain(float x, float w, const float *rates, int *level) {
    float bound = x < 128 ? x : 128, near = (float)(int)(bound + 0.5f);
    near = near > 127 ? 127 : near;
    float below = near < 1 ? 0 : near - 1, da = x - near, db = x - below;
    float ca = w * (da * da) + rates[(int)near], cb = w * (db * db) + rates[(int)below];
    *level = (int)(cb < ca ? below : near);
    return cb < ca ? cb : ca;
}

// Keeps sums small beside the costs that are added to them.
static inline __attribute__((always_inline)) void lower(unsigned states, float costs[MOST][R]) {
    for (int r = 0; r < R; r++) {
        float least = costs[0][r];
        for (unsigned t = 1; t < states; t++) least = costs[t][r] < least ? costs[t][r] : least;
        for (unsigned t = 0; t < states; t++) costs[t][r] -= least;
    }
}
