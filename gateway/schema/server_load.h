#pragma once

#include <string_view>
#include <vector>

#include "base/load_figures.h"

namespace rocket {

struct ServerLoad {
  LoadFigures figures;
  // Gauges that were to be expected and are not there, by their newest names.
  std::vector<std::string_view> missing;
};

// Reads Prometheus' text as vLLM, SGLang and llama.cpp write it, with the names that vLLM has
// given up too: waiting and running are summed over the engines of a server, of its caches the
// fullest counts. `expected`: the three of vLLM are missed if they are not there.
[[nodiscard]] ServerLoad read_gauges(std::string_view text, bool expected);
// The same of llama.cpp's /slots; figures that are not told if it is something else.
[[nodiscard]] LoadFigures read_slots(std::string_view body);

// The figures of two sources about one server: `more` fills in what `figures` do not tell.
[[nodiscard]] LoadFigures filled_in(LoadFigures figures, const LoadFigures& more);

}  // namespace rocket
