#pragma once

// Groups of 64 lanes of the entropy coder in registers of AVX2 and NEON; used by pith_rans.c alone.

#include <stddef.h>
#include <stdint.h>

#if defined(__aarch64__)
/// As the functions for AVX2, in NEON registers, which every such processor has; words have 4 places of padding below them.
uint16_t *pith_rans_encode_groups_neon(
    const uint64_t *table, const uint8_t *symbols, size_t groups, uint16_t *words, uint32_t *states);
size_t pith_rans_decode_groups_neon(
    const uint32_t *table, size_t groups, uint32_t *states, const uint8_t **words, const uint8_t *end,
    uint8_t *symbols);
#endif

/// Whether this processor runs the two functions below.
int pith_rans_has_avx2(void);

/// Codes `groups` groups of 64 symbols backwards, words downwards from `words`, which have 8 places of padding below them.
uint16_t *pith_rans_encode_groups_avx2(
    const uint64_t *table, const uint8_t *symbols, size_t groups, uint16_t *words, uint32_t *states);

/// Decodes whole groups of 64 while at least 64 words are left; answers how many groups.
size_t pith_rans_decode_groups_avx2(
    const uint32_t *table, size_t groups, uint32_t *states, const uint8_t **words, const uint8_t *end,
    uint8_t *symbols);
