#include "pith_rans_wide.h"
#include "pith_coding.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#include <string.h>

#define BITS PITH_RANS_BITS
#define TOTAL (1u << BITS)
#define LOWEST (1u << 16)
#define GROUPS 16  // registers of 4 lanes in a group of 64

#define NONE 255, 255

// For each set of lanes, as the bits of a number: where in a run of words the low half of each lane comes from.
#define LANE(mask, lane)                                                                                             \
    (mask) >> (lane) & 1 ? 2 * __builtin_popcount((mask) & ((1 << (lane)) - 1)) : 255,                               \
        (mask) >> (lane) & 1 ? 2 * __builtin_popcount((mask) & ((1 << (lane)) - 1)) + 1 : 255, NONE
#define SPREAD(mask) {LANE(mask, 0), LANE(mask, 1), LANE(mask, 2), LANE(mask, 3)}

static const uint8_t spread[16][16] = {
    SPREAD(0), SPREAD(1), SPREAD(2),  SPREAD(3),  SPREAD(4),  SPREAD(5),  SPREAD(6),  SPREAD(7),
    SPREAD(8), SPREAD(9), SPREAD(10), SPREAD(11), SPREAD(12), SPREAD(13), SPREAD(14), SPREAD(15)};

// The way back: the low halves of those lanes one after the other, at the end of four words.
static const uint8_t packed[16][8] = {
    {NONE, NONE, NONE, NONE}, {NONE, NONE, NONE, 0, 1},       {NONE, NONE, NONE, 4, 5},
    {NONE, NONE, 0, 1, 4, 5}, {NONE, NONE, NONE, 8, 9},       {NONE, NONE, 0, 1, 8, 9},
    {NONE, NONE, 4, 5, 8, 9}, {NONE, 0, 1, 4, 5, 8, 9},       {NONE, NONE, NONE, 12, 13},
    {NONE, NONE, 0, 1, 12, 13}, {NONE, NONE, 4, 5, 12, 13},   {NONE, 0, 1, 4, 5, 12, 13},
    {NONE, NONE, 8, 9, 12, 13}, {NONE, 0, 1, 8, 9, 12, 13},   {NONE, 4, 5, 8, 9, 12, 13},
    {0, 1, 4, 5, 8, 9, 12, 13}};

// A bit for each lane that is all ones.
static inline unsigned bits_of(uint32x4_t lanes) {
    static const uint32_t weights[4] = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(lanes, vld1q_u32(weights)));
}

// 4 lanes of the encoder. Words go to the 4 places below `words`, right-aligned; those below the new top are free again.
static inline uint16_t *encode4(const uint64_t *table, const uint8_t *symbols, uint16_t *words, uint32x4_t *state) {
    uint32x4_t x = *state;
    uint64x2_t low = vcombine_u64(vcreate_u64(table[symbols[0]]), vcreate_u64(table[symbols[1]]));
    uint64x2_t high = vcombine_u64(vcreate_u64(table[symbols[2]]), vcreate_u64(table[symbols[3]]));
    uint32x4_t reciprocal = vuzp1q_u32(vreinterpretq_u32_u64(low), vreinterpretq_u32_u64(high));
    uint32x4_t entry = vuzp2q_u32(vreinterpretq_u32_u64(low), vreinterpretq_u32_u64(high));
    uint32x4_t f = vandq_u32(entry, vdupq_n_u32(0xffff)), start = vshrq_n_u32(entry, 16);
    uint32x4_t full = vcgeq_u32(x, vshlq_n_u32(f, 20));
    unsigned mask = bits_of(full);
    vst1_u8((uint8_t *)(words - 4), vqtbl1_u8(vreinterpretq_u8_u32(x), vld1_u8(packed[mask])));
    x = vbslq_u32(full, vshrq_n_u32(x, 16), x);
    uint32x4_t q = vcombine_u32(
        vshrn_n_u64(vmull_u32(vget_low_u32(x), vget_low_u32(reciprocal)), 32),
        vshrn_n_u64(vmull_u32(vget_high_u32(x), vget_high_u32(reciprocal)), 32));
    uint32x4_t rest = vmlsq_u32(x, q, f);
    // The reciprocal is rounded down, so the quotient is right or one too small.
    uint32x4_t more = vcgeq_u32(rest, f);
    q = vsubq_u32(q, more);
    rest = vsubq_u32(rest, vandq_u32(more, f));
    *state = vaddq_u32(vshlq_n_u32(q, BITS), vaddq_u32(rest, start));
    return words - __builtin_popcount(mask);
}

