#include "schema/choices.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "wire/json.h"
#include "wire/json_halves.h"

namespace rocket {
namespace {

// Of a seed that needs all 64 bits.
std::optional<std::string> unsigned_seed_of_choice(const JsonValue& seed, std::uint32_t index) {
  std::uint64_t given = 0;
  const char* const end = seed.text.data() + seed.text.size();
  const auto [stop, error] = std::from_chars(seed.text.data(), end, given);
  if (seed.kind != JsonKind::number || stop != end || error != std::errc()) return std::nullopt;
  return std::to_string(given + index);
}

// None: it stays as it is.
std::optional<std::string> seed_of_choice(const JsonValue& seed, std::uint32_t index) {
  if (index == 0) return std::nullopt;
  const auto given = seed.as_int();
  if (!given) return unsigned_seed_of_choice(seed, index);
  if (*given < 0) return std::nullopt;
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  return std::to_string((static_cast<std::uint64_t>(*given) + index) & most);
}

size_t place_in(std::string_view text, std::string_view part) {
  return static_cast<size_t>(part.data() - text.data());
}

// What gives a choice its number; `choice` is a JSON object.
Edit numbered(std::string_view choice, std::uint64_t index) {
  bool empty = true;
  for (const JsonMember& member : json_members(choice)) {
    empty = false;
    if (member.key_is("index")) {
      return {member.value_begin, member.value_end, std::to_string(index)};
    }
  }
  return {1, 1, "\"index\":" + std::to_string(index) + (empty ? "" : ",")};
}

// The number of an answer's choice; where it has none, choices stand in order.
std::uint64_t number_of(std::string_view choice, std::uint64_t place) {
  const auto index = json_find(choice, "index");
  const std::int64_t said = index ? index->as_int().value_or(-1) : -1;
  constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  return said < 0 || said > most ? place : static_cast<std::uint64_t>(said);
}

TokenUsage together(std::span<const TokenUsage> usages) {
  TokenUsage all;
  for (const TokenUsage& one : usages) {
    if (all.input == 0) {
      all.input = one.input;
      all.cache_read = one.cache_read;
      all.cache_write = one.cache_write;
    }
    all.output += one.output;
    all.thinking += one.thinking;
  }
  return all;
}

std::string usage_json(std::span<const TokenUsage> usages) {
  std::string json;
  write_usage(Dialect::chat, together(usages), json);
  return json;
}

}  // namespace

std::vector<Edit> edits_for_choice(std::string_view body, std::uint32_t index) {
  std::vector<Edit> edits;
  for (const JsonMember& member : json_members(body)) {
    if (member.key_is("n")) {
      edits.push_back({member.value_begin, member.value_end, "1"});
    } else if (member.key_is("seed")) {
      auto seed = seed_of_choice(member.value, index);
      if (seed) edits.push_back({member.value_begin, member.value_end, *std::move(seed)});
    }
  }
  return edits;
}

void ask_for_choice(Conversation& conversation, std::uint32_t index) {
  std::erase_if(conversation.extra,
                [](const Field& field) { return json_decodes_to(field.key, "n"); });
  std::string_view& given = conversation.parameter(Parameter::seed);
  auto seed = seed_of_choice({JsonKind::number, given}, index);
  if (seed) given = conversation.kept.keep(*std::move(seed));
}

Result<std::vector<JoinedChoices::Choice>> JoinedChoices::gather(
    std::span<const std::string_view> answers) {
  std::vector<Choice> all;
  size_t of_the_first = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    const size_t before = all.size();
    const auto choices = json_find(answers[i], "choices");
    for (const JsonValue& choice : json_elements(choices ? choices->text : "[]")) {
      if (choice.kind != JsonKind::object) continue;
      const std::uint64_t number = number_of(choice.text, all.size() - before);
      all.push_back({number * answers.size() + i, choice.text});
    }
    const size_t count = all.size() - before;
    if (i == 0) of_the_first = count;
    if (count == 0 || count != of_the_first) {
      return fail(ErrorCode::upstream_garbage,
                  "an answer has " + std::to_string(count) + " choices where it should have " +
                      std::to_string(std::max<size_t>(of_the_first, 1)));
    }
    TokenUsage usage;
    const auto told = json_find(answers[i], "usage");
    if (told && read_usage(Dialect::chat, told->text, usage)) usages_.push_back(usage);
  }
  std::ranges::sort(all, {}, &Choice::index);
  return all;
}

