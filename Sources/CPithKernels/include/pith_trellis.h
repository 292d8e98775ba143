#pragma once
#include <stddef.h>
#include <stdint.h>

// Kernels of dependent quantization: the search for levels, and the coder of what it finds. Pure loops over memory the
// caller owns: no allocation, no globals, no input or output. No pointer needs an alignment.
//
// A walk has 4 or 8 states. A state takes its level from set 0 (even numbers) or set 1 (0 and the odd numbers); the number
// k of a level in its set (level = 2 k, or 2 k - sign k) is even or odd, and that says which state comes next.

/// Runs of numbers that the search takes side by side.
#define PITH_TRELLIS_RUNS 16
/// The largest number k in a set, by its distance from 0.
#define PITH_TRELLIS_LARGEST 64
/// The largest number, in steps, that the search takes.
#define PITH_TRELLIS_WIDEST 124
/// Bytes of scratch memory that the search takes for each number of its longest run.
#define PITH_TRELLIS_SCRATCH (5 * PITH_TRELLIS_RUNS)

/// The state after a number k that is odd or not.
unsigned pith_trellis_next(unsigned states, unsigned state, int odd);

/// The set that a state takes its level from: 0 or 1.
unsigned pith_trellis_set(unsigned states, unsigned state);

/// Finds levels between -127 and 127 for up to 16 runs: run r is `lengths[r]` numbers from `values + r * stride` on, in steps
/// and none beyond 124 from zero. Each run is a walk of 4 or 8 `states` from state 0 to state 0 that makes the sum of
/// weights * (value - level)^2 + rates[65 set + |k|] least, up to single precision; `weights` may be null for ones. `levels`
/// lies as `values`; the number of each set's |k| is added to `counts`. Sums in a fixed order.
void pith_trellis_search(
    const float *values, const float *weights, size_t stride, const size_t *lengths, unsigned runs, unsigned states,
    const float *rates, uint8_t *scratch, int8_t *levels, uint32_t *counts);

/// The same without a walk: each level between -127 and 127 for itself, the nearest or the one below it.
void pith_round_by_rate(
    const float *values, const float *weights, size_t count, const float rates[128], int8_t *levels,
    uint32_t counts[128]);

/// Rows of numbers whose errors move the numbers after them, for the search for levels.
struct pith_feedback {
    /// Numbers, and the step of each (greater than 0); run r is `lengths[r]` of both from r * stride on, whole rows of `columns`.
    const float *targets, *steps;
    size_t stride, columns;
    const size_t *lengths;
    /// 1 to PITH_TRELLIS_RUNS.
    unsigned runs;
    /// An error e = number - level * step in column j moves each number k > j of its row by e * factors[j * columns + k]. What is
    /// left between a level and the moved number d costs pivots[j] d^2. Factors and pivots are such that sums stay finite.
    const float *factors, *pivots;
    /// The state that runs start in, and whether they end in state 0; if not, there is one run, which ends where it is cheapest.
    unsigned first;
    int isClosed;
};

/// Bytes of scratch memory for each number of the longest run.
#define PITH_FEEDBACK_SCRATCH (9 * PITH_TRELLIS_RUNS)
/// Floats of sums for each column.
#define PITH_FEEDBACK_SUMS (8 * PITH_TRELLIS_RUNS)

/// Finds levels between -127 and 127 for runs of a walk of 4 or 8 states, or of none with 1. Of the ways into a state the one goes
/// on whose pivots * (moved number - level * step)^2 + rates is less; rates lie as in `pith_trellis_search`, with 1 state as in
/// `pith_round_by_rate`. `levels` lies as `targets`; the number of each set's |k| is added to `counts`. Sums in a fixed order.
/// Returns the state at the end of a run that is not closed.
unsigned pith_feedback_search(
    const struct pith_feedback *problem, unsigned states, const float *rates, float *sums, uint8_t *scratch,
    int8_t *levels, uint32_t *counts);

/// sums[row * width + i] += errors[k * width + i] * factors[k * stride + row], for k from 0 to `count` - 1 in this order.
void pith_add_outer(
    const float *errors, size_t count, size_t width, const float *factors, size_t stride, size_t rows, float *sums);

/// What is added to the number of a level to make a symbol of it.
#define PITH_LEVELS_MIDDLE 128
/// Sums of a row's and a column's class lie below this.
#define PITH_LEVELS_SUMS 32

/// Follows levels from the state `start` on: symbols (k + 128) and the state before each. With 1 for `states`, k is the level.
/// Returns the state after the last one, or -1 when a level is not in the set of its state.
int pith_levels_walk(
    const int8_t *levels, size_t count, unsigned states, unsigned start, uint8_t *symbols, uint8_t *states_before);

/// Adds the distances of levels from zero to `rows[i / unit]` and `columns[i % unit]`.
void pith_levels_sums(const int8_t *levels, size_t count, size_t unit, uint32_t *rows, uint32_t *columns);

/// How the levels of a block are laid out for its coder.
struct pith_levels_layout {
    /// Levels, levels of a row, and levels of a lane (a multiple of a row's; the last lane may have fewer).
    size_t count, unit, chunk;
    /// 1 to 64, and 1, 4 or 8.
    unsigned lanes, states;
    /// The class of each row and each column; sums of two are below PITH_LEVELS_SUMS.
    const uint8_t *rows, *columns;
    /// For each of PITH_LEVELS_SUMS sums of classes, which tables are its own: one for each set, so one with 1 state and
    /// else two.
    const uint8_t *tables;
};

/// Counts symbols: `counts` has 256 counters for each set of each sum of classes.
void pith_levels_count(
    const struct pith_levels_layout *layout, const uint8_t *symbols, const uint8_t *states_before, uint32_t *counts);

/// Adds up 256 counters of symbols by the distance of k from zero, 0 through 127; the others of `folded[256]` become 0.
void pith_levels_fold(const uint32_t *counts, uint32_t *folded);

/// Codes symbols, step by step one of each lane, by the tables of their sets: 256 entries each. Words and states as
/// `pith_rans_encode`. Returns the number of words.
size_t pith_levels_encode(
    const struct pith_levels_layout *layout, const uint64_t *tables, const uint8_t *symbols,
    const uint8_t *states_before, uint16_t *words_end, uint32_t *coder_states);

/// Puts levels of `set` in place of the symbols of a decoder's table of 4096 entries. Returns 0, or 1 when a symbol has no
/// level between -128 and 127.
int pith_levels_decoder_table(uint32_t *table, unsigned states, unsigned set);

/// The way back of `pith_levels_encode`: `tables` has 4096 entries for each set, `starts` the state of the walk before the
/// first level of each lane. Returns as `pith_rans_decode`.
int pith_levels_decode(
    const struct pith_levels_layout *layout, const uint32_t *tables, const uint8_t *starts,
    const uint8_t *coder_states, const uint8_t *words, size_t word_count, int8_t *levels);

/// The portable decoder behind `pith_levels_decode`, for tests: same results on every machine.
int pith_levels_decode_portable(
    const struct pith_levels_layout *layout, const uint32_t *tables, const uint8_t *starts,
    const uint8_t *coder_states, const uint8_t *words, size_t word_count, int8_t *levels);
