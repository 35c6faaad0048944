#include "wire/json.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/assert.h"

namespace rocket {
namespace {

using Nlohmann = nlohmann::json;

enum class Verdict : unsigned char { valid, invalid, unknown };

// nlohmann's opinion. It has none on numbers beyond double, which it refuses although they are
// JSON, and on what stands behind them.
Verdict second_opinion(std::string_view text) {
  struct Acceptor : nlohmann::detail::json_sax_acceptor<Nlohmann> {
    bool overflow = false;
    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) {
      constexpr int number_overflow = 406;
      overflow = error.id == number_overflow;
      return false;
    }
  } acceptor;
  if (Nlohmann::sax_parse(text, &acceptor)) return Verdict::valid;
  return acceptor.overflow ? Verdict::unknown : Verdict::invalid;
}

void check_validity(std::string_view text, const Result<JsonValue>& ours) {
  const bool too_deep = !ours && ours.error().detail.contains("nested deeper");
  // nlohmann takes a NUL for the end of the text and skips a byte order mark.
  if (text.contains('\0') || text.starts_with("\xEF\xBB\xBF")) {
    ROCKET_ASSERT(!ours);
  } else if (const Verdict theirs = second_opinion(text); theirs != Verdict::unknown && !too_deep) {
    ROCKET_ASSERT(ours.has_value() == (theirs == Verdict::valid));
  }
  if (!ours) ROCKET_ASSERT(ours.error().detail.starts_with("line "));
}

void check_scalar(const JsonValue& value) {
  const Nlohmann theirs = Nlohmann::parse(value.text, nullptr, false);
  if (theirs.is_discarded()) {
    ROCKET_ASSERT(value.kind == JsonKind::number && !value.as_int());
    return;
  }
  ROCKET_ASSERT(theirs.is_string() == (value.kind == JsonKind::string));
  ROCKET_ASSERT(theirs.is_number() == (value.kind == JsonKind::number));
  if (theirs.is_string()) {
    const auto& decoded = theirs.get_ref<const std::string&>();
    ROCKET_ASSERT(value.as_string() == decoded);
    ROCKET_ASSERT(value.string_is(decoded));
    ROCKET_ASSERT(!value.string_is(decoded + "x"));
  }
  if (theirs.is_boolean()) ROCKET_ASSERT(value.as_bool() == theirs.get<bool>());
  if (const auto number = value.as_double()) ROCKET_ASSERT(*number == theirs.get<double>());
  if (theirs.is_number_integer() && !theirs.is_number_unsigned()) {
    ROCKET_ASSERT(value.as_int() == theirs.get<std::int64_t>());
  }
  ROCKET_ASSERT(theirs.is_null() == value.is_null());
}

// Every value inside a valid one is valid on its own and is what nlohmann reads there.
void check_value(const JsonValue& value) {
  const Result<JsonValue> alone = parse_json(value.text, {.depth = JsonLimits::depth_max});
  ROCKET_ASSERT(alone && alone->kind == value.kind && alone->text == value.text);
  if (value.kind == JsonKind::object) {
    for (const JsonMember& member : json_members(value.text))
      check_value(member.value);
  } else if (value.kind == JsonKind::array) {
    for (const JsonValue& element : json_elements(value.text))
      check_value(element);
  } else {
    check_scalar(value);
  }
}

void check_member(std::string_view text, const JsonMember& member) {
  ROCKET_ASSERT(text[member.begin] == '"');
  ROCKET_ASSERT(text.substr(member.begin + 1, member.key.size()) == member.key);
  const size_t size = member.value_end - member.value_begin;
  ROCKET_ASSERT(text.substr(member.value_begin, size) == member.value.text);
  const auto key = json_decoded(member.key);
  ROCKET_ASSERT(key && member.key_is(*key));

  // What the offsets are for: cut one value out, put another in, and all else is as it was.
  std::string spliced(text);
  spliced.replace(member.value_begin, size, "[]");
  ROCKET_ASSERT(parse_json(spliced));
}

void check_object(std::string_view text, const Result<JsonValue>& whole) {
  std::vector<JsonMember> members;
  const Result<void> scanned =
      scan_object(text, {}, [&](const JsonMember& member) { members.push_back(member); });
  const bool object = whole && whole->kind == JsonKind::object;
  ROCKET_ASSERT(scanned.has_value() == object);
  if (!object) return;
  size_t count = 0;
  for (const JsonMember& again : json_members(text)) {
    ROCKET_ASSERT(count < members.size());
    const JsonMember& member = members[count++];
    ROCKET_ASSERT(again.key.data() == member.key.data() && again.key == member.key);
    ROCKET_ASSERT(again.begin == member.begin && again.value_begin == member.value_begin);
    ROCKET_ASSERT(again.value.kind == member.value.kind && again.value_end == member.value_end);
    check_member(text, member);
  }
  ROCKET_ASSERT(count == members.size());
  // No beginning of an object is an object.
  const size_t size = whole->text.size();
  ROCKET_ASSERT(!parse_json(whole->text.substr(0, size - 1)));
  ROCKET_ASSERT(!parse_json(whole->text.substr(0, size / 2)));
}

void check_quoting(std::string_view text) {
  const std::string quoted = json_quoted(text);
  for (const char c : quoted) {
    ROCKET_ASSERT(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
  }
  const Result<JsonValue> value = parse_json(quoted);
  ROCKET_ASSERT(value && value->kind == JsonKind::string);
  const Nlohmann theirs = Nlohmann::parse(quoted);
  ROCKET_ASSERT(value->as_string() == theirs.get<std::string>());
  // What nlohmann can write it can read: then the text is UTF-8 and must have come back whole.
  const std::string dumped = Nlohmann(text).dump(-1, ' ', false, Nlohmann::error_handler_t::ignore);
  if (Nlohmann::parse(dumped).get<std::string>() == text) {
    ROCKET_ASSERT(theirs.get<std::string>() == text);
  }
}

}  // namespace
}  // namespace rocket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, size_t size) {
  using namespace rocket;
  const std::string text(data, data + size);
  const Result<JsonValue> whole = parse_json(text);
  check_validity(text, whole);
  check_object(text, whole);
  if (whole) check_value(*whole);
  check_quoting(text);
  return 0;
}
