#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "testing/fake_dialect.h"

// What a fake backend says as Anthropic's Messages API, but for its models (fake_inventory).
// No server of that kind can be asked here: it is what the documentation and the official SDKs say.
namespace rocket {

inline constexpr std::string_view messages_path = "/v1/messages";
inline constexpr std::string_view count_tokens_path = "/v1/messages/count_tokens";

// The answer to a request for a message, streamed or not, or why there is none.
[[nodiscard]] FakeAnswer fake_message(const FakeScript& script, const FakeRequest& request,
                                      const nlohmann::json& body);

// The answer to a request for the number of tokens of a prompt.
[[nodiscard]] FakeAnswer fake_token_count(const FakeScript& script, const FakeRequest& request);

// The answer to a request without the right key or without a version, if the script asks for a key.
[[nodiscard]] std::optional<FakeAnswer> fake_key_refusal(const FakeScript& script,
                                                         const FakeRequest& request);

// An error in the form of this API; `number` of the request.
[[nodiscard]] FakeAnswer messages_error(int status, std::string_view message, std::uint64_t number);

// The headers that this API adds to each answer: the request's id, and what is left of its limits.
void add_messages_headers(const FakeScript& script, FakeAnswer& answer, const FakeRequest& request);

}  // namespace rocket
