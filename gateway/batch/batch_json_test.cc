#include "batch/batch_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace rocket {
namespace {

using nlohmann::json;

StoredBatch a_batch() {
  StoredBatch batch;
  batch.id = "batch_1";
  batch.owner = "somebody";
  batch.endpoint = "/v1/chat/completions";
  batch.input_file_id = "file-1";
  batch.completion_window = "24h";
  batch.metadata = R"({"k":"v"})";
  batch.status = BatchStatus::in_progress;
  batch.created_at = 100;
  batch.expires_at = 200;
  batch.total = 7;
  batch.completed = 3;
  batch.failed = 1;
  batch.tokens = {.input = 10, .cached = 4, .output = 5, .reasoning = 2};
  return batch;
}

TEST(BatchJson, shows_a_batch_as_openai_does) {
  const json read = json::parse(write_batch(a_batch()));
  EXPECT_EQ(read["object"], "batch");
  EXPECT_EQ(read["id"], "batch_1");
  EXPECT_EQ(read["status"], "in_progress");
  EXPECT_EQ(read["request_counts"], (json{{"total", 7}, {"completed", 3}, {"failed", 1}}));
  EXPECT_EQ(read["usage"]["total_tokens"], 15);
  EXPECT_EQ(read["usage"]["input_tokens_details"]["cached_tokens"], 4);
  EXPECT_EQ(read["usage"]["output_tokens_details"]["reasoning_tokens"], 2);
  EXPECT_EQ(read["metadata"]["k"], "v");
  EXPECT_EQ(read["created_at"], 100);
  EXPECT_EQ(read["expires_at"], 200);
  for (const char* nothing : {"errors", "output_file_id", "error_file_id", "completed_at",
                              "failed_at", "expired_at", "cancelling_at", "cancelled_at"})
    EXPECT_TRUE(read.at(nothing).is_null()) << nothing;
  EXPECT_FALSE(read.contains("owner"));
}

TEST(BatchJson, a_batch_that_others_ask_says_whether_it_gets_on) {
  StoredBatch batch = a_batch();
  batch.engine = "local";
  EXPECT_FALSE(json::parse(write_batch(batch, "Ray does not answer")).contains("_engine"));
  batch.engine = "ray";
  EXPECT_EQ(json::parse(write_batch(batch))["_engine"],
            (json{{"name", "ray"}, {"state", "running"}, {"reason", nullptr}}));
  EXPECT_EQ(json::parse(write_batch(batch, "Ray does not answer"))["_engine"],
            (json{{"name", "ray"}, {"state", "paused"}, {"reason", "Ray does not answer"}}));
  batch.status = BatchStatus::completed;
  EXPECT_EQ(json::parse(write_batch(batch, "Ray does not answer"))["_engine"],
            (json{{"name", "ray"}}));
}

TEST(BatchJson, errors_are_a_list) {
  StoredBatch batch = a_batch();
  batch.status = BatchStatus::failed;
  batch.errors = R"([{"code":"empty_file","line":null,"message":"m","param":null}])";
  const json read = json::parse(write_batch(batch));
  EXPECT_EQ(read["errors"]["object"], "list");
  EXPECT_EQ(read["errors"]["data"][0]["code"], "empty_file");
}

TEST(BatchJson, a_page_says_whether_there_is_more) {
  const json none = json::parse(write_batches({}));
  EXPECT_EQ(none["data"], json::array());
  EXPECT_TRUE(none["first_id"].is_null());
  EXPECT_EQ(none["has_more"], false);
  StoredBatch other = a_batch();
  other.id = "batch_2";
  const json two = json::parse(write_batches({.items = {a_batch(), other}, .more = true}));
  EXPECT_EQ(two["data"].size(), 2U);
  EXPECT_EQ(two["first_id"], "batch_1");
  EXPECT_EQ(two["last_id"], "batch_2");
  EXPECT_EQ(two["has_more"], true);
}

}  // namespace
}  // namespace rocket