Result<void> JoinedChoices::join(std::span<const std::string_view> answers) {
  const auto choices = gather(answers);
  if (!choices) return std::unexpected(choices.error());
  const std::string_view first = answers.front();
  size_t position = 0;
  for (const JsonMember& member : json_members(first)) {
    const bool is_choices = member.key_is("choices");
    if (!is_choices && (!member.key_is("usage") || usages_.empty())) continue;
    pieces_.push_back(first.substr(position, member.value_begin - position));
    position = member.value_end;
    if (is_choices) {
      add_choices(*choices);
    } else {
      add_made(usage_json(usages_));
    }
  }
  pieces_.push_back(first.substr(position));
  return {};
}

void JoinedChoices::add_choices(const std::vector<Choice>& choices) {
  pieces_.emplace_back("[");
  for (const Choice& choice : choices) {
    if (&choice != &choices.front()) pieces_.emplace_back(",");
    Edit edit = numbered(choice.json, choice.index);
    pieces_.push_back(choice.json.substr(0, edit.begin));
    add_made(std::move(edit.text));
    pieces_.push_back(choice.json.substr(edit.end));
  }
  pieces_.emplace_back("]");
}

bool ChoiceStreams::take(std::uint32_t choice, std::string_view data, std::string& out) {
  if (data.empty() || data == "[DONE]") return true;
  // Halves of characters pass; whoever looks for members must not stumble over them.
  const std::optional<std::string> whole = without_lone_halves(data);
  const std::string_view json = whole ? std::string_view(*whole) : data;
  std::vector<Edit> edits;
  bool error = false;
  bool said = false;
  std::optional<JsonMember> usage;
  for (const JsonMember& member : json_members(json)) {
    if (member.key_is("choices")) {
      for (const JsonValue& one : json_elements(member.value.text)) {
        if (one.kind != JsonKind::object) continue;
        said = true;
        Edit edit = numbered(one.text, number_of(one.text, 0) * choices_ + choice);
        const size_t place = place_in(json, one.text);
        edits.push_back({place + edit.begin, place + edit.end, std::move(edit.text)});
      }
    } else if (member.key_is("usage")) {
      if (member.value.kind == JsonKind::object) usage = member;
    } else if (member.key_is("id") && has_frame()) {
      edits.push_back({member.value_begin, member.value_end, frame_.id});
    } else if (member.key_is("created") && has_frame()) {
      edits.push_back({member.value_begin, member.value_end, frame_.created});
    } else if (member.key_is("error")) {
      error |= !member.value.is_null();
    }
  }
  if (error) return false;
  if (usage) {
    static_cast<void>(read_usage(Dialect::chat, usage->value.text, usages_[choice]));
    if (!said) return true;  // the client is told once, of all of them
    edits.push_back({usage->value_begin, usage->value_end, "null"});
    std::ranges::sort(edits, {}, &Edit::begin);
  }
  if (!has_frame()) keep_frame(json);
  out += "data: ";
  const size_t begin = out.size();
  for (const std::string_view piece : splice(data, edits))
    out += piece;
  // Several lines of data are one text with line feeds, which JSON has only as white space.
  std::replace(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), '\n', ' ');
  out += "\n\n";
  return true;
}

void ChoiceStreams::keep_frame(std::string_view data) {
  frame_ = {R"("")", R"("")", "0", R"("")"};
  for (const JsonMember& member : json_members(data)) {
    if (member.key_is("id")) frame_.id = member.value.text;
    if (member.key_is("object")) frame_.object = member.value.text;
    if (member.key_is("created")) frame_.created = member.value.text;
    if (member.key_is("model")) frame_.model = member.value.text;
  }
}

void ChoiceStreams::count(std::uint32_t choice, const TokenUsage& usage) {
  if (usages_[choice].output == 0) usages_[choice] = usage;
}

void ChoiceStreams::finish(std::string& out) const {
  if (usage_asked_) {
    out += R"(data: {"id":)" + frame_.id + R"(,"object":)" + frame_.object + R"(,"created":)" +
           frame_.created + R"(,"model":)" + frame_.model + R"(,"choices":[],"usage":)" +
           usage_json(usages_) + "}\n\n";
  }
  out += "data: [DONE]\n\n";
}

}  // namespace rocket
