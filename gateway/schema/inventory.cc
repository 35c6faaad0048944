#include "schema/inventory.h"

#include <algorithm>
#include <initializer_list>
#include <limits>

#include "wire/json.h"

namespace rocket {
namespace {

bool is_empty(const JsonValue& array) {
  return json_elements(array.text).begin() == std::default_sentinel;
}

bool has_string(const JsonValue& array, std::initializer_list<std::string_view> wanted) {
  if (array.kind != JsonKind::array) return false;
  for (const JsonValue& element : json_elements(array.text)) {
    for (const std::string_view one : wanted) {
      if (element.string_is(one)) return true;
    }
  }
  return false;
}

std::uint32_t tokens_of(const JsonValue& value) {
  const std::int64_t tokens = value.as_int().value_or(0);
  if (tokens < 0 || tokens > std::numeric_limits<std::uint32_t>::max()) return 0;
  return static_cast<std::uint32_t>(tokens);
}

std::uint32_t tokens_in(const JsonValue& object, std::string_view key) {
  const auto value = json_find(object.text, key);
  return value ? tokens_of(*value) : 0;
}

// Whoever is told of it may read nothing else.
bool is_time(std::string_view text) {
  constexpr std::string_view shape = "0000-00-00T00:00:00";
  constexpr size_t bytes_max = 40;
  if (text.size() <= shape.size() || text.size() > bytes_max) return false;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (shape[i] == '0' ? !digit : text[i] != shape[i]) return false;
  }
  return text.find_first_not_of("0123456789.:+-Z", shape.size()) == std::string_view::npos;
}

Telling told(bool yes) {
  return yes ? Telling::yes : Telling::no;
}

// Takes the members of one model as they come.
class ModelReader {
 public:
  void take(const JsonMember& member) {
    const JsonValue& value = member.value;
    if (member.key_is("id")) {
      id_ = value.as_string().value_or("");
    } else if (member.key_is("key")) {
      key_ = value.as_string().value_or("");
    } else if (member.key_is("name")) {
      name_ = value.as_string().value_or("");
    } else if (member.key_is("digest")) {
      model_.card.digest = value.as_string().value_or("");
    } else if (member.key_is("owned_by")) {
      owner_ = value.as_string().value_or("");
    } else if (!take_card(member)) {
      take_warmth(member);
      take_context(member);
      take_abilities(member);
    }
  }

  // Without a name if it has none.
  [[nodiscard]] InventoryModel finish() {
    for (std::string* name : {&id_, &key_, &name_}) {
      if (model_.name.empty()) model_.name = std::move(*name);
    }
    model_.facts.context = loaded_context_ != 0 ? loaded_context_ : context_;
    return std::move(model_);
  }
  [[nodiscard]] const std::string& owner() const { return owner_; }

 private:
  // Ollama's tags and ps.
  bool take_card(const JsonMember& member) {
    constexpr size_t details_max = 4096;
    const JsonValue& value = member.value;
    if (member.key_is("modified_at")) {
      model_.card.modified_at = value.as_string().value_or("");
    } else if (member.key_is("size")) {
      model_.card.size = static_cast<std::uint64_t>(std::max<std::int64_t>(0, number(value)));
    } else if (member.key_is("size_vram")) {
      model_.card.in_vram = static_cast<std::uint64_t>(std::max<std::int64_t>(0, number(value)));
    } else if (member.key_is("expires_at")) {
      auto time = value.as_string().value_or("");
      if (is_time(time)) model_.expires_at = std::move(time);
    } else if (member.key_is("details") && value.kind == JsonKind::object) {
      if (value.text.size() <= details_max) model_.card.details = value.text;
    } else {
      return false;
    }
    return true;
  }
  static std::int64_t number(const JsonValue& value) { return value.as_int().value_or(0); }

  // LM Studio v1 lists the loaded instances of a model, v0 its state; llama.cpp's router has a
  // status.
  void take_warmth(const JsonMember& member) {
    const JsonValue& value = member.value;
    if (member.key_is("loaded_instances") && value.kind == JsonKind::array) {
      model_.facts.loaded = !is_empty(value);
      for (const JsonValue& instance : json_elements(value.text)) {
        const auto config = json_find(instance.text, "config");
        if (!config) continue;
        loaded_context_ = std::max(loaded_context_, tokens_in(*config, "context_length"));
      }
    } else if (member.key_is("state")) {
      model_.facts.loaded = !value.string_is("not-loaded");
    } else if (member.key_is("status") && value.kind == JsonKind::object) {
      const auto word = json_find(value.text, "value");
      model_.facts.loaded = !word || word->string_is("loaded");
    }
  }

