#pragma once
#include <stddef.h>
#include <stdint.h>

// Kernels of the weight coder. Pure loops over memory the caller owns: no allocation, no globals, no input or output. No
// pointer needs an alignment. Numbers in coded bytes are little-endian.

/// XXH64 of `count` bytes with seed 0.
uint64_t pith_xxh64(const uint8_t *bytes, size_t count);

/// Adds the number of times each byte value occurs among `count` bytes to `counts[256]`.
void pith_histogram_u8(const uint8_t *bytes, size_t count, uint32_t *counts);

/// Adds an estimate of the same, never 0 for a value that occurs: twice its number in one row of 64 bytes of each pair of rows (the
/// first or second by the parity of the bits of the pair's number) and in what is left behind whole pairs, 1 for a value that only
/// the other rows have. Where more than one byte in 256 is new in the rows that are passed over, the exact numbers. The sum may
/// differ from `count`.
void pith_histogram_half_u8(const uint8_t *bytes, size_t count, uint32_t *counts);

/// Splits `count` elements of `width` bytes (1, 2, 4, 8) into `width` planes of `count` bytes, the most significant byte
/// first; with `rotated` not 0 each element is rotated left by one bit before. Plane p starts at `planes + p * stride`.
void pith_split_planes(
    const uint8_t *elements, size_t count, unsigned width, int rotated, uint8_t *planes, size_t stride);

/// The way back: `planes` has `width` pointers to `count` bytes each.
void pith_merge_planes(
    const uint8_t *const *planes, size_t count, unsigned width, int rotated, uint8_t *elements);

/// How many of `count` elements of `width` bytes (1, 2, 4, 8) have all bits zero.
size_t pith_zero_elements(const uint8_t *elements, size_t count, unsigned width);

/// Sets bit i % 8 of mask[i / 8] where element i is not zero, clears it where it is (bits past `count` too), and copies
/// the elements that are not zero to `kept`, which has room for all `count`. Returns how many there were.
size_t pith_take_nonzero(const uint8_t *elements, size_t count, unsigned width, uint8_t *mask, uint8_t *kept);

/// The way back: elements of the mask's set bits come from `kept`, the others are zero. `kept` has as many elements as the
/// mask has bits set below `count`.
void pith_put_nonzero(const uint8_t *mask, const uint8_t *kept, size_t count, unsigned width, uint8_t *elements);

/// How many bits of `count` bytes are set.
size_t pith_count_bits(const uint8_t *bytes, size_t count);

/// Bits of the probabilities of the entropy coder: frequencies of a table add up to 1 << PITH_RANS_BITS.
#define PITH_RANS_BITS 12

/// Instructions of processors, the widest last; what a processor lacks is left out. NEON, of other processors, stands beside AVX2.
enum { PITH_PORTABLE = 0, PITH_AVX2 = 1, PITH_NEON = 1, PITH_AVX512 = 2 };

/// Turns 256 counters into frequencies between 1 and 4095 for those that are not 0, 4096 in all.
/// A single symbol gets 4095 and its successor (modulo 256) 1. At least one counter is not 0.
void pith_rans_normalize(const uint32_t *counts, uint16_t *frequencies);

/// The same with frequencies that add up to `total`, at most 4096, and are at most one less; at most half as many counters as
/// `total` are not 0.
void pith_rans_normalize_to(uint32_t total, const uint32_t *counts, uint16_t *frequencies);

/// Bits that coding symbols of these counters takes with ideal probabilities, times 256, rounded down.
uint64_t pith_entropy_cost(const uint32_t *counts);

/// Fills the 256 entries of an encoder's table: reciprocal in the low, frequency and start in the high half.
void pith_rans_encoder_table(const uint16_t *frequencies, uint64_t *table);

/// Entries behind a decoder's table that filling it may change.
#define PITH_RANS_SPARE 16

/// Fills the 4096 entries of a decoder's table: symbol, frequency (12 bits from bit 8), offset (12 bits from bit 20).
/// The frequencies add up to 4096 and none is above 4095. There is room for `PITH_RANS_SPARE` entries behind them.
void pith_rans_decoder_table(const uint16_t *frequencies, uint32_t *table);

/// Codes runs of symbols, each by a table of its own, with `lanes` (1 to 64) interleaved states.
///
/// Symbol i of a run belongs to lane i % lanes. `symbols` has the runs one after the other, `tables` 256 entries for each
/// run. Words of 16 bits are written downwards from `words_end`, at most one a symbol and 16 more of padding below; the
/// last states go to `states`. Returns the number of words. Instructions past `most` are not used; all give the same words.
size_t pith_rans_encode(
    const uint64_t *tables, const uint8_t *symbols, const size_t *runs, size_t run_count, unsigned lanes,
    uint16_t *words_end, uint32_t *states, unsigned most);

/// The way back. `frequencies` has 256 numbers for each run, as `pith_rans_decoder_table` takes them: where they add up to more it
/// writes past `table`, a place for 4096 + `PITH_RANS_SPARE` entries. `states` has 4 * lanes bytes, `words` 2 * word_count bytes.
/// Returns 0 when exactly all words were used and each state came back to its start, else 1; what stands in `symbols` then is not to
/// be used, and may not be written. Instructions past `most` are not used; all give the same symbols.
int pith_rans_decode(
    const uint16_t *frequencies, const size_t *runs, size_t run_count, unsigned lanes, const uint8_t *states,
    const uint8_t *words, size_t word_count, uint8_t *symbols, uint32_t *table, unsigned most);

/// Sum of `count` bytes.
uint64_t pith_sum_u8(const uint8_t *bytes, size_t count);

/// Whether `count` bytes, at least one, are all the same.
int pith_same_bytes(const uint8_t *bytes, size_t count);

/// Whether any of `count` bytes has a bit of `mask` set.
int pith_has_bits(const uint8_t *bytes, size_t count, uint8_t mask);

/// Whether `count` elements of `width` bytes, at least one, are all the same.
int pith_repeats_element(const uint8_t *elements, size_t count, unsigned width);

/// Sum over `count` bytes of their distance from 0, modulo 256: min(b, 256 - b).
uint64_t pith_sum_folded_u8(const uint8_t *bytes, size_t count);
