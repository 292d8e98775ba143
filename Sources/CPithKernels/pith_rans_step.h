#pragma once

// One step of the entropy coder, shared by its loops.

#include "pith_coding.h"
#include <stddef.h>
#include <stdint.h>

/// Codes a symbol by its entry of an encoder's table; a word goes below `words` when the state is full. Returns the new top.
static inline uint16_t *rans_encode(uint64_t entry, uint16_t *words, uint32_t *state) {
    uint32_t x = *state, f = (uint32_t)(entry >> 32) & 0xffff, start = (uint32_t)(entry >> 48);
    size_t full = x >= f << 20;
    words[-1] = (uint16_t)x;
    words -= full;
    x = full ? x >> 16 : x;
    // The reciprocal is rounded down, so the quotient is right or one too small.
    uint32_t q = (uint32_t)((uint64_t)x * (uint32_t)entry >> 32), rest = x - q * f;
    uint32_t more = rest >= f;
    *state = ((q + more) << PITH_RANS_BITS) + (rest - (more ? f : 0)) + start;
    return words;
}
