#include "pith_clones.h"
#include "pith_trellis_step.h"

#pragma STDC FP_CONTRACT OFF

// Viterbi's search where an error moves the numbers after it in its row. Each way that is still open has moved them by errors
// of its own, so each state keeps the sums that its way has made (per-survivor processing: Raheli, Polydoros and Tzou, IEEE
// Trans. Commun. 43, 1995).

struct row {
    // Of one number of each run: what is wanted, its step, and how much an error counts.
    float target[R], step[R], weight[R];
};

// For each state what a way through it wants, and the cost and level of each way onward.
struct choices {
    float wanted[MOST][R], cost[MOST][2][R];
    int level[MOST][2][R];
};

static inline __attribute__((always_inline)) void choose(
    unsigned states, const struct row *row, const float *rates, float sums[MOST][R], struct choices *out) {
    for (unsigned s = 0; s < states; s++) {
        float x[R];
        for (int r = 0; r < R; r++) {
            float wanted = row->target[r] + sums[s][r], size = fabsf(wanted) / row->step[r];
            out->wanted[s][r] = wanted;
            x[r] = size > PITH_TRELLIS_WIDEST ? PITH_TRELLIS_WIDEST : size;
        }
        const float *w = row->weight;
        if (states == 1) {
            for (int r = 0; r < R; r++) out->cost[s][0][r] = best_plain(x[r], w[r], rates, out->level[s][0] + r);
        } else if (SET(states, s) == 0) {
            for (int r = 0; r < R; r++) out->cost[s][0][r] = best(x[r], w[r], rates, 0, 0, 124, 0, out->level[s][0] + r);
            for (int r = 0; r < R; r++) out->cost[s][1][r] = best(x[r], w[r], rates, 2, 2, 126, 0, out->level[s][1] + r);
        } else {
            const float *odd = rates + PITH_TRELLIS_LARGEST + 1;
            for (int r = 0; r < R; r++) out->cost[s][0][r] = best(x[r], w[r], odd, -1, 0, 127, 1, out->level[s][0] + r);
            for (int r = 0; r < R; r++) out->cost[s][1][r] = best(x[r], w[r], odd, 1, 1, 125, 1, out->level[s][1] + r);
        }
    }
}

static inline __attribute__((always_inline)) struct way way_to(unsigned states, unsigned next, int which) {
    static const struct way still = {0, 0};
    return states == 1 ? still : states == 8 ? ways8[next][which] : ways4[next][which];
}

// Takes the cheaper way into each state: costs, errors, levels and which of the two it was.
static inline __attribute__((always_inline)) void decide(
    unsigned states, const struct row *row, const struct choices *choices, float costs[MOST][R], float errors[MOST][R],
    int32_t second[MOST][R], uint8_t *scratch) {
    float next[MOST][R];
    uint32_t decisions[R] = {0};
#pragma clang loop unroll(full)
    for (unsigned t = 0; t < states; t++) {
        struct way p = way_to(states, t, 0), q = way_to(states, t, 1);
        for (int r = 0; r < R; r++) {
            float a = costs[p.state][r] + choices->cost[p.state][p.odd][r];
            float b = costs[q.state][r] + choices->cost[q.state][q.odd][r];
            int other = b < a;
            next[t][r] = other ? b : a;
            second[t][r] = other;
            decisions[r] |= (uint32_t)other << t;
            int level = other ? choices->level[q.state][q.odd][r] : choices->level[p.state][p.odd][r];
            float wanted = other ? choices->wanted[q.state][r] : choices->wanted[p.state][r];
            level = wanted < 0 ? -level : level;
            errors[t][r] = row->target[r] - (float)level * row->step[r];
            scratch[t * R + r] = (uint8_t)level;
        }
    }
    for (int r = 0; r < R; r++) scratch[MOST * R + r] = (uint8_t)decisions[r];
    memcpy(costs, next, states * sizeof *next);
}

// Hands each state the sums of the way that leads to it, moved by its error.
static inline __attribute__((always_inline)) void move(
    unsigned states, float sums[MOST][R], float errors[MOST][R], int32_t second[MOST][R], float factor) {
    float old[MOST][R];
    memcpy(old, sums, states * sizeof *old);
#pragma clang loop unroll(full)
    for (unsigned t = 0; t < states; t++) {
        struct way p = way_to(states, t, 0), q = way_to(states, t, 1);
        for (int r = 0; r < R; r++)
            sums[t][r] = (second[t][r] ? old[q.state][r] : old[p.state][r]) + errors[t][r] * factor;
    }
}

