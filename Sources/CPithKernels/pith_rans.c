#include "pith_avx512.h"
#include "pith_coding.h"
#include "pith_rans_step.h"
#include "pith_rans_wide.h"
#include <string.h>

// Range asymmetric numeral systems (Duda, arXiv:1311.2540) with states of 32 bits in [2^16, 2^32), words of 16 bits and
// probabilities of 12 bits. Coding s with frequency f and start c: x = (x / f) * 4096 + c + x % f.

#define BITS PITH_RANS_BITS
#define TOTAL (1u << BITS)
#define LOWEST (1u << 16)
#define MOST_LANES 64

// MARK: Portable loops

// Codes one group: symbol i of `count` by lane i, the last lane first.
static inline uint16_t *encode_group(
    const uint64_t *table, const uint8_t *symbols, size_t count, uint16_t *words, uint32_t *states) {
    for (size_t lane = count; lane-- > 0;) words = rans_encode(table[symbols[lane]], words, states + lane);
    return words;
}

// Decodes one group; without enough words it leaves the rest of the states as they are and answers 0.
static inline int decode_group(
    const uint32_t *table, size_t count, uint32_t *states, const uint8_t **words, const uint8_t *end, uint8_t *symbols) {
    const uint8_t *next = *words;
    if ((size_t)(end - next) >= 2 * count + 2) {
        // There is a word for each lane and one to look at, so nothing needs a branch.
        for (size_t lane = 0; lane < count; lane++) {
            uint32_t entry = table[states[lane] & (TOTAL - 1)];
            uint32_t x = (entry >> 8 & 0xfff) * (states[lane] >> BITS) + (entry >> 20);
            symbols[lane] = (uint8_t)entry;
            uint16_t word;
            memcpy(&word, next, 2);
            // Shifts and a mask, as compilers make a branch of a choice, and nobody can guess it.
            uint32_t empty = x < LOWEST;
            next += 2 * empty;
            states[lane] = x << 16 * empty | (word & (0 - empty));
        }
        *words = next;
        return 1;
    }
    for (size_t lane = 0; lane < count; lane++) {
        uint32_t entry = table[states[lane] & (TOTAL - 1)];
        uint32_t x = (entry >> 8 & 0xfff) * (states[lane] >> BITS) + (entry >> 20);
        symbols[lane] = (uint8_t)entry;
        if (x < LOWEST) {
            if (next == end) return 0;
            uint16_t word;
            memcpy(&word, next, 2);
            next += 2;
            x = x << 16 | word;
        }
        states[lane] = x;
    }
    *words = next;
    return 1;
}

// MARK: AVX-512

#if defined(__x86_64__)
// The entries of an encoder's table in registers, when its symbols lie among 32 neighbours: gathers from memory take several
// times as long.
struct near_table {
    __m512i low_reciprocals, high_reciprocals, low_packed, high_packed, first;
};

// The first of at most 32 neighbours that are all the symbols a table has; -1 when they are further apart.
static int first_neighbour(const uint64_t *table) {
    int first = 0, last = 255;
    while (first < 255 && !(table[first] >> 32 & 0xffff)) first++;
    while (last > first && !(table[last] >> 32 & 0xffff)) last--;
    return last - first < 32 ? (first < 224 ? first : 224) : -1;
}

TARGET_512
static struct near_table near_entries(const uint64_t *table, int first) {
    uint32_t reciprocals[32], packed[32];
    for (int i = 0; i < 32; i++) {
        reciprocals[i] = (uint32_t)table[first + i];
        packed[i] = (uint32_t)(table[first + i] >> 32);
    }
    struct near_table near = {
        _mm512_loadu_si512(reciprocals), _mm512_loadu_si512(reciprocals + 16), _mm512_loadu_si512(packed),
        _mm512_loadu_si512(packed + 16), _mm512_set1_epi32(first)};
    return near;
}

// The entries of a table by their bytes, for symbols that lie further apart: four bytes of the reciprocal, then four of
// frequency and start. A short one has the entries of symbols 128 apart in one place, as only one of the two occurs.
struct far_table {
    uint8_t bytes[8][256];
    int is_short;
};

