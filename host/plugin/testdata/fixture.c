/* A policy plugin in plain C, built several times with one thing wrong each. */
#include <stdlib.h>
#include <string.h>

#include "tidegate/note.h"
#include "tidegate/policy.h"
#include "tidegate/services.h"

#ifndef FIXTURE_ID
#define FIXTURE_ID "policy-fixture"
#endif
#ifndef FIXTURE_NO_NOTE
TG_PLUGIN_NOTE(FIXTURE_ID, TG_POLICY_KIND, "1.2.3", "{\"type\": \"object\"}");
#endif

typedef struct fixture {
  const tg_host* host;
} fixture;

static tg_str text(const char* s) {
  tg_str str = {s, strlen(s)};
  return str;
}

static int is(tg_str a, const char* b) { return a.size == strlen(b) && memcmp(a.data, b, a.size) == 0; }

static void say(const fixture* self, const char* line) {
  const tg_log_v1* log = (const tg_log_v1*)self->host->service(self->host->ctx, TG_LOG_ID);
  if (log != NULL) log->write(log->ctx, TG_LOG_INFO, text(line));
}

static tg_code create(const tg_host* host, tg_str config_json, void** self, tg_error* error) {
  fixture* made;
  if (is(config_json, "{\"mood\":\"bad\"}")) {
    error->code = TG_INVALID;
    strcpy(error->where, "create");
    strcpy(error->message, "mood: must not be bad");
    return TG_INVALID;
  }
  if (is(config_json, "{\"mood\":\"absent\"}")) return TG_OK; /* a defect: no instance */
  made = (fixture*)malloc(sizeof *made);
  made->host = host;
  *self = made;
  say(made, "create");
  return TG_OK;
}

static tg_code stop(void* self, uint64_t deadline_ms, tg_error* error) {
  (void)deadline_ms;
  (void)error;
  say((const fixture*)self, "stop");
  return TG_OK;
}

static void destroy(void* self) {
  say((const fixture*)self, "destroy");
  free(self);
}

static tg_code reload(void* self, tg_str schemas_json, const tg_text_sink* warnings, tg_error* error) {
  (void)self;
  if (is(schemas_json, "[]")) {
    warnings->text(warnings->ctx, text("no schemas"));
    return TG_OK;
  }
  error->code = TG_INVALID;
  strcpy(error->message, "one model too many");
  return TG_INVALID;
}

static uint32_t placement(void* self, tg_str model, uint32_t* place) {
  (void)self;
  if (!is(model, "Odd")) return TG_PASS;
  *place = 77; /* a defect: no such place */
  return TG_DECIDED;
}

static uint32_t lane(void* self, tg_str model, uint32_t* out) {
  (void)self;
  if (!is(model, "Alarm")) return TG_PASS;
  *out = TG_LANE_URGENT;
  return TG_DECIDED;
}

static uint32_t accept(void* self, const tg_policy_item* item, const tg_text_sink* reason) {
  (void)self;
  if (is(item->change->model, "Silent")) return TG_DENIED;
  if (!is(item->change->model, "No") || item->role != TG_ROLE_ROUTER) return TG_PASS;
  reason->text(reason->ctx, text("No is refused at routers"));
  return TG_DENIED;
}

#ifdef FIXTURE_SHORT_TABLE
#define TABLE_SIZE (sizeof(tg_lifecycle) + sizeof(void*))
#else
#define TABLE_SIZE sizeof(tg_policy_v1)
#endif
static const tg_policy_v1 table = {{(uint32_t)TABLE_SIZE, 0, create, stop, destroy},
                                   reload,
                                   placement,
                                   NULL,
                                   lane,
                                   accept,
                                   NULL,
                                   NULL,
                                   NULL,
                                   NULL,
                                   NULL,
                                   NULL};

#ifdef FIXTURE_UNRESOLVED
extern void nobody_defines_this(void);
#endif

static const void* interface_get(const char* id) {
#ifdef FIXTURE_UNRESOLVED
  nobody_defines_this();
#endif
#ifdef FIXTURE_NO_INTERFACE
  (void)id;
  (void)table;
  return NULL;
#else
  return strcmp(id, TG_POLICY_ID) == 0 ? &table : NULL;
#endif
}

static const tg_plugin plugin = {sizeof plugin, 0, interface_get};

#ifdef FIXTURE_NO_ENTRY
TG_EXPORT const tg_plugin* some_other_entry(void);
TG_EXPORT const tg_plugin* some_other_entry(void) { return &plugin; }
#elif defined(FIXTURE_NULL_ENTRY)
TG_EXPORT const tg_plugin* tg_plugin_entry_v1(void) { return plugin.struct_size == 0 ? &plugin : NULL; }
#else
TG_EXPORT const tg_plugin* tg_plugin_entry_v1(void) { return &plugin; }
#endif
