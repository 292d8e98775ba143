#include "pith_rans_wide.h"
#include "pith_coding.h"
#include "pith_gather.h"

#if defined(__x86_64__)
#define TARGET_256 __attribute__((target("avx2,bmi2,popcnt")))

#define BITS PITH_RANS_BITS
#define TOTAL (1u << BITS)
#define GROUPS 8  // registers of 8 lanes in a group of 64

// For each set bit of `mask` its place, a byte, in a list of all places: `expanded` for lane i the number of set bits below
// it, `packed` the set bits one after the other.
TARGET_256
static inline uint64_t spread(unsigned mask) { return _pdep_u64(mask, 0x0101010101010101ull) * 0xff; }

TARGET_256
static inline __m256i expanded(unsigned mask) {
    uint64_t places = _pdep_u64(0x0706050403020100ull, spread(mask));
    return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)places));
}

TARGET_256
static inline __m256i packed(unsigned mask) {
    uint64_t places = _pext_u64(0x0706050403020100ull, spread(mask));
    return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)places));
}

// Numbers below 2^16 as words of 16 bits.
TARGET_256
static inline __m128i words_of(__m256i numbers) {
    __m256i halves = _mm256_packus_epi32(numbers, numbers);
    return _mm256_castsi256_si128(_mm256_permute4x64_epi64(halves, 0x08));
}

// The entries of two symbols.
TARGET_256
static inline __m128i pair(const uint64_t *table, const uint8_t *symbols) {
    __m128i first = _mm_loadl_epi64((const __m128i *)(table + symbols[0]));
    return _mm_unpacklo_epi64(first, _mm_loadl_epi64((const __m128i *)(table + symbols[1])));
}

// 8 lanes of the encoder. Words go to the 8 places below `words`, right-aligned; those below the new top are free again.
TARGET_256
static inline uint16_t *encode8(const uint64_t *table, const uint8_t *symbols, uint16_t *words, __m256i *state) {
    __m256i x = *state;
    __m256 outer = _mm256_castsi256_ps(_mm256_set_m128i(pair(table, symbols + 4), pair(table, symbols)));
    __m256 inner = _mm256_castsi256_ps(_mm256_set_m128i(pair(table, symbols + 6), pair(table, symbols + 2)));
    __m256i reciprocal = _mm256_castps_si256(_mm256_shuffle_ps(outer, inner, 0x88));
    __m256i entry = _mm256_castps_si256(_mm256_shuffle_ps(outer, inner, 0xdd));
    __m256i f = _mm256_and_si256(entry, _mm256_set1_epi32(0xffff)), start = _mm256_srli_epi32(entry, 16);
    __m256i full = _mm256_cmpeq_epi32(_mm256_max_epu32(x, _mm256_slli_epi32(f, 20)), x);
    unsigned mask = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(full));
    unsigned count = (unsigned)__builtin_popcount(mask);
    __m256i low = _mm256_and_si256(_mm256_permutevar8x32_epi32(x, packed(mask)), _mm256_set1_epi32(0xffff));
    const __m128i bytes = _mm_set_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m128i moved =
        _mm_shuffle_epi8(words_of(low), _mm_sub_epi8(bytes, _mm_set1_epi8((char)(16 - 2 * count))));
    _mm_storeu_si128((__m128i *)(words - 8), moved);
    x = _mm256_blendv_epi8(x, _mm256_srli_epi32(x, 16), full);
    __m256i even = _mm256_srli_epi64(_mm256_mul_epu32(x, reciprocal), 32);
    __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(x, 32), _mm256_srli_epi64(reciprocal, 32));
    __m256i q = _mm256_blend_epi32(even, odd, 0xaa);
    __m256i rest = _mm256_sub_epi32(x, _mm256_mullo_epi32(q, f));
    // The reciprocal is rounded down, so the quotient is right or one too small.
    __m256i more = _mm256_cmpeq_epi32(_mm256_max_epu32(rest, f), rest);
    q = _mm256_sub_epi32(q, more);
    rest = _mm256_sub_epi32(rest, _mm256_and_si256(more, f));
    *state = _mm256_add_epi32(_mm256_slli_epi32(q, BITS), _mm256_add_epi32(rest, start));
    return words - count;
}

