#include "schema/quirks.h"

#include <array>

#include "base/assert.h"
#include "wire/json.h"

namespace rocket {
namespace {

const std::array<Quirks, all_backend_kinds.size()>& table() {
  static const std::array<Quirks, all_backend_kinds.size()> rows{{
      {BackendKind::openai, "/v1/models", {"/v1/models"}, "", false},
      {BackendKind::ollama, "/api/version", {"/api/tags"}, "/api/ps", true},
      {BackendKind::vllm, "/health", {"/v1/models"}, "", false},
      // Lists what is downloaded and loads on demand: not loaded is not dead.
      {BackendKind::lmstudio,
       "/v1/models",
       {"/api/v1/models", "/api/v0/models", "/v1/models"},
       "",
       false},
  }};
  return rows;
}

std::string text_of(std::string_view object, std::string_view key) {
  const auto value = json_find(object, key);
  return value ? value->as_string().value_or("") : std::string();
}

// LM Studio v1 lists the loaded instances of a model, v0 its state.
bool is_loaded(std::string_view model) {
  const auto instances = json_find(model, "loaded_instances");
  if (instances && instances->kind == JsonKind::array) {
    return json_elements(instances->text).begin() != std::default_sentinel;
  }
  return text_of(model, "state") != "not-loaded";
}

}  // namespace

const Quirks& quirks_of(BackendKind kind) {
  for (const Quirks& row : table()) {
    if (row.kind == kind) return row;
  }
  ROCKET_ASSERT(false);
  return table().front();
}

Result<std::vector<InventoryModel>> read_inventory(std::string_view body) {
  const auto whole = parse_json(body);
  std::optional<JsonValue> list;
  if (whole && whole->kind == JsonKind::object) {
    for (const std::string_view key : {"data", "models"}) {
      const auto found = json_find(whole->text, key);
      if (found) list = found;
      if (list && list->kind == JsonKind::array) break;
    }
  }
  std::vector<InventoryModel> models;
  // What servers written in Go say when they have none.
  if (list && list->is_null()) return models;
  if (!list || list->kind != JsonKind::array) {
    return fail(ErrorCode::upstream_garbage, "the list of models has no shape that is known");
  }
  for (const JsonValue& model : json_elements(list->text)) {
    if (model.kind != JsonKind::object) continue;
    std::string name = text_of(model.text, "id");
    if (name.empty()) name = text_of(model.text, "key");
    if (name.empty()) name = text_of(model.text, "name");
    if (!name.empty()) models.push_back({std::move(name), is_loaded(model.text)});
  }
  return models;
}

}  // namespace rocket
