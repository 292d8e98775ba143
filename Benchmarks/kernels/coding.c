// Speed of the entropy coder's loops, one core, in buffers that are used again: millions of symbols a second as one JSON object.
//
//     cd Sources/CPithKernels
//     clang -O2 -I include -I . ../../Benchmarks/kernels/coding.c pith_rans.c pith_rans_*.c pith_histogram.c -lm -o coding
//
// All loops have to make the same words and find the symbols again; else it ends with 1. On ARM processors, real or emulated,
// the second ones are those in NEON registers.
#include "pith_coding.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COUNT = 1 << 18, LANES = 64, ROUNDS = 200 };

static uint8_t symbols[COUNT], decoded[COUNT];
static uint16_t words[COUNT + 32], first[COUNT + 32];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t random_state = 1;

static double uniform(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return ((double)(random_state >> 11) + 0.5) * 0x1p-53;
}

static float gaussian(void) { return (float)(sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform())); }

// The first plane of Gaussian numbers: exponents, and with `digits` not 0 that many bits of the mantissa below few exponents.
static void fill(int digits) {
    for (size_t i = 0; i < COUNT; i++) {
        float x = 0.02f * gaussian();
        uint32_t bits;
        memcpy(&bits, &x, 4);
        symbols[i] = (uint8_t)(bits >> (23 - digits));
    }
}

static double speed(double seconds) { return 1e-6 * COUNT / seconds; }

static int measure(const char *data, int digits, int is_last) {
#if defined(__aarch64__)
    static const char *const names[] = {"portable", "neon"};
    enum { WIDEST = PITH_NEON };
#else
    static const char *const names[] = {"portable", "avx2", "avx512"};
    enum { WIDEST = PITH_AVX512 };
#endif
    uint32_t counts[256] = {0}, states[LANES];
    uint16_t frequencies[256];
    uint64_t table[256];
    uint32_t decoder[(1 << PITH_RANS_BITS) + PITH_RANS_SPARE];
    size_t run = COUNT, made = 0;
    double best = 1e9;
    fill(digits);
    for (int round = 0; round < ROUNDS; round++) {
        memset(counts, 0, sizeof counts);
        double start = now();
        pith_histogram_u8(symbols, COUNT, counts);
        best = fmin(best, now() - start);
    }
    printf(" \"%s\": {\"histogram\": %.0f", data, speed(best));
    pith_rans_normalize(counts, frequencies);
    pith_rans_encoder_table(frequencies, table);
    for (unsigned set = PITH_PORTABLE; set <= WIDEST; set++) {
        double encoding = 1e9, decoding = 1e9;
        for (int round = 0; round < ROUNDS; round++) {
            double start = now();
            size_t count = pith_rans_encode(table, symbols, &run, 1, LANES, words + COUNT + 32, states, set);
            encoding = fmin(encoding, now() - start);
            uint16_t *stored = words + COUNT + 32 - count;
            if (made && (made != count || memcmp(first, stored, 2 * count))) return 1;
            if (!made) memcpy(first, stored, 2 * count);
            made = count;
            start = now();
            int status = pith_rans_decode(
                frequencies, &run, 1, LANES, (const uint8_t *)states, (const uint8_t *)stored, count, decoded, decoder, set);
            decoding = fmin(decoding, now() - start);
            if (status || memcmp(symbols, decoded, COUNT)) return 1;
        }
        printf(", \"%s\": {\"encode\": %.0f, \"decode\": %.0f}", names[set], speed(encoding), speed(decoding));
    }
    printf(", \"bits\": %.4f}%s\n", 16.0 * (double)made / COUNT, is_last ? "" : ",");
    return 0;
}

int main(void) {
    puts("{");
    if (measure("exponents", 0, 0) || measure("exponents and 3 bits", 3, 1)) {
        fputs("the loops do not agree\n", stderr);
        return 1;
    }
    puts("}");
    return 0;
}