static inline __attribute__((always_inline)) unsigned search(
    const struct pith_feedback *problem, unsigned states, const float *rates, float (*sums)[MOST][R], uint8_t *scratch,
    int8_t *levels, uint32_t *counts) {
    size_t columns = problem->columns, longest = 0;
    unsigned runs = problem->runs;
    for (unsigned r = 0; r < runs; r++) longest = problem->lengths[r] > longest ? problem->lengths[r] : longest;
    float costs[MOST][R], errors[MOST][R];
    int32_t second[MOST][R];
    for (int r = 0; r < R; r++)
        for (unsigned t = 0; t < states; t++) costs[t][r] = t == problem->first ? 0 : unreachable;
    for (size_t i = 0, column = 0; i < longest; i++, column = column + 1 == columns ? 0 : column + 1) {
        if (column == 0) memset(sums, 0, columns * sizeof *sums);
        struct row row;
        for (unsigned r = 0; r < R; r++) {
            int isLive = r < runs && i < problem->lengths[r];
            size_t place = isLive ? r * problem->stride + i : 0;
            row.target[r] = isLive ? problem->targets[place] : 0;
            row.step[r] = isLive ? problem->steps[place] : 1;
            row.weight[r] = problem->pivots[column] * (row.step[r] * row.step[r]);
        }
        struct choices choices;
        choose(states, &row, rates, sums[column], &choices);
        decide(states, &row, &choices, costs, errors, second, scratch + i * PITH_FEEDBACK_SCRATCH);
        const float *factors = problem->factors + column * columns;
        for (size_t later = column + 1; later < columns; later++)
            move(states, sums[later], errors, second, factors[later]);
        if (i % 64 == 63) lower(states, costs);
    }
    unsigned last = 0;
    for (unsigned t = 1; t < states && !problem->isClosed; t++) last = costs[t][0] < costs[last][0] ? t : last;
    for (unsigned r = 0; r < runs; r++) {
        unsigned state = problem->isClosed ? 0 : last;
        for (size_t i = problem->lengths[r]; i-- > 0;) {
            const uint8_t *place = scratch + i * PITH_FEEDBACK_SCRATCH;
            int level = (int8_t)place[state * R + r], size = level < 0 ? -level : level;
            state = way_to(states, state, place[MOST * R + r] >> state & 1).state;
            unsigned set = states == 1 ? 0 : SET(states, state);
            counts[states == 1 ? (unsigned)size : set * (PITH_TRELLIS_LARGEST + 1) + ((unsigned)size + set) / 2]++;
            levels[r * problem->stride + i] = (int8_t)level;
        }
    }
    return last;
}

#define SEARCH(states)                                                                                               \
    PITH_CLONES                                                                                                      \
    static unsigned search##states(                                                                                  \
        const struct pith_feedback *problem, const float *rates, float (*sums)[MOST][R], uint8_t *scratch,           \
        int8_t *levels, uint32_t *counts) {                                                                          \
        return search(problem, states, rates, sums, scratch, levels, counts);                                        \
    }

SEARCH(1)
SEARCH(4)
SEARCH(8)

unsigned pith_feedback_search(
    const struct pith_feedback *problem, unsigned states, const float *rates, float *sums, uint8_t *scratch,
    int8_t *levels, uint32_t *counts) {
    float(*rows)[MOST][R] = (float(*)[MOST][R])sums;
    if (states == 8) return search8(problem, rates, rows, scratch, levels, counts);
    if (states == 4) return search4(problem, rates, rows, scratch, levels, counts);
    return search1(problem, rates, rows, scratch, levels, counts);
}

PITH_CLONES
void pith_add_outer(
    const float *errors, size_t width, const float *factors, size_t rows, float *sums) {
    for (size_t row = 0; row < rows; row++) {
        float factor = factors[row], *sum = sums + row * width;
        for (size_t i = 0; i < width; i++) sum[i] += errors[i] * factor;
    }
}
