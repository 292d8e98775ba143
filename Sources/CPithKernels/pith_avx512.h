#pragma once

// Whether this processor has the parts of AVX-512 that the weight coder uses, and tables of 256 bytes in its registers; used by the
// loops of this folder alone.

#if defined(__x86_64__)
#include <immintrin.h>
#include <stdint.h>

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
#else
static inline int has_512(void) { return 0; }
#endif
