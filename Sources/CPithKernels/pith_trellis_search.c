#include "pith_clones.h"
#include "pith_trellis.h"
#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

// Viterbi's search (Forney, Proc. IEEE 61, 1973) for the levels of 16 runs side by side. Whatever the state, only four levels
// come into question: the best with an even and an odd number in each of the two sets. They lie 4 apart within their kind:
// 0, 4, 8 ... and 2, 6 ... in set 0; 0, 3, 7 ... and 1, 5 ... in set 1.

enum { R = PITH_TRELLIS_RUNS, TILE = 64, MOST = 8 };
static const float unreachable = 1e30f;

// The state and the oddness of k that lead to each state: two ways.
struct way {
    uint8_t state, odd;
};
static const struct way ways4[4][2] = {{{0, 0}, {1, 1}}, {{2, 0}, {3, 1}}, {{0, 1}, {1, 0}}, {{2, 1}, {3, 0}}};
static const struct way ways8[8][2] = {{{0, 0}, {4, 1}}, {{2, 0}, {6, 1}}, {{0, 1}, {4, 0}}, {{2, 1}, {6, 0}},
                                       {{3, 1}, {7, 0}}, {{1, 1}, {5, 0}}, {{3, 0}, {7, 1}}, {{1, 0}, {5, 1}}};

#define SET(states, state) ((states) == 8 ? (state) & 1u : (state) >> 1)

unsigned pith_trellis_set(unsigned states, unsigned state) { return SET(states, state); }

unsigned pith_trellis_next(unsigned states, unsigned state, int odd) {
    for (unsigned next = 0; next < states; next++)
        for (int which = 0; which < 2; which++) {
            struct way way = states == 8 ? ways8[next][which] : ways4[next][which];
            if (way.state == state && way.odd == (odd != 0)) return next;
        }
    return 0;
}

// The better of the nearest level of a kind and the one below it: its cost, and the level.
static inline __attribute__((always_inline)) float
best(float x, float w, const float *rates, float offset, float least, float most, int set, int *level) {
    // What is rounded down is never below zero, so a cast does it.
    float near = 4 * (float)(int)((x - offset) * 0.25f + 0.5f) + offset;
    near = near < least ? least : near > most ? most : near;
    float below = near - 4 < least ? least : near - 4;
    int a = (int)near, b = (int)below;
    float da = x - near, db = x - below;
    float ca = w * (da * da) + rates[(a + set) >> 1], cb = w * (db * db) + rates[(b + set) >> 1];
    *level = cb < ca ? b : a;
    return cb < ca ? cb : ca;
}

// One number of each run: costs of the ways into each state, what was decided, and the four levels.
static inline __attribute__((always_inline)) void step(
    unsigned states, const float *x, const float *w, const float *rates,
    float costs[MOST][R], uint8_t *levels, uint8_t *decisions) {
    float of[4][R], next[MOST][R];
    int found[4][R];
    for (int r = 0; r < R; r++) of[0][r] = best(x[r], w[r], rates, 0, 0, 124, 0, found[0] + r);
    for (int r = 0; r < R; r++) of[1][r] = best(x[r], w[r], rates, 2, 2, 126, 0, found[1] + r);
    for (int r = 0; r < R; r++) of[2][r] = best(x[r], w[r], rates + PITH_TRELLIS_LARGEST + 1, -1, 0, 127, 1, found[2] + r);
    for (int r = 0; r < R; r++) of[3][r] = best(x[r], w[r], rates + PITH_TRELLIS_LARGEST + 1, 1, 1, 125, 1, found[3] + r);
    for (int kind = 0; kind < 4; kind++)
        for (int r = 0; r < R; r++) levels[kind * R + r] = (uint8_t)found[kind][r];
    uint32_t chosen[R] = {0};
#pragma clang loop unroll(full)
    for (unsigned t = 0; t < states; t++) {
        struct way p = states == 8 ? ways8[t][0] : ways4[t][0], q = states == 8 ? ways8[t][1] : ways4[t][1];
        for (int r = 0; r < R; r++) {
            float a = costs[p.state][r] + of[2 * SET(states, p.state) + p.odd][r];
            float b = costs[q.state][r] + of[2 * SET(states, q.state) + q.odd][r];
            next[t][r] = b < a ? b : a;
            chosen[r] |= (uint32_t)(b < a) << t;
        }
    }
    for (int r = 0; r < R; r++) decisions[r] = (uint8_t)chosen[r];
    memcpy(costs, next, states * sizeof *next);
}

