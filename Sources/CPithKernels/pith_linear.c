#include "pith_linear.h"
#include "pith_clones.h"
#include <math.h>

#pragma STDC FP_CONTRACT OFF

typedef float lanes_f32 __attribute__((vector_size(64), aligned(4)));
typedef double lanes_f64 __attribute__((vector_size(64), aligned(8)));

#define LOAD_F32(p) (*(const lanes_f32 *)(p))
#define LOAD_F64(p) (*(const lanes_f64 *)(p))

PITH_CLONES
void pith_panel_products_f32(const float *left, const float *right, size_t rows, double *out, size_t stride) {
    for (size_t i = 0; i < PITH_PANEL; i += 4) {
        lanes_f32 sums[4][2] = {0};
        for (size_t r = 0; r < rows; r++) {
            const float *a = left + r * PITH_PANEL + i;
            lanes_f32 low = LOAD_F32(right + r * PITH_PANEL), high = LOAD_F32(right + r * PITH_PANEL + 16);
#pragma clang loop unroll(full)
            for (size_t t = 0; t < 4; t++) {
                sums[t][0] += a[t] * low;
                sums[t][1] += a[t] * high;
            }
        }
        for (size_t t = 0; t < 4; t++)
            for (size_t j = 0; j < PITH_PANEL; j++) out[(i + t) * stride + j] += (double)sums[t][j / 16][j % 16];
    }
}

void pith_copy_strided_f32(
    const float *source, size_t source_stride, float *target, size_t target_stride, size_t count) {
    for (size_t i = 0; i < count; i++) target[i * target_stride] = source[i * source_stride];
}

// Products of `count` elements of up to 4 by 4 rows, in eight running sums each.
static inline __attribute__((always_inline)) void row_products(
    const double *a, const double *b, size_t stride, size_t height, size_t width, size_t count, double *target) {
    lanes_f64 sums[4][4] = {0};
    size_t k = 0;
    for (; k + 8 <= count; k += 8)
        for (size_t i = 0; i < height; i++)
            for (size_t j = 0; j < width; j++) sums[i][j] += LOAD_F64(a + i * stride + k) * LOAD_F64(b + j * stride + k);
    for (size_t i = 0; i < height; i++)
        for (size_t j = 0; j < width; j++) {
            lanes_f64 s = sums[i][j];
            double total = ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
            for (size_t rest = k; rest < count; rest++) total += a[i * stride + rest] * b[j * stride + rest];
            target[i * stride + j] -= total;
        }
}

// Factors the block of columns `first` to `last` - 1, from which the earlier columns are already taken.
static inline __attribute__((always_inline)) size_t factor_block(
    double *matrix, size_t n, size_t first, size_t last) {
    for (size_t j = first; j < last; j++) {
        double pivot = matrix[j * n + j];
        for (size_t k = first; k < j; k++) pivot -= matrix[j * n + k] * matrix[j * n + k];
        if (!(pivot > 0 && pivot <= 1.7976931348623157e308)) return j;
        double root = sqrt(pivot);
        matrix[j * n + j] = root;
        for (size_t i = j + 1; i < n; i++) {
            double value = matrix[i * n + j];
            for (size_t k = first; k < j; k++) value -= matrix[i * n + k] * matrix[j * n + k];
            matrix[i * n + j] = value / root;
        }
    }
    return n;
}

PITH_CLONES
size_t pith_cholesky_f64(double *matrix, size_t n) {
    for (size_t first = 0; first < n; first += 32) {
        size_t last = first + 32 < n ? first + 32 : n;
        for (size_t i = first; i < n; i += 4) {
            size_t height = n - i < 4 ? n - i : 4;
            for (size_t j = first; j < last && j <= i + 3; j += 4) {
                size_t width = last - j < 4 ? last - j : 4;
                double *target = matrix + i * n + j;
                if (height == 4 && width == 4 && i != j)
                    row_products(matrix + i * n, matrix + j * n, n, 4, 4, first, target);
                else
                    // Row by row, so that nothing above the diagonal is written.
                    for (size_t row = 0; row < height; row++) {
                        size_t limit = i + row + 1 - j;
                        row_products(
                            matrix + (i + row) * n, matrix + j * n, n, 1, limit < width ? limit : width, first,
                            target + row * n);
                    }
            }
        }
        size_t bad = factor_block(matrix, n, first, last);
        if (bad < n) return bad;
    }
    return n;
}

