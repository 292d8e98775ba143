#include "digits.h"

// The files are read by the compiler (C23 #embed, which clang takes in every language mode).
#pragma clang diagnostic ignored "-Wc23-extensions"

const unsigned char pith_digits_model[] = {
#embed "../../Examples/Digits/digits.onnx"
};
const size_t pith_digits_model_size = sizeof pith_digits_model;

const unsigned char pith_digits_data[] = {
#embed "../../Examples/Digits/digits.npz"
};
const size_t pith_digits_data_size = sizeof pith_digits_data;
