#pragma once

// Entries of tables through general registers: instructions that gather take longer on many processors, up to twice as long.

#if defined(__x86_64__)
#include <immintrin.h>
#include <stdint.h>

/// The entries of a table at four places.
__attribute__((target("sse4.1"), always_inline))
static inline __m128i gathered_128(const uint32_t *table, __m128i places) {
    uint64_t low = (uint64_t)_mm_cvtsi128_si64(places), high = (uint64_t)_mm_extract_epi64(places, 1);
    __m128i entries = _mm_cvtsi32_si128((int)table[(uint32_t)low]);
    entries = _mm_insert_epi32(entries, (int)table[low >> 32], 1);
    entries = _mm_insert_epi32(entries, (int)table[(uint32_t)high], 2);
    return _mm_insert_epi32(entries, (int)table[high >> 32], 3);
}
#endif
