#pragma once
#include <stddef.h>
#include <stdint.h>

/// Largest magnitude among `count` floats; 0 when `count` is 0; NaN elements are passed over.
/// Requires `values` readable for `count` elements. No alignment is needed.
float pith_absmax_f32(const float *values, size_t count);
