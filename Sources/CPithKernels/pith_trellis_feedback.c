#include "pith_clones.h"
#include "pith_trellis_step.h"

#pragma STDC FP_CONTRACT OFF

// Viterbi's search where an error moves the numbers after it in its row. Each way that is still open has moved them by errors
// of its own, so each state keeps the sums that its way has made (per-survivor processing: Raheli, Polydoros and Tzou, IEEE
// Trans. Commun. 43, 1995). Columns come in blocks: only the sums of a block follow each number, the columns behind it get a
// block's errors at once, in the same order (as in GPTQ, arXiv:2210.17323, section 3.3).

enum { BLOCK = 32 };

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
            out->wanted[s][r] = row->target[r] + sums[s][r];
            x[r] = fabsf(out->wanted[s][r]) / row->step[r];
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

// The errors of the ways that lead to each state at the end of a block, and the states where those began.
struct block {
    float errors[BLOCK][MOST][R], path[BLOCK][MOST][R];
    int32_t origins[MOST][R];
};

static inline __attribute__((always_inline)) void trace(
    unsigned states, struct block *block, size_t count, const uint8_t *scratch) {
    for (unsigned t = 0; t < states; t++)
        for (int r = 0; r < R; r++) {
            unsigned state = t;
            for (size_t k = count; k-- > 0;) {
                block->path[k][t][r] = block->errors[k][state][r];
                state = way_to(states, state, scratch[k * PITH_FEEDBACK_SCRATCH + MOST * R + r] >> state & 1).state;
            }
            block->origins[t][r] = (int32_t)state;
        }
}

// Adds a block's errors to a column behind it.
static inline __attribute__((always_inline)) void push(
    unsigned states, const struct block *block, size_t count, const float *factors, size_t stride, float sums[MOST][R]) {
    float old[MOST][R];
    memcpy(old, sums, states * sizeof *old);
    for (unsigned t = 0; t < states; t++) {
        float sum[R];
        for (int r = 0; r < R; r++) sum[r] = old[block->origins[t][r]][r];
        for (size_t k = 0; k < count; k++)
            for (int r = 0; r < R; r++) sum[r] += block->path[k][t][r] * factors[k * stride];
        memcpy(sums[t], sum, sizeof sum);
    }
}

static inline __attribute__((always_inline)) unsigned search(
    const struct pith_feedback *problem, unsigned states, const float *rates, float (*sums)[MOST][R], uint8_t *scratch,
    int8_t *levels, uint32_t *counts) {
    size_t columns = problem->columns, longest = 0;
    unsigned runs = problem->runs;
    for (unsigned r = 0; r < runs; r++) longest = problem->lengths[r] > longest ? problem->lengths[r] : longest;
    float costs[MOST][R];
    int32_t second[MOST][R];
    struct block block;
    for (int r = 0; r < R; r++)
        for (unsigned t = 0; t < states; t++) costs[t][r] = t == problem->first ? 0 : unreachable;
    for (size_t i = 0, column = 0; i < longest; i++, column = column + 1 == columns ? 0 : column + 1) {
        if (column == 0) memset(sums, 0, columns * sizeof *sums);
        size_t start = column / BLOCK * BLOCK, end = start + BLOCK < columns ? start + BLOCK : columns;
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
        float(*errors)[R] = block.errors[column - start];
        decide(states, &row, &choices, costs, errors, second, scratch + i * PITH_FEEDBACK_SCRATCH);
        const float *factors = problem->factors + column * columns;
        for (size_t later = column + 1; later < end; later++) move(states, sums[later], errors, second, factors[later]);
        if (column + 1 == end && end < columns) {
            trace(states, &block, end - start, scratch + (i + 1 - (end - start)) * PITH_FEEDBACK_SCRATCH);
            for (size_t later = end; later < columns; later++)
                push(states, &block, end - start, problem->factors + start * columns + later, columns, sums[later]);
        }
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
    const float *errors, size_t count, size_t width, const float *factors, size_t stride, size_t rows, float *sums) {
    enum { TILE = 64 };
    for (size_t row = 0; row < rows; row++)
        for (size_t start = 0; start < width; start += TILE) {
            size_t length = width - start < TILE ? width - start : TILE;
            float tile[TILE], *sum = sums + row * width + start;
            memcpy(tile, sum, length * sizeof *tile);
            for (size_t k = 0; k < count; k++) {
                const float *error = errors + k * width + start;
                float factor = factors[k * stride + row];
                for (size_t i = 0; i < length; i++) tile[i] += error[i] * factor;
            }
            memcpy(sum, tile, length * sizeof *tile);
        }
}
