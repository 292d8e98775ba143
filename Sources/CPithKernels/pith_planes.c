#include "pith_avx512.h"
#include "pith_clones.h"
#include "pith_coding.h"
#include <string.h>

PITH_CLONES
static void split2(const uint8_t *elements, size_t count, int rotated, uint8_t *restrict high, uint8_t *restrict low) {
    for (size_t i = 0; i < count; i++) {
        uint16_t x;
        memcpy(&x, elements + 2 * i, 2);
        x = rotated ? (uint16_t)(x << 1 | x >> 15) : x;
        high[i] = (uint8_t)(x >> 8);
        low[i] = (uint8_t)x;
    }
}

PITH_CLONES
static void split4(const uint8_t *elements, size_t count, int rotated, uint8_t *restrict p, size_t stride) {
    uint8_t *restrict a = p, *restrict b = p + stride, *restrict c = p + 2 * stride, *restrict d = p + 3 * stride;
    for (size_t i = 0; i < count; i++) {
        uint32_t x;
        memcpy(&x, elements + 4 * i, 4);
        x = rotated ? x << 1 | x >> 31 : x;
        a[i] = (uint8_t)(x >> 24);
        b[i] = (uint8_t)(x >> 16);
        c[i] = (uint8_t)(x >> 8);
        d[i] = (uint8_t)x;
    }
}

PITH_CLONES
static void split8(const uint8_t *elements, size_t count, int rotated, uint8_t *restrict p, size_t stride) {
    for (unsigned byte = 0; byte < 8; byte++) {
        uint8_t *restrict plane = p + byte * stride;
        for (size_t i = 0; i < count; i++) {
            uint64_t x;
            memcpy(&x, elements + 8 * i, 8);
            x = rotated ? x << 1 | x >> 63 : x;
            plane[i] = (uint8_t)(x >> (56 - 8 * byte));
        }
    }
}

void pith_split_planes(
    const uint8_t *elements, size_t count, unsigned width, int rotated, uint8_t *planes, size_t stride) {
    switch (width) {
    case 2: split2(elements, count, rotated, planes, planes + stride); break;
    case 4: split4(elements, count, rotated, planes, stride); break;
    case 8: split8(elements, count, rotated, planes, stride); break;
    default: memcpy(planes, elements, count);
    }
}

PITH_CLONES
static void merge2(
    const uint8_t *restrict high, const uint8_t *restrict low, size_t count, int rotated, uint8_t *restrict elements) {
    for (size_t i = 0; i < count; i++) {
        uint16_t x = (uint16_t)(high[i] << 8 | low[i]);
        x = rotated ? (uint16_t)(x >> 1 | x << 15) : x;
        memcpy(elements + 2 * i, &x, 2);
    }
}

PITH_CLONES
static void merge4(const uint8_t *const *planes, size_t count, int rotated, uint8_t *restrict elements) {
    const uint8_t *restrict a = planes[0], *restrict b = planes[1], *restrict c = planes[2], *restrict d = planes[3];
    for (size_t i = 0; i < count; i++) {
        uint32_t x = (uint32_t)a[i] << 24 | (uint32_t)b[i] << 16 | (uint32_t)c[i] << 8 | d[i];
        x = rotated ? x >> 1 | x << 31 : x;
        memcpy(elements + 4 * i, &x, 4);
    }
}

PITH_CLONES
static void merge8(const uint8_t *const *planes, size_t count, int rotated, uint8_t *restrict elements) {
    for (size_t i = 0; i < count; i++) {
        uint64_t x = 0;
        for (unsigned byte = 0; byte < 8; byte++) x = x << 8 | planes[byte][i];
        x = rotated ? x >> 1 | x << 63 : x;
        memcpy(elements + 8 * i, &x, 8);
    }
}

void pith_merge_planes(
    const uint8_t *const *planes, size_t count, unsigned width, int rotated, uint8_t *elements) {
    switch (width) {
    case 2: merge2(planes[0], planes[1], count, rotated, elements); break;
    case 4: merge4(planes, count, rotated, elements); break;
    case 8: merge8(planes, count, rotated, elements); break;
    default: memcpy(elements, planes[0], count);
    }
}

// A run is short enough for its count to fit the type of the elements: more lanes at once.
#define ZEROS(type, run)                                                                                             \
    for (size_t start = 0; start < count; start += run) {                                                            \
        size_t end = count - start < run ? count : start + run;                                                      \
        type found = 0;                                                                                              \
        for (size_t i = start; i < end; i++) {                                                                       \
            type x;                                                                                                  \
            memcpy(&x, elements + i * sizeof x, sizeof x);                                                           \
            found += x == 0;                                                                                         \
        }                                                                                                            \
        zeros += (size_t)found;                                                                                      \
    }                                                                                                                \
    break

PITH_CLONES
size_t pith_zero_elements(const uint8_t *elements, size_t count, unsigned width) {
    size_t zeros = 0;
    switch (width) {
    case 1: ZEROS(uint8_t, 128);
    case 2: ZEROS(uint16_t, 32768);
    case 4: ZEROS(uint32_t, 32768);
    default: ZEROS(uint64_t, 32768);
    }
    return zeros;
}

