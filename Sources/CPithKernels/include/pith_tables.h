#pragma once
#include <stddef.h>
#include <stdint.h>

// Rounding to the levels of a table. Pure loops over memory the caller owns: no allocation, no globals, no input or
// output. No pointer needs an alignment; what is written does not overlap what is read. Sums run in the order stated and
// products are not fused into them, so results are the same on every machine.
//
// A table of `bits` (1 through 8) has 2^bits `levels`, ascending, and 2^bits - 1 `thresholds` between neighbours. The code
// of a value is the number of thresholds below value * (1 / scale), however it is found; that of NaN is 0.

/// For each of `candidates` scales, not 0, with l = levels[code]: moments[2 c] = sum of value * l and moments[2 c + 1] =
/// sum of l * l. Sixteen running sums over every sixteenth value, added up in halves.
void pith_table_moments_f32(
    const float *values, size_t count, const float *levels, const float *thresholds, unsigned bits,
    const float *scales, size_t candidates, float *moments);

/// The code of each value for one scale, not 0.
void pith_table_codes_f32(
    const float *values, size_t count, const float *thresholds, unsigned bits, float scale, uint8_t *codes);
