#include "pith_kernels.h"
#include "pith_clones.h"
#include <math.h>

#pragma STDC FP_CONTRACT OFF

PITH_CLONES
void pith_range_f32(const float *values, size_t count, float *minimum, float *maximum, size_t *nonfinite) {
    float low = INFINITY, high = -INFINITY;
    size_t bad = 0;
    for (size_t i = 0; i < count; i++) {
        float v = values[i];
        int finite = fabsf(v) <= 3.402823466e38f;
        float a = finite ? v : INFINITY, b = finite ? v : -INFINITY;
        low = a < low ? a : low;
        high = b > high ? b : high;
        bad += !finite;
    }
    // Which of two zeros comes first depends on the vector width; adding zero leaves the positive one.
    *minimum = low + 0.0f;
    *maximum = high + 0.0f;
    *nonfinite = bad;
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
    uint32_t indices[256];
    while (count > 0) {
        size_t run = count < 256 ? count : 256;
        bin_indices(values, run, inverse_width, half, indices);
        for (size_t i = 0; i < run;) {
            // Runs of equal bins (zeros after a ReLU) are counted at once: repeated increments of one counter stall.
            uint32_t index = indices[i];
            size_t start = i;
            do i++;
            while (i < run && indices[i] == index);
            if (index < 2 * half) bins[index] += (uint32_t)(i - start);
        }
        values += run;
        count -= run;
    }
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
