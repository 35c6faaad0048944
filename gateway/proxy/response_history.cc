#include "proxy/response_history.h"

#include <algorithm>
#include <array>

#include "schema/conversation.h"
#include "schema/responses_list.h"
#include "wire/json.h"

namespace rocket {
namespace {

// Not the request's id, which clients choose as they like, the same for several.
std::string make_id(Random& random) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<char, 32> id{};
  char* next = id.data();
  for (int word = 0; word < 2; ++word) {
    std::uint64_t bits = random.next();
    for (int i = 0; i < 16; ++i) {
      *next++ = digits[bits & 15U];
      bits >>= 4U;
    }
  }
  return {id.data(), id.size()};
}

// Each item that is referred to is looked for among the others.
constexpr size_t items_max = 5'000;

// Ids of items are made of those of their responses: fc_ID_0.
std::string_view response_of(std::string_view item) {
  const size_t first = item.find('_');
  const size_t last = item.rfind('_');
  return first == last ? std::string_view() : item.substr(first + 1, last - first - 1);
}

// What a client has sent as an id, fit to be told.
std::string shown(std::string_view id) {
  constexpr size_t bytes_max = 128;
  return "'" + std::string(id.substr(0, bytes_max)) + "'";
}

}  // namespace

Sha256 response_owner(const Call& call) {
  return call.key() == nullptr ? Sha256{} : call.key()->hash;
}

ResponseHistory::ResponseHistory(const Call& call)
    : call_(call),
      store_(call.current()->snapshot->responses.get()),
      id_(make_id(call.loop().random)) {}

Result<void> ResponseHistory::open() {
  const std::string_view body = call_.request().body.text();
  bytes_ = body.size();
  const auto previous = json_find(body, "previous_response_id");
  if (previous && !previous->is_null()) {
    auto opened = open_conversation(*previous);
    if (!opened) return opened;
  }
  if (store_ == nullptr || !body.contains("item_reference")) return {};
  const auto input = json_find(body, "input");
  return input && input->kind == JsonKind::array ? open_items(input->text) : Result<void>{};
}

Result<void> ResponseHistory::open_conversation(const JsonValue& previous) {
  if (previous.kind != JsonKind::string) {
    return fail(ErrorCode::invalid_field, "`previous_response_id` must be a string");
  }
  if (store_ == nullptr) {
    return fail(ErrorCode::invalid_field,
                "`previous_response_id` needs responses that are kept, and this gateway keeps none "
                "(responses.store); send the whole conversation as `input`");
  }
  previous_ = previous.as_string().value_or("");
  auto links = store_->conversation(previous_, response_owner(call_), now());
  if (!links) {
    const bool itself = links.error() == ResponseStore::Missing::itself;
    return fail(ErrorCode::previous_response_not_found,
                (itself ? "Previous response with id " + shown(previous_) + " not found"
                        : "What the previous response with id " + shown(previous_) +
                              " continues is not kept any more") +
                    "; send the whole conversation as `input`");
  }
  if (links->size() >= store_->settings().turns) {
    return fail(ErrorCode::invalid_field,
                "the conversation that `previous_response_id` continues has " +
                    std::to_string(links->size()) +
                    " responses, and may have no more (responses.turns); begin another one with "
                    "what matters of it as `input`");
  }
  links_ = std::move(*links);
  turns_ = links_.back()->turns + 1;
  for (const ResponseStore::Link& link : links_) {
    for (const std::string_view json : {std::string_view(link->input), link->output()}) {
      auto added = add(json);
      if (!added) return added;
    }
    earlier_.push_back({link->input, link->output()});
  }
  return {};
}

Result<void> ResponseHistory::open_items(std::string_view input) {
  for (const JsonValue& item : json_elements(input)) {
    auto id = read_item_reference(item);
    if (!id) continue;
    auto opened = open_item(*std::move(id));
    if (!opened) return opened;
  }
  return {};
}

