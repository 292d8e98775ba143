#include "pith_onnxruntime.h"
