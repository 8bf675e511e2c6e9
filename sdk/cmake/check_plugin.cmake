# cmake -DNM=... -DREADELF=... -DPLUGIN=file -P check_plugin.cmake
# Fails the build of a plugin that exports anything but its entry, or carries no note.
execute_process(COMMAND ${NM} -D --defined-only ${PLUGIN} OUTPUT_VARIABLE symbols RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${PLUGIN}: ${NM} cannot list its symbols")
endif()
string(REGEX MATCHALL "[^\n]+" lines "${symbols}")
set(found "")
foreach(line IN LISTS lines)
  string(REGEX REPLACE "^.* ([^ ]+)$" "\\1" symbol "${line}")
  list(APPEND found ${symbol})
endforeach()
if(NOT "${found}" STREQUAL "tg_plugin_entry_v1")
  file(REMOVE ${PLUGIN})
  message(FATAL_ERROR "${PLUGIN}: a plugin exports tg_plugin_entry_v1 and nothing else, this one exports: '${found}'. "
    "Define the entry with TG_EXPORT inside extern \"C\" (or TIDEGATE_PLUGIN of tidegate/cpp/plugin.h).")
endif()

execute_process(COMMAND ${READELF} -SW ${PLUGIN} OUTPUT_VARIABLE sections RESULT_VARIABLE result)
if(NOT result EQUAL 0 OR NOT sections MATCHES "\\.note\\.tidegate +NOTE")
  file(REMOVE ${PLUGIN})
  message(FATAL_ERROR "${PLUGIN}: no note section .note.tidegate. "
    "Put TG_PLUGIN_NOTE(...) of tidegate/note.h at file scope of one source file.")
endif()