static void far_entries(const uint64_t *table, struct far_table *far) {
    far->is_short = 1;
    for (unsigned s = 0; s < 128; s++)
        if (table[s] >> 32 & 0xffff && table[s + 128] >> 32 & 0xffff) far->is_short = 0;
    for (unsigned s = 0; s < (far->is_short ? 128 : 256); s++) {
        uint64_t entry = far->is_short && !(table[s] >> 32 & 0xffff) ? table[s + 128] : table[s];
        for (unsigned byte = 0; byte < 8; byte++) far->bytes[byte][s] = (uint8_t)(entry >> 8 * byte);
    }
}

// Four bytes each of the entries of 64 symbols, `numbers[k]` those of symbols 16 k to 16 k + 15 once `places` has moved them.
TARGET_512
static inline __attribute__((always_inline)) void look_up4(
    const uint8_t (*bytes)[256], int is_short, __m512i symbols, __m512i *numbers) {
    __m512i found[4];
    for (int i = 0; i < 4; i++)
        found[i] = is_short ? look_up_128_512(bytes[i], symbols) : look_up_512(bytes[i], symbols);
    __m512i low_ab = _mm512_unpacklo_epi8(found[0], found[1]), high_ab = _mm512_unpackhi_epi8(found[0], found[1]);
    __m512i low_cd = _mm512_unpacklo_epi8(found[2], found[3]), high_cd = _mm512_unpackhi_epi8(found[2], found[3]);
    numbers[0] = _mm512_unpacklo_epi16(low_ab, low_cd);
    numbers[1] = _mm512_unpackhi_epi16(low_ab, low_cd);
    numbers[2] = _mm512_unpacklo_epi16(high_ab, high_cd);
    numbers[3] = _mm512_unpackhi_epi16(high_ab, high_cd);
}

// 16 lanes of the encoder, by the entries of their symbols. Words go to the 16 places below `words`, right-aligned; those below
// the new top are free again.
TARGET_512
static inline __attribute__((always_inline)) uint16_t *encode16(
    __m512i reciprocal, __m512i packed, uint16_t *words, __m512i *state) {
    __m512i x = *state;
    __m512i f = _mm512_and_si512(packed, _mm512_set1_epi32(0xffff)), start = _mm512_srli_epi32(packed, 16);
    __mmask16 full = _mm512_cmpge_epu32_mask(x, _mm512_slli_epi32(f, 20));
    unsigned count = (unsigned)__builtin_popcount(full);
    __m256i low = _mm256_maskz_compress_epi16(full, _mm512_cvtepi32_epi16(x));
    const __m256i places = _mm256_set_epi16(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m256i moved = _mm256_permutexvar_epi16(_mm256_add_epi16(places, _mm256_set1_epi16((short)count)), low);
    _mm256_storeu_si256((__m256i *)(words - 16), moved);
    x = _mm512_mask_srli_epi32(x, full, x, 16);
    __m512i even = _mm512_srli_epi64(_mm512_mul_epu32(x, reciprocal), 32);
    __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(x, 32), _mm512_srli_epi64(reciprocal, 32));
    __m512i q = _mm512_mask_blend_epi32(0xaaaa, even, odd);
    __m512i rest = _mm512_sub_epi32(x, _mm512_mullo_epi32(q, f));
    __mmask16 more = _mm512_cmpge_epu32_mask(rest, f);
    q = _mm512_mask_sub_epi32(q, more, q, _mm512_set1_epi32(-1));
    rest = _mm512_mask_sub_epi32(rest, more, rest, f);
    *state = _mm512_add_epi32(_mm512_slli_epi32(q, BITS), _mm512_add_epi32(rest, start));
    return words - count;
}

TARGET_512
static inline __attribute__((always_inline)) uint16_t *encode_near16(
    const struct near_table *near, const uint8_t *symbols, uint16_t *words, __m512i *state) {
    __m512i place = _mm512_sub_epi32(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)symbols)), near->first);
    __m512i reciprocal = _mm512_permutex2var_epi32(near->low_reciprocals, place, near->high_reciprocals);
    __m512i packed = _mm512_permutex2var_epi32(near->low_packed, place, near->high_packed);
    return encode16(reciprocal, packed, words, state);
}

