#include "batch/batch_request.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

std::string body_with(const std::string& more) {
  return R"({"input_file_id":"file-1","endpoint":"/v1/embeddings","completion_window":"24h")" +
         more + "}";
}

TEST(BatchRequest, reads_what_openai_s_clients_send) {
  const auto request = read_batch_request(body_with(
      R"(,"metadata":{"a":"1"},"output_expires_after":{"anchor":"created_at","seconds":3600})"));
  ASSERT_TRUE(request) << request.error().detail;
  EXPECT_EQ(request->input_file_id, "file-1");
  EXPECT_EQ(request->endpoint, "/v1/embeddings");
  EXPECT_EQ(request->completion_window, "24h");
  EXPECT_EQ(request->window_seconds, 86400);
  EXPECT_EQ(request->metadata, R"({"a":"1"})");
  EXPECT_EQ(request->output_expires_after, 3600);
}

TEST(BatchRequest, what_is_left_out_is_nothing) {
  for (const char* more : {"", R"(,"metadata":null,"output_expires_after":null)"}) {
    const auto request = read_batch_request(body_with(more));
    ASSERT_TRUE(request);
    EXPECT_EQ(request->metadata, "null");
    EXPECT_EQ(request->output_expires_after, 0);
  }
}

TEST(BatchRequest, metadata_are_kept_on_one_line) {
  const auto request =
      read_batch_request(body_with(",\"metadata\":{\r\n  \"a\": \"1\\n\",\n  \"b\": \"2\"\n}"));
  ASSERT_TRUE(request) << request.error().detail;
  EXPECT_EQ(request->metadata, R"({    "a": "1\n",   "b": "2" })");
}

TEST(BatchRequest, metadata_are_bounded_in_characters) {
  const auto of = [](std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i)
      text += "\xe7\x81\xab";
    return text;
  };
  struct Case {
    std::size_t key;
    std::size_t value;
    bool taken;
  };
  for (const Case& c : {Case{64, 512, true}, Case{65, 1, false}, Case{1, 513, false}}) {
    const auto request = read_batch_request(
        body_with(R"(,"metadata":{")" + of(c.key) + R"(":")" + of(c.value) + R"("})"));
    EXPECT_EQ(request.has_value(), c.taken) << c.key << ' ' << c.value;
  }
}

TEST(BatchRequest, the_engine_may_be_named) {
  EXPECT_EQ(read_batch_request(body_with("")).value().engine, std::nullopt);
  EXPECT_EQ(read_batch_request(body_with(R"(,"engine":null)")).value().engine, std::nullopt);
  EXPECT_EQ(read_batch_request(body_with(R"(,"engine":"ray")")).value().engine, LineEngine::ray);
  EXPECT_EQ(read_batch_request(body_with(R"(,"engine":"local")")).value().engine,
            LineEngine::local);
}

TEST(BatchRequest, windows) {
  struct Case {
    const char* window;
    std::int64_t seconds;  // 0: refused
  };
  const Case cases[] = {{"24h", 86400}, {"1s", 1},   {"90m", 5400}, {"30d", 2592000},
                        {"31d", 0},     {"0h", 0},   {"-1h", 0},    {"24", 0},
                        {"h", 0},       {"24h ", 0}, {"1w", 0},     {"", 0}};
  for (const Case& c : cases) {
    const auto request = read_batch_request(R"({"input_file_id":"f","endpoint":"/v1/responses",)"
                                            R"("completion_window":")" +
                                            std::string(c.window) + "\"}");
    EXPECT_EQ(request ? request->window_seconds : 0, c.seconds) << c.window;
  }
}

TEST(BatchRequest, every_refusal_names_the_field) {
  const std::string long_text(513, 'x');
  std::string many;
  for (int i = 0; i < 17; ++i)
    many += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + R"(":"v")";
  const std::pair<std::string, const char*> cases[] = {
      {"[]", "JSON object"},
      {"{}", "input_file_id"},
      {R"({"input_file_id":7})", "input_file_id"},
      {R"({"input_file_id":"f"})", "endpoint"},
      {R"({"input_file_id":"f","endpoint":"/v1/images"})", "endpoint"},
      {R"({"input_file_id":"f","endpoint":"/v1/completions"})", "completion_window"},
      {body_with(R"(,"metadata":[])"), "metadata"},
      {body_with(R"(,"metadata":{"a":1})"), "metadata"},
      {body_with(R"(,"metadata":{"a":")" + long_text + "\"}"), "metadata"},
      {body_with(R"(,"metadata":{)" + many + "}"), "metadata"},
      {body_with(R"(,"output_expires_after":3600)"), "output_expires_after"},
      {body_with(R"(,"output_expires_after":{"anchor":"created_at","seconds":10})"),
       "output_expires_after"},
      {body_with(R"(,"output_expires_after":{"anchor":"now","seconds":3600})"),
       "output_expires_after"},
      {body_with(R"(,"window":1)"), "window"},
      {body_with(R"(,"engine":"spark")"), "engine"},
      {body_with(R"(,"engine":1)"), "engine"},
  };
  for (const auto& [body, name] : cases) {
    const auto request = read_batch_request(body);
    ASSERT_FALSE(request) << body;
    EXPECT_TRUE(request.error().detail.contains(name)) << body << ": " << request.error().detail;
  }
  EXPECT_EQ(read_batch_request("{").error().code, ErrorCode::invalid_json);
}

}  // namespace
}  // namespace rocket
