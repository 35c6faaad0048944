#include "schema/embedding_batch.h"

#include <algorithm>
#include <cstdint>

#include "wire/json.h"

namespace rocket {
namespace {

std::optional<std::vector<std::string_view>> read_texts(const JsonValue& input, size_t texts_max) {
  std::vector<std::string_view> texts;
  if (input.kind == JsonKind::string) {
    texts.push_back(input.text);
  } else if (input.kind == JsonKind::array) {
    for (const JsonValue& element : json_elements(input.text)) {
      if (element.kind != JsonKind::string || texts.size() == texts_max) return std::nullopt;
      texts.push_back(element.text);
    }
  }
  if (texts.empty()) return std::nullopt;
  return texts;
}

// What of an answer is the same for all, and where its parts are.
struct Answer {
  std::vector<std::string_view> vectors;  // the elements of `data`, by their index
  JsonMember data;
  std::optional<JsonMember> usage;
};

// `text` as element number `index` of a list.
void append_numbered(std::string& out, std::string_view element, size_t index) {
  for (const JsonMember& member : json_members(element)) {
    if (!member.key_is("index")) continue;
    out += element.substr(0, member.value_begin);
    out += std::to_string(index);
    out += element.substr(member.value_end);
    return;
  }
  out += element;
}

Result<Answer> read_answer(std::string_view text, size_t texts) {
  Answer answer;
  std::optional<JsonMember> data;
  const auto scanned = scan_object(text, JsonLimits{}, [&](const JsonMember& member) {
    if (member.key_is("data")) data = member;
    if (member.key_is("usage")) answer.usage = member;
  });
  if (!scanned || !data) return fail(ErrorCode::upstream_garbage, "no list of embeddings");
  answer.data = *data;
  answer.vectors.resize(texts);
  size_t count = 0;
  for (const JsonValue& element : json_elements(data->value.text)) {
    const auto index = element.kind == JsonKind::object ? json_find(element.text, "index")
                                                        : std::optional<JsonValue>();
    const std::int64_t at = index ? index->as_int().value_or(-1) : -1;
    if (at < 0 || static_cast<size_t>(at) >= texts ||
        !answer.vectors[static_cast<size_t>(at)].empty()) {
      return fail(ErrorCode::upstream_garbage, "an embedding of no input");
    }
    answer.vectors[static_cast<size_t>(at)] = element.text;
    ++count;
  }
  if (count != texts) return fail(ErrorCode::upstream_garbage, "not an embedding for each input");
  return answer;
}

// Shares `total` out by `weights`, so that the shares add up (largest remainder).
std::vector<std::uint64_t> shares(std::uint64_t total, std::span<const std::uint64_t> weights) {
  std::uint64_t all = 0;
  for (const std::uint64_t weight : weights)
    all += weight;
  std::vector<std::uint64_t> given;
  std::vector<std::pair<std::uint64_t, size_t>> rest;
  std::uint64_t left = total;
  for (size_t i = 0; i < weights.size(); ++i) {
    const auto exact = static_cast<__uint128_t>(total) * weights[i];
    given.push_back(static_cast<std::uint64_t>(exact / all));
    rest.emplace_back(static_cast<std::uint64_t>(exact % all), i);
    left -= given.back();
  }
  std::ranges::sort(rest, [](const auto& one, const auto& other) {
    return one.first != other.first ? one.first > other.first : one.second < other.second;
  });
  for (std::uint64_t i = 0; i < left; ++i)
    ++given[rest[i].second];
  return given;
}

std::string usage_with(std::string_view usage, std::span<const std::uint64_t> weights, size_t one) {
  std::string out;
  size_t at = 0;
  for (const JsonMember& member : json_members(usage)) {
    const auto count = member.value.as_int();
    if (!count || *count < 0) continue;
    out += usage.substr(at, member.value_begin - at);
    out += std::to_string(shares(static_cast<std::uint64_t>(*count), weights)[one]);
    at = member.value_end;
  }
  return out += usage.substr(at);
}

}  // namespace

std::optional<EmbeddingInput> read_embedding_input(std::string_view body, size_t texts_max) {
  std::optional<JsonMember> input;
  for (const JsonMember& member : json_members(body)) {
    if (!member.key_is("input")) continue;
    if (input) return std::nullopt;
    input = member;
  }
  if (!input) return std::nullopt;
  auto texts = read_texts(input->value, texts_max);
  if (!texts) return std::nullopt;
  EmbeddingInput read{std::move(*texts), {}, input->value_begin};
  read.shell.reserve(body.size());
  read.shell += body.substr(0, input->value_begin);
  read.shell += body.substr(input->value_end);
  return read;
}

std::string join_embedding_inputs(std::span<const EmbeddingInput> inputs) {
  const EmbeddingInput& first = inputs.front();
  std::string body = first.shell.substr(0, first.gap);
  char separator = '[';
  for (const EmbeddingInput& one : inputs) {
    for (const std::string_view text : one.texts) {
      body += separator;
      body += text;
      separator = ',';
    }
  }
  body += ']';
  body += first.shell.substr(first.gap);
  return body;
}

Result<std::vector<std::string>> split_embedding_answer(std::string_view answer,
                                                        std::span<const EmbeddingInput> inputs) {
  size_t texts = 0;
  std::vector<std::uint64_t> weights;
  for (const EmbeddingInput& one : inputs) {
    texts += one.texts.size();
    std::uint64_t bytes = 0;
    for (const std::string_view text : one.texts)
      bytes += text.size();
    weights.push_back(bytes);
  }
  const auto read = read_answer(answer, texts);
  if (!read) return std::unexpected(read.error());
  std::vector<std::string> parts;
  size_t next = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::string list = "[";
    for (size_t k = 0; k < inputs[i].texts.size(); ++k) {
      if (k != 0) list += ',';
      append_numbered(list, read->vectors[next++], k);
    }
    list += ']';
    // `data` and `usage` in whichever order they stand.
    std::string part;
    size_t at = 0;
    const auto replace = [&](const JsonMember& member, const std::string& with) {
      part += answer.substr(at, member.value_begin - at);
      part += with;
      at = member.value_end;
    };
    const bool counted = read->usage && read->usage->value.kind == JsonKind::object;
    const bool usage_first = counted && read->usage->begin < read->data.begin;
    const std::string usage =
        counted ? usage_with(read->usage->value.text, weights, i) : std::string();
    if (usage_first) replace(*read->usage, usage);
    replace(read->data, list);
    if (counted && !usage_first) replace(*read->usage, usage);
    part += answer.substr(at);
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace rocket
