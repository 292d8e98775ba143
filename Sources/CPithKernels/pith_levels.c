#include "pith_avx512.h"
#include "pith_clones.h"
#include "pith_coding.h"
#include "pith_rans_step.h"
#include "pith_trellis.h"
#include <string.h>

// The coder of `pith_rans.c` with a choice of tables for each symbol: by the classes of its row and its column, and by the
// set that the walk takes it from. Lanes are pieces of the block that lie one after the other, so they follow walks of their
// own, side by side, and stand in the same column at the same time.

enum { BITS = PITH_RANS_BITS, TOTAL = 1 << BITS, LANES = 64, TILE = 64 };
static const uint32_t lowest = 1u << 16;

static unsigned sets_of(unsigned states) { return states == 1 ? 1 : 2; }
static unsigned set_of(unsigned states, unsigned state) { return states == 1 ? 0 : states == 8 ? state & 1 : state >> 1; }

// The state after each state and level, with the set of the new state in bit 7.
struct follow {
    uint8_t next[8][256];
};

// Whether the number of a level in its set is odd.
static unsigned is_odd(unsigned set, unsigned level) {
    return set ? level & 1 & ~(level >> 1 ^ level >> 7) : level >> 1 & 1;
}

static void fill(struct follow *follow, unsigned states) {
    for (unsigned state = 0; state < states; state++)
        for (unsigned level = 0; level < 256; level++) {
            unsigned next = states == 1 ? 0 : pith_trellis_next(states, state, (int)is_odd(set_of(states, state), level));
            follow->next[state][level] = (uint8_t)(next | set_of(states, next) << 7);
        }
}

// For each level of a set its symbol, and whether it is none of the set.
struct numbers {
    uint8_t symbol[2][256], wrong[2][256];
};

static void number(struct numbers *numbers, unsigned states) {
    for (int level = -128; level < 128; level++)
        for (int set = 0; set < 2; set++) {
            int sign = (level > 0) - (level < 0), k = states == 1 ? level : set ? (level + sign) / 2 : level / 2;
            numbers->symbol[set][(uint8_t)level] = (uint8_t)(k + PITH_LEVELS_MIDDLE);
            numbers->wrong[set][(uint8_t)level] = states > 1 && (set ? level && !(level & 1) : level & 1);
        }
}

PITH_CLONES
static void stand_still(const int8_t *levels, size_t count, uint8_t *symbols, uint8_t *states_before) {
    for (size_t i = 0; i < count; i++) symbols[i] = (uint8_t)(levels[i] + PITH_LEVELS_MIDDLE);
    memset(states_before, 0, count);
}

int pith_levels_walk(
    const int8_t *levels, size_t count, unsigned states, unsigned start, uint8_t *symbols, uint8_t *states_before) {
    if (states == 1) {
        stand_still(levels, count, symbols, states_before);
        return 0;
    }
    struct follow follow;
    struct numbers numbers;
    fill(&follow, states);
    number(&numbers, states);
    unsigned state = start, set = set_of(states, start), wrong = 0;
    for (size_t i = 0; i < count && !wrong;) {
        // What comes next is not to be guessed, so there is no branch but for each piece.
        size_t end = count - i < 256 ? count : i + 256;
        for (; i < end; i++) {
            uint8_t level = (uint8_t)levels[i];
            wrong |= numbers.wrong[set][level];
            symbols[i] = numbers.symbol[set][level];
            states_before[i] = (uint8_t)state;
            unsigned next = follow.next[state][level];
            state = next & 127;
            set = next >> 7;
        }
    }
    return wrong ? -1 : (int)state;
}

PITH_CLONES
static uint32_t add_row(const int8_t *levels, size_t count, uint32_t *columns) {
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t distance = (uint32_t)(levels[i] < 0 ? -levels[i] : levels[i]);
        columns[i] += distance;
        sum += distance;
    }
    return sum;
}

void pith_levels_sums(const int8_t *levels, size_t count, size_t unit, uint32_t *rows, uint32_t *columns) {
    for (size_t start = 0; start < count; start += unit) {
        size_t length = count - start < unit ? count - start : unit;
        rows[start / unit] += add_row(levels + start, length, columns);
    }
}

void pith_levels_count(
    const struct pith_levels_layout *layout, const uint8_t *symbols, const uint8_t *states_before, uint32_t *counts) {
    unsigned states = layout->states, sets = sets_of(states);
    uint8_t set_of_state[8];
    for (unsigned state = 0; state < 8; state++) set_of_state[state] = (uint8_t)set_of(states, state & (states - 1));
    for (size_t start = 0; start < layout->count; start += layout->unit) {
        size_t length = layout->count - start < layout->unit ? layout->count - start : layout->unit;
        unsigned row = layout->rows[start / layout->unit];
        for (size_t i = 0; i < length; i++) {
            unsigned set = set_of_state[states_before[start + i]];
            counts[((row + layout->columns[i]) * sets + set) * 256 + symbols[start + i]]++;
        }
    }
}

