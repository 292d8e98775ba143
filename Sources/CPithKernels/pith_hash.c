#include "pith_coding.h"
#include <string.h>

// XXH64, from its specification (xxHash fast digest algorithm 0.1.1).

static const uint64_t prime1 = 0x9E3779B185EBCA87u, prime2 = 0xC2B2AE3D27D4EB4Fu, prime3 = 0x165667B19E3779F9u,
                      prime4 = 0x85EBCA77C2B2AE63u, prime5 = 0x27D4EB2F165667C5u;

static uint64_t rotated(uint64_t x, unsigned bits) { return x << bits | x >> (64 - bits); }

static uint64_t load64(const uint8_t *bytes) {
    uint64_t x;
    memcpy(&x, bytes, 8);
    return x;
}

static uint64_t mixed(uint64_t lane, uint64_t input) { return rotated(lane + input * prime2, 31) * prime1; }

static uint64_t finished(uint64_t hash, const uint8_t *bytes, size_t count) {
    for (; count >= 8; bytes += 8, count -= 8)
        hash = rotated(hash ^ mixed(0, load64(bytes)), 27) * prime1 + prime4;
    if (count >= 4) {
        uint32_t x;
        memcpy(&x, bytes, 4);
        hash = rotated(hash ^ x * prime1, 23) * prime2 + prime3;
        bytes += 4;
        count -= 4;
    }
    for (; count > 0; bytes++, count--) hash = rotated(hash ^ *bytes * prime5, 11) * prime1;
    hash = (hash ^ hash >> 33) * prime2;
    hash = (hash ^ hash >> 29) * prime3;
    return hash ^ hash >> 32;
}

uint64_t pith_xxh64(const uint8_t *bytes, size_t count) {
    size_t total = count;
    uint64_t hash = prime5;
    if (count >= 32) {
        uint64_t a = prime1 + prime2, b = prime2, c = 0, d = 0 - prime1;
        for (; count >= 32; bytes += 32, count -= 32) {
            a = mixed(a, load64(bytes));
            b = mixed(b, load64(bytes + 8));
            c = mixed(c, load64(bytes + 16));
            d = mixed(d, load64(bytes + 24));
        }
        hash = rotated(a, 1) + rotated(b, 7) + rotated(c, 12) + rotated(d, 18);
        hash = (hash ^ mixed(0, a)) * prime1 + prime4;
        hash = (hash ^ mixed(0, b)) * prime1 + prime4;
        hash = (hash ^ mixed(0, c)) * prime1 + prime4;
        hash = (hash ^ mixed(0, d)) * prime1 + prime4;
    }
    return finished(hash + total, bytes, count);
}
