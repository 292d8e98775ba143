#pragma once

// Functions marked PITH_CLONES are compiled for several instruction sets; the loader picks one at run time.
#if defined(__x86_64__) && defined(__linux__)
#define PITH_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
// For loops of comparisons of bytes: masks of 64 make them slower than registers of 32 (9 values counted on an EPYC of family 25: 10
// and 17 GB/s).
#define PITH_CLONES_256 __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define PITH_CLONES
#define PITH_CLONES_256
#endif