// The loops over groups name each of the four steps of one: compilers leave the states of a loop over them in memory.
TARGET_512
static inline __attribute__((always_inline)) uint16_t *encode_near_512(
    const uint64_t *table, int first, const uint8_t *symbols, size_t groups, uint16_t *words, __m512i *states) {
    struct near_table near = near_entries(table, first);
    __m512i a = states[0], b = states[1], c = states[2], d = states[3];
    for (size_t g = groups; g-- > 0;) {
        const uint8_t *s = symbols + g * 64;
        words = encode_near16(&near, s + 48, words, &d);
        words = encode_near16(&near, s + 32, words, &c);
        words = encode_near16(&near, s + 16, words, &b);
        words = encode_near16(&near, s, words, &a);
    }
    states[0] = a, states[1] = b, states[2] = c, states[3] = d;
    return words;
}

TARGET_512
static inline __attribute__((always_inline)) uint16_t *encode_far_512(
    const struct far_table *far, int is_short, const uint8_t *symbols, size_t groups, uint16_t *words, __m512i *states) {
    // What comes out of the unpacking as 16 k + 4 l + j has to stand at 16 l + 4 k + j before.
    uint8_t places[64];
    for (unsigned i = 0; i < 64; i++) places[i] = (uint8_t)((i >> 2 & 3) << 4 | i >> 4 << 2 | (i & 3));
    __m512i order = _mm512_loadu_si512(places), reciprocals[4], packed[4];
    __m512i a = states[0], b = states[1], c = states[2], d = states[3];
    for (size_t g = groups; g-- > 0;) {
        __m512i moved = _mm512_permutexvar_epi8(order, _mm512_loadu_si512(symbols + g * 64));
        look_up4(far->bytes, is_short, moved, reciprocals);
        look_up4(far->bytes + 4, is_short, moved, packed);
        words = encode16(reciprocals[3], packed[3], words, &d);
        words = encode16(reciprocals[2], packed[2], words, &c);
        words = encode16(reciprocals[1], packed[1], words, &b);
        words = encode16(reciprocals[0], packed[0], words, &a);
    }
    states[0] = a, states[1] = b, states[2] = c, states[3] = d;
    return words;
}

TARGET_512
static uint16_t *encode_groups_512(
    const uint64_t *table, const uint8_t *symbols, size_t groups, uint16_t *words, uint32_t *states) {
    __m512i x[4];
    for (int i = 0; i < 4; i++) x[i] = _mm512_loadu_si512(states + 16 * i);
    int first = first_neighbour(table);
    if (first >= 0) {
        words = encode_near_512(table, first, symbols, groups, words, x);
    } else {
        struct far_table far;
        far_entries(table, &far);
        words = far.is_short ? encode_far_512(&far, 1, symbols, groups, words, x)
                             : encode_far_512(&far, 0, symbols, groups, words, x);
    }
    for (int i = 0; i < 4; i++) _mm512_storeu_si512(states + 16 * i, x[i]);
    return words;
}

TARGET_512
static inline const uint8_t *decode16(const uint32_t *table, const uint8_t *words, __m512i *state, uint8_t *symbols) {
    __m512i x = *state;
    __m512i entry = gathered_512(table, _mm512_and_si512(x, _mm512_set1_epi32(TOTAL - 1)));
    __m512i f = _mm512_and_si512(_mm512_srli_epi32(entry, 8), _mm512_set1_epi32(0xfff));
    x = _mm512_add_epi32(_mm512_mullo_epi32(f, _mm512_srli_epi32(x, BITS)), _mm512_srli_epi32(entry, 20));
    __mmask16 empty = _mm512_cmplt_epu32_mask(x, _mm512_set1_epi32(LOWEST));
    __m256i loaded = _mm256_maskz_expand_epi16(empty, _mm256_loadu_si256((const __m256i *)words));
    *state = _mm512_mask_or_epi32(x, empty, _mm512_slli_epi32(x, 16), _mm512_cvtepu16_epi32(loaded));
    _mm_storeu_si128((__m128i *)symbols, _mm512_cvtepi32_epi8(entry));
    return words + 2 * (size_t)__builtin_popcount(empty);
}

