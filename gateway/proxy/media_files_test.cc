#include "proxy/media_files.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "testing/file_host.h"

// Who is sent what, of requests that name files by their addresses.
namespace rocket {
namespace {

using nlohmann::json;

std::string sent_to(SimGateway& gateway, const std::string& name) {
  const auto& requests = gateway.fake(name).recorder().requests();
  return requests.empty() ? "" : requests.back().body;
}

std::string named(const FileClient& client, const FileUpstream& upstream) {
  return std::string(to_string(client.dialect)) + " over " + std::string(to_string(upstream.fake));
}

struct PolicyCase {
  BackendKind kind;
  std::vector<const char*> urls;  // "tls " in front: https
  MediaUrls global;
  std::optional<MediaUrls> own;
  MediaUrls expected;
};

TEST(MediaFiles, CloudsAreGivenAddressesAndLocalServersNone) {
  using enum BackendKind;
  constexpr MediaUrls by_default = MediaUrls::automatic;
  const PolicyCase cases[] = {
      {openai, {"tls api.openai.com"}, by_default, {}, MediaUrls::pass},
      {anthropic, {"tls api.anthropic.com"}, by_default, {}, MediaUrls::pass},
      {anthropic, {"127.0.0.1"}, by_default, {}, MediaUrls::pass},
      {openai, {"127.0.0.1"}, by_default, {}, MediaUrls::refuse},
      {openai, {"tls 10.0.0.1"}, by_default, {}, MediaUrls::refuse},
      {openai, {"tls llm.internal"}, by_default, {}, MediaUrls::refuse},
      {openai, {"api.example.com"}, by_default, {}, MediaUrls::refuse},
      {openai, {"tls api.example.com", "tls gpu.local"}, by_default, {}, MediaUrls::refuse},
      {vllm, {"tls api.example.com"}, by_default, {}, MediaUrls::refuse},
      {ollama, {"127.0.0.1"}, by_default, {}, MediaUrls::refuse},
      {lmstudio, {"127.0.0.1"}, by_default, {}, MediaUrls::refuse},
      {ollama, {"127.0.0.1"}, MediaUrls::fetch, {}, MediaUrls::fetch},
      {ollama, {"127.0.0.1"}, MediaUrls::fetch, MediaUrls::pass, MediaUrls::pass},
      {ollama, {"127.0.0.1"}, MediaUrls::fetch, MediaUrls::automatic, MediaUrls::refuse},
      {openai, {"tls api.openai.com"}, MediaUrls::refuse, {}, MediaUrls::refuse},
      {openai, {"tls api.openai.com"}, by_default, MediaUrls::fetch, MediaUrls::fetch},
  };
  for (const PolicyCase& c : cases) {
    Config config;
    config.media_urls = c.global;
    BackendConfig one;
    one.name = "one";
    one.kind = c.kind;
    for (std::string_view url : c.urls) {
      const bool tls = url.starts_with("tls ");
      if (tls) url.remove_prefix(4);
      one.urls.push_back({tls, std::string(url), 1234, ""});
    }
    one.media_urls = c.own;
    config.backends.push_back(one);
    const auto snapshot = make_snapshot(std::move(config), 1, nullptr);
    ASSERT_TRUE(snapshot.has_value());
    EXPECT_EQ((*snapshot)->backends[0].media_urls, c.expected)
        << to_string(c.kind) << ' ' << c.urls.front();
  }
}

TEST(MediaFiles, AreRefusedForLocalServersInEveryDialect) {
  for (const FileUpstream& upstream : file_upstreams) {
    FetchingGateway refusing(with_media_urls(MediaUrls::refuse), {}, upstream);
    SimGateway& gateway = refusing.gateway;
    for (const FileClient& client : file_clients) {
      const std::string name = named(client, upstream);
      const std::uint64_t before = refusing.asked_upstream();
      const auto refused =
          gateway.ask(ask_about(client, "http://169.254.169.254/latest", "x-request-id: it\r\n"));
      EXPECT_EQ(refused->status(), 400) << name << refused->body();
      for (const char* word : {"backend one", "data: URL", "media_urls: fetch"})
        EXPECT_TRUE(refused->body().contains(word)) << name << word << refused->body();
      EXPECT_FALSE(refused->body().contains("169.254")) << name;
      EXPECT_EQ(refusing.asked_upstream(), before) << name;
      const Receipt& receipt = refusing.receipt_of("it");
      ASSERT_EQ(receipt.candidates(), 2U) << name;
      EXPECT_EQ(receipt.candidate(0).why, "media_urls: refuse");
      EXPECT_EQ(receipt.candidate(1).why, "media_urls: refuse");

      if (client.dialect == Dialect::anthropic) continue;  // base64 has a source of its own
      const std::string data = is_ollama(client.dialect)
                                   ? base64_of(sim_png)
                                   : "data:image/png;base64," + base64_of(sim_png);
      const auto passed = gateway.ask(ask_about(client, data));
      EXPECT_EQ(passed->status(), 200) << name << passed->body();
      EXPECT_TRUE(refusing.sent_upstream().contains(base64_of(sim_png))) << name;
    }
    EXPECT_EQ(gateway.leftovers(), "");
  }
}

// In the caller's dialect, with the place where the address stands.
TEST(MediaFiles, TheRefusalNamesThePlace) {
  const std::pair<size_t, const char*> cases[] = {
      {0, "`image_url` in `messages[0]`"},
      {1, "`image_url` in `input[0]`"},
      {2, "`source.url` in `messages[0]`"},
      {3, "`images` in `messages[0]`"},
      {4, "`images` names"},
  };
  SimGateway gateway(1, {file_backend("one", file_upstreams[0])});
  for (const auto& [client, place] : cases) {
    const auto refused = gateway.ask(ask_about(file_clients[client], "http://a.example/"));
    EXPECT_EQ(refused->status(), 400);
    EXPECT_TRUE(refused->body().contains(place)) << refused->body();
    const json body = json::parse(refused->body(), nullptr, false);
    EXPECT_EQ(body["error"].is_string(), is_ollama(file_clients[client].dialect));
    EXPECT_EQ(body.value("type", "") == "error", client == 2) << body;
  }
}

TEST(MediaFiles, WhoIsSentNoAddressesIsLeftOutOfTheRoute) {
  Config config;
  config.models["m"].candidates = {{"local", "fake-model", 0}, {"cloud", "fake-model", 0}};
  SimGateway gateway(
      1, {file_backend("local", file_upstreams[1]), file_backend("cloud", file_upstreams[4])},
      std::move(config));
  const auto request = gateway.ask(ask_about(file_clients[0], "https://images.example/a.png",
                                             "x-request-id: it\r\n", R"("model":"m",)"));
  ASSERT_EQ(request->status(), 200) << request->body();
  EXPECT_EQ(request->header("x-rocket-backend"), "cloud");
  EXPECT_TRUE(sent_to(gateway, "cloud").contains(R"("url":"https://images.example/a.png")"));
  const Receipt* const receipt = gateway.state.current->receipts->find("it");
  ASSERT_NE(receipt, nullptr);
  EXPECT_EQ(receipt->candidate(0).endpoint, "local/0");
  EXPECT_EQ(receipt->candidate(0).why, "media_urls: refuse");
  // Without an address the first one answers.
  EXPECT_EQ(gateway.ask(sim_chat(false, R"("model":"m",)"))->header("x-rocket-backend"), "local");
}

TEST(MediaFiles, AreFetchedAndSentAlongInEveryDialect) {
  for (const FileUpstream& upstream : file_upstreams) {
    for (const FileClient& client : file_clients) {
      FetchingGateway fetching(with_media_urls(MediaUrls::fetch), {}, upstream);
      const std::string name = named(client, upstream);
      const auto request = fetching.gateway.ask(
          ask_about(client, "http://images.example/a.png", "x-rocket-strict: 1\r\n"));
      ASSERT_EQ(request->status(), 200) << name << request->body();
      EXPECT_EQ(request->header("x-rocket-translation"), "") << name;
      EXPECT_EQ(fetching.files.asked.size(), 1U) << name;
      const std::string sent = fetching.sent_upstream();
      EXPECT_TRUE(json::accept(sent)) << name << sent;
      EXPECT_TRUE(sent.contains(base64_of(sim_png))) << name << sent;
      EXPECT_FALSE(sent.contains("images.example")) << name << sent;
      EXPECT_EQ(fetching.gateway.leftovers(), "") << name;
    }
  }
}

// Nothing but the address' place changes.
TEST(MediaFiles, StandInTheClientsOwnBytes) {
  FetchingGateway fetching;
  const std::string before =
      R"({"model":"fake-model","messages":[{"role":"user","x_new":[1, 2],"content":[ {"type":"image_url","image_url":{"url":")";
  const std::string behind = R"(" , "detail":"low"}}]}],"seed":7})";
  const auto request = fetching.gateway.ask(
      sim_post("/v1/chat/completions", before + R"(http:\/\/images.example\/a.png)" + behind));
  ASSERT_EQ(request->status(), 200) << request->body();
  EXPECT_EQ(fetching.sent_upstream(),
            before + "data:image/png;base64," + base64_of(sim_png) + behind);
}

