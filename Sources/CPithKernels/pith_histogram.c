#include "pith_avx512.h"
#include "pith_clones.h"
#include "pith_coding.h"
#include <string.h>

// Values that lie this close together are counted by comparing with each of them; in registers of 16 bytes that pays for fewer.
#if defined(__x86_64__)
#define NEAR 32
#else
#define NEAR 12
#endif
#define ROW 64

// Row `r` of those that are counted: each, or one of the two of each pair, by turns that follow no period (Thue and Morse): columns
// that come again after a power of two are not passed over in every row.
static inline size_t row_at(size_t r, int is_half) {
    return is_half ? (2 * r + (__builtin_popcountll(r) & 1)) * ROW : r * ROW;
}

// Some neighbours among the byte values, a multiple of four: `first` and `span` more.
struct window {
    unsigned first, span;
};

// The values of 8 rows, and two below them: the exponents of weights grow rarer downwards.
PITH_CLONES
static struct window window_of(const uint8_t *bytes, size_t rows, int is_half) {
    uint8_t least = 255, most = 0;
    for (size_t look = 0; look < 8; look++) {
        const uint8_t *row = bytes + row_at(look * rows / 8, is_half);
        for (unsigned lane = 0; lane < ROW; lane++) {
            least = row[lane] < least ? row[lane] : least;
            most = row[lane] > most ? row[lane] : most;
        }
    }
    unsigned first = least < 2 ? 0 : least - 2u, span = (most - first) | 3;
    return (struct window){first + span > 255 ? 255 - span : first, span};
}

// Counts the bytes of a row that lie outside of the window.
static inline __attribute__((always_inline)) void count_outside(const uint8_t *row, struct window window, uint32_t *counts) {
    uint8_t farthest = 0, first = (uint8_t)window.first;
    for (unsigned lane = 0; lane < ROW; lane++) {
        uint8_t distance = (uint8_t)(row[lane] - first);
        farthest = distance > farthest ? distance : farthest;
    }
    if (farthest <= window.span) return;
    for (unsigned lane = 0; lane < ROW; lane++)
        if ((uint8_t)(row[lane] - first) > window.span) counts[row[lane]]++;
}

// Adds the sum of all lanes to a counter, and answers it.
static inline size_t add_lanes(const uint8_t *lanes, uint32_t *counter) {
    uint32_t sum = 0;
    for (unsigned lane = 0; lane < ROW; lane++) sum += lanes[lane];
    *counter += sum;
    return sum;
}

// Counts the bytes of `rows` rows, piece by piece, and answers how many rows: it ends behind a piece of which more than one byte in
// 128 lies outside of the window, as `count_far` is faster there. The rows of a piece stay in the fastest cache, and a lane of it
// can not overflow.
PITH_CLONES_256
static size_t count_near(const uint8_t *bytes, size_t rows, int is_half, struct window window, uint32_t *counts) {
    size_t done = 0;
    for (int is_near = 1; is_near && done < rows;) {
        size_t piece = rows - done < 128 ? rows - done : 128, inside = 0;
        for (unsigned v = window.first; v <= window.first + window.span; v += 4) {
            uint8_t a[ROW] = {0}, b[ROW] = {0}, c[ROW] = {0}, d[ROW] = {0}, value = (uint8_t)v;
            for (size_t r = 0; r < piece; r++) {
                const uint8_t *row = bytes + row_at(done + r, is_half);
                for (unsigned lane = 0; lane < ROW; lane++) a[lane] += row[lane] == value;
                for (unsigned lane = 0; lane < ROW; lane++) b[lane] += row[lane] == (uint8_t)(value + 1);
                for (unsigned lane = 0; lane < ROW; lane++) c[lane] += row[lane] == (uint8_t)(value + 2);
                for (unsigned lane = 0; lane < ROW; lane++) d[lane] += row[lane] == (uint8_t)(value + 3);
            }
            inside += add_lanes(a, counts + v) + add_lanes(b, counts + v + 1) + add_lanes(c, counts + v + 2)
                + add_lanes(d, counts + v + 3);
        }
        for (size_t r = 0; r < piece && inside < piece * ROW; r++)
            count_outside(bytes + row_at(done + r, is_half), window, counts);
        done += piece;
        is_near = 128 * inside >= 127 * piece * ROW;
    }
    return done;
}

// Counts all bytes of the rows from `first` to the one before `rows`.
static void count_far(const uint8_t *bytes, size_t first, size_t rows, int is_half, uint32_t *counts) {
    // Four counters a value, so that runs of one value do not wait for each other.
    uint32_t parts[4][256];
    memset(parts, 0, sizeof parts);
    for (size_t r = first; r < rows; r++)
        for (size_t start = row_at(r, is_half), i = start; i < start + ROW; i += 8) {
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

static void count_rows(const uint8_t *bytes, size_t rows, int is_half, uint32_t *counts) {
    struct window window = {0, 255};
    // Exponents of weights are few; a short look tells most other bytes.
    if (rows >= 16) window = window_of(bytes, rows, is_half);
    size_t done = window.span < NEAR ? count_near(bytes, rows, is_half, window, counts) : 0;
    if (done < rows) count_far(bytes, done, rows, is_half, counts);
}

void pith_histogram_u8(const uint8_t *bytes, size_t count, uint32_t *counts) {
    count_rows(bytes, count / ROW, 0, counts);
    for (size_t i = count / ROW * ROW; i < count; i++) counts[bytes[i]]++;
}

// MARK: Half of the bytes

// The row of pair `r` that is not counted.
static inline size_t other_row(size_t r) { return (4 * r + 1) * ROW - row_at(r, 1); }

// Counts the bytes of a row that are not `known`, which has 0xff for known values, and marks them.
static size_t mark_row(const uint8_t *row, uint8_t *known) {
    size_t found = 0;
    for (size_t k = 0; k < ROW; k++) found += !known[row[k]];
    for (size_t k = 0; k < ROW; k++) known[row[k]] = 0xff;
    return found;
}

#if defined(__x86_64__)
// The same for the rows of all pairs that are not counted.
TARGET_512
static size_t mark_512(const uint8_t *bytes, size_t pairs, uint8_t *known) {
    size_t found = 0;
    for (size_t r = 0; r < pairs; r++) {
        __m512i values = _mm512_loadu_si512(bytes + other_row(r));
        if (_mm512_movepi8_mask(look_up_512(known, values)) != ~(__mmask64)0) found += mark_row(bytes + other_row(r), known);
    }
    return found;
}
#endif

static size_t mark(const uint8_t *bytes, size_t pairs, uint8_t *known) {
#if defined(__x86_64__)
    if (has_512()) return mark_512(bytes, pairs, known);
#endif
    size_t found = 0;
    for (size_t r = 0; r < pairs; r++) found += mark_row(bytes + other_row(r), known);
    return found;
}

void pith_histogram_half_u8(const uint8_t *bytes, size_t count, uint32_t *counts) {
    size_t pairs = count / (2 * ROW);
    uint32_t half[256] = {0};
    uint8_t known[256];
    count_rows(bytes, pairs, 1, half);
    for (size_t i = 2 * pairs * ROW; i < count; i++) half[bytes[i]]++;
    for (int v = 0; v < 256; v++) known[v] = half[v] ? 0xff : 0;
    if (mark(bytes, pairs, known) > count / 256) {
        pith_histogram_u8(bytes, count, counts);
        return;
    }
    for (int v = 0; v < 256; v++) counts[v] += half[v] ? 2 * half[v] : known[v] & 1;
}
