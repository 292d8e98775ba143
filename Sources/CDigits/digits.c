#include "digits.h"

// The compiler reads the files (#embed of C23, which clang takes in every language mode).
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char model[] = {
#embed "../../Examples/Digits/digits.onnx"
};

static const unsigned char data[] = {
#embed "../../Examples/Digits/digits.npz"
};

static const unsigned char card[] = {
#embed "../../Examples/Digits/digits.yaml"
};

size_t pith_digits_model_size(void) { return sizeof model; }
uint8_t pith_digits_model_byte(size_t offset) { return offset < sizeof model ? model[offset] : 0; }

size_t pith_digits_data_size(void) { return sizeof data; }
uint8_t pith_digits_data_byte(size_t offset) { return offset < sizeof data ? data[offset] : 0; }

size_t pith_digits_card_size(void) { return sizeof card; }
uint8_t pith_digits_card_byte(size_t offset) { return offset < sizeof card ? card[offset] : 0; }