void pith_levels_fold(const uint32_t *counts, uint32_t *folded) {
    folded[0] = counts[PITH_LEVELS_MIDDLE];
    for (int k = 1; k < PITH_LEVELS_MIDDLE; k++)
        folded[k] = counts[PITH_LEVELS_MIDDLE + k] + counts[PITH_LEVELS_MIDDLE - k];
    for (int k = PITH_LEVELS_MIDDLE; k < 256; k++) folded[k] = 0;
}

// Lanes that have a symbol at a step: all, or all but the last.
static unsigned living(const struct pith_levels_layout *layout, size_t step) {
    return (layout->lanes - 1) * layout->chunk + step < layout->count ? layout->lanes : layout->lanes - 1;
}

// Which table and symbol the levels of a piece of each lane have: as many steps as lie in one row, at most a tile.
struct encoder_tile {
    uint16_t entry[TILE][LANES];
};

static void look_at(
    const struct pith_levels_layout *layout, const uint8_t *set_of_state, const uint8_t *symbols,
    const uint8_t *states_before, size_t first, size_t count, struct encoder_tile *tile) {
    unsigned sets = sets_of(layout->states);
    size_t row = first / layout->unit, rows = layout->chunk / layout->unit;
    const uint8_t *columns = layout->columns + (first - row * layout->unit);
    for (unsigned lane = 0; lane < layout->lanes; lane++) {
        size_t start = lane * layout->chunk + first;
        // The last lane may end before; what is beyond is not coded.
        size_t length = start >= layout->count ? 0 : layout->count - start < count ? layout->count - start : count;
        if (length == 0) continue;
        const uint8_t *tables = layout->tables + layout->rows[lane * rows + row];
        for (size_t i = 0; i < length; i++) {
            unsigned table = tables[columns[i]] * sets + set_of_state[states_before[start + i]];
            tile->entry[i][lane] = (uint16_t)(table << 8 | symbols[start + i]);
        }
    }
}

size_t pith_levels_encode(
    const struct pith_levels_layout *layout, const uint64_t *tables, const uint8_t *symbols,
    const uint8_t *states_before, uint16_t *words_end, uint32_t *coder_states) {
    uint16_t *words = words_end;
    uint8_t set_of_state[8];
    for (unsigned state = 0; state < 8; state++)
        set_of_state[state] = (uint8_t)set_of(layout->states, state & (layout->states - 1));
    for (unsigned lane = 0; lane < layout->lanes; lane++) coder_states[lane] = lowest;
    struct encoder_tile tile;
    for (size_t end = layout->chunk; end > 0;) {
        size_t start = (end - 1) / layout->unit * layout->unit;
        if (end - start > TILE) start = end - TILE;
        look_at(layout, set_of_state, symbols, states_before, start, end - start, &tile);
        for (size_t step = end; step-- > start;) {
            const uint16_t *entries = tile.entry[step - start];
            for (unsigned lane = living(layout, step); lane-- > 0;)
                words = rans_encode(tables[entries[lane]], words, coder_states + lane);
        }
        end = start;
    }
    return (size_t)(words_end - words);
}

int pith_levels_decoder_table(uint32_t *table, unsigned states, unsigned set) {
    int failed = 0;
    for (unsigned slot = 0; slot < TOTAL; slot++) {
        int k = (int)(table[slot] & 255) - PITH_LEVELS_MIDDLE, sign = (k > 0) - (k < 0);
        int level = states == 1 ? k : 2 * k - (set ? sign : 0);
        failed |= level < -128 || level > 127;
        table[slot] = (table[slot] & ~255u) | (uint8_t)level;
    }
    return failed;
}

// What a decoder carries from step to step.
struct decoder {
    const struct pith_levels_layout *layout;
    const uint32_t *tables;
    const uint8_t *next, *end;
    struct follow follow;
    uint32_t coder[LANES];
    uint8_t walk[LANES];  // with the set in bit 7
    uint8_t row[LANES];
    uint32_t starts[PITH_LEVELS_SUMS];
    uint8_t tile[TILE][LANES];
};