Result<void> ResponseHistory::open_item(std::string id) {
  const std::string_view response = response_of(id);
  const auto link = store_->find("resp_" + std::string(response), response_owner(call_), now());
  if (link) {
    auto noted = note_searched(link->input.size() + link->output().size());
    if (!noted) return noted;
  }
  const std::string_view json =
      link ? find_item({response, link->input, link->output()}, id) : std::string_view();
  if (json.empty()) {
    return fail(ErrorCode::response_not_found,
                "Item with id " + shown(id) + " not found; send the item itself");
  }
  if (std::ranges::find(links_, link) != links_.end()) {
    return fail(ErrorCode::invalid_field,
                "Duplicate item found with id " + shown(id) +
                    ": it is part of what `previous_response_id` continues; leave it out");
  }
  const auto [kept, first] = item_ids_.insert(std::move(id));
  if (!first) {
    return fail(ErrorCode::invalid_field,
                "Duplicate item found with id " + shown(*kept) + "; refer to it once");
  }
  if (items_.size() == items_max) {
    return fail(ErrorCode::body_too_large, "`input` refers to more than " +
                                               std::to_string(items_max) +
                                               " items; send the items themselves");
  }
  items_.push_back({*kept, json});
  item_links_.push_back(link);
  return add(json);
}

Result<void> ResponseHistory::add(std::string_view json) {
  bytes_ += json.size();
  if (bytes_ > call_.current()->snapshot->config.limits.body_bytes.bytes) {
    return fail(
        ErrorCode::body_too_large,
        "the request is larger than limits.body_bytes together with what it continues; begin "
        "another conversation with what matters of this one as `input`");
  }
  values_ += json_values(json);
  if (values_ <= conversation_limits.values) return {};
  return fail(ErrorCode::body_too_large,
              "what the request continues or refers to has more than " +
                  std::to_string(conversation_limits.values) +
                  " members and elements; begin another conversation with what matters of it as "
                  "`input`");
}

// Each item is looked for in all of its response.
Result<void> ResponseHistory::note_searched(std::uint64_t bytes) {
  constexpr std::uint64_t searched_max = std::uint64_t{1} << 28U;
  searched_ += bytes;
  if (searched_ <= searched_max) return {};
  return fail(ErrorCode::body_too_large,
              "`input` refers to too many items of large responses; send the items themselves");
}

void ResponseHistory::release() {
  earlier_ = {};
  items_ = {};
  item_ids_ = {};
  item_links_ = {};
  links_ = {};
}

// As it can be read without the items that it refers to.
std::string ResponseHistory::whole_input(std::string_view input) const {
  if (items_.empty()) return std::string(input);
  std::string whole = "[";
  auto next = items_.begin();
  for (const JsonValue& item : json_elements(input)) {
    if (whole.size() > 1) whole += ',';
    whole += read_item_reference(item) ? (next++)->json : item.text;
  }
  return whole + ']';
}

void ResponseHistory::settle(Conversation& conversation, TranslationLoss& loss) {
  std::string_view& wish = conversation.parameter(Parameter::store);
  keeps_ = store_ != nullptr && wish != "false";
  // Chat's `store` is for another purpose: nobody can come back to what it keeps.
  const bool wished = wish == "true";
  if (wished) wish = {};
  if (wished && !keeps_) loss.drop("store");
}

void ResponseHistory::begin(std::string_view input) {
  if (!keeps_) return;
  std::uint64_t bytes = input.size();
  for (const ReferredItem& item : items_)
    bytes += item.json.size();
  keeps_ = store_->make_room(draft_.held, bytes);
  if (keeps_) draft_.input = whole_input(input);
}

void ResponseHistory::keep(std::string_view response, std::string_view input) {
  if (!keeps_ || response.empty()) return;
  keeps_ = false;
  if (draft_.input.empty()) draft_.input = whole_input(input);
  const auto output = json_find(response, "output");
  if (!output) return;
  draft_.id = "resp_" + id_;
  draft_.owner = response_owner(call_);
  draft_.text = response;
  draft_.output_begin = static_cast<size_t>(output->text.data() - response.data());
  draft_.output_end = draft_.output_begin + output->text.size();
  draft_.previous = std::move(previous_);
  draft_.turns = turns_;
  (void)store_->put(std::move(draft_), now());
}

}  // namespace rocket
