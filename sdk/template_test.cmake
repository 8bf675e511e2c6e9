# Installs the SDK alone below WORK and builds the template against it.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "failed: ${ARGN}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --component dev --prefix ${WORK}/prefix)
run(${CMAKE_COMMAND} -E copy_directory ${WORK}/prefix/${TEMPLATE_DIR} ${WORK}/source)
run(${CMAKE_COMMAND} -S ${WORK}/source -B ${WORK}/build -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${COMPILER}
  -DCMAKE_C_COMPILER=${C_COMPILER} -DTidegate_DIR=${WORK}/prefix/${CONFIG_DIR} -DCMAKE_INSTALL_PREFIX=${WORK}/installed)
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${CMAKE_COMMAND} --install ${WORK}/build)
file(GLOB_RECURSE found ${WORK}/installed/*/policy-refuse.so)
if(NOT found)
  message(FATAL_ERROR "the plugin was not installed below ${WORK}/installed")
endif()