PITH_CLONES
void pith_solve_lower_f64(const double *factor, size_t n, double *lanes) {
    for (size_t i = 0; i < n; i++) {
        lanes_f64 low = LOAD_F64(lanes + i * PITH_LANES), high = LOAD_F64(lanes + i * PITH_LANES + 8);
        for (size_t k = 0; k < i; k++) {
            double a = factor[i * n + k];
            low -= a * LOAD_F64(lanes + k * PITH_LANES);
            high -= a * LOAD_F64(lanes + k * PITH_LANES + 8);
        }
        *(lanes_f64 *)(lanes + i * PITH_LANES) = low / factor[i * n + i];
        *(lanes_f64 *)(lanes + i * PITH_LANES + 8) = high / factor[i * n + i];
    }
}

PITH_CLONES
void pith_solve_upper_f64(const double *factor, size_t n, double *lanes) {
    for (size_t i = n; i-- > 0;) {
        lanes_f64 low = LOAD_F64(lanes + i * PITH_LANES) / factor[i * n + i];
        lanes_f64 high = LOAD_F64(lanes + i * PITH_LANES + 8) / factor[i * n + i];
        *(lanes_f64 *)(lanes + i * PITH_LANES) = low;
        *(lanes_f64 *)(lanes + i * PITH_LANES + 8) = high;
        for (size_t k = 0; k < i; k++) {
            double a = factor[i * n + k];
            *(lanes_f64 *)(lanes + k * PITH_LANES) -= a * low;
            *(lanes_f64 *)(lanes + k * PITH_LANES + 8) -= a * high;
        }
    }
}

PITH_CLONES
void pith_quadratic_f64(const double *matrix, size_t n, const double *lanes, double *totals) {
    lanes_f64 total_low = {0}, total_high = {0};
    for (size_t i = 0; i < n; i++) {
        lanes_f64 low = {0}, high = {0};
        for (size_t k = 0; k < i; k++) {
            double a = matrix[i * n + k];
            low += a * LOAD_F64(lanes + k * PITH_LANES);
            high += a * LOAD_F64(lanes + k * PITH_LANES + 8);
        }
        lanes_f64 e_low = LOAD_F64(lanes + i * PITH_LANES), e_high = LOAD_F64(lanes + i * PITH_LANES + 8);
        total_low += e_low * (2 * low + matrix[i * n + i] * e_low);
        total_high += e_high * (2 * high + matrix[i * n + i] * e_high);
    }
    *(lanes_f64 *)totals = total_low;
    *(lanes_f64 *)(totals + 8) = total_high;
}

PITH_CLONES
void pith_lane_products_f32(
    const float *matrix, size_t n, const float *lanes, size_t first, size_t last, float *products) {
    for (size_t j = first; j < last; j++) {
        lanes_f32 value = LOAD_F32(lanes + j * PITH_LANES);
        for (size_t k = 0; k < n; k++) *(lanes_f32 *)(products + k * PITH_LANES) += value * matrix[j * n + k];
    }
}

// The level of one value; NaN becomes 0.
static inline __attribute__((always_inline)) float level(float value, float scale, float zero, float top) {
    float code = rintf(value / scale + zero);
    code = code > 0 ? code : 0;
    return code < top ? code : top;
}

