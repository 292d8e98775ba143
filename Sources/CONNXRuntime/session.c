// Sessions: loading a model, its ports, running it.

#include "pith_onnxruntime.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

static const enum place count_of_role[3] = {get_input_count, get_output_count, get_overridable_count};
static const enum place type_of_role[3] = {get_input_type, get_output_type, get_overridable_type};
static const enum place name_of_role[3] = {get_input_name, get_output_name, get_overridable_name};

/// Fills `options`, which the caller releases.
static bool make_options(
    const pith_ort *ort, const pith_ort_options *asked, ort_handle *options, pith_ort_error *error) {
#define SET(type, place, ...) \
    pith_ort_checked(ort, FUNCTION(ort, type, place)(*options, __VA_ARGS__), error)
    if (!pith_ort_checked(ort, FUNCTION(ort, make, create_options)(options), error)) return false;
    bool done = SET(set_number, set_log_severity, severity_fatal)
        && SET(set_number, set_optimization, asked->optimization)
        && SET(set_number, set_intra_threads, asked->threads)
        && SET(set_number, set_inter_threads, 1)
        && (!asked->profile_prefix || SET(set_text, enable_profiling, asked->profile_prefix))
        && (!asked->optimized_path || SET(set_text, set_optimized_path, asked->optimized_path));
    for (size_t i = 0; done && i < asked->entry_count; i++)
        done = SET(set_entry, add_config_entry, asked->keys[i], asked->values[i]);
    return done;
#undef SET
}

/// Copies a text the runtime allocated and gives that back.
static char *taken_text(const pith_ort *ort, char *text, pith_ort_error *error) {
    char *copy = text ? strdup(text) : NULL;
    if (text) {
        bool freed = pith_ort_checked(ort, FUNCTION(ort, free_bytes, free_in_allocator)(ort->allocator, text), error);
        if (freed && !copy) pith_ort_fail(error, pith_ort_no_memory, "no memory is left");
    } else {
        pith_ort_fail(error, 1, "the runtime returned no text");
    }
    return copy;
}

static bool read_port(pith_ort_session *session, int32_t role, size_t index, pith_ort_error *error) {
    const pith_ort *ort = session->ort;
    port *target = &session->ports[role][index];
    char *name = NULL;
    ort_handle info = NULL, tensor = NULL;
    if (!pith_ort_checked(
            ort, FUNCTION(ort, get_name_at, name_of_role[role])(session->native, index, ort->allocator, &name), error))
        return false;
    target->name = taken_text(ort, name, error);
    if (!target->name) return false;
    if (!pith_ort_checked(
            ort, FUNCTION(ort, get_handle_at, type_of_role[role])(session->native, index, &info), error))
        return false;
    int kind = pith_ort_kind_unknown;
    bool done = pith_ort_checked(ort, FUNCTION(ort, get_int, get_kind_of_type)(info, &kind), error);
    target->type.kind = kind;
    if (done && kind == pith_ort_kind_tensor) {
        done = pith_ort_checked(ort, FUNCTION(ort, get_handle, as_tensor_type)(info, &tensor), error)
            && (tensor ? pith_ort_read_tensor_type(ort, tensor, true, &target->type, error)
                       : pith_ort_fail(error, 1, "a tensor has no tensor type"));
    }
    FUNCTION(ort, release, release_type)(info);
    return done;
}

static bool read_ports(pith_ort_session *session, int32_t role, pith_ort_error *error) {
    const pith_ort *ort = session->ort;
    size_t count = 0;
    if (!pith_ort_checked(ort, FUNCTION(ort, get_size, count_of_role[role])(session->native, &count), error))
        return false;
    if (count == 0) return true;
    session->ports[role] = calloc(count, sizeof(port));
    if (!session->ports[role]) return pith_ort_fail(error, pith_ort_no_memory, "no memory is left");
    session->counts[role] = count;
    for (size_t i = 0; i < count; i++)
        if (!read_port(session, role, i, error)) return false;
    return true;
}