#define TAKE(type)                                                                                                   \
    for (size_t i = 0; i < count; i++) {                                                                             \
        type x;                                                                                                      \
        memcpy(&x, elements + i * sizeof x, sizeof x);                                                               \
        memcpy(kept + found * sizeof x, &x, sizeof x);                                                               \
        found += x != 0;                                                                                             \
        bits |= (uint8_t)((x != 0) << (i & 7));                                                                      \
        if ((i & 7) == 7) mask[i >> 3] = bits, bits = 0;                                                             \
    }                                                                                                                \
    break

size_t pith_take_nonzero(const uint8_t *elements, size_t count, unsigned width, uint8_t *mask, uint8_t *kept) {
    size_t found = 0;
    uint8_t bits = 0;
    switch (width) {
    case 1: TAKE(uint8_t);
    case 2: TAKE(uint16_t);
    case 4: TAKE(uint32_t);
    default: TAKE(uint64_t);
    }
    if (count & 7) mask[count >> 3] = bits;
    return found;
}

static void put_portable(
    const uint8_t *mask, const uint8_t *kept, size_t start, size_t count, unsigned width, uint8_t *elements) {
    memset(elements + start * width, 0, (count - start) * width);
    for (size_t i = start; i < count; i += 8)
        for (unsigned bits = mask[i >> 3]; bits; bits &= bits - 1) {
            size_t place = i + (unsigned)__builtin_ctz(bits);
            if (place >= count) break;
            memcpy(elements + place * width, kept, width);
            kept += width;
        }
}

#if defined(__x86_64__)
TARGET_512
static void put_512(const uint8_t *mask, const uint8_t *kept, size_t count, unsigned width, uint8_t *elements) {
    size_t i = 0;
    if (width == 4)
        for (; i + 16 <= count; i += 16) {
            uint16_t bits;
            memcpy(&bits, mask + (i >> 3), 2);
            _mm512_storeu_si512(elements + 4 * i, _mm512_maskz_expandloadu_epi32(bits, kept));
            kept += 4 * (size_t)__builtin_popcount(bits);
        }
    else
        for (; i + 32 <= count; i += 32) {
            uint32_t bits;
            memcpy(&bits, mask + (i >> 3), 4);
            _mm512_storeu_si512(elements + 2 * i, _mm512_maskz_expandloadu_epi16(bits, kept));
            kept += 2 * (size_t)__builtin_popcount(bits);
        }
    put_portable(mask, kept, i, count, width, elements);
}
#endif

void pith_put_nonzero(const uint8_t *mask, const uint8_t *kept, size_t count, unsigned width, uint8_t *elements) {
#if defined(__x86_64__)
    if ((width == 4 || width == 2) && has_512()) {
        put_512(mask, kept, count, width, elements);
        return;
    }
#endif
    put_portable(mask, kept, 0, count, width, elements);
}

PITH_CLONES
size_t pith_count_bits(const uint8_t *bytes, size_t count) {
    size_t bits = 0;
    for (size_t i = 0; i < count; i++) bits += (size_t)__builtin_popcount(bytes[i]);
    return bits;
}

// The sum of what `value` makes of the bytes `x`, in lanes of 16 bits for as long as none can overflow.
#define SUM(value)                                                                                                   \
    uint64_t sum = 0;                                                                                                \
    size_t done = 0;                                                                                                 \
    while (count - done >= 64) {                                                                                     \
        uint16_t lanes[64] = {0};                                                                                    \
        for (unsigned row = 0; row < 256 && count - done >= 64; row++, done += 64)                                   \
            for (unsigned lane = 0; lane < 64; lane++) {                                                             \
                uint8_t x = bytes[done + lane];                                                                      \
                lanes[lane] += (uint8_t)(value);                                                                     \
            }                                                                                                        \
        for (unsigned lane = 0; lane < 64; lane++) sum += lanes[lane];                                               \
    }                                                                                                                \
    for (; done < count; done++) {                                                                                   \
        uint8_t x = bytes[done];                                                                                     \
        sum += (uint8_t)(value);                                                                                     \
    }                                                                                                                \
    return sum

PITH_CLONES
uint64_t pith_sum_u8(const uint8_t *bytes, size_t count) { SUM(x); }

int pith_same_bytes(const uint8_t *bytes, size_t count) { return memcmp(bytes, bytes + 1, count - 1) == 0; }

PITH_CLONES
int pith_has_bits(const uint8_t *bytes, size_t count, uint8_t mask) {
    uint8_t found = 0;
    for (size_t i = 0; i < count; i++) found |= bytes[i];
    return (found & mask) != 0;
}

int pith_repeats_element(const uint8_t *elements, size_t count, unsigned width) {
    return memcmp(elements, elements + width, (count - 1) * width) == 0;
}

PITH_CLONES
uint64_t pith_sum_folded_u8(const uint8_t *bytes, size_t count) { SUM(x < 128 ? x : 256 - x); }
