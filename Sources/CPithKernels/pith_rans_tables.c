#include "pith_clones.h"
#include "pith_coding.h"
#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

// Frequencies of the entropy coder, what they cost, and the tables of its loops.

#define TOTAL (1u << PITH_RANS_BITS)

// What a step of a frequency costs, about: count / (2 f + 1) between f and f + 1, less where it is upwards. Different quotients
// of such small numbers are different doubles.
static double step_cost(uint32_t count, uint32_t f, uint32_t all, int step) {
    if (step < 0) return f <= 1 ? INFINITY : (double)count / (2 * f - 1);
    return f >= all - 1 ? INFINITY : -(double)count / (2 * f + 1);
}

// The place of the first of the least of `count` numbers, at most 256; what stands behind them is no less.
PITH_CLONES
static int first_least(const double *numbers, int count) {
    double least[8];
    for (int lane = 0; lane < 8; lane++) least[lane] = numbers[lane];
    for (int i = 8; i < count; i += 8)
        for (int lane = 0; lane < 8; lane++)
            least[lane] = numbers[i + lane] < least[lane] ? numbers[i + lane] : least[lane];
    for (int lane = 1; lane < 8; lane++) least[0] = least[lane] < least[0] ? least[lane] : least[0];
    int place = 0;
    while (numbers[place] != least[0]) place++;
    return place;
}

void pith_rans_normalize_to(uint32_t all, const uint32_t *counts, uint16_t *frequencies) {
    uint64_t total = 0;
    for (int s = 0; s < 256; s++) total += counts[s];
    int32_t sum = 0;
    for (int s = 0; s < 256; s++) {
        uint64_t f = total ? ((uint64_t)counts[s] * all + total / 2) / total : 0;
        f = f > all - 1 ? all - 1 : f;
        frequencies[s] = (uint16_t)(counts[s] && !f ? 1 : f);
        sum += frequencies[s];
    }
    int used[256], used_count = 0;
    for (int s = 0; s < 256; s++)
        if (counts[s]) used[used_count++] = s;
    if (used_count == 1) {
        frequencies[used[0]] = all - 1;
        frequencies[(used[0] + 1) & 255] = 1;
        return;
    }
    // One step at a time where it costs least; all steps go one way.
    int step = sum > (int32_t)all ? -1 : 1;
    double costs[256];
    for (int i = 0; i < 256; i++) {
        int s = i < used_count ? used[i] : -1;
        costs[i] = s < 0 ? INFINITY : step_cost(counts[s], frequencies[s], all, step);
    }
    for (; sum != (int32_t)all; sum += step) {
        int best = first_least(costs, used_count), s = used[best];
        frequencies[s] = (uint16_t)(frequencies[s] + step);
        costs[best] = step_cost(counts[s], frequencies[s], all, step);
    }
}

void pith_rans_normalize(const uint32_t *counts, uint16_t *frequencies) {
    pith_rans_normalize_to(TOTAL, counts, frequencies);
}

// 256 * log2(x), rounded down, for `count` numbers of at least 1: bit by bit, for all of them at once.
PITH_CLONES
static void log2_256(const uint32_t *numbers, int count, uint32_t *logarithms) {
    uint64_t parts[257];  // in [2^31, 2^32)
    for (int i = 0; i < count; i++) {
        uint32_t whole = 31 - (uint32_t)__builtin_clz(numbers[i]);
        parts[i] = (uint64_t)numbers[i] << (31 - whole);
        logarithms[i] = whole;
    }
    for (int bit = 0; bit < 8; bit++)
        for (int i = 0; i < count; i++) {
            uint64_t m = (parts[i] & 0xffffffff) * (parts[i] & 0xffffffff) >> 31, carry = m >> 32;
            logarithms[i] = logarithms[i] << 1 | (uint32_t)carry;
            parts[i] = m >> carry;
        }
}

uint64_t pith_entropy_cost(const uint32_t *counts) {
    uint32_t numbers[257], logarithms[257];
    uint64_t total = 0, spent = 0;
    int used = 0;
    for (int s = 0; s < 256; s++)
        if (counts[s]) total += numbers[used++] = counts[s];
    if (total == 0) return 0;
    numbers[used] = (uint32_t)total;
    log2_256(numbers, used + 1, logarithms);
    for (int i = 0; i < used; i++) spent += (uint64_t)numbers[i] * (logarithms[used] - logarithms[i]);
    return spent;
}

void pith_rans_encoder_table(const uint16_t *frequencies, uint64_t *table) {
    uint32_t start = 0;
    for (int s = 0; s < 256; s++) {
        uint32_t f = frequencies[s];
        uint32_t reciprocal = f ? 0xffffffffu / f : 0;
        table[s] = reciprocal | (uint64_t)f << 32 | (uint64_t)start << 48;
        start += f;
    }
}

PITH_CLONES
void pith_rans_decoder_table(const uint16_t *frequencies, uint32_t *table) {
    typedef uint32_t piece __attribute__((vector_size(4 * PITH_RANS_SPARE)));
    piece offsets;
    for (uint32_t lane = 0; lane < PITH_RANS_SPARE; lane++) offsets[lane] = lane << 20;
    for (uint32_t s = 0; s < 256; s++) {
        uint32_t frequency = frequencies[s];
        piece entries = offsets + (s | frequency << 8);
        // Whole pieces, as what is too much lies where the next symbol comes.
        for (uint32_t k = 0; k < frequency; k += PITH_RANS_SPARE, entries += PITH_RANS_SPARE << 20)
            memcpy(table + k, &entries, sizeof entries);
        table += frequency;
    }
}
