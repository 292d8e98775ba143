#pragma once
#include <stddef.h>
#include <stdint.h>

// Pure loops over memory the caller owns: no allocation, no globals, no input or output. No pointer needs an alignment.

/// Smallest and largest finite value among `count` floats, and how many are NaN or infinite.
/// Without finite values `minimum` is +infinity and `maximum` -infinity; a zero comes back positive. Order of the values
/// does not matter.
void pith_range_f32(const float *values, size_t count, float *minimum, float *maximum, size_t *nonfinite);

enum { PITH_MOST_HALF_BINS = 1024 };

/// Counts `count` floats into bins of equal width: bin floor(|v| * inverse_width), capped at `half - 1`, among the
/// first `half` counters for v < 0 and the second `half` for v >= 0. `inverse_width` is a power of two, so that the
/// product is exact. NaN and infinite values are passed over. `bins` has 2 * half counters, which are added to; `half` is
/// at most PITH_MOST_HALF_BINS.
void pith_histogram_f32(const float *values, size_t count, float inverse_width, uint32_t half, uint32_t *bins);

/// level = clamp(round to nearest, ties to even, of value / scale, lowest, highest) for each of `count` floats.
/// `scale` is greater than 0; NaN becomes `lowest`.
void pith_quantize_f32_s8(const float *values, size_t count, float scale, int lowest, int highest, int8_t *levels);

/// The same with a scale for each value: `scales` has `count` elements greater than 0.
void pith_quantize_columns_f32_s8(
    const float *values, size_t count, const float *scales, int lowest, int highest, int8_t *levels);

/// largest[i] = max(largest[i], |values[i]|) for `count` elements; NaN elements are passed over.
void pith_absmax_columns_f32(const float *values, size_t count, float *largest);

/// How many of `count` floats are zero, of either sign.
size_t pith_zeros_f32(const float *values, size_t count);

/// Sum of `count` floats in double precision: eight running sums over every eighth value, added up in pairs, then the
/// rest one by one. The order is fixed, so the result is the same on every machine.
double pith_sum_f32(const float *values, size_t count);

/// sums[i] += values[i] for `count` elements.
void pith_sum_columns_f32(const float *values, size_t count, double *sums);
