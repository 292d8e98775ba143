#pragma once
#include <stddef.h>

// The example model and its data (Examples/Digits), embedded so that `pith demo` needs no files.

extern const size_t pith_digits_model_size;
extern const size_t pith_digits_data_size;

/// The ONNX file, `pith_digits_model_size` bytes.
const unsigned char *pith_digits_model_bytes(void);

/// The `.npz` file, `pith_digits_data_size` bytes.
const unsigned char *pith_digits_data_bytes(void);
