#include "digits.h"

// The compiler reads the files (#embed of C23, which clang takes in every language mode).
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char model[] = {
#embed "../../Examples/Digits/digits.onnx"
};
const size_t pith_digits_model_size = sizeof model;

static const unsigned char data[] = {
#embed "../../Examples/Digits/digits.npz"
};
const size_t pith_digits_data_size = sizeof data;

const unsigned char *pith_digits_model_bytes(void) { return model; }
const unsigned char *pith_digits_data_bytes(void) { return data; }