// Decodes `count` steps of the same row into the tile; answers 0 when the words end.
static int decode_steps(struct decoder *d, unsigned lanes, const uint8_t *columns, size_t first, size_t count) {
    const uint8_t *next = d->next, *end = d->end;
    for (size_t i = 0; i < count; i++) {
        const uint32_t *starts = d->starts + columns[i];
        int is_safe = (size_t)(end - next) >= 2 * LANES + 2;
        for (unsigned lane = 0; lane < lanes; lane++) {
            uint32_t x = d->coder[lane], walk = d->walk[lane];
            uint32_t entry = d->tables[starts[d->row[lane]] + (walk >> 7 << BITS) + (x & (TOTAL - 1))];
            x = (entry >> 8 & 0xfff) * (x >> BITS) + (entry >> 20);
            d->tile[first + i][lane] = (uint8_t)entry;
            d->walk[lane] = d->follow.next[walk & 7][(uint8_t)entry];
            uint16_t word;
            if (is_safe) {
                memcpy(&word, next, 2);
                size_t empty = x < lowest;
                next += 2 * empty;
                d->coder[lane] = empty ? x << 16 | word : x;
            } else {
                if (x < lowest) {
                    if (next == end) return 0;
                    memcpy(&word, next, 2);
                    next += 2;
                    x = x << 16 | word;
                }
                d->coder[lane] = x;
            }
        }
    }
    d->next = next;
    return 1;
}

#if defined(__x86_64__)
struct decoder_512 {
    __m512i low_starts, high_starts, next, is_wide, ones;
};

// 16 lanes: as above, with the choice of tables and the walk in registers.
TARGET_512
static inline __attribute__((always_inline)) const uint8_t *decode16(
    const struct decoder_512 *v, const uint32_t *tables, const uint8_t *words, __mmask16 alive, __m512i sums,
    __m512i *coder, __m512i *walk, uint8_t *levels) {
    __m512i x = *coder, state = *walk, one = v->ones;
    // Set 1: the lowest bit of 8 states, the next one of 4; a single state shifts it out.
    __m512i set = _mm512_and_si512(_mm512_srlv_epi32(state, v->is_wide), one);
    __m512i index = _mm512_permutex2var_epi32(v->low_starts, sums, v->high_starts);
    index = _mm512_add_epi32(index, _mm512_slli_epi32(set, BITS));
    index = _mm512_or_si512(index, _mm512_and_si512(x, _mm512_set1_epi32(TOTAL - 1)));
    __m512i entry = gathered_512(tables, _mm512_maskz_mov_epi32(alive, index));
    __m512i high = _mm512_srli_epi32(entry, 1), sign = _mm512_srli_epi32(entry, 7);
    __m512i odd1 = _mm512_andnot_si512(_mm512_xor_si512(high, sign), entry);
    __m512i odd = _mm512_and_si512(_mm512_mask_mov_epi32(high, _mm512_test_epi32_mask(set, set), odd1), one);
    *walk = _mm512_permutexvar_epi32(_mm512_or_si512(_mm512_slli_epi32(state, 1), odd), v->next);
    __m512i f = _mm512_and_si512(_mm512_srli_epi32(entry, 8), _mm512_set1_epi32(0xfff));
    __m512i y = _mm512_add_epi32(_mm512_mullo_epi32(f, _mm512_srli_epi32(x, BITS)), _mm512_srli_epi32(entry, 20));
    __mmask16 empty = _mm512_mask_cmplt_epu32_mask(alive, y, _mm512_set1_epi32((int)lowest));
    __m256i loaded = _mm256_maskz_expand_epi16(empty, _mm256_loadu_si256((const __m256i *)words));
    y = _mm512_mask_or_epi32(y, empty, _mm512_slli_epi32(y, 16), _mm512_cvtepu16_epi32(loaded));
    *coder = _mm512_mask_mov_epi32(x, alive, y);
    _mm_storeu_si128((__m128i *)levels, _mm512_cvtepi32_epi8(entry));
    return words + 2 * (size_t)__builtin_popcount(empty);
}

