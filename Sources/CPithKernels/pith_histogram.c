#include "pith_clones.h"
#include "pith_coding.h"
#include "pith_look_up_512.h"
#include <string.h>

// Values that lie this close together are counted by comparing with each of them; in registers of 16 bytes that pays for fewer.
#if defined(__x86_64__)
#define NEAR 32
#else
#define NEAR 12
#endif
#define ROW 64

// The distance between the smallest and the largest byte; the smallest goes to `first`.
PITH_CLONES
static unsigned span_of(const uint8_t *bytes, size_t count, unsigned *first) {
    uint8_t least = 255, most = 0;
    for (size_t i = 0; i < count; i++) {
        least = bytes[i] < least ? bytes[i] : least;
        most = bytes[i] > most ? bytes[i] : most;
    }
    *first = least;
    return (unsigned)(most - least);
}

// Counts the bytes from `first` to `first + span` in `rows` rows of 64, each `stride` after the one before. A piece of 8 KiB stays
// in the fastest cache, and a lane of it can not overflow.
PITH_CLONES
static void count_near(
    const uint8_t *bytes, size_t rows, size_t stride, unsigned first, unsigned span, uint32_t *counts) {
    for (size_t done = 0; done < rows;) {
        size_t piece = rows - done < 128 ? rows - done : 128;
        for (unsigned v = first; v <= first + span; v++) {
            uint8_t found[ROW] = {0}, value = (uint8_t)v;
            for (size_t r = 0; r < piece; r++)
                for (unsigned lane = 0; lane < ROW; lane++) found[lane] += bytes[(done + r) * stride + lane] == value;
            uint32_t sum = 0;
            for (unsigned lane = 0; lane < ROW; lane++) sum += found[lane];
            counts[v] += sum;
        }
        done += piece;
    }
}

// Counts all bytes of `rows` rows.
static void count_far(const uint8_t *bytes, size_t rows, size_t stride, uint32_t *counts) {
    // Four counters a value, so that runs of one value do not wait for each other.
    uint32_t parts[4][256];
    memset(parts, 0, sizeof parts);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = r * stride; i < r * stride + ROW; i += 8) {
            uint64_t x;
            memcpy(&x, bytes + i, 8);
            parts[0][x & 255]++;
            parts[1][x >> 8 & 255]++;
            parts[2][x >> 16 & 255]++;
            parts[3][x >> 24 & 255]++;
            parts[0][x >> 32 & 255]++;
            parts[1][x >> 40 & 255]++;
            parts[2][x >> 48 & 255]++;
            parts[3][x >> 56]++;
        }
    for (int v = 0; v < 256; v++) counts[v] += parts[0][v] + parts[1][v] + parts[2][v] + parts[3][v];
}

static void count_rows(const uint8_t *bytes, size_t rows, size_t stride, uint32_t *counts) {
    unsigned first, span = 256;
    // Exponents of weights are few; a short look tells most other bytes.
    if (rows >= 16 && span_of(bytes, 8 * ROW, &first) < NEAR) span = span_of(bytes, (rows - 1) * stride + ROW, &first);
    if (span < NEAR)
        count_near(bytes, rows, stride, first, span, counts);
    else if (rows > 0)
        count_far(bytes, rows, stride, counts);
}

void pith_histogram_u8(const uint8_t *bytes, size_t count, uint32_t *counts) {
    count_rows(bytes, count / ROW, ROW, counts);
    for (size_t i = count / ROW * ROW; i < count; i++) counts[bytes[i]]++;
}

// MARK: Half of the bytes

#if defined(__x86_64__)
// Marks the values in the second of each two rows that are not `known` yet, with 0xff.
TARGET_512
static void mark_512(const uint8_t *bytes, size_t count, uint8_t *known) {
    for (size_t i = ROW; i < count; i += 2 * ROW) {
        __m512i values = _mm512_loadu_si512(bytes + i);
        if (_mm512_movepi8_mask(look_up_512(known, values)) == ~(__mmask64)0) continue;
        for (size_t k = 0; k < ROW; k++) known[bytes[i + k]] = 0xff;
    }
}
#endif

static void mark(const uint8_t *bytes, size_t count, uint8_t *known) {
#if defined(__x86_64__)
    if (has_512()) {
        mark_512(bytes, count, known);
        return;
    }
#endif
    for (size_t i = ROW; i < count; i += 2 * ROW)
        for (size_t k = 0; k < ROW; k++) known[bytes[i + k]] = 0xff;
}

void pith_histogram_half_u8(const uint8_t *bytes, size_t count, uint32_t *counts) {
    size_t even = count / (2 * ROW) * 2 * ROW;
    uint32_t half[256] = {0};
    uint8_t known[256];
    count_rows(bytes, even / (2 * ROW), 2 * ROW, half);
    for (size_t i = even; i < count; i++) half[bytes[i]]++;
    for (int v = 0; v < 256; v++) known[v] = half[v] ? 0xff : 0;
    mark(bytes, even, known);
    for (int v = 0; v < 256; v++) counts[v] += half[v] ? 2 * half[v] : known[v] & 1;
}
