#include "pith_clones.h"
#include "pith_coding.h"

// Frequencies of the entropy coder, what they cost, and the tables of its loops.

#define TOTAL (1u << PITH_RANS_BITS)

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
    // One step at a time where it costs least: the cost of a step between f and f + 1 is about count / (2 f + 1).
    while (sum != (int32_t)all) {
        int down = sum > (int32_t)all, best = -1;
        uint64_t best_count = 0, best_slope = 1;
        for (int i = 0; i < used_count; i++) {
            int s = used[i];
            uint32_t f = frequencies[s];
            if (down ? f <= 1 : f >= all - 1) continue;
            uint64_t slope = down ? 2 * f - 1 : 2 * f + 1;
            uint64_t left = counts[s] * best_slope, right = best_count * slope;
            if (best < 0 || (down ? left < right : left > right)) best = s, best_count = counts[s], best_slope = slope;
        }
        frequencies[best] = (uint16_t)(frequencies[best] + (down ? -1 : 1));
        sum += down ? -1 : 1;
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
    for (uint32_t s = 0; s < 256; s++) {
        uint32_t frequency = frequencies[s], entry = s | frequency << 8;
        for (uint32_t k = 0; k < frequency; k++) table[k] = entry | k << 20;
        table += frequency;
    }
}
