# Wrong use is told, with exit 2; help has examples.
foreach(wrong "--seed;x" "--seeds;5" "--seeds;9..3" "--jobs;0" "--profile;none" "--defect;none" "--nonsense"
    "--seeds;1..2;--trace" "--until-found")
  string(REPLACE ";" " " shown "${wrong}")
  execute_process(COMMAND ${SIM} ${wrong} RESULT_VARIABLE result ERROR_VARIABLE error OUTPUT_QUIET)
  if(NOT result EQUAL 2 OR NOT error MATCHES "tidegate_sim: ")
    message(FATAL_ERROR "'${shown}' gave exit ${result}: ${error}")
  endif()
endforeach()
execute_process(COMMAND ${SIM} --help RESULT_VARIABLE result OUTPUT_VARIABLE help)
if(NOT result EQUAL 0 OR NOT help MATCHES "examples:")
  message(FATAL_ERROR "--help gave exit ${result}: ${help}")
endif()
