// Opening the library, its environment, and errors.

#define _GNU_SOURCE

#include "pith_onnxruntime.h"
#include "table.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

bool pith_ort_fail(pith_ort_error *error, int32_t code, const char *message) {
    pith_ort_error_clear(error);
    error->code = code;
    error->message = message ? strdup(message) : NULL;
    return false;
}

bool pith_ort_checked(const pith_ort *ort, ort_status status, pith_ort_error *error) {
    if (!status) return true;
    int code = FUNCTION(ort, code_of_status, get_error_code)(status);
    // Code 0 beside a status would read as success.
    pith_ort_fail(error, code > 0 ? code : 1, FUNCTION(ort, message_of_status, get_error_message)(status));
    FUNCTION(ort, release, release_status)(status);
    return false;
}

void pith_ort_free(void *memory) { free(memory); }

void pith_ort_error_clear(pith_ort_error *error) {
    free(error->message);
    error->message = NULL;
    error->code = 0;
}

/// Every message the runtime logs ends here: what matters comes back as a status.
static void discard(
    void *parameter, int severity, const char *category, const char *id, const char *location, const char *message) {
    (void)parameter, (void)severity, (void)category, (void)id, (void)location, (void)message;
}

static pith_ort *abandon(pith_ort *ort, pith_ort_error *error, int32_t code, const char *message) {
    pith_ort_fail(error, code, message);
    pith_ort_close(ort);
    return NULL;
}

pith_ort *pith_ort_open(const char *path, pith_ort_error *error) {
    pith_ort *ort = calloc(1, sizeof *ort);
    if (!ort) return abandon(NULL, error, pith_ort_no_memory, "no memory is left");
    // From 1.29 on the library keeps an identifier of the device and a queue of events on disk and sends them. Its function
    // that ends this takes an environment, and making one is what begins it; only this variable comes before.
    setenv("ORT_DISABLE_TELEMETRY", "1", 1);
    ort->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!ort->library) return abandon(ort, error, pith_ort_not_opened, dlerror());
    void *symbol = dlsym(ort->library, "OrtGetApiBase");
    if (!symbol) return abandon(ort, error, pith_ort_not_a_runtime, "it has no function OrtGetApiBase");
    const struct api_base *(*base)(void) = (const struct api_base *(*)(void))symbol;
    ort->base = base();
    if (!ort->base) return abandon(ort, error, pith_ort_not_a_runtime, "OrtGetApiBase returned nothing");
    Dl_info info;
    ort->path = strdup(dladdr(symbol, &info) && info.dli_fname ? info.dli_fname : path);
    if (!ort->path) return abandon(ort, error, pith_ort_no_memory, "no memory is left");
    return ort;
}

bool pith_ort_start(pith_ort *ort, pith_ort_error *error) {
    ort->table = ort->base->table(api_version);
    if (!ort->table) return pith_ort_fail(error, pith_ort_no_api, "the library does not offer API version 17");
    return pith_ort_checked(
               ort, FUNCTION(ort, make_env, create_env_with_logger)(discard, NULL, severity_fatal, "pith", &ort->env),
               error)
        && pith_ort_checked(ort, FUNCTION(ort, touch, disable_telemetry)(ort->env), error)
        && pith_ort_checked(
               ort,
               FUNCTION(ort, make_memory_info, create_cpu_memory_info)(
                   allocator_of_device, memory_default, &ort->memory),
               error)
        && pith_ort_checked(ort, FUNCTION(ort, make, get_default_allocator)(&ort->allocator), error);
}

void pith_ort_close(pith_ort *ort) {
    if (!ort) return;
    // The default allocator belongs to the runtime and is not released.
    if (ort->memory) FUNCTION(ort, release, release_memory_info)(ort->memory);
    if (ort->env) FUNCTION(ort, release, release_env)(ort->env);
    if (ort->library) dlclose(ort->library);
    free(ort->path);
    free(ort);
}

const char *pith_ort_version(const pith_ort *ort) { return ort->base->version(); }

const char *pith_ort_path(const pith_ort *ort) { return ort->path; }
