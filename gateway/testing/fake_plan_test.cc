#include "testing/fake_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "wire/response_parser.h"
#include "wire/sse.h"

namespace rocket {
namespace {

using Json = nlohmann::json;

FakeRequest chat(bool stream, bool usage = true) {
  const Json body{{"model", "fake-model"},
                  {"stream", stream},
                  {"stream_options", {{"include_usage", usage}}},
                  {"messages", {{{"role", "user"}, {"content", "two words"}}}}};
  return {"POST", "/v1/chat/completions", body.dump(), 1};
}

FakePlan plan_of(const FakeScript& script, bool stream) {
  return fake_plan(fake_answer(script, chat(stream)), script, true);
}

// What a strict reader makes of an answer.
struct Read {
  std::optional<ErrorCode> error;
  int status = 0;
  std::string body;
};

Read read(const FakePlan& plan) {
  Read read;
  ResponseParser parser(HttpLimits{});
  std::string bytes = plan.bytes();
  // Enough of what is repeated for ever.
  for (int i = 0; plan.end == FakePlan::End::repeat && i < 100; ++i)
    bytes += plan.steps.back().bytes;
  std::string_view left = bytes;
  while (parser.state() != HttpParser::State::complete && !left.empty()) {
    const auto fed = parser.feed(left);
    if (!fed) {
      read.error = fed.error().code;
      return read;
    }
    for (const std::string_view piece : parser.body())
      read.body += piece;
    left.remove_prefix(*fed);
  }
  if (parser.state() != HttpParser::State::complete) {
    const auto ended = parser.feed_end();
    if (!ended) read.error = ended.error().code;
  }
  if (!read.error) read.status = parser.head().status;
  return read;
}

// The events' data, [DONE] included.
std::vector<std::string> events(const std::string& body) {
  std::vector<std::string> all;
  SseSplitter splitter(100'000'000);
  const auto fed =
      splitter.feed(body, [&](const SseEvent& event) { all.emplace_back(event.data); });
  EXPECT_TRUE(fed);
  EXPECT_FALSE(splitter.unfinished());
  return all;
}

std::string streamed_text(const std::string& body) {
  std::string text;
  for (const std::string& data : events(body)) {
    if (data == "[DONE]") break;
    const Json chunk = Json::parse(data);
    for (const Json& choice : chunk["choices"]) {
      const Json& content = choice["delta"].value("content", Json());
      if (content.is_string()) text += content.get<std::string>();
    }
  }
  return text;
}

// How each fault ends for a strict reader of HTTP: with a whole answer of that status, or not.
struct FaultCase {
  Fault fault;
  int status;
  std::optional<ErrorCode> error;
  FakePlan::End end;
};

using End = FakePlan::End;
constexpr auto garbage = ErrorCode::upstream_garbage;
constexpr auto closed = ErrorCode::upstream_closed;

const std::vector<FaultCase>& fault_cases() {
  static const std::vector<FaultCase> cases{
      {Fault::hang_before_head, 0, closed, End::hang},
      {Fault::drip_head, 200, std::nullopt, End::keep},
      {Fault::reset_before_head, 0, closed, End::reset},
      {Fault::end_before_head, 0, closed, End::close},
      {Fault::hang_mid_stream, 0, closed, End::hang},
      {Fault::drip_body, 200, std::nullopt, End::keep},
      {Fault::reset_mid_stream, 0, closed, End::reset},
      {Fault::end_mid_stream, 0, closed, End::close},
      {Fault::garbage, 0, garbage, End::close},
      {Fault::http09, 0, garbage, End::close},
      {Fault::head_64k, 0, ErrorCode::upstream_too_large, End::keep},
      {Fault::endless_head, 0, ErrorCode::upstream_too_large, End::repeat},
      {Fault::status_999, 0, garbage, End::keep},
      {Fault::nul_in_header, 0, garbage, End::keep},
      {Fault::bare_lf, 0, garbage, End::keep},
      {Fault::two_lengths, 0, garbage, End::keep},
      {Fault::length_and_chunked, 0, garbage, End::keep},
      {Fault::length_too_long, 0, closed, End::close},
      {Fault::length_too_short, 200, std::nullopt, End::keep},
      {Fault::bad_chunk_size, 0, garbage, End::close},
      {Fault::overflowing_chunk_size, 0, garbage, End::close},
      {Fault::continue_flood, 0, garbage, End::keep},
      {Fault::early_hints, 200, std::nullopt, End::keep},
      {Fault::status_429, 200, std::nullopt, End::keep},  // FakeBackend makes the status of these
      {Fault::status_500, 200, std::nullopt, End::keep},
      {Fault::status_503, 200, std::nullopt, End::keep},
      {Fault::status_529, 200, std::nullopt, End::keep},
      {Fault::gzip_body, 200, std::nullopt, End::keep},
      {Fault::error_body_200, 200, std::nullopt, End::keep},
      {Fault::no_done, 200, std::nullopt, End::keep},
      {Fault::error_event_first, 200, std::nullopt, End::keep},
      {Fault::error_event_mid_stream, 200, std::nullopt, End::keep},
      {Fault::broken_json, 200, std::nullopt, End::keep},
      {Fault::invalid_utf8, 200, std::nullopt, End::keep},
      {Fault::long_line, 200, std::nullopt, End::keep},
      {Fault::split_every_byte, 200, std::nullopt, End::keep},
      {Fault::close_unannounced, 200, std::nullopt, End::close},
  };
  return cases;
}

class FakeFault : public testing::TestWithParam<std::tuple<std::size_t, bool>> {};

TEST_P(FakeFault, is_what_it_says_on_the_wire) {
  const auto [index, stream] = GetParam();
  const FaultCase& given = fault_cases().at(index);
  FakeScript script;
  script.fault = given.fault;
  const FakePlan plan = plan_of(script, stream);
  const Read got = read(plan);
  EXPECT_EQ(got.error, given.error) << (got.error ? to_string(*got.error) : "none");
  EXPECT_EQ(got.status, given.status);
  EXPECT_EQ(plan.end, given.end);
}

std::string name_of(const testing::TestParamInfo<std::tuple<std::size_t, bool>>& tested) {
  const auto& [index, stream] = tested.param;
  const std::string name(to_string(fault_cases().at(index).fault));
  return name + (stream ? "_streamed" : "_whole");
}

INSTANTIATE_TEST_SUITE_P(All, FakeFault,
                         testing::Combine(testing::Range<std::size_t>(0, fault_cases().size()),
                                          testing::Bool()),
                         name_of);

TEST(FakePlan, has_a_case_for_every_fault) {
  for (const Fault fault : all_faults()) {
    EXPECT_EQ(std::ranges::count(fault_cases(), fault, &FaultCase::fault), 1) << to_string(fault);
    EXPECT_EQ(fault_named(to_string(fault)), fault);
  }
  EXPECT_EQ(fault_named("no such fault"), std::nullopt);
}

TEST(FakePlan, a_stream_reads_back_as_its_text) {
  for (const FakeKind kind :
       {FakeKind::llama_cpp, FakeKind::ollama, FakeKind::vllm, FakeKind::lmstudio}) {
    SCOPED_TRACE(to_string(kind));
    for (const Fault fault :
         {Fault::none, Fault::split_every_byte, Fault::early_hints, Fault::drip_body}) {
      FakeScript script{.kind = kind, .fault = fault};
      script.answer_bytes = 100;
      const Read got = read(plan_of(script, true));
      EXPECT_EQ(streamed_text(got.body), fake_text(script));
      EXPECT_GE(fake_text(script).size(), 100U);
      EXPECT_EQ(events(got.body).back(), "[DONE]");
    }
  }
}

TEST(FakePlan, first_and_last_chunks_are_as_each_kind_sends_them) {
  const Json null;
  const std::vector<std::tuple<FakeKind, Json, Json>> cases{
      {FakeKind::llama_cpp, {{"role", "assistant"}, {"content", null}}, Json::object()},
      {FakeKind::vllm, {{"role", "assistant"}, {"content", ""}}, Json::object()},
      {FakeKind::ollama,
       {{"role", "assistant"}, {"content", "word0 "}},
       {{"role", "assistant"}, {"content", ""}}},
      {FakeKind::lmstudio, {{"role", "assistant"}, {"content", "word0 "}}, Json::object()},
  };
  for (const auto& [kind, first, last] : cases) {
    SCOPED_TRACE(to_string(kind));
    FakeScript script{.kind = kind};
    const std::vector<std::string> all = events(read(plan_of(script, true)).body);
    const Json finish = Json::parse(all.at(all.size() - 3))["choices"][0];
    EXPECT_EQ(Json::parse(all.front())["choices"][0]["delta"], first);
    EXPECT_EQ(finish["delta"], last);
    EXPECT_EQ(finish["finish_reason"], "stop");
  }
}

TEST(FakePlan, usage_comes_only_if_asked_for) {
  const FakeScript script;
  for (const bool asked : {false, true}) {
    const FakeAnswer answer = fake_answer(script, chat(true, asked));
    std::size_t with_usage = 0;
    for (const std::string& piece : answer.pieces) {
      if (piece.find("\"usage\"") == std::string::npos) continue;
      ++with_usage;
      const Json chunk = Json::parse(piece.substr(6));
      EXPECT_EQ(chunk["choices"], Json::array());
      EXPECT_EQ(chunk["usage"]["prompt_tokens"], 3);  // the role is a word too
      EXPECT_EQ(chunk["usage"]["completion_tokens"], 4);
    }
    EXPECT_EQ(with_usage, asked ? 1U : 0U);
  }
}

TEST(FakePlan, cuts_at_every_byte) {
  FakeScript script{.fault = Fault::none};
  const std::string whole = plan_of(script, true).bytes();
  script.fault = Fault::end_mid_stream;
  for (std::size_t at = 0; at <= whole.size(); ++at) {
    script.at_byte = at;
    const FakePlan plan = plan_of(script, true);
    ASSERT_EQ(plan.bytes(), whole.substr(0, at));
    ASSERT_EQ(plan.end, End::close);
  }
}

TEST(FakePlan, cuts_behind_so_many_events) {
  FakeScript script{.fault = Fault::reset_mid_stream};
  for (std::uint64_t at = 0; at < 4; ++at) {
    script.at = at;
    const std::string bytes = plan_of(script, true).bytes();
    std::size_t seen = 0;
    for (std::size_t found = 0; (found = bytes.find("data: ", found)) != std::string::npos;
         ++found) {
      ++seen;
    }
    EXPECT_EQ(seen, at);
  }
}

TEST(FakePlan, error_events_end_the_stream) {
  FakeScript script{.fault = Fault::error_event_mid_stream, .at = 3};
  const std::vector<std::string> all = events(read(plan_of(script, true)).body);
  ASSERT_EQ(all.size(), 4U);
  EXPECT_TRUE(Json::parse(all.back()).contains("error"));
}

TEST(FakePlan, pauses_are_where_the_script_says) {
  FakeScript script{.head_delay = Duration(7), .event_delay = Duration(3)};
  const FakePlan plan = plan_of(script, true);
  EXPECT_EQ(plan.steps.front().pause, Duration(7));
  EXPECT_EQ(plan.steps.at(1).pause, Duration(3));
  script.fault = Fault::drip_head;
  const FakePlan dripping = plan_of(script, false);
  EXPECT_EQ(dripping.steps.at(10).bytes.size(), 1U);
  EXPECT_EQ(dripping.steps.at(10).pause, script.drip_delay);
}

TEST(FakePlan, gzip_is_gzip) {
  FakeScript script{.fault = Fault::gzip_body};
  const FakeAnswer plain = fake_answer(FakeScript{}, chat(false));
  const std::string body = read(plan_of(script, false)).body;
  const std::string& text = plain.pieces.front();
  // Head, a stored block's header, the text, checksum and length.
  ASSERT_EQ(body.size(), 10 + 5 + text.size() + 8);
  EXPECT_EQ(body.substr(15, text.size()), text);
  EXPECT_EQ(static_cast<unsigned char>(body[body.size() - 4]), text.size() % 256);
}

}  // namespace
}  // namespace rocket