// Keeps sums small beside the costs that are added to them.
static inline __attribute__((always_inline)) void lower(unsigned states, float costs[MOST][R]) {
    for (int r = 0; r < R; r++) {
        float least = costs[0][r];
        for (unsigned t = 1; t < states; t++) least = costs[t][r] < least ? costs[t][r] : least;
        for (unsigned t = 0; t < states; t++) costs[t][r] -= least;
    }
}

static inline __attribute__((always_inline)) void forward(
    const float *values, const float *weights, size_t stride, const size_t *lengths, unsigned runs, unsigned states,
    const float *rates, uint8_t *scratch) {
    float costs[MOST][R], x[TILE][R], w[TILE][R];
    size_t longest = 0;
    for (unsigned r = 0; r < runs; r++) longest = lengths[r] > longest ? lengths[r] : longest;
    for (int r = 0; r < R; r++)
        for (unsigned t = 0; t < states; t++) costs[t][r] = t ? unreachable : 0;
    for (size_t start = 0; start < longest; start += TILE) {
        size_t most = longest - start < TILE ? longest - start : TILE;
        memset(x, 0, sizeof x);
        for (int i = 0; i < TILE; i++)
            for (int r = 0; r < R; r++) w[i][r] = 1;
        for (unsigned r = 0; r < runs; r++) {
            size_t count = lengths[r] <= start ? 0 : lengths[r] - start < most ? lengths[r] - start : most;
            for (size_t i = 0; i < count; i++) x[i][r] = fabsf(values[r * stride + start + i]);
            for (size_t i = 0; weights && i < count; i++) w[i][r] = weights[r * stride + start + i];
        }
        for (size_t i = 0; i < most; i++) {
            uint8_t *place = scratch + (start + i) * PITH_TRELLIS_SCRATCH;
            step(states, x[i], w[i], rates, costs, place, place + 4 * R);
        }
        lower(states, costs);
    }
}

static inline __attribute__((always_inline)) void backward(
    const float *values, size_t stride, const size_t *lengths, unsigned runs, unsigned states, const uint8_t *scratch,
    int8_t *levels, uint32_t *counts) {
    for (unsigned r = 0; r < runs; r++) {
        unsigned state = 0;
        for (size_t i = lengths[r]; i-- > 0;) {
            const uint8_t *place = scratch + i * PITH_TRELLIS_SCRATCH;
            int which = place[4 * R + r] >> state & 1;
            struct way way = states == 8 ? ways8[state][which] : ways4[state][which];
            unsigned set = SET(states, way.state);
            int level = place[(2 * set + way.odd) * R + r];
            counts[set * (PITH_TRELLIS_LARGEST + 1) + ((unsigned)level + set) / 2]++;
            levels[r * stride + i] = (int8_t)(values[r * stride + i] < 0 ? -level : level);
            state = way.state;
        }
    }
}

PITH_CLONES
static void forward4(
    const float *values, const float *weights, size_t stride, const size_t *lengths, unsigned runs,
    const float *rates, uint8_t *scratch) {
    forward(values, weights, stride, lengths, runs, 4, rates, scratch);
}

PITH_CLONES
static void forward8(
    const float *values, const float *weights, size_t stride, const size_t *lengths, unsigned runs,
    const float *rates, uint8_t *scratch) {
    forward(values, weights, stride, lengths, runs, 8, rates, scratch);
}

void pith_trellis_search(
    const float *values, const float *weights, size_t stride, const size_t *lengths, unsigned runs, unsigned states,
    const float *rates, uint8_t *scratch, int8_t *levels, uint32_t *counts) {
    if (states == 8) {
        forward8(values, weights, stride, lengths, runs, rates, scratch);
        backward(values, stride, lengths, runs, 8, scratch, levels, counts);
    } else {
        forward4(values, weights, stride, lengths, runs, rates, scratch);
        backward(values, stride, lengths, runs, 4, scratch, levels, counts);
    }
}

void pith_round_by_rate(
    const float *values, const float *weights, size_t count, const float rates[128], int8_t *levels,
    uint32_t counts[128]) {
    for (size_t i = 0; i < count; i++) {
        float x = fabsf(values[i]), w = weights ? weights[i] : 1;
        float near = floorf(x + 0.5f);
        near = near > 127 ? 127 : near;
        float below = near < 1 ? 0 : near - 1, da = x - near, db = x - below;
        float ca = w * (da * da) + rates[(int)near], cb = w * (db * db) + rates[(int)below];
        int level = (int)(cb < ca ? below : near);
        counts[level]++;
        levels[i] = (int8_t)(values[i] < 0 ? -level : level);
    }
}
