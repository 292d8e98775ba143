#pragma once
#include <stddef.h>
#include <stdint.h>

// Linear algebra of weight rounding. Pure loops over memory the caller owns: no allocation, no globals, no input or
// output. No pointer needs an alignment; what is written does not overlap what is read. Sums run in the order stated and
// products are not fused into them, so results are the same on every machine.

/// Columns of one panel: `pith_panel_products_f32` works on 32 by 32 products.
#define PITH_PANEL 32
/// Rows of a weight that the lane kernels work on at once: element (column, lane) of a lane panel lies at column * 16 + lane.
#define PITH_LANES 16

/// out[i * stride + j] += sum over r of left[r * 32 + i] * right[r * 32 + j], for i and j below 32.
/// The sum runs over r in order, in single precision; it is added to the double once.
void pith_panel_products_f32(const float *left, const float *right, size_t rows, double *out, size_t stride);

/// target[i * target_stride] = source[i * source_stride] for `count` elements.
void pith_copy_strided_f32(
    const float *source, size_t source_stride, float *target, size_t target_stride, size_t count);

/// Replaces the lower triangle of a row-major n by n matrix by its Cholesky factor; the upper triangle is not touched.
/// Returns n, or the first index whose pivot is not a positive finite number; the matrix is then half done.
size_t pith_cholesky_f64(double *matrix, size_t n);

/// Solves L x = b for 16 right-hand sides in place; `factor` is row-major n by n, of which the lower triangle is read.
void pith_solve_lower_f64(const double *factor, size_t n, double *lanes);

/// Solves transpose(L) x = b the same way.
void pith_solve_upper_f64(const double *factor, size_t n, double *lanes);

/// totals[lane] = transpose(e) A e for 16 vectors `lanes` of n elements; of the symmetric A the lower triangle is read.
void pith_quadratic_f64(const double *matrix, size_t n, const double *lanes, double *totals);

/// products[k] += sum over j from `first` to `last` - 1, in order, of lanes[j] * matrix[j * n + k], for 16 lanes and k < n.
void pith_lane_products_f32(
    const float *matrix, size_t n, const float *lanes, size_t first, size_t last, float *products);

/// Rounds 16 rows to levels, from the last column to the first, each error fed forward to the columns still to come.
///
/// With `code = clamp(round(v / scale + zero), 0, top)` (ties to even) of the running value v = work[j], its error
/// e = target[j] - (code - zero) * scale is added as e * factor[j * n + k] to work[k] for all k < j. The caller fills
/// `work` with the target. groups[j] < the number of rows of 16 in `scales` and `zeros`. Scales are not 0.
void pith_feedback_round_f32(
    const float *factor, size_t n, const float *target, const uint32_t *groups, const float *scales,
    const float *zeros, float top, float *work, uint8_t *codes);

/// One sweep of coordinate descent over the columns of 16 rows: each takes the level that minimizes the quadratic error.
///
/// `slopes` holds (target - value) H and is kept up to date; H (row-major n by n, diagonal greater than 0) is symmetric.
/// code = clamp(round((value + slope / H_jj) / scale + zero), 0, top). Returns how many codes changed.
size_t pith_descend_f32(
    const float *matrix, size_t n, const uint32_t *groups, const float *scales, const float *zeros, float top,
    float *slopes, uint8_t *codes);

/// For each candidate grid (scale greater than 0, zero): errors[c] = sum of importance * (value - decoded)^2, where
/// code = clamp(round(value * (1 / scale) + zero), 0, top) and decoded = (code - zero) * scale.
/// Sixteen running sums over every sixteenth value, added up in halves. The code of NaN is 0.
void pith_grid_errors_f32(
    const float *values, const float *importance, size_t count, const float *scales, const float *zeros,
    size_t candidates, float top, float *errors);

/// For one grid, with d = code - zero: moments[0] = sum of importance * d * value, moments[1] = sum of importance * d * d.
/// Order of summation and codes as above.
void pith_grid_moments_f32(
    const float *values, const float *importance, size_t count, float scale, float zero, float top, float *moments);