TEST(MediaFiles, OneInsideOfAnotherBreaksNothing) {
  FetchingGateway fetching(with_media_urls(MediaUrls::fetch), {}, file_upstreams[4]);
  const auto request = fetching.gateway.ask(sim_post(
      "/v1/messages",
      R"({"model":"fake-model","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image",)"
      R"("source":{"type":"url","url":"http://images.example/a.png","url":"http://images.example/a.png",)"
      R"("content":[{"image_url":"http://images.example/a.png"}]}}]}]})"));
  EXPECT_EQ(request->status(), 200) << request->body();
  EXPECT_TRUE(json::accept(fetching.sent_upstream())) << fetching.sent_upstream();
  EXPECT_FALSE(fetching.sent_upstream().contains("images.example"));
}

TEST(MediaFiles, DocumentsAreCarriedOver) {
  const std::string ask_pdf = sim_post(
      "/v1/responses",
      R"({"model":"fake-model","input":[{"role":"user","content":[{"type":"input_text","text":"hi"},)"
      R"({"type":"input_file","file_url":"http://images.example/b.pdf"}]}]})",
      "x-rocket-strict: 1\r\n");
  FetchingGateway fetching;
  const auto request = fetching.gateway.ask(ask_pdf);
  ASSERT_EQ(request->status(), 200) << request->body();
  EXPECT_TRUE(
      fetching.sent_upstream().contains("data:application/pdf;base64," + base64_of(sim_pdf)));
  // Chat completions have no word for a document's address.
  FetchingGateway passing(with_media_urls(MediaUrls::pass));
  EXPECT_EQ(passing.gateway.ask(ask_pdf)->status(), 400);
}

TEST(MediaFiles, OneFetchServesAllAttemptsAndAllPlaces) {
  FakeScript script;
  script.fault = Fault::status_503;
  FetchingGateway fetching(with_media_urls(MediaUrls::fetch), script);
  const std::string url = "http://images.example/a.png";
  const auto request = fetching.gateway.ask(chat_about_all({url, url, url}));
  EXPECT_EQ(request->status(), 503);
  EXPECT_GE(fetching.asked_upstream(), 2U);
  EXPECT_EQ(fetching.files.asked.size(), 1U);
}

TEST(MediaFiles, ACloudThatIsGivenTheAddressNeedsNoFile) {
  Config config;
  config.models["m"].candidates = {{"cloud", "fake-model", 0}, {"local", "fake-model", 0}};
  SimGateway gateway(
      1, {file_backend("cloud", file_upstreams[4]), file_backend("local", file_upstreams[1])},
      std::move(config));
  // The simulated backends are made from their specs; what is one's own comes by a reload.
  Config reloaded = gateway.control.snapshot()->config;
  for (BackendConfig& one : reloaded.backends) {
    if (one.name == "local") one.media_urls = MediaUrls::fetch;
  }
  ASSERT_TRUE(gateway.control.apply(reloaded).has_value());
  FileHost files(gateway, files_address);
  gateway.net.name("images.example", {{files_address}});
  files.answers["/a.png"] = file_answer("image/png", sim_png);
  const std::string bytes =
      ask_about(file_clients[0], "http://images.example/a.png", "", R"("model":"m",)");
  EXPECT_EQ(gateway.ask(bytes)->header("x-rocket-backend"), "cloud");
  EXPECT_TRUE(files.asked.empty());

  gateway.fake("cloud").script().fault = Fault::status_500;
  const auto moved = gateway.ask(bytes);
  EXPECT_EQ(moved->status(), 200) << moved->body();
  EXPECT_EQ(moved->header("x-rocket-backend"), "local");
  EXPECT_EQ(files.asked.size(), 1U);
  EXPECT_TRUE(sent_to(gateway, "local").contains(base64_of(sim_png)));

  // Without its file the local one is not asked, and what is told is what the cloud has said.
  files.answers.clear();
  const auto lost = gateway.ask(bytes);
  EXPECT_EQ(lost->status(), 502) << lost->body();
  EXPECT_EQ(gateway.leftovers(), "");
}

// What was said earlier is said again to whoever answers next.
TEST(MediaFiles, OfEarlierResponsesAreFilesToo) {
  const auto next = [](const std::string& previous, const std::string& model) {
    return sim_post("/v1/responses", R"({"model":")" + model +
                                         R"(","input":"and now?","previous_response_id":")" +
                                         previous + "\"}");
  };
  const auto first = [](const std::string& model) {
    return ask_about(file_clients[1], "http://images.example/a.png", "",
                     R"("model":")" + model + R"(",)");
  };
  FetchingGateway fetching;
  const auto begun = fetching.gateway.ask(first("fake-model"));
  ASSERT_EQ(begun->status(), 200) << begun->body();
  const std::string id = json::parse(begun->body())["id"];
  const auto followed = fetching.gateway.ask(next(id, "fake-model"));
  ASSERT_EQ(followed->status(), 200) << followed->body();
  EXPECT_TRUE(fetching.sent_upstream().contains(base64_of(sim_png))) << fetching.sent_upstream();
  EXPECT_FALSE(fetching.sent_upstream().contains("images.example"));
  EXPECT_EQ(fetching.files.asked.size(), 2U);

  // What a cloud was given is not given to a local server behind our back.
  FakeScript cloud;
  cloud.models = {"c"};
  FakeScript local;
  local.models = {"l"};
  SimGateway gateway(1, {file_backend("cloud", file_upstreams[4], cloud),
                         file_backend("local", file_upstreams[1], local)});
  const auto passed = gateway.ask(first("c"));
  ASSERT_EQ(passed->status(), 200) << passed->body();
  const auto refused = gateway.ask(next(json::parse(passed->body())["id"], "l"));
  EXPECT_EQ(refused->status(), 400) << refused->body();
  EXPECT_TRUE(refused->body().contains("an earlier response")) << refused->body();
  EXPECT_EQ(gateway.fake("local").counters().requests, 0U);
}

TEST(MediaFiles, SoundAndFilmAreNotFetched) {
  FetchingGateway fetching;
  const auto request = fetching.gateway.ask(sim_post(
      "/v1/chat/completions",
      R"({"model":"fake-model","messages":[{"role":"user","content":[{"type":"video_url","video_url":{"url":"http://images.example/a.png"}}]}]})"));
  EXPECT_EQ(request->status(), 400);
  EXPECT_TRUE(request->body().contains("only images and PDFs")) << request->body();
  EXPECT_TRUE(fetching.files.asked.empty());
}

TEST(MediaFiles, StreamsGetTheirsToo) {
  FetchingGateway fetching;
  const auto request =
      fetching.gateway.ask(ask_about(file_clients[0], "http://images.example/a.png", "",
                                     R"("model":"fake-model","stream":true,)"));
  EXPECT_EQ(request->status(), 200);
  EXPECT_TRUE(request->has_done());
  EXPECT_EQ(fetching.gateway.leftovers(), "");
}

}  // namespace
}  // namespace rocket