PITH_CLONES
void pith_feedback_round_f32(
    const float *factor, size_t n, const float *target, const uint32_t *groups, const float *scales,
    const float *zeros, float top, float *work, uint8_t *codes) {
    for (size_t j = n; j-- > 0;) {
        const float *scale = scales + (size_t)groups[j] * PITH_LANES, *zero = zeros + (size_t)groups[j] * PITH_LANES;
        float errors[PITH_LANES];
        for (size_t lane = 0; lane < PITH_LANES; lane++) {
            float code = level(work[j * PITH_LANES + lane], scale[lane], zero[lane], top);
            codes[j * PITH_LANES + lane] = (uint8_t)(int32_t)code;
            errors[lane] = target[j * PITH_LANES + lane] - (code - zero[lane]) * scale[lane];
        }
        lanes_f32 error = LOAD_F32(errors);
        for (size_t k = 0; k < j; k++) *(lanes_f32 *)(work + k * PITH_LANES) += error * factor[j * n + k];
    }
}

PITH_CLONES
size_t pith_descend_f32(
    const float *matrix, size_t n, const uint32_t *groups, const float *scales, const float *zeros, float top,
    float *slopes, uint8_t *codes) {
    size_t changed = 0;
    for (size_t j = 0; j < n; j++) {
        const float *scale = scales + (size_t)groups[j] * PITH_LANES, *zero = zeros + (size_t)groups[j] * PITH_LANES;
        float steps[PITH_LANES], diagonal = matrix[j * n + j];
        size_t moved = 0;
        for (size_t lane = 0; lane < PITH_LANES; lane++) {
            float old = codes[j * PITH_LANES + lane], value = (old - zero[lane]) * scale[lane];
            float code = level(value + slopes[j * PITH_LANES + lane] / diagonal, scale[lane], zero[lane], top);
            codes[j * PITH_LANES + lane] = (uint8_t)(int32_t)code;
            steps[lane] = (code - zero[lane]) * scale[lane] - value;
            moved += code != old;
        }
        if (moved == 0) continue;
        changed += moved;
        lanes_f32 step = LOAD_F32(steps);
        for (size_t k = 0; k < n; k++) *(lanes_f32 *)(slopes + k * PITH_LANES) -= step * matrix[j * n + k];
    }
    return changed;
}

static inline __attribute__((always_inline)) float halved(const float *sums) {
    float eight[8], four[4];
    for (size_t i = 0; i < 8; i++) eight[i] = sums[i] + sums[i + 8];
    for (size_t i = 0; i < 4; i++) four[i] = eight[i] + eight[i + 4];
    return (four[0] + four[2]) + (four[1] + four[3]);
}

// Distance of a value's level from zero, in levels. Adding and taking away 1.5 * 2^23 rounds to even what lies within 2^22.
static inline __attribute__((always_inline)) float distance(float value, float inverse, float zero, float top) {
    float code = value * inverse + zero;
    code = code > 0 ? code : 0;
    code = code < top ? code : top;
    return ((code + 12582912.0f) - 12582912.0f) - zero;
}

PITH_CLONES
void pith_grid_errors_f32(
    const float *values, const float *importance, size_t count, const float *scales, const float *zeros,
    size_t candidates, float top, float *errors) {
    for (size_t c = 0; c < candidates; c++) {
        float sums[16] = {0}, scale = scales[c], inverse = 1 / scale, zero = zeros[c];
        size_t whole = count / 16 * 16;
        for (size_t i = 0; i < whole; i += 16)
#pragma clang loop vectorize(enable)
            for (size_t lane = 0; lane < 16; lane++) {
                float error = values[i + lane] - distance(values[i + lane], inverse, zero, top) * scale;
                sums[lane] += error * error * importance[i + lane];
            }
        for (size_t i = whole; i < count; i++) {
            float error = values[i] - distance(values[i], inverse, zero, top) * scale;
            sums[i - whole] += error * error * importance[i];
        }
        errors[c] = halved(sums);
    }
}

PITH_CLONES
void pith_grid_moments_f32(
    const float *values, const float *importance, size_t count, float scale, float zero, float top, float *moments) {
    float products[16] = {0}, squares[16] = {0}, inverse = 1 / scale;
    for (size_t i = 0; i < count; i++) {
        float d = distance(values[i], inverse, zero, top), weighted = d * importance[i];
        products[i % 16] += weighted * values[i];
        squares[i % 16] += weighted * d;
    }
    moments[0] = halved(products);
    moments[1] = halved(squares);
}