TARGET_256
uint16_t *pith_rans_encode_groups_avx2(
    const uint64_t *table, const uint8_t *symbols, size_t groups, uint16_t *words, uint32_t *states) {
    __m256i x[GROUPS];
    for (int i = 0; i < GROUPS; i++) x[i] = _mm256_loadu_si256((const __m256i *)(states + 8 * i));
    for (size_t g = groups; g-- > 0;)
        for (int i = GROUPS; i-- > 0;) words = encode8(table, symbols + g * 64 + 8 * (size_t)i, words, &x[i]);
    for (int i = 0; i < GROUPS; i++) _mm256_storeu_si256((__m256i *)(states + 8 * i), x[i]);
    return words;
}

TARGET_256
static inline const uint8_t *decode8(const uint32_t *table, const uint8_t *words, __m256i *state, uint8_t *symbols) {
    __m256i x = *state;
    __m256i slots = _mm256_and_si256(x, _mm256_set1_epi32(TOTAL - 1));
    __m256i entry = _mm256_set_m128i(
        gathered_128(table, _mm256_extracti128_si256(slots, 1)), gathered_128(table, _mm256_castsi256_si128(slots)));
    __m256i f = _mm256_and_si256(_mm256_srli_epi32(entry, 8), _mm256_set1_epi32(0xfff));
    x = _mm256_add_epi32(_mm256_mullo_epi32(f, _mm256_srli_epi32(x, BITS)), _mm256_srli_epi32(entry, 20));
    __m256i empty = _mm256_cmpeq_epi32(_mm256_srli_epi32(x, 16), _mm256_setzero_si256());
    unsigned mask = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(empty));
    __m256i loaded = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)words));
    loaded = _mm256_permutevar8x32_epi32(loaded, expanded(mask));
    *state = _mm256_blendv_epi8(x, _mm256_or_si256(_mm256_slli_epi32(x, 16), loaded), empty);
    __m128i halves = words_of(_mm256_and_si256(entry, _mm256_set1_epi32(0xff)));
    _mm_storel_epi64((__m128i *)symbols, _mm_packus_epi16(halves, halves));
    return words + 2 * (size_t)__builtin_popcount(mask);
}

TARGET_256
size_t pith_rans_decode_groups_avx2(
    const uint32_t *table, size_t groups, uint32_t *states, const uint8_t **words, const uint8_t *end,
    uint8_t *symbols) {
    __m256i x[GROUPS];
    for (int i = 0; i < GROUPS; i++) x[i] = _mm256_loadu_si256((const __m256i *)(states + 8 * i));
    const uint8_t *next = *words;
    size_t group = 0;
    // 64 words at most for the group, and the last of its loads looks at 8.
    for (; group < groups && end - next >= 144; group++)
        for (int i = 0; i < GROUPS; i++) next = decode8(table, next, &x[i], symbols + group * 64 + 8 * (size_t)i);
    for (int i = 0; i < GROUPS; i++) _mm256_storeu_si256((__m256i *)(states + 8 * i), x[i]);
    *words = next;
    return group;
}

int pith_rans_has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}
#else
int pith_rans_has_avx2(void) { return 0; }
uint16_t *pith_rans_encode_groups_avx2(
    const uint64_t *table, const uint8_t *symbols, size_t groups, uint16_t *words, uint32_t *states) {
    return words;
}
size_t pith_rans_decode_groups_avx2(
    const uint32_t *table, size_t groups, uint32_t *states, const uint8_t **words, const uint8_t *end,
    uint8_t *symbols) {
    return 0;
}
#endif
