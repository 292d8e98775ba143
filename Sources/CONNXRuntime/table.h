// The function table of ONNX Runtime: which place holds which function, and how it is called.
//
// The places are the ABI. They follow from the order of the members of `OrtApi`; that order is append-only, and each release
// of ONNX Runtime asserts in its own source the places of the last function of every version. Handles are `void *` here.

#pragma once

#include <stddef.h>
#include <stdint.h>

/// A function of the table before it is given its type.
typedef void (*table_entry)(void);
/// NULL is success; anything else is released after reading.
typedef void *ort_status;
typedef void *ort_handle;

/// What the library's only symbol returns.
struct api_base {
    const table_entry *(*table)(uint32_t version);
    const char *(*version)(void);
};

/// The API version asked for; ONNX Runtime 1.17 is the first to have it.
enum { api_version = 17 };

enum { severity_fatal = 4, element_string = 8, allocator_of_device = 0, memory_default = 0 };

enum place {
    get_error_code = 1,
    get_error_message = 2,
    create_env_with_logger = 4,
    disable_telemetry = 6,
    create_session = 7,
    create_session_from_bytes = 8,
    run_session = 9,
    create_options = 10,
    set_optimized_path = 11,
    enable_profiling = 14,
    set_log_severity = 22,
    set_optimization = 23,
    set_intra_threads = 24,
    set_inter_threads = 25,
    get_input_count = 30,
    get_output_count = 31,
    get_overridable_count = 32,
    get_input_type = 33,
    get_output_type = 34,
    get_overridable_type = 35,
    get_input_name = 36,
    get_output_name = 37,
    get_overridable_name = 38,
    create_tensor = 48,
    create_tensor_over = 49,
    get_data = 51,
    get_strings_length = 53,
    get_strings = 54,
    as_tensor_type = 55,
    get_kind_of_type = 56,
    get_element = 60,
    get_rank = 61,
    get_lengths = 62,
    get_symbols = 63,
    get_tensor_type = 65,
    get_kind = 67,
    create_cpu_memory_info = 69,
    free_in_allocator = 76,
    get_default_allocator = 78,
    release_env = 92,
    release_status = 93,
    release_memory_info = 94,
    release_session = 95,
    release_value = 96,
    release_type = 98,
    release_tensor_type = 99,
    release_options = 100,
    end_profiling = 110,
    add_config_entry = 130,
    has_value = 192,
    get_resized_string = 252,
};

typedef void (*log_sink)(
    void *, int severity, const char *category, const char *id, const char *location, const char *message);

// Types of the functions, by what they take and give.
typedef int (*code_of_status)(ort_handle);
typedef const char *(*message_of_status)(ort_handle);
typedef void (*release)(ort_handle);
typedef ort_status (*make_env)(log_sink, void *, int severity, const char *id, ort_handle *out);
typedef ort_status (*touch)(ort_handle);
typedef ort_status (*make_from_path)(ort_handle env, const char *path, ort_handle options, ort_handle *out);
typedef ort_status (*make_from_bytes)(ort_handle env, const void *, size_t, ort_handle options, ort_handle *out);
typedef ort_status (*run_function)(
    ort_handle session, ort_handle options, const char *const *input_names, const ort_handle *inputs, size_t input_count,
    const char *const *output_names, size_t output_count, ort_handle *outputs);
typedef ort_status (*make)(ort_handle *out);
typedef ort_status (*set_text)(ort_handle, const char *);
typedef ort_status (*set_number)(ort_handle, int);
typedef ort_status (*set_entry)(ort_handle, const char *key, const char *value);
typedef ort_status (*get_size)(ort_handle, size_t *out);
typedef ort_status (*get_int)(ort_handle, int *out);
typedef ort_status (*get_handle)(ort_handle, ort_handle *out);
typedef ort_status (*get_handle_at)(ort_handle, size_t index, ort_handle *out);
typedef ort_status (*get_name_at)(ort_handle, size_t index, ort_handle allocator, char **out);
typedef ort_status (*get_name)(ort_handle, ort_handle allocator, char **out);
typedef ort_status (*get_numbers)(ort_handle, int64_t *out, size_t count);
typedef ort_status (*get_texts)(ort_handle, const char **out, size_t count);
typedef ort_status (*get_string_bytes)(ort_handle, void *bytes, size_t byte_count, size_t *offsets, size_t count);
typedef ort_status (*get_string_buffer)(ort_handle, size_t index, size_t byte_count, char **out);
typedef ort_status (*make_tensor)(
    ort_handle allocator, const int64_t *lengths, size_t rank, int element, ort_handle *out);
typedef ort_status (*make_tensor_over)(
    ort_handle memory, void *data, size_t byte_count, const int64_t *lengths, size_t rank, int element, ort_handle *out);
typedef ort_status (*make_memory_info)(int allocator, int memory, ort_handle *out);
typedef ort_status (*free_bytes)(ort_handle allocator, void *);

/// The function at a place of the table, as a function of the given type.
#define FUNCTION(ort, type, place) ((type)(ort)->table[place])

struct pith_ort {
    void *library;
    const struct api_base *base;
    const table_entry *table;
    ort_handle env;
    ort_handle memory;
    ort_handle allocator;
    char *path;
};

typedef struct port {
    char *name;
    struct pith_ort_type type;
} port;

struct pith_ort_session {
    const struct pith_ort *ort;
    ort_handle native;
    port *ports[3];
    size_t counts[3];
};

struct pith_ort_value {
    const struct pith_ort *ort;
    ort_handle native;
};

/// Fills `error` from a status of the runtime and releases that; whether the status was success.
bool pith_ort_checked(const struct pith_ort *ort, ort_status status, struct pith_ort_error *error);
/// Fills `error`; always false.
bool pith_ort_fail(struct pith_ort_error *error, int32_t code, const char *message);
/// Fills `type` from tensor type information of the runtime, with the names of axes when asked.
bool pith_ort_read_tensor_type(
    const struct pith_ort *ort, ort_handle info, bool with_symbols, struct pith_ort_type *type,
    struct pith_ort_error *error);
