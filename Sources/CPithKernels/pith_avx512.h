#pragma once

// Whether this processor has the parts of AVX-512 that the weight coder uses, tables of 256 and 128 bytes in its registers, and entries
// of larger ones from memory; used by the loops of this folder alone.

#if defined(__x86_64__)
#include "pith_gather.h"

#define TARGET_512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,popcnt")))

static inline int has_512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi")
        && __builtin_cpu_supports("avx512vbmi2");
}

/// The bytes of a table that 64 symbols number.
TARGET_512
static inline __attribute__((always_inline)) __m512i look_up_512(const uint8_t *bytes, __m512i symbols) {
    __m512i low = _mm512_permutex2var_epi8(_mm512_loadu_si512(bytes), symbols, _mm512_loadu_si512(bytes + 64));
    __m512i high = _mm512_permutex2var_epi8(_mm512_loadu_si512(bytes + 128), symbols, _mm512_loadu_si512(bytes + 192));
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(symbols), low, high);
}

/// The same from 128 bytes, by the lower bits of the symbols.
TARGET_512
static inline __attribute__((always_inline)) __m512i look_up_128_512(const uint8_t *bytes, __m512i symbols) {
    return _mm512_permutex2var_epi8(_mm512_loadu_si512(bytes), symbols, _mm512_loadu_si512(bytes + 64));
}

/// The entries of a table at 16 places, half of which go through general registers and half through memory: the parts of a processor
/// that move numbers between registers, and those that load them, are busy alike.
TARGET_512
static inline __attribute__((always_inline)) __m512i gathered_512(const uint32_t *table, __m512i places) {
    uint32_t stored[16];
    _mm512_storeu_si512(stored, places);
    // Compilers would move the numbers between registers after all.
    __asm__ volatile("" : "+m"(stored));
    __m128i a = gathered_128(table, _mm512_castsi512_si128(places));
    __m128i b = gathered_128(table, _mm512_extracti32x4_epi32(places, 1));
    __m128i c = four_entries(table, stored[8], stored[9], stored[10], stored[11]);
    __m128i d = four_entries(table, stored[12], stored[13], stored[14], stored[15]);
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_set_m128i(b, a)), _mm256_set_m128i(d, c), 1);
}
#else
static inline int has_512(void) { return 0; }
#endif