// Whole steps while there are words for all lanes and a load beyond; answers how many.
TARGET_512
static size_t decode_steps_512(struct decoder *d, unsigned lanes, const uint8_t *columns, size_t first, size_t count) {
    struct decoder_512 v;
    unsigned states = d->layout->states;
    uint32_t next[16] = {0};
    for (unsigned i = 0; i < 2 * states && states > 1; i++) next[i] = pith_trellis_next(states, i / 2, (int)(i & 1));
    v.low_starts = _mm512_loadu_si512(d->starts);
    v.high_starts = _mm512_loadu_si512(d->starts + 16);
    v.next = _mm512_loadu_si512(next);
    v.is_wide = _mm512_set1_epi32(states == 8 ? 0 : 1);
    v.ones = _mm512_set1_epi32(1);
    unsigned groups = (lanes + 15) / 16;
    __m512i coder[4], walk[4], row[4];
    __mmask16 alive[4];
    for (unsigned g = 0; g < groups; g++) {
        coder[g] = _mm512_loadu_si512(d->coder + 16 * g);
        walk[g] = _mm512_and_si512(
            _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(d->walk + 16 * g))), _mm512_set1_epi32(7));
        row[g] = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(d->row + 16 * g)));
        unsigned left = lanes - 16 * g;
        alive[g] = (__mmask16)(left >= 16 ? 0xffff : (1u << left) - 1);
    }
    const uint8_t *words = d->next;
    size_t i = 0;
    for (; i < count && d->end - words >= 2 * LANES + 32; i++) {
        __m512i column = _mm512_set1_epi32(columns[i]);
        for (unsigned g = 0; g < groups; g++)
            words = decode16(
                &v, d->tables, words, alive[g], _mm512_add_epi32(row[g], column), coder + g, walk + g,
                d->tile[first + i] + 16 * g);
    }
    d->next = words;
    for (unsigned g = 0; g < groups; g++) {
        uint32_t after[16];
        _mm512_storeu_si512(d->coder + 16 * g, coder[g]);
        _mm512_storeu_si512(after, walk[g]);
        for (int lane = 0; lane < 16; lane++)
            d->walk[16 * g + (unsigned)lane] = (uint8_t)(after[lane] | set_of(states, after[lane]) << 7);
    }
    return i;
}
#else
static size_t decode_steps_512(struct decoder *d, unsigned lanes, const uint8_t *columns, size_t first, size_t count) {
    return 0;
}
#endif

// Puts the first `count` steps of the tile behind `done` levels of each lane.
static void put(const struct decoder *d, size_t done, size_t count, int8_t *levels) {
    const struct pith_levels_layout *layout = d->layout;
    for (unsigned lane = 0; lane < layout->lanes; lane++) {
        size_t start = lane * layout->chunk + done;
        for (size_t i = 0; i < count && start + i < layout->count; i++) levels[start + i] = (int8_t)d->tile[i][lane];
    }
}

static int decode(
    const struct pith_levels_layout *layout, const uint32_t *tables, const uint8_t *starts,
    const uint8_t *coder_states, const uint8_t *words, size_t word_count, int8_t *levels, int wide) {
    struct decoder d = {.layout = layout, .tables = tables, .next = words, .end = words + 2 * word_count};
    unsigned states = layout->states;
    size_t rows = layout->chunk / layout->unit, step = 0, filled = 0;
    fill(&d.follow, states);
    memcpy(d.coder, coder_states, 4 * (size_t)layout->lanes);
    for (unsigned lane = 0; lane < layout->lanes; lane++)
        d.walk[lane] = (uint8_t)(starts[lane] | set_of(states, starts[lane]) << 7);
    for (unsigned sum = 0; sum < PITH_LEVELS_SUMS; sum++)
        d.starts[sum] = layout->tables[sum] * sets_of(states) << BITS;
    while (step < layout->chunk) {
        size_t row = step / layout->unit, column = step - row * layout->unit;
        unsigned lanes = living(layout, step);
        if (lanes == 0) break;
        for (unsigned lane = 0; lane < lanes; lane++) d.row[lane] = layout->rows[lane * rows + row];
        // To the end of the row, of the tile, or of the last lane.
        size_t count = layout->unit - column, last = layout->count - (layout->lanes - 1) * layout->chunk;
        if (count > TILE - filled) count = TILE - filled;
        if (step < last && count > last - step) count = last - step;
        size_t done = wide ? decode_steps_512(&d, lanes, layout->columns + column, filled, count) : 0;
        if (!decode_steps(&d, lanes, layout->columns + column + done, filled + done, count - done)) return 1;
        filled += count;
        step += count;
        if (filled == TILE || step == layout->chunk) {
            put(&d, step - filled, filled, levels);
            filled = 0;
        }
    }
    for (unsigned lane = 0; lane < layout->lanes; lane++)
        if (d.coder[lane] != lowest) return 1;
    if (filled > 0) put(&d, step - filled, filled, levels);
    return d.next != d.end;
}

int pith_levels_decode(
    const struct pith_levels_layout *layout, const uint32_t *tables, const uint8_t *starts,
    const uint8_t *coder_states, const uint8_t *words, size_t word_count, int8_t *levels) {
    return decode(layout, tables, starts, coder_states, words, word_count, levels, has_512());
}

int pith_levels_decode_portable(
    const struct pith_levels_layout *layout, const uint32_t *tables, const uint8_t *starts,
    const uint8_t *coder_states, const uint8_t *words, size_t word_count, int8_t *levels) {
    return decode(layout, tables, starts, coder_states, words, word_count, levels, 0);
}
