# tidegate_plugin(<kind>-<name> SOURCES <file>... [LIBS <target>...] [NO_INSTALL])
#
# Builds ${CMAKE_BINARY_DIR}/plugins/<kind>-<name>.so from the target tidegate-<kind>-<name>: a module
# that exports tg_plugin_entry_v1 and nothing else, resolves every symbol at link time, and installs
# into TIDEGATE_PLUGIN_DIR below the install prefix. The same function serves Tidegate's own plugins
# and, by find_package(Tidegate), everybody else's.
include_guard(GLOBAL)

function(tidegate_plugin name)
  cmake_parse_arguments(P "NO_INSTALL" "" "SOURCES;LIBS" ${ARGN})
  if(NOT P_SOURCES)
    message(FATAL_ERROR "tidegate_plugin(${name}): SOURCES is empty")
  endif()
  if(P_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "tidegate_plugin(${name}): unknown arguments: ${P_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT name MATCHES "^(storage|transport|policy|events)-[a-z0-9][a-z0-9-]*$")
    message(FATAL_ERROR "tidegate_plugin(${name}): the name must be <kind>-<name>, the kind storage, transport, policy or events")
  endif()

  set(target tidegate-${name})
  set(exports ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.exports)
  add_library(${target} MODULE ${P_SOURCES})
  target_link_libraries(${target} PRIVATE Tidegate::sdk ${P_LIBS})
  target_compile_features(${target} PRIVATE cxx_std_20)
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${name}
    PREFIX ""
    SUFFIX ".so"
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins
    POSITION_INDEPENDENT_CODE ON
    C_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS ${exports})
  target_link_options(${target} PRIVATE
    -Wl,--exclude-libs,ALL
    -Wl,--version-script=${exports})

  # A sanitized module takes its runtime from the program that loads it.
  if(NOT TIDEGATE_SANITIZE AND NOT "${CMAKE_C_FLAGS} ${CMAKE_CXX_FLAGS}" MATCHES "-fsanitize")
    target_link_options(${target} PRIVATE -Wl,--no-undefined)
  endif()

  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND ${CMAKE_COMMAND} -DNM=${CMAKE_NM} -DREADELF=${CMAKE_READELF} -DPLUGIN=$<TARGET_FILE:${target}>
            -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/check_plugin.cmake
    VERBATIM)

  if(NOT P_NO_INSTALL)
    install(TARGETS ${target} LIBRARY DESTINATION ${TIDEGATE_PLUGIN_DIR})
  endif()
endfunction()
