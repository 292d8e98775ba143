#pragma once
#include <stddef.h>
#include <stdint.h>

// The example of Examples/Digits, embedded so that `pith demo` needs no files. Bytes are handed out one by one, so that
// no address leaves this file; an offset past the end answers 0.

/// Size of the ONNX file in bytes.
size_t pith_digits_model_size(void);
/// One byte of the ONNX file.
uint8_t pith_digits_model_byte(size_t offset);

/// Size of the `.npz` file in bytes.
size_t pith_digits_data_size(void);
/// One byte of the `.npz` file.
uint8_t pith_digits_data_byte(size_t offset);

/// Size of the data card in bytes.
size_t pith_digits_card_size(void);
/// One byte of the data card.
uint8_t pith_digits_card_byte(size_t offset);
