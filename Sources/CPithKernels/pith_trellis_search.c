#include "pith_clones.h"
#include "pith_trellis_step.h"

#pragma STDC FP_CONTRACT OFF

// Viterbi's search (Forney, Proc. IEEE 61, 1973) for the levels of 16 runs side by side.

enum { TILE = 64 };

unsigned pith_trellis_set(unsigned states, unsigned state) { return SET(states, state); }

unsigned pith_trellis_next(unsigned states, unsigned state, int odd) {
    for (unsigned next = 0; next < states; next++)
        for (int which = 0; which < 2; which++) {
            struct way way = states == 8 ? ways8[next][which] : ways4[next][which];
            if (way.state == state && way.odd == (odd != 0)) return next;
        }
    return 0;
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
        int level;
        best_plain(x, w, rates, &level);
        counts[level]++;
        levels[i] = (int8_t)(values[i] < 0 ? -level : level);
    }
}
