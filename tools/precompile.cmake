# Precompiled headers that let the compiler cache share objects between clones of the tree.
#
# What clang writes into such a file depends on where it is. So ccache is told to go by a sum beside
# it (CCACHE_PCH_EXTSUM), which is one of all that has gone into it, and its place is all that a
# command says of it.

# CMake's own also names the header, by its absolute path.
set(CMAKE_CXX_COMPILE_OPTIONS_USE_PCH -Xclang -include-pch -Xclang <PCH_FILE>)

# `precompile(TARGET HEADER...)`: headers as they stand behind #include, of the system or below
# gateway/.
function(precompile target)
  if(NOT ROCKET_PRECOMPILE)
    return()
  endif()
  list(TRANSFORM ARGN REPLACE "(.+)" "#include \\1\n" OUTPUT_VARIABLE lines)
  list(JOIN lines "" text)
  set(header "${PROJECT_BINARY_DIR}/${target}.hxx")
  file(CONFIGURE OUTPUT "${header}" CONTENT "${text}")
  target_precompile_headers(${target} PRIVATE "${header}")
  # The same twice.
  target_compile_options(${target} PRIVATE
    "SHELL:$<$<COMPILE_LANGUAGE:CXX>:-Xclang -fno-pch-timestamp>")

  execute_process(COMMAND "${CMAKE_CXX_COMPILER}" "-std=c++${CMAKE_CXX_STANDARD}" -M
                          "-I${PROJECT_SOURCE_DIR}/gateway" "${header}"
                  OUTPUT_VARIABLE rule COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "/[^ \\\n]+" included "${rule}")
  list(REMOVE_ITEM included "${header}")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${included})
  set(sum "${text}")
  foreach(file IN LISTS included)
    file(SHA256 "${file}" digest)
    string(REPLACE "${PROJECT_SOURCE_DIR}/" "" name "${file}")
    string(APPEND sum "${digest} ${name}\n")
  endforeach()
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/CMakeFiles/${target}.dir/cmake_pch.hxx.pch.sum"
       CONTENT "${sum}")
endfunction()