uint16_t *pith_rans_encode_groups_neon(
    const uint64_t *table, const uint8_t *symbols, size_t groups, uint16_t *words, uint32_t *states) {
    uint32x4_t x[GROUPS];
    for (int i = 0; i < GROUPS; i++) x[i] = vld1q_u32(states + 4 * i);
    for (size_t g = groups; g-- > 0;)
        for (int i = GROUPS; i-- > 0;) words = encode4(table, symbols + g * 64 + 4 * (size_t)i, words, &x[i]);
    for (int i = 0; i < GROUPS; i++) vst1q_u32(states + 4 * i, x[i]);
    return words;
}

static inline const uint8_t *decode4(const uint32_t *table, const uint8_t *words, uint32x4_t *state, uint8_t *symbols) {
    uint32x4_t x = *state, slot = vandq_u32(x, vdupq_n_u32(TOTAL - 1)), entry = vdupq_n_u32(0);
    entry = vld1q_lane_u32(table + vgetq_lane_u32(slot, 0), entry, 0);
    entry = vld1q_lane_u32(table + vgetq_lane_u32(slot, 1), entry, 1);
    entry = vld1q_lane_u32(table + vgetq_lane_u32(slot, 2), entry, 2);
    entry = vld1q_lane_u32(table + vgetq_lane_u32(slot, 3), entry, 3);
    uint32x4_t f = vandq_u32(vshrq_n_u32(entry, 8), vdupq_n_u32(0xfff));
    x = vmlaq_u32(vshrq_n_u32(entry, 20), f, vshrq_n_u32(x, BITS));
    uint32x4_t empty = vcltq_u32(x, vdupq_n_u32(LOWEST));
    unsigned mask = bits_of(empty);
    uint8x16_t next = vcombine_u8(vld1_u8(words), vdup_n_u8(0));
    uint32x4_t loaded = vreinterpretq_u32_u8(vqtbl1q_u8(next, vld1q_u8(spread[mask])));
    *state = vbslq_u32(empty, vorrq_u32(vshlq_n_u32(x, 16), loaded), x);
    uint16x4_t halves = vmovn_u32(entry);
    uint32_t four = vget_lane_u32(vreinterpret_u32_u8(vmovn_u16(vcombine_u16(halves, halves))), 0);
    memcpy(symbols, &four, 4);
    return words + 2 * (size_t)__builtin_popcount(mask);
}

size_t pith_rans_decode_groups_neon(
    const uint32_t *table, size_t groups, uint32_t *states, const uint8_t **words, const uint8_t *end,
    uint8_t *symbols) {
    uint32x4_t x[GROUPS];
    for (int i = 0; i < GROUPS; i++) x[i] = vld1q_u32(states + 4 * i);
    const uint8_t *next = *words;
    size_t group = 0;
    // 64 words at most for the group, and the last of its loads looks at 4.
    for (; group < groups && end - next >= 136; group++)
        for (int i = 0; i < GROUPS; i++) next = decode4(table, next, &x[i], symbols + group * 64 + 4 * (size_t)i);
    for (int i = 0; i < GROUPS; i++) vst1q_u32(states + 4 * i, x[i]);
    *words = next;
    return group;
}
#endif
