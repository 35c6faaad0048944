#include "proxy/error_response.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "wire/sse.h"

namespace rocket {
namespace {

std::string body_of(const Error& error, std::string_view request_id) {
  return write_error_body(Dialect::chat, told(error, request_id));
}

std::vector<ErrorCode> every_code() {
  std::vector<ErrorCode> codes;
  for (unsigned char i = 0; i <= static_cast<unsigned char>(ErrorCode::total_timeout); ++i)
    codes.push_back(static_cast<ErrorCode>(i));
  return codes;
}

TEST(ErrorMeaning, EveryCodeHasARowOfItsOwn) {
  std::set<std::string_view> messages;
  for (const ErrorCode code : every_code()) {
    const ErrorMeaning& meaning = meaning_of(code);
    EXPECT_EQ(meaning.code, code) << to_string(code);
    EXPECT_FALSE(meaning.message.empty()) << to_string(code);
    EXPECT_TRUE(messages.insert(meaning.message).second) << meaning.message;
  }
}

TEST(ErrorMeaning, TheFieldIsNamedWhereOpenAiNamesIt) {
  const struct {
    Error error;
    std::string_view param;
  } cases[] = {
      {{ErrorCode::invalid_field, "`messages[0]` must be an object"}, "messages[0]"},
      {{ErrorCode::invalid_field, "one: `messages` is not for me"}, ""},
      {{ErrorCode::invalid_field, "the header x-rocket-lane takes `batch`"}, ""},
      {{ErrorCode::invalid_field, "`"}, ""},
      {{ErrorCode::invalid_field, ""}, ""},
      {{ErrorCode::invalid_json, "`x`"}, ""},
      {{ErrorCode::no_model, ""}, "model"},
      {{ErrorCode::unknown_backend, "unknown backend 'x'"}, "backend"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(told(c.error, "id").param, c.param) << c.error.detail;
}

TEST(ErrorMeaning, StatusTypeAndBlameGoTogether) {
  for (const ErrorCode code : every_code()) {
    const ErrorMeaning& meaning = meaning_of(code);
    const std::string_view name = to_string(code);
    switch (meaning.blame) {
      case Blame::none: ADD_FAILURE() << name << " is nobody's fault"; break;
      case Blame::client:
        EXPECT_TRUE((meaning.status >= 400 && meaning.status < 500) || meaning.status == 501 ||
                    meaning.status == 505)
            << name;
        break;
      case Blame::gateway:
        EXPECT_TRUE(meaning.status == 500 || meaning.status == 503 || meaning.status == 507)
            << name;
        break;
      case Blame::upstream:
        EXPECT_TRUE((meaning.status >= 502 && meaning.status <= 504) || meaning.status == 429)
            << name;
        break;
    }
    const bool timeout = meaning.status == 408 || meaning.status == 504;
    EXPECT_EQ(meaning.type == "timeout_error", timeout) << name;
    EXPECT_EQ(name.ends_with("_timeout"), timeout) << name;
  }
}

TEST(ErrorMeaning, PromisedStatuses) {
  const struct {
    ErrorCode code;
    int status;
    const char* type;
  } cases[] = {
      {ErrorCode::bad_request, 400, "invalid_request_error"},
      {ErrorCode::invalid_json, 400, "invalid_request_error"},
      {ErrorCode::invalid_field, 400, "invalid_request_error"},
      {ErrorCode::unknown_backend, 400, "invalid_request_error"},
      {ErrorCode::no_model, 400, "invalid_request_error"},
      {ErrorCode::invalid_api_key, 401, "invalid_request_error"},
      {ErrorCode::forbidden, 403, "permission_error"},
      {ErrorCode::rate_limit_exceeded, 429, "rate_limit_error"},
      {ErrorCode::path_forbidden, 403, "invalid_request_error"},
      {ErrorCode::model_not_found, 404, "invalid_request_error"},
      {ErrorCode::response_not_found, 404, "invalid_request_error"},
      {ErrorCode::previous_response_not_found, 400, "invalid_request_error"},
      {ErrorCode::capability_missing, 400, "invalid_request_error"},
      {ErrorCode::context_length_exceeded, 400, "invalid_request_error"},
      {ErrorCode::media_url_refused, 400, "invalid_request_error"},
      {ErrorCode::media_url_failed, 400, "invalid_request_error"},
      {ErrorCode::path_not_found, 404, "invalid_request_error"},
      {ErrorCode::method_not_allowed, 405, "invalid_request_error"},
      {ErrorCode::body_timeout, 408, "timeout_error"},
      {ErrorCode::head_timeout, 408, "timeout_error"},
      {ErrorCode::body_too_large, 413, "invalid_request_error"},
      {ErrorCode::target_too_long, 414, "invalid_request_error"},
      {ErrorCode::unsupported_encoding, 415, "invalid_request_error"},
      {ErrorCode::upstream_limited, 429, "rate_limit_error"},
      {ErrorCode::head_too_large, 431, "invalid_request_error"},
      {ErrorCode::file_not_found, 404, "invalid_request_error"},
      {ErrorCode::batch_not_found, 404, "invalid_request_error"},
      {ErrorCode::internal, 500, "server_error"},
      {ErrorCode::store_off, 501, "invalid_request_error"},
      {ErrorCode::store_unavailable, 503, "server_error"},
      {ErrorCode::store_full, 507, "server_error"},
      {ErrorCode::upstream_closed, 502, "upstream_error"},
      {ErrorCode::upstream_garbage, 502, "upstream_error"},
      {ErrorCode::upstream_too_large, 502, "upstream_error"},
      {ErrorCode::upstream_unauthorized, 502, "upstream_error"},
      {ErrorCode::overloaded, 503, "server_error"},
      {ErrorCode::no_place, 503, "server_error"},
      {ErrorCode::draining, 503, "server_error"},
      {ErrorCode::no_backend, 503, "upstream_error"},
      {ErrorCode::connect_refused, 503, "upstream_error"},
      {ErrorCode::upstream_unavailable, 503, "upstream_error"},
      {ErrorCode::upstream_overloaded, 503, "upstream_error"},
      {ErrorCode::upstream_loading, 503, "upstream_error"},
      {ErrorCode::connect_timeout, 504, "timeout_error"},
      {ErrorCode::total_timeout, 504, "timeout_error"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(meaning_of(c.code).status, c.status) << to_string(c.code);
    EXPECT_EQ(meaning_of(c.code).type, c.type) << to_string(c.code);
  }
}

TEST(ErrorMeaning, ATimeoutNamesItsPhase) {
  const struct {
    ErrorCode code;
    const char* setting;
  } cases[] = {
      {ErrorCode::connect_timeout, "timeouts.connect"},
      {ErrorCode::load_timeout, "timeouts.load"},
      {ErrorCode::first_token_timeout, "timeouts.first_token"},
      {ErrorCode::idle_timeout, "timeouts.idle"},
      {ErrorCode::total_timeout, "timeouts.total"},
  };
  for (const auto& c : cases)
    EXPECT_TRUE(meaning_of(c.code).message.ends_with(c.setting)) << to_string(c.code);
}

TEST(ErrorBody, IsTheOneThatOpenAiClientsRead) {
  for (const ErrorCode code : every_code()) {
    const auto body = nlohmann::json::parse(body_of({code, "what and what to do"}, "req_1"));
    ASSERT_EQ(body.size(), 1U) << to_string(code);
    const auto& error = body["error"];
    EXPECT_EQ(error.size(), 5U) << to_string(code);
    EXPECT_EQ(error["message"], "what and what to do") << to_string(code);
    EXPECT_EQ(error["type"], meaning_of(code).type) << to_string(code);
    EXPECT_EQ(error["code"], to_string(code));
    EXPECT_EQ(error["request_id"], "req_1") << to_string(code);
    EXPECT_TRUE(error.contains("param")) << to_string(code);
  }
}

TEST(ErrorBody, SaysSomethingWithoutADetailToo) {
  for (const ErrorCode code : every_code()) {
    const auto body = nlohmann::json::parse(body_of({code, ""}, "req_1"));
    EXPECT_EQ(body["error"]["message"], meaning_of(code).message);
  }
}

TEST(ErrorBody, NamesTheParameterWhereThereIsOne) {
  const auto param = [](ErrorCode code) {
    return nlohmann::json::parse(body_of({code, ""}, "x"))["error"]["param"];
  };
  EXPECT_EQ(param(ErrorCode::no_model), "model");
  EXPECT_EQ(param(ErrorCode::model_not_found), "model");
  EXPECT_EQ(param(ErrorCode::unknown_backend), "backend");
  EXPECT_EQ(param(ErrorCode::previous_response_not_found), "previous_response_id");
  EXPECT_EQ(param(ErrorCode::upstream_closed), nullptr);
}

// An event is a line: nothing in a text may end it.
TEST(ErrorEvent, IsOneEventWhateverTheTextHolds) {
  const std::string texts[] = {
      "plain",         "a \"quoted\" \\ text", "two\nlines", "\r\n\r\ndata: [DONE]\n\n",
      "\xff\xfe",      std::string(1, '\0'),   "\x1b[31m",   "\xE2\x80\xA8\xC2\x85",
      "data: {\"a\":",
  };
  for (const std::string& text : texts) {
    const Error error{ErrorCode::upstream_error_event, text};
    SseSplitter splitter(10'000);
    std::vector<std::string> events;
    const auto fed = splitter.feed(write_error_event(Dialect::chat, told(error, "req_1")),
                                   [&](const SseEvent& event) { events.emplace_back(event.data); });
    ASSERT_TRUE(fed);
    EXPECT_FALSE(splitter.unfinished());
    ASSERT_EQ(events.size(), 1U) << text;
    EXPECT_EQ(events[0], body_of(error, "req_1"));
    EXPECT_TRUE(nlohmann::json::accept(events[0])) << events[0];
    EXPECT_TRUE(std::ranges::none_of(events[0], [](unsigned char c) { return c < 0x20; }));
  }
}

struct Scrubbing {
  const char* name;
  const char* text;
  const char* expected;
};

const std::vector<Scrubbing>& scrubbings() {
  static const std::vector<Scrubbing> all{
      {"nothing", "", ""},
      {"words", "model 'llama3' not found", "model 'llama3' not found"},
      {"a URL", "see http://10.0.0.5:8000/v1 for more", "see [address] for more"},
      {"a URL with TLS", "(https://internal.example/x)", "([address])"},
      {"a URL in quotes", "to \"http://a\"", "to \"[address]\""},
      {"an address", "connect to 10.0.0.5 failed", "connect to [address] failed"},
      {"an address with a port", "connect to 10.0.0.5:8000 failed", "connect to [address] failed"},
      {"an address as a value", "host=10.0.0.5, port=80", "host=[address], port=80"},
      {"a pointer", "object at 0x7f3a5c001230", "object at [address]"},
      {"a home directory", "No such file: /home/ann/m.gguf", "No such file: [path]"},
      {"Python", "File \"/usr/lib/python3/x.py\", line 3", "File \"[path]\", line 3"},
      {"root's home", "in /root/", "in [path]"},
      {"others", "/opt/a /var/b /tmp/c /etc/d /app/e /workspace/f /mnt/g",
       "[path] [path] [path] [path] [path] [path] [path]"},
      {"dots", "loading ... wait", "loading ... wait"},
      {"an address at a sentence's end", "no route to 10.0.0.1.", "no route to [address]"},
      {"an address in a path", "at 10.0.0.5/x", "at [address]"},
      {"another scheme", "tcp://engine:5557 and HTTP://a", "[address] and [address]"},
      {"behind a colon", "url:http://a error:/opt/x", "[address] [path]"},
      {"a loopback name", "localhost:11434 refused", "[address] refused"},
      {"IPv6", "connect to 2001:db8::1 failed", "connect to [address] failed"},
      {"IPv6 with a port", "to [fe80::1%eth0]:8000 failed", "to [[address]]:8000 failed"},
      {"IPv6 at a sentence's end", "no route to ::1.", "no route to [address]"},
      {"IPv6 without a gap", "2001:db8:0:0:0:0:0:1 is down", "[address] is down"},
      {"in images", "/models/m.gguf /vllm-workspace/x.py", "[path] [path]"},
      {"other homes", "file:///home/x /Users/x /data/models/x", "[address] [path] [path]"},
      {"only the first line", "bad request\nTraceback (most recent call last):", "bad request"},
      {"CRLF", "bad request\r\nX: y", "bad request"},
      {"a first line that is empty", "\nsecret", ""},

      {"alternatives", "and/or", "and/or"},
      {"a place in the request", "messages/0/content", "messages/0/content"},
      {"an operation", "POST /v1/chat/completions", "POST /v1/chat/completions"},
      {"a model of an organisation", "Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-0.5B"},
      {"a version", "1.2.3", "1.2.3"},
      {"a decimal number", "temperature 1.5", "temperature 1.5"},
      {"a small hex number", "code 0x1f", "code 0x1f"},
      {"a sentence", "too long. Send less.", "too long. Send less."},
      {"a time", "at 12:30:45", "at 12:30:45"},
      {"a name in a program", "std::bad_alloc", "std::bad_alloc"},
      {"a hardware address", "aa:bb:cc:dd:ee:ff", "aa:bb:cc:dd:ee:ff"},
  };
  return all;
}

TEST(Scrubbed, TellsNothingOfTheNetworkBehindUs) {
  for (const Scrubbing& c : scrubbings()) {
    EXPECT_EQ(scrubbed(c.text), c.expected) << c.name;
    // Once is enough.
    EXPECT_EQ(scrubbed(c.expected), c.expected) << c.name;
  }
}

// What is passed on as it is has nothing in it that would have been scrubbed.
TEST(RevealsNetwork, WhatScrubbingWouldTakeOut) {
  for (const Scrubbing& c : scrubbings()) {
    if (std::string_view(c.text).contains('\n')) continue;
    EXPECT_EQ(reveals(c.text, {}), std::string_view(c.text) != c.expected) << c.name;
  }
  EXPECT_TRUE(reveals("bad request\nFile \"/usr/lib/x.py\"", {}));
  EXPECT_TRUE(reveals(R"({"error":{"message":"No such file: /home/ann/m.gguf"}})", {}));
  EXPECT_FALSE(reveals(R"({"error":{"message":"model \"a/b\" not found","code":404}})", {}));
}

TEST(Scrubbed, HidesTheKeyItWasCalledWith) {
  EXPECT_EQ(scrubbed("Incorrect API key provided: Bearer sk-1, sk-1", "sk-1"),
            "Incorrect API key provided: Bearer [key], [key]");
  EXPECT_TRUE(reveals("key sk-1 is wrong", "sk-1"));
  EXPECT_FALSE(reveals("key sk-2 is wrong", "sk-1"));
  EXPECT_EQ(scrubbed("the key is no key", "key"), "the [key] is no [key]")
      << "a key that is part of what hides it";
}

TEST(Scrubbed, IsBounded) {
  EXPECT_EQ(scrubbed(std::string(512, 'x')), std::string(512, 'x'));
  EXPECT_EQ(scrubbed(std::string(513, 'x')).size(), 512U);
  EXPECT_EQ(scrubbed(std::string(100'000, ' ')).size(), 512U);
  std::string addresses;
  for (int i = 0; i < 1000; ++i)
    addresses += "1.2.3.4 ";
  EXPECT_LE(scrubbed(addresses).size(), 512U);
}

}  // namespace
}  // namespace rocket
