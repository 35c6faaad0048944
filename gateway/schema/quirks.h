#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/backend_kind.h"
#include "base/error.h"

namespace rocket {

// How the kinds of backend differ from plain OpenAI, as data. To add a backend that speaks
// OpenAI with oddities of its own, add a row.
struct Quirks {
  BackendKind kind;
  // Answers 2xx when the endpoint is alive, and costs nothing.
  std::string_view alive_path;
  // What it has, in the order to try: LM Studio changed its own over time.
  std::vector<std::string_view> inventory_paths;
  // Which of them are in memory; empty: all that the inventory lists, unless it says so itself.
  std::string_view loaded_path;
  // `llama3` means `llama3:latest`.
  bool implicit_latest = false;
};

[[nodiscard]] const Quirks& quirks_of(BackendKind kind);

struct InventoryModel {
  std::string name;
  bool loaded = true;
  [[nodiscard]] bool operator==(const InventoryModel&) const = default;
};

// Reads any of the inventories: {"data":[{"id"}]} (OpenAI, LM Studio v0), {"models":[{"name"}]}
// (Ollama) or {"models":[{"key","loaded_instances"}]} (LM Studio v1). upstream_garbage if it is
// none of them.
[[nodiscard]] Result<std::vector<InventoryModel>> read_inventory(std::string_view body);

}  // namespace rocket
