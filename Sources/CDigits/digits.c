#include "digits.h"

const unsigned char pith_digits_model[] = {0};
const size_t pith_digits_model_size = sizeof pith_digits_model;
const unsigned char pith_digits_data[] = {0};
const size_t pith_digits_data_size = sizeof pith_digits_data;
