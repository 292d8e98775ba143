// ONNX Runtime behind a dozen plain C functions.
//
// The library is opened at run time (dlopen), so building needs no ONNX Runtime. Its functions lie in a table whose order
// never changes between releases; `table.h` names the places used here. Everything up to API version 17, so ONNX Runtime
// 1.17 and later, has the same places.
//
// Rules that hold for every function: pointers must not be NULL unless said otherwise; names, paths and messages are UTF-8
// and end with NUL; whoever gets a `char *` that is not const frees it. Functions that can fail take a `pith_ort_error`, and
// fill it only when they do.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A loaded library: its handle, function table and environment.
typedef struct pith_ort pith_ort;
/// A loaded model with the names and types of what goes in and out. Running it is safe from several threads.
typedef struct pith_ort_session pith_ort_session;
/// A tensor (or another value) of the runtime.
typedef struct pith_ort_value pith_ort_value;

/// Why a call failed. `code` is the runtime's own number (1 and up), or negative for failures of the shim.
typedef struct pith_ort_error {
    int32_t code;
    /// Allocated with malloc; NULL when memory ran out.
    char *message;
} pith_ort_error;

enum {
    /// The library can not be opened.
    pith_ort_not_opened = -1,
    /// The library has no ONNX Runtime in it.
    pith_ort_not_a_runtime = -2,
    /// The library does not offer the API version asked for.
    pith_ort_no_api = -3,
    /// The system has no memory left.
    pith_ort_no_memory = -4,
};

/// What a value can be.
enum {
    pith_ort_kind_unknown = 0,
    pith_ort_kind_tensor = 1,
    pith_ort_kind_sequence = 2,
    pith_ort_kind_map = 3,
    pith_ort_kind_opaque = 4,
    pith_ort_kind_sparse_tensor = 5,
    pith_ort_kind_optional = 6,
    /// An optional without a value.
    pith_ort_kind_nothing = 7,
};

/// The places a session names.
enum {
    pith_ort_role_input = 0,
    pith_ort_role_output = 1,
    /// Inputs with a default: weights that the file also lists as inputs.
    pith_ort_role_overridable = 2,
};

/// The type of a value; `element`, `rank`, `lengths` and `symbols` are set for tensors only.
typedef struct pith_ort_type {
    int32_t kind;
    /// The runtime's number of the element type.
    int32_t element;
    size_t rank;
    /// Axis lengths, outermost first; -1 where the model leaves one open.
    int64_t *lengths;
    /// Names of open axes, "" for an axis without one; NULL for the type of a value.
    char **symbols;
} pith_ort_type;

/// How a session is opened; paths and names may be NULL.
typedef struct pith_ort_options {
    int32_t threads;
    /// 0 none, 1 basic, 2 extended, 99 all.
    int32_t optimization;
    const char *profile_prefix;
    const char *optimized_path;
    const char *const *keys;
    const char *const *values;
    size_t entry_count;
} pith_ort_options;

/// Frees what a function here allocated; NULL is allowed.
void pith_ort_free(void *memory);
/// Frees the message and empties the error.
void pith_ort_error_clear(pith_ort_error *error);
/// Frees the arrays of a type and empties it.
void pith_ort_type_clear(pith_ort_type *type);

/// Opens the library at `path` (or by the loader's own rules for a bare name) and finds its version; starts nothing.
pith_ort *pith_ort_open(const char *path, pith_ort_error *error);
/// Makes the environment, with logging and telemetry off. Call it once, before everything below.
bool pith_ort_start(pith_ort *ort, pith_ort_error *error);
/// Ends the environment and closes the library; NULL is allowed.
void pith_ort_close(pith_ort *ort);
/// The library's version, such as "1.31.1"; lives as long as `ort`.
const char *pith_ort_version(const pith_ort *ort);
/// The file the library came from; lives as long as `ort`.
const char *pith_ort_path(const pith_ort *ort);

/// Loads a model from `path`, or from `byte_count` bytes when `path` is NULL.
pith_ort_session *pith_ort_session_open(
    const pith_ort *ort, const char *path, const void *bytes, size_t byte_count, const pith_ort_options *options,
    pith_ort_error *error);
/// Releases a session; NULL is allowed.
void pith_ort_session_close(pith_ort_session *session);
/// How many ports of a role there are.
size_t pith_ort_port_count(const pith_ort_session *session, int32_t role);
/// The name of a port; lives as long as the session.
const char *pith_ort_port_name(const pith_ort_session *session, int32_t role, size_t index);
/// The type of a port; lives as long as the session.
const pith_ort_type *pith_ort_port_type(const pith_ort_session *session, int32_t role, size_t index);
/// Runs the model. `feeds` are indices of inputs, continued by those of overridable inputs; `fetches` of outputs.
///
/// On success every entry of `results` is a new value (NULL for an output that was not made).
bool pith_ort_run(
    const pith_ort_session *session, const size_t *feeds, const pith_ort_value *const *values, size_t feed_count,
    const size_t *fetches, pith_ort_value **results, size_t fetch_count, pith_ort_error *error);
/// Ends profiling and returns the path of the profile ("" when there is none), allocated with malloc.
char *pith_ort_end_profiling(const pith_ort_session *session, pith_ort_error *error);

/// A tensor over `data`, which stays the caller's and must outlive the value; the runtime only reads it.
///
/// `data` must be aligned for its elements; NULL is allowed when `byte_count` is 0.
pith_ort_value *pith_ort_value_over(
    const pith_ort *ort, const void *data, size_t byte_count, const int64_t *lengths, size_t rank, int32_t element,
    pith_ort_error *error);
/// A tensor of `count` strings that lie end to end in `bytes`, string i from `offsets[i]` to `offsets[i + 1]`.
pith_ort_value *pith_ort_value_of_strings(
    const pith_ort *ort, const uint8_t *bytes, const size_t *offsets, size_t count, const int64_t *lengths, size_t rank,
    pith_ort_error *error);
/// Releases a value; NULL is allowed.
void pith_ort_value_release(pith_ort_value *value);
/// Fills `type` with the type of a value; clear it afterwards.
bool pith_ort_value_type(const pith_ort_value *value, pith_ort_type *type, pith_ort_error *error);
/// The elements of a tensor of numbers; live as long as the value. NULL is a failure only when `error` is filled.
const void *pith_ort_value_data(const pith_ort_value *value, pith_ort_error *error);
/// The `count` strings of a tensor end to end, allocated with malloc, and their `count + 1` offsets.
uint8_t *pith_ort_value_strings(
    const pith_ort_value *value, size_t *offsets, size_t count, pith_ort_error *error);
