#include "pith_kernels.h"
#include "pith_clones.h"
#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

PITH_CLONES
void pith_range_f32(const float *values, size_t count, float *minimum, float *maximum, size_t *nonfinite) {
    // Compilers keep the order of a minimum of floats, so the lanes are written out.
    enum { lanes = 32 };
    float lows[lanes], highs[lanes];
    uint32_t bad[lanes] = {0};
    for (size_t lane = 0; lane < lanes; lane++) {
        lows[lane] = INFINITY;
        highs[lane] = -INFINITY;
    }
    size_t total = 0, i = 0;
    while (i + lanes <= count) {
        // A lane's counter of 32 bits holds a run of this length.
        size_t end = count - i < (size_t)1 << 31 ? count : i + ((size_t)1 << 31);
        for (; i + lanes <= end; i += lanes)
            for (size_t lane = 0; lane < lanes; lane++) {
                float v = values[i + lane];
                int finite = fabsf(v) <= 3.402823466e38f;
                float a = finite ? v : INFINITY, b = finite ? v : -INFINITY;
                lows[lane] = a < lows[lane] ? a : lows[lane];
                highs[lane] = b > highs[lane] ? b : highs[lane];
                bad[lane] += !finite;
            }
        for (size_t lane = 0; lane < lanes; lane++) {
            total += bad[lane];
            bad[lane] = 0;
        }
    }
    float low = INFINITY, high = -INFINITY;
    for (size_t lane = 0; lane < lanes; lane++) {
        low = lows[lane] < low ? lows[lane] : low;
        high = highs[lane] > high ? highs[lane] : high;
    }
    for (; i < count; i++) {
        float v = values[i];
        int finite = fabsf(v) <= 3.402823466e38f;
        low = finite && v < low ? v : low;
        high = finite && v > high ? v : high;
        total += !finite;
    }
    // Which of two zeros comes first depends on the vector width; adding zero leaves the positive one.
    *minimum = low + 0.0f;
    *maximum = high + 0.0f;
    *nonfinite = total;
}

PITH_CLONES
static void bin_indices(const float *values, size_t count, float inverse_width, uint32_t half, uint32_t *indices) {
    float top = (float)(half - 1);
    for (size_t i = 0; i < count; i++) {
        float v = values[i];
        float magnitude = fabsf(v) * inverse_width;
        magnitude = magnitude < top ? magnitude : top;
        uint32_t index = (uint32_t)(int32_t)magnitude + (v < 0 ? 0 : half);
        indices[i] = fabsf(v) <= 3.402823466e38f ? index : 2 * half;
    }
}

void pith_histogram_f32(const float *values, size_t count, float inverse_width, uint32_t half, uint32_t *bins) {
    // Repeated increments of one counter stall (zeros after a ReLU), so neighbours count in tables of their own.
    enum { tables = 4, run = 256 };
    size_t stride = 2 * (size_t)half + 1;
    uint32_t indices[run], counts[tables * (2 * PITH_MOST_HALF_BINS + 1)];
    memset(counts, 0, tables * stride * sizeof(uint32_t));
    for (size_t start = 0; start < count; start += run) {
        size_t length = count - start < run ? count - start : run, i = 0;
        bin_indices(values + start, length, inverse_width, half, indices);
        for (; i + tables <= length; i += tables) {
            counts[indices[i]]++;
            counts[stride + indices[i + 1]]++;
            counts[2 * stride + indices[i + 2]]++;
            counts[3 * stride + indices[i + 3]]++;
        }
        for (; i < length; i++) counts[indices[i]]++;
    }
    for (size_t i = 0; i < 2 * (size_t)half; i++)
        bins[i] += counts[i] + counts[stride + i] + counts[2 * stride + i] + counts[3 * stride + i];
}

PITH_CLONES
void pith_quantize_f32_s8(const float *values, size_t count, float scale, int lowest, int highest, int8_t *levels) {
    float low = (float)lowest, high = (float)highest;
    for (size_t i = 0; i < count; i++) {
        float level = rintf(values[i] / scale);
        level = level > low ? level : low;
        level = level < high ? level : high;
        levels[i] = (int8_t)(int32_t)level;
    }
}

PITH_CLONES
void pith_quantize_columns_f32_s8(
    const float *values, size_t count, const float *scales, int lowest, int highest, int8_t *levels) {
    float low = (float)lowest, high = (float)highest;
    for (size_t i = 0; i < count; i++) {
        float level = rintf(values[i] / scales[i]);
        level = level > low ? level : low;
        level = level < high ? level : high;
        levels[i] = (int8_t)(int32_t)level;
    }
}

PITH_CLONES
void pith_absmax_columns_f32(const float *values, size_t count, float *largest) {
    for (size_t i = 0; i < count; i++) {
        float magnitude = fabsf(values[i]);
        largest[i] = magnitude > largest[i] ? magnitude : largest[i];
    }
}

PITH_CLONES
size_t pith_zeros_f32(const float *values, size_t count) {
    size_t zeros = 0;
    for (size_t i = 0; i < count; i++) zeros += values[i] == 0;
    return zeros;
}

PITH_CLONES
double pith_sum_f32(const float *values, size_t count) {
    double sums[8] = {0};
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (size_t lane = 0; lane < 8; lane++) sums[lane] += values[i + lane];
    double total = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
    for (; i < count; i++) total += values[i];
    return total;
}

PITH_CLONES
void pith_sum_columns_f32(const float *values, size_t count, double *sums) {
    for (size_t i = 0; i < count; i++) sums[i] += values[i];
}