pith_ort_session *pith_ort_session_open(
    const pith_ort *ort, const char *path, const void *bytes, size_t byte_count, const pith_ort_options *options,
    pith_ort_error *error) {
    pith_ort_session *session = calloc(1, sizeof *session);
    if (!session) {
        pith_ort_fail(error, pith_ort_no_memory, "no memory is left");
        return NULL;
    }
    session->ort = ort;
    ort_handle native_options = NULL;
    bool done = make_options(ort, options, &native_options, error);
    if (done) {
        ort_status status = path
            ? FUNCTION(ort, make_from_path, create_session)(ort->env, path, native_options, &session->native)
            : FUNCTION(ort, make_from_bytes, create_session_from_bytes)(
                  ort->env, bytes, byte_count, native_options, &session->native);
        done = pith_ort_checked(ort, status, error);
    }
    if (native_options) FUNCTION(ort, release, release_options)(native_options);
    for (int32_t role = 0; done && role < 3; role++) done = read_ports(session, role, error);
    if (done) return session;
    pith_ort_session_close(session);
    return NULL;
}

void pith_ort_session_close(pith_ort_session *session) {
    if (!session) return;
    if (session->native) FUNCTION(session->ort, release, release_session)(session->native);
    for (int32_t role = 0; role < 3; role++) {
        for (size_t i = 0; i < session->counts[role]; i++) {
            free(session->ports[role][i].name);
            pith_ort_type_clear(&session->ports[role][i].type);
        }
        free(session->ports[role]);
    }
    free(session);
}

size_t pith_ort_port_count(const pith_ort_session *session, int32_t role) { return session->counts[role]; }

const char *pith_ort_port_name(const pith_ort_session *session, int32_t role, size_t index) {
    return session->ports[role][index].name;
}

const pith_ort_type *pith_ort_port_type(const pith_ort_session *session, int32_t role, size_t index) {
    return &session->ports[role][index].type;
}

static const char *feed_name(const pith_ort_session *session, size_t index) {
    size_t inputs = session->counts[pith_ort_role_input];
    return index < inputs ? session->ports[pith_ort_role_input][index].name
                          : session->ports[pith_ort_role_overridable][index - inputs].name;
}

/// Wraps the results of a run, or releases them all when there is no memory to.
static bool wrap_results(
    const pith_ort *ort, const ort_handle *natives, pith_ort_value **results, size_t count, pith_ort_error *error) {
    bool done = true;
    for (size_t i = 0; i < count; i++) {
        results[i] = NULL;
        if (!natives[i]) continue;
        results[i] = malloc(sizeof(pith_ort_value));
        if (results[i]) {
            results[i]->ort = ort;
            results[i]->native = natives[i];
        } else {
            FUNCTION(ort, release, release_value)(natives[i]);
            done = false;
        }
    }
    if (done) return true;
    for (size_t i = 0; i < count; i++) {
        pith_ort_value_release(results[i]);
        results[i] = NULL;
    }
    return pith_ort_fail(error, pith_ort_no_memory, "no memory is left");
}

bool pith_ort_run(
    const pith_ort_session *session, const size_t *feeds, const pith_ort_value *const *values, size_t feed_count,
    const size_t *fetches, pith_ort_value **results, size_t fetch_count, pith_ort_error *error) {
    // One block: names in and out, then values in and out (the latter must start as NULL).
    size_t total = feed_count + fetch_count;
    const char **names = calloc(2 * total + 1, sizeof(void *));
    if (!names) return pith_ort_fail(error, pith_ort_no_memory, "no memory is left");
    ort_handle *natives = (ort_handle *)(names + total);
    for (size_t i = 0; i < feed_count; i++) {
        names[i] = feed_name(session, feeds[i]);
        natives[i] = values[i]->native;
    }
    for (size_t i = 0; i < fetch_count; i++)
        names[feed_count + i] = session->ports[pith_ort_role_output][fetches[i]].name;
    bool done = pith_ort_checked(
                    session->ort,
                    FUNCTION(session->ort, run_function, run_session)(
                        session->native, NULL, names, natives, feed_count, names + feed_count, fetch_count,
                        natives + feed_count),
                    error)
        && wrap_results(session->ort, natives + feed_count, results, fetch_count, error);
    free(names);
    return done;
}

char *pith_ort_end_profiling(const pith_ort_session *session, pith_ort_error *error) {
    const pith_ort *ort = session->ort;
    char *path = NULL;
    if (!pith_ort_checked(
            ort, FUNCTION(ort, get_name, end_profiling)(session->native, ort->allocator, &path), error))
        return NULL;
    return taken_text(ort, path, error);
}
