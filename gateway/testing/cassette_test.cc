#include "testing/cassette.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "base/random.h"
#include "schema/inventory.h"
#include "schema/openai_stream.h"

namespace rocket {
namespace {

constexpr const char* folder = ROCKET_SOURCE_DIR "/tests/cassettes";
// Up to here every split into two is tried; beyond, so many random ones.
constexpr size_t small_bytes = 2048;
constexpr int random_splits = 100;

class Recorded : public testing::TestWithParam<Cassette> {
 protected:
  [[nodiscard]] const Cassette& cassette() const { return GetParam(); }
  [[nodiscard]] bool named(std::string_view part) const { return cassette().name.contains(part); }
};
class RecordedInventory : public Recorded {};
class RecordedStream : public Recorded {};
class RecordedUnstreamed : public Recorded {};
class RecordedRefusal : public Recorded {};

// The model that was recorded is named in every request for tokens.
std::string model_asked(const Cassette& cassette) {
  const auto body = nlohmann::json::parse(cassette.request_body(), nullptr, false);
  return body.is_object() ? body.value("model", "") : "";
}

std::string summary(const Result<RecordedAnswer>& answer) {
  if (!answer) return fmt::format("error: {}", answer.error().detail);
  const ResponseHead& head = answer->head;
  return fmt::format("{} {} {}\n{}\n{}", head.status, head.chunked, head.keep_alive,
                     head.headers.lines(0, head.headers.size()), answer->body);
}

std::vector<std::string_view> random_pieces(std::string_view text, Random& random) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    // Mostly few bytes, now and then many, so that both framing and bodies are cut.
    const std::uint64_t most = std::uint64_t{1} << random.uniform(10);
    const size_t size = std::min<size_t>(text.size(), 1 + random.uniform(most));
    pieces.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return pieces;
}

Operation operation_of(const Cassette& cassette) {
  return cassette.path() == "/v1/completions" ? Operation::completions
                                              : Operation::chat_completions;
}

TEST(Cassettes, AreThereForEveryServer) {
  std::set<std::string> servers;
  for (const Cassette& cassette : load_cassettes(folder))
    servers.insert(cassette.server);
  EXPECT_EQ(servers, (std::set<std::string>{"llama-server", "ollama"}));
}

TEST_P(Recorded, ReadsTheSameHoweverItIsSplit) {
  const std::string_view whole = cassette().response;
  const auto read = read_recorded({&whole, 1});
  ASSERT_TRUE(read) << read.error().detail;
  const std::string expected = summary(read);
  if (whole.size() <= small_bytes) {
    for (size_t at = 1; at < whole.size(); ++at) {
      const std::array<std::string_view, 2> halves{whole.substr(0, at), whole.substr(at)};
      ASSERT_EQ(summary(read_recorded(halves)), expected) << "split at " << at;
    }
  }
  Random random(1);
  for (int i = 0; i < random_splits; ++i)
    ASSERT_EQ(summary(read_recorded(random_pieces(whole, random))), expected) << "split " << i;
}

TEST_P(Recorded, IsNotTakenForWholeWhenCut) {
  const std::string_view whole = cassette().response;
  const size_t first = whole.size() <= small_bytes ? 1 : whole.size() - small_bytes;
  for (size_t size = first; size < whole.size(); ++size) {
    const std::string_view part = whole.substr(0, size);
    ASSERT_FALSE(read_recorded({&part, 1})) << size << " bytes";
  }
}

TEST_P(RecordedInventory, GivesTheModel) {
  const auto inventory = read_inventory(answer_of(cassette()).body);
  ASSERT_TRUE(inventory) << inventory.error().detail;
  if (named("nothing-loaded")) {
    EXPECT_TRUE(inventory->models.empty());
    return;
  }
  std::string model;
  for (const Cassette& other : load_cassettes(folder)) {
    const bool same = other.server == cassette().server && other.version == cassette().version;
    if (same && other.name == "chat") model = model_asked(other);
  }
  ASSERT_EQ(inventory->models.size(), 1U);
  EXPECT_EQ(inventory->models[0].name, model);
  EXPECT_TRUE(inventory->models[0].facts.loaded);
  if (cassette().server == "llama-server") {
    EXPECT_EQ(inventory->owner, "llamacpp");
    EXPECT_EQ(inventory->models[0].facts.context, 2048U);
    EXPECT_EQ(inventory->models[0].facts.vision, Telling::no);
  }
  if (named("ps")) {
    EXPECT_EQ(inventory->models[0].facts.context, 2048U);
  }
}

TEST_P(RecordedStream, ReadsToItsEnd) {
  const RecordedAnswer answer = answer_of(cassette());
  OpenAiStream stream(operation_of(cassette()), true);
  SseSplitter splitter(1024 * 1024);
  std::string passed;
  const auto fed = splitter.feed(answer.body, [&](const SseEvent& event) {
    const auto forward = stream.take(event);
    ASSERT_TRUE(forward) << forward.error().detail;
    if (*forward == Shown::all) passed += event.raw;
  });
  ASSERT_TRUE(fed) << fed.error().detail;
  EXPECT_FALSE(splitter.unfinished());
  EXPECT_TRUE(stream.content_seen());
  EXPECT_TRUE(stream.done());
  EXPECT_EQ(passed, answer.body);
  if (!named("usage")) return;
  EXPECT_GT(stream.usage().in, 0);
  EXPECT_EQ(stream.usage().out, 6) << "as many as max_tokens allows";
}

TEST_P(RecordedUnstreamed, TellsItsUsage) {
  const RecordedAnswer answer = answer_of(cassette());
  const auto read = read_openai_answer(answer.body);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_FALSE(read->error);
  EXPECT_FALSE(read->empty);
  EXPECT_EQ(answer.body[read->object_end], '}');
  ASSERT_TRUE(read->usage);
  EXPECT_GT(read->usage->in, 0);
  EXPECT_EQ(read->usage->out, named("embeddings") ? 0 : 6);
}

TEST_P(RecordedRefusal, SaysWhy) {
  const RecordedAnswer answer = answer_of(cassette());
  const std::string message = read_upstream_error(answer.body);
  EXPECT_FALSE(message.empty());
  EXPECT_FALSE(message.starts_with('{')) << message;
}

std::string name_of(const testing::TestParamInfo<Cassette>& info) {
  return test_name(info.param);
}

using Kind = Cassette::Kind;
INSTANTIATE_TEST_SUITE_P(Servers, Recorded, testing::ValuesIn(load_cassettes(folder)), name_of);
INSTANTIATE_TEST_SUITE_P(Servers, RecordedInventory,
                         testing::ValuesIn(load_cassettes(folder, Kind::inventory)), name_of);
INSTANTIATE_TEST_SUITE_P(Servers, RecordedStream,
                         testing::ValuesIn(load_cassettes(folder, Kind::stream)), name_of);
INSTANTIATE_TEST_SUITE_P(Servers, RecordedUnstreamed,
                         testing::ValuesIn(load_cassettes(folder, Kind::answer)), name_of);
INSTANTIATE_TEST_SUITE_P(Servers, RecordedRefusal,
                         testing::ValuesIn(load_cassettes(folder, Kind::refusal)), name_of);

}  // namespace
}  // namespace rocket
