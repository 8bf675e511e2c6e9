/* The ELF note of a plugin: read from the file before dlopen, so that a wrong plugin is refused
 * without running any of its code. The layout is fixed for ever; docs/format/note.md draws it.
 *
 *   TG_PLUGIN_NOTE("storage-sqlite", "storage", "0.1.0", TG_CONFIG_SCHEMA_JSON);
 *
 * at file scope of one source file puts it into section .note.tidegate.
 * Thread safety: constants only. Ownership: static data of the plugin. */
#pragma once

#include <stdint.h>

#include "tidegate/version.h"

#define TG_NOTE_SECTION ".note.tidegate"
#define TG_NOTE_NAME "Tidegate" /* 8 characters + NUL, padded to 12 */
#define TG_NOTE_TYPE 1u
#define TG_NOTE_MAGIC 0x54474e31u /* "TGN1" */

/* Limits, including the terminating NUL. */
#define TG_NOTE_ID_SIZE 64
#define TG_NOTE_KIND_SIZE 32
#define TG_NOTE_VERSION_SIZE 32

/* The fixed part of the descriptor; the config JSON Schema (schema_size bytes) follows it. */
typedef struct tg_note_desc {
  uint32_t magic;
  uint16_t abi_major;
  uint16_t abi_minor;      /* the minor the plugin was built with */
  uint16_t host_minor_min; /* the least host minor it can run with */
  uint16_t reserved;
  uint32_t schema_size; /* without NUL */
  char id[TG_NOTE_ID_SIZE];
  char kind[TG_NOTE_KIND_SIZE]; /* "storage", "transport", "policy" or "events" */
  char version[TG_NOTE_VERSION_SIZE];
} tg_note_desc;

#define TG_PLUGIN_NOTE(id_, kind_, version_, schema_json_) TG_PLUGIN_NOTE_MIN(id_, kind_, version_, schema_json_, 0)

#define TG_PLUGIN_NOTE_MIN(id_, kind_, version_, schema_json_, host_minor_min_)              \
  __attribute__((section(TG_NOTE_SECTION), used, aligned(4))) static const struct {          \
    uint32_t name_size, desc_size, type;                                                     \
    char name[12];                                                                           \
    tg_note_desc desc;                                                                       \
    char schema[(sizeof(schema_json_) + 3) / 4 * 4];                                         \
  } tg_plugin_note = {sizeof(TG_NOTE_NAME),                                                  \
                      (uint32_t)(sizeof(tg_note_desc) + (sizeof(schema_json_) + 3) / 4 * 4), \
                      TG_NOTE_TYPE,                                                          \
                      TG_NOTE_NAME,                                                          \
                      {TG_NOTE_MAGIC, TG_ABI_MAJOR, TG_ABI_MINOR, host_minor_min_, 0,        \
                       (uint32_t)(sizeof(schema_json_) - 1), id_, kind_, version_},          \
                      schema_json_}
