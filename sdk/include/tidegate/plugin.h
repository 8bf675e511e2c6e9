/* The entry of a plugin: one exported symbol, and an ELF note that tells what the file is without
 * running any of its code. See docs/plugins.md for the life of a plugin.
 *
 * Function tags: [control] one call at a time, from the host's control thread; [writer] from the
 * node's writer thread only; [reader] from any thread, beside the writer; [any] from any thread.
 * Thread safety: as tagged. Ownership: in = views valid during the call; out = sink callbacks
 * before the call returns; nobody frees the other's memory. */
#pragma once

#include <stdint.h>

#include "tidegate/error.h"
#include "tidegate/types.h"
#include "tidegate/version.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the host offers. service() returns a table (tidegate/services.h) or null if the host has
 * none of that id. Valid from create until destroy returns. */
typedef struct tg_host {
  uint32_t struct_size;
  uint32_t abi_minor;
  void* ctx;
  const void* (*service)(void* ctx, const char* id); /* [any] */
} tg_host;

/* What a plugin offers: tables by interface id ("tg.storage/1-draft"), or null. */
typedef struct tg_plugin {
  uint32_t struct_size;
  uint32_t reserved;
  const void* (*interface_get)(const char* id); /* [any] */
} tg_plugin;

/* The head of every interface table; the host uses a member only if struct_size covers it. */
typedef struct tg_lifecycle {
  uint32_t struct_size; /* of the whole table */
  uint32_t reserved;
  /* [control] Checks config_json (already valid against the plugin's schema). No I/O, no threads. */
  tg_code (*create)(const tg_host* host, tg_str config_json, void** self, tg_error* error);
  /* [control] Joins all threads the instance made; no callback after it returns. */
  tg_code (*stop)(void* self, uint64_t deadline_ms, tg_error* error);
  /* [control] Frees the instance. Allowed after create, also without start. */
  void (*destroy)(void* self);
} tg_lifecycle;

typedef const tg_plugin* (*tg_plugin_entry_fn)(void);
#define TG_PLUGIN_ENTRY_SYMBOL "tg_plugin_entry_v1"

#define TG_EXPORT __attribute__((visibility("default")))

/* Every plugin defines this, with TG_EXPORT, and exports nothing else. */
const tg_plugin* tg_plugin_entry_v1(void);

#ifdef __cplusplus
}
#endif
