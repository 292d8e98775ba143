#pragma once

// Functions marked PITH_CLONES are compiled for several instruction sets; the loader picks one at run time.
#if defined(__x86_64__) && defined(__linux__)
#define PITH_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define PITH_CLONES
#endif
