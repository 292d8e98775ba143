// Values: tensors in and out, and their types.

#include "pith_onnxruntime.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

void pith_ort_type_clear(pith_ort_type *type) {
    if (type->symbols)
        for (size_t i = 0; i < type->rank; i++) free(type->symbols[i]);
    free(type->symbols);
    free(type->lengths);
    *type = (pith_ort_type){0};
}

static bool read_symbols(const pith_ort *ort, ort_handle info, pith_ort_type *type, pith_ort_error *error) {
    const char **names = calloc(type->rank, sizeof *names);
    type->symbols = calloc(type->rank, sizeof *type->symbols);
    if (!names || !type->symbols) {
        free(names);
        return pith_ort_fail(error, pith_ort_no_memory, "no memory is left");
    }
    bool done = pith_ort_checked(ort, FUNCTION(ort, get_texts, get_symbols)(info, names, type->rank), error);
    for (size_t i = 0; done && i < type->rank; i++) {
        type->symbols[i] = strdup(names[i] ? names[i] : "");
        if (!type->symbols[i]) done = pith_ort_fail(error, pith_ort_no_memory, "no memory is left");
    }
    free(names);
    return done;
}

bool pith_ort_read_tensor_type(
    const pith_ort *ort, ort_handle info, bool with_symbols, pith_ort_type *type, pith_ort_error *error) {
    int element = 0;
    size_t rank = 0;
    type->kind = pith_ort_kind_tensor;
    if (!pith_ort_checked(ort, FUNCTION(ort, get_int, get_element)(info, &element), error)
        || !pith_ort_checked(ort, FUNCTION(ort, get_size, get_rank)(info, &rank), error))
        return false;
    type->element = element;
    if (rank == 0) return true;
    type->lengths = calloc(rank, sizeof *type->lengths);
    if (!type->lengths) return pith_ort_fail(error, pith_ort_no_memory, "no memory is left");
    type->rank = rank;
    return pith_ort_checked(ort, FUNCTION(ort, get_numbers, get_lengths)(info, type->lengths, rank), error)
        && (!with_symbols || read_symbols(ort, info, type, error));
}

/// Gives a value of the runtime an owner that knows its library; releases it when there is no memory for one.
static pith_ort_value *wrapped(const pith_ort *ort, ort_handle native, pith_ort_error *error) {
    pith_ort_value *value = malloc(sizeof *value);
    if (value) {
        value->ort = ort;
        value->native = native;
    } else {
        FUNCTION(ort, release, release_value)(native);
        pith_ort_fail(error, pith_ort_no_memory, "no memory is left");
    }
    return value;
}

pith_ort_value *pith_ort_value_over(
    const pith_ort *ort, const void *data, size_t byte_count, const int64_t *lengths, size_t rank, int32_t element,
    pith_ort_error *error) {
    // The runtime wants an address even for no elements.
    static _Alignas(16) char nothing[16];
    void *address = data ? (void *)data : nothing;
    ort_handle native = NULL;
    bool done = pith_ort_checked(
        ort,
        FUNCTION(ort, make_tensor_over, create_tensor_over)(
            ort->memory, address, byte_count, lengths, rank, element, &native),
        error);
    return done ? wrapped(ort, native, error) : NULL;
}

pith_ort_value *pith_ort_value_of_strings(
    const pith_ort *ort, const uint8_t *bytes, const size_t *offsets, size_t count, const int64_t *lengths, size_t rank,
    pith_ort_error *error) {
    ort_handle native = NULL;
    bool done = pith_ort_checked(
        ort, FUNCTION(ort, make_tensor, create_tensor)(ort->allocator, lengths, rank, element_string, &native), error);
    for (size_t i = 0; done && i < count; i++) {
        size_t length = offsets[i + 1] - offsets[i];
        char *target = NULL;
        if (length == 0) continue;
        done = pith_ort_checked(
            ort, FUNCTION(ort, get_string_buffer, get_resized_string)(native, i, length, &target), error);
        if (done) memcpy(target, bytes + offsets[i], length);
    }
    if (done) return wrapped(ort, native, error);
    if (native) FUNCTION(ort, release, release_value)(native);
    return NULL;
}

void pith_ort_value_release(pith_ort_value *value) {
    if (!value) return;
    FUNCTION(value->ort, release, release_value)(value->native);
    free(value);
}

bool pith_ort_value_type(const pith_ort_value *value, pith_ort_type *type, pith_ort_error *error) {
    const pith_ort *ort = value->ort;
    int present = 0, kind = pith_ort_kind_unknown;
    ort_handle info = NULL;
    *type = (pith_ort_type){0};
    if (!pith_ort_checked(ort, FUNCTION(ort, get_int, has_value)(value->native, &present), error)) return false;
    if (!present) {
        type->kind = pith_ort_kind_nothing;
        return true;
    }
    if (!pith_ort_checked(ort, FUNCTION(ort, get_int, get_kind)(value->native, &kind), error)) return false;
    type->kind = kind;
    if (kind != pith_ort_kind_tensor) return true;
    if (!pith_ort_checked(ort, FUNCTION(ort, get_handle, get_tensor_type)(value->native, &info), error)) return false;
    bool done = pith_ort_read_tensor_type(ort, info, false, type, error);
    FUNCTION(ort, release, release_tensor_type)(info);
    return done;
}

const void *pith_ort_value_data(const pith_ort_value *value, pith_ort_error *error) {
    void *data = NULL;
    pith_ort_checked(value->ort, FUNCTION(value->ort, get_handle, get_data)(value->native, &data), error);
    return data;
}

uint8_t *pith_ort_value_strings(
    const pith_ort_value *value, size_t *offsets, size_t count, pith_ort_error *error) {
    const pith_ort *ort = value->ort;
    size_t total = 0;
    if (!pith_ort_checked(ort, FUNCTION(ort, get_size, get_strings_length)(value->native, &total), error)) return NULL;
    uint8_t *bytes = malloc(total + 1);
    if (!bytes) {
        pith_ort_fail(error, pith_ort_no_memory, "no memory is left");
        return NULL;
    }
    bool done = count == 0
        || pith_ort_checked(
            ort, FUNCTION(ort, get_string_bytes, get_strings)(value->native, bytes, total, offsets, count), error);
    offsets[count] = total;
    if (done) return bytes;
    free(bytes);
    return NULL;
}
