#pragma once

// Functions marked PITH_CLONES are compiled for several instruction sets; the loader picks one at run time.
#if defined(__x86_64__) && defined(__linux__)
#define PITH_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
// For loops of comparisons of bytes: with masks of 64 an EPYC of family 25 counted 5,900 million exponents a second, in registers of 32
// bytes 7,500 (Benchmarks/kernels/coding.c, best of 3).
#define PITH_CLONES_256 __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define PITH_CLONES
#define PITH_CLONES_256
#endif