// Decodes whole groups of 64 while at least 64 words are left; answers how many groups.
TARGET_512
static size_t decode_groups_512(
    const uint32_t *table, size_t groups, uint32_t *states, const uint8_t **words, const uint8_t *end,
    uint8_t *symbols) {
    __m512i a = _mm512_loadu_si512(states), b = _mm512_loadu_si512(states + 16);
    __m512i c = _mm512_loadu_si512(states + 32), d = _mm512_loadu_si512(states + 48);
    const uint8_t *next = *words;
    size_t group = 0;
    for (; group < groups && end - next >= 128; group++) {
        uint8_t *s = symbols + group * 64;
        next = decode16(table, next, &a, s);
        next = decode16(table, next, &b, s + 16);
        next = decode16(table, next, &c, s + 32);
        next = decode16(table, next, &d, s + 48);
    }
    _mm512_storeu_si512(states, a);
    _mm512_storeu_si512(states + 16, b);
    _mm512_storeu_si512(states + 32, c);
    _mm512_storeu_si512(states + 48, d);
    *words = next;
    return group;
}
#else
static uint16_t *encode_groups_512(
    const uint64_t *table, const uint8_t *symbols, size_t groups, uint16_t *words, uint32_t *states) {
    return words;
}
static size_t decode_groups_512(
    const uint32_t *table, size_t groups, uint32_t *states, const uint8_t **words, const uint8_t *end,
    uint8_t *symbols) {
    return 0;
}
#endif

// MARK: Whole planes

#if defined(__aarch64__)
#define encode_groups_narrow pith_rans_encode_groups_neon
#define decode_groups_narrow pith_rans_decode_groups_neon
#else
#define encode_groups_narrow pith_rans_encode_groups_avx2
#define decode_groups_narrow pith_rans_decode_groups_avx2
#endif

// The widest instructions that `most` allows, this processor has, and `lanes` fill.
static unsigned instructions(unsigned most, unsigned lanes) {
    if (lanes != MOST_LANES) return PITH_PORTABLE;
#if defined(__aarch64__)
    return most >= PITH_NEON ? PITH_NEON : PITH_PORTABLE;
#endif
    if (most >= PITH_AVX512 && has_512()) return PITH_AVX512;
    return most >= PITH_AVX2 && pith_rans_has_avx2() ? PITH_AVX2 : PITH_PORTABLE;
}

size_t pith_rans_encode(
    const uint64_t *tables, const uint8_t *symbols, const size_t *runs, size_t run_count, unsigned lanes,
    uint16_t *words_end, uint32_t *states, unsigned most) {
    unsigned set = instructions(most, lanes);
    uint16_t *words = words_end;
    size_t end = 0;
    for (size_t r = 0; r < run_count; r++) end += runs[r];
    for (unsigned lane = 0; lane < lanes; lane++) states[lane] = LOWEST;
    for (size_t r = run_count; r-- > 0;) {
        const uint64_t *table = tables + r * 256;
        size_t start = end - runs[r], groups = runs[r] / lanes, whole = start + groups * lanes;
        if (whole < end) words = encode_group(table, symbols + whole, end - whole, words, states);
        if (set == PITH_AVX512)
            words = encode_groups_512(table, symbols + start, groups, words, states);
        else if (set == PITH_AVX2)
            words = encode_groups_narrow(table, symbols + start, groups, words, states);
        else
            for (size_t g = groups; g-- > 0;)
                words = encode_group(table, symbols + start + g * lanes, lanes, words, states);
        end = start;
    }
    return (size_t)(words_end - words);
}

int pith_rans_decode(
    const uint16_t *frequencies, const size_t *runs, size_t run_count, unsigned lanes, const uint8_t *stored,
    const uint8_t *words, size_t word_count, uint8_t *symbols, uint32_t *table, unsigned most) {
    unsigned set = instructions(most, lanes);
    uint32_t states[MOST_LANES];
    memcpy(states, stored, 4 * (size_t)lanes);
    const uint8_t *end = words + 2 * word_count;
    for (size_t r = 0; r < run_count; r++) {
        // One place for all tables, which stays in the fastest cache.
        pith_rans_decoder_table(frequencies + r * 256, table);
        size_t groups = runs[r] / MOST_LANES, done = 0;
        if (set == PITH_AVX512) done = 64 * decode_groups_512(table, groups, states, &words, end, symbols);
        if (set == PITH_AVX2) done = 64 * decode_groups_narrow(table, groups, states, &words, end, symbols);
        while (done < runs[r]) {
            size_t count = runs[r] - done < lanes ? runs[r] - done : lanes;
            if (!decode_group(table, count, states, &words, end, symbols + done)) return 1;
            done += count;
        }
        symbols += runs[r];
    }
    for (unsigned lane = 0; lane < lanes; lane++)
        if (states[lane] != LOWEST) return 1;
    return words != end;
}