  // vLLM, LM Studio, clouds and Ollama's ps, Anthropic, LM Studio v0, llama.cpp.
  void take_context(const JsonMember& member) {
    const JsonValue& value = member.value;
    if (member.key_is("max_model_len") || member.key_is("max_context_length") ||
        member.key_is("context_length") || member.key_is("max_input_tokens")) {
      context_ = tokens_of(value);
    } else if (member.key_is("max_tokens")) {
      model_.facts.output = tokens_of(value);
    } else if (member.key_is("loaded_context_length")) {
      loaded_context_ = tokens_of(value);
    } else if (member.key_is("meta") && value.kind == JsonKind::object) {
      context_ = tokens_in(value, "n_ctx");
    }
  }

  void take_abilities(const JsonMember& member) {
    const JsonValue& value = member.value;
    ModelFacts& facts = model_.facts;
    if (member.key_is("capabilities") && value.kind == JsonKind::object) {
      // LM Studio v1. It gives tools to any model: one that was not trained for them may do.
      const auto vision = json_find(value.text, "vision");
      if (vision && vision->as_bool()) facts.vision = told(*vision->as_bool());
      const auto tools = json_find(value.text, "trained_for_tool_use");
      if (tools && tools->as_bool() == true) facts.tools = Telling::yes;
      take_thinking(value);
    } else if (member.key_is("capabilities")) {
      // LM Studio v0, llama.cpp: not complete.
      if (has_string(value, {"tool_use", "tools"})) facts.tools = Telling::yes;
      if (has_string(value, {"vision", "multimodal"})) facts.vision = Telling::yes;
    } else if (member.key_is("type")) {
      if (value.string_is("vlm")) facts.vision = Telling::yes;
    } else if (member.key_is("architecture") && value.kind == JsonKind::object) {
      const auto input = json_find(value.text, "input_modalities");
      if (input && input->kind == JsonKind::array && !is_empty(*input)) {
        facts.vision = told(has_string(*input, {"image"}));
      }
    } else if (member.key_is("supported_parameters") && value.kind == JsonKind::array) {
      facts.tools = told(has_string(value, {"tools"}));
    }
  }

  // Anthropic.
  void take_thinking(const JsonValue& capabilities) {
    const auto thinking = json_find(capabilities.text, "thinking");
    const auto types = thinking ? json_find(thinking->text, "types") : std::nullopt;
    const auto efforts = json_find(capabilities.text, "effort");
    ThinkingFacts& facts = model_.facts.thinking;
    if (types) facts.adaptive = is_supported(*types, "adaptive") == true;
    if (types) facts.always = is_supported(*types, "disabled") == false;
    if (efforts) facts.xhigh = is_supported(*efforts, "xhigh") == true;
  }
  // Nothing: it is not told.
  static std::optional<bool> is_supported(const JsonValue& capabilities, std::string_view which) {
    const auto one = json_find(capabilities.text, which);
    const auto supported = one ? json_find(one->text, "supported") : std::nullopt;
    return supported ? supported->as_bool() : std::nullopt;
  }

  std::string id_;
  std::string key_;
  std::string name_;
  std::string owner_;
  std::uint32_t context_ = 0;
  std::uint32_t loaded_context_ = 0;
  InventoryModel model_;
};

std::optional<JsonValue> find_list(const JsonValue& whole) {
  std::optional<JsonValue> list;
  for (const std::string_view key : {"data", "models"}) {
    const auto found = json_find(whole.text, key);
    if (found) list = found;
    if (list && list->kind == JsonKind::array) break;
  }
  return list;
}

}  // namespace

Result<Inventory> read_inventory(std::string_view body) {
  const auto whole = parse_json(body);
  std::optional<JsonValue> list;
  if (whole && whole->kind == JsonKind::object) list = find_list(*whole);
  Inventory inventory;
  // What servers written in Go say when they have none.
  if (list && list->is_null()) return inventory;
  if (!list || list->kind != JsonKind::array) {
    return fail(ErrorCode::upstream_garbage, "the list of models has no shape that is known");
  }
  for (const JsonValue& model : json_elements(list->text)) {
    if (model.kind != JsonKind::object) continue;
    ModelReader reader;
    for (const JsonMember& member : json_members(model.text))
      reader.take(member);
    InventoryModel read = reader.finish();
    if (read.name.empty()) continue;
    if (inventory.models.empty()) inventory.owner = reader.owner();
    inventory.models.push_back(std::move(read));
  }
  return inventory;
}

ModelFacts read_model_details(std::string_view body) {
  ModelFacts facts;
  const auto whole = parse_json(body);
  if (!whole || whole->kind != JsonKind::object) return facts;
  const auto abilities = json_find(whole->text, "capabilities");
  if (abilities && abilities->kind == JsonKind::array && !is_empty(*abilities)) {
    facts.tools = told(has_string(*abilities, {"tools"}));
    facts.vision = told(has_string(*abilities, {"vision"}));
  }
  const auto info = json_find(whole->text, "model_info");
  if (!info || info->kind != JsonKind::object) return facts;
  for (const JsonMember& member : json_members(info->text)) {
    if (member.key.ends_with(".context_length")) facts.context = tokens_of(member.value);
  }
  return facts;
}

}  // namespace rocket
