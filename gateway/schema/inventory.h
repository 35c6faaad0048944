#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/model_card.h"
#include "base/model_facts.h"

namespace rocket {

struct InventoryModel {
  std::string name;
  ModelFacts facts{};
  ModelCard card{};
  // When it goes out of memory unless somebody asks for it, as its server writes a time (RFC 3339);
  // empty: it does not tell, or tells no time.
  std::string expires_at{};

  [[nodiscard]] bool operator==(const InventoryModel&) const = default;
};

struct Inventory {
  std::vector<InventoryModel> models;
  std::string owner;  // the first model's `owned_by`: what serves there
};

// Reads any of the inventories: {"data":[{"id"}]} (OpenAI, vLLM, llama.cpp, LM Studio v0, and
// clouds), {"models":[{"name"}]} (Ollama's tags and ps) or {"models":[{"key","loaded_instances"}]}
// (LM Studio v1), with what each of them tells of its models. upstream_garbage if it is none.
[[nodiscard]] Result<Inventory> read_inventory(std::string_view body);

// What Ollama's /api/show tells; nothing of something else. Whether it is loaded is not told.
[[nodiscard]] ModelFacts read_model_details(std::string_view body);

}  // namespace rocket
