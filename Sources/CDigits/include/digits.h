#pragma once
#include <stddef.h>

/// The example model and its data (Examples/Digits), embedded so that `pith demo` needs no files.
extern const unsigned char pith_digits_model[];
extern const size_t pith_digits_model_size;
extern const unsigned char pith_digits_data[];
extern const size_t pith_digits_data_size;
