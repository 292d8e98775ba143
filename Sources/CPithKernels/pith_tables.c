#include "pith_tables.h"
#include "pith_clones.h"
#include <string.h>

#pragma STDC FP_CONTRACT OFF

enum { LANES = 16, MOST_COMPARED_BITS = 6 };

typedef float lanes_f32 __attribute__((vector_size(64), aligned(4)));
typedef int32_t lanes_i32 __attribute__((vector_size(64), aligned(4)));

#define LOAD_F32(p) (*(const lanes_f32 *)(p))

// Vectors are handed on by address: what a function takes by value depends on the instruction set.

// Codes of sixteen values, found by bisection: each step looks one threshold up for every lane.
static inline __attribute__((always_inline)) void bisect(
    const lanes_f32 *scaled, const float *thresholds, unsigned bits, int32_t *codes) {
    for (size_t lane = 0; lane < LANES; lane++) codes[lane] = 0;
    for (int32_t step = 1 << (bits - 1); step > 0; step >>= 1)
        for (size_t lane = 0; lane < LANES; lane++)
            codes[lane] += (*scaled)[lane] > thresholds[codes[lane] + step - 1] ? step : 0;
}

// Levels of sixteen values. Up to 64 of them, comparing with every threshold takes less than looking levels up.
static inline __attribute__((always_inline)) void levels_of(
    const lanes_f32 *scaled, const float *levels, const float *thresholds, unsigned bits, lanes_f32 *found) {
    if (bits > MOST_COMPARED_BITS) {
        int32_t codes[LANES];
        bisect(scaled, thresholds, bits, codes);
        for (size_t lane = 0; lane < LANES; lane++) (*found)[lane] = levels[codes[lane]];
        return;
    }
    lanes_i32 chosen = {0};
    for (size_t k = 0; k < (size_t)1 << bits; k++) {
        int32_t level;
        memcpy(&level, levels + k, sizeof level);
        lanes_i32 above = k == 0 ? ~(lanes_i32){0} : (lanes_i32)(*scaled > thresholds[k - 1]);
        chosen = (chosen & ~above) | (above & level);
    }
    *found = (lanes_f32)chosen;
}

static inline __attribute__((always_inline)) void codes_of(
    const lanes_f32 *scaled, const float *thresholds, unsigned bits, int32_t *codes) {
    if (bits > MOST_COMPARED_BITS) {
        bisect(scaled, thresholds, bits, codes);
        return;
    }
    lanes_i32 found = {0};
    // A comparison that holds is -1.
    for (size_t k = 0; k + 1 < (size_t)1 << bits; k++) found -= (lanes_i32)(*scaled > thresholds[k]);
    for (size_t lane = 0; lane < LANES; lane++) codes[lane] = found[lane];
}

static inline __attribute__((always_inline)) float halved(const lanes_f32 *sums) {
    float eight[8], four[4];
    for (size_t i = 0; i < 8; i++) eight[i] = (*sums)[i] + (*sums)[i + 8];
    for (size_t i = 0; i < 4; i++) four[i] = eight[i] + eight[i + 4];
    return (four[0] + four[2]) + (four[1] + four[3]);
}

PITH_CLONES
void pith_table_moments_f32(
    const float *values, size_t count, const float *levels, const float *thresholds, unsigned bits,
    const float *scales, size_t candidates, float *moments) {
    size_t whole = count / LANES * LANES;
    lanes_f32 last = {0};
    for (size_t lane = 0; lane < count - whole; lane++) last[lane] = values[whole + lane];
    for (size_t c = 0; c < candidates; c++) {
        lanes_f32 products = {0}, squares = {0}, level;
        float inverse = 1 / scales[c];
        for (size_t i = 0; i < whole; i += LANES) {
            lanes_f32 value = LOAD_F32(values + i), scaled = value * inverse;
            levels_of(&scaled, levels, thresholds, bits, &level);
            products += value * level;
            squares += level * level;
        }
        if (whole < count) {
            lanes_f32 scaled = last * inverse;
            levels_of(&scaled, levels, thresholds, bits, &level);
            for (size_t lane = 0; lane < count - whole; lane++) {
                products[lane] += last[lane] * level[lane];
                squares[lane] += level[lane] * level[lane];
            }
        }
        moments[2 * c] = halved(&products);
        moments[2 * c + 1] = halved(&squares);
    }
}

PITH_CLONES
void pith_table_codes_f32(
    const float *values, size_t count, const float *thresholds, unsigned bits, float scale, uint8_t *codes) {
    float inverse = 1 / scale;
    int32_t found[LANES];
    for (size_t i = 0; i < count; i += LANES) {
        size_t used = count - i < LANES ? count - i : LANES;
        lanes_f32 scaled = {0};
        for (size_t lane = 0; lane < used; lane++) scaled[lane] = values[i + lane] * inverse;
        codes_of(&scaled, thresholds, bits, found);
        for (size_t lane = 0; lane < used; lane++) codes[i + lane] = (uint8_t)found[lane];
    }
}
