#include "proxy/media_fetch.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "testing/file_host.h"

// What hosts of files, good ones and bad ones, can make a gateway do.
namespace rocket {
namespace {

using nlohmann::json;

// "code: message" of what is a 400.
std::string error_of(FetchingGateway& fetching, const std::string& url) {
  const auto request = fetching.gateway.ask(chat_about(url, "x-request-id: it\r\n"));
  EXPECT_EQ(request->status(), 400) << url << request->body();
  const json body = json::parse(request->body(), nullptr, false);
  if (!body.is_object()) return "unreadable: " + request->body();
  return body["error"].value("code", "") + ": " + body["error"].value("message", "");
}

TEST(MediaFetch, NothingOfTheClientsGoesToTheFilesHost) {
  FetchingGateway fetching;
  static_cast<void>(
      fetching.gateway.ask(chat_about("http://images.example/a.png?x=1#part",
                                      "authorization: Bearer sk-secret\r\ncookie: secret=1\r\n"
                                      "x-forwarded-for: 1.2.3.4\r\nreferer: http://secret/\r\n"
                                      "x-request-id: secret\r\nuser-agent: secret\r\n")));
  ASSERT_EQ(fetching.files.asked.size(), 1U);
  EXPECT_EQ(fetching.files.asked[0],
            "GET /a.png?x=1 HTTP/1.1\r\nhost: images.example\r\n"
            "accept: image/png, image/jpeg, image/gif, image/webp, application/pdf\r\n"
            "accept-encoding: identity\r\nuser-agent: rocket\r\nconnection: close\r\n\r\n");
}

struct FailureCase {
  const char* url;
  const char* expected;
};

// Answers of images.example, by target.
std::map<std::string, std::string> bad_answers() {
  const std::string large = std::string(sim_png) + std::string(100'000, 'x');
  const std::string unannounced =
      "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\n\r\n";
  return {
      {"/page", file_answer("text/html", "<html>")},
      {"/lying", file_answer("image/png", "{\"secret\":\"token of the metadata\"}")},
      {"/short", file_answer("image/png", "\x89PN")},
      {"/nothing", file_answer("image/png", "")},
      {"/svg", file_answer("image/svg+xml", "<svg/>")},
      {"/untyped", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"},
      {"/gzip", file_answer("image/png", sim_png, "Content-Encoding: gzip\r\n")},
      {"/large", file_answer("image/png", large)},
      {"/unannounced", unannounced + large},
      {"/cut", "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 99\r\n\r\n" +
                   std::string(sim_png)},
      {"/garbage", "SSH-2.0-OpenSSH_9.2\r\n\r\n"},
      {"/loop", file_redirect("/loop")},
      {"/to-inside", file_redirect("http://inside.example/a.png")},
      {"/to-metadata", file_redirect("http://169.254.169.254/latest/meta-data/")},
      {"/to-file", file_redirect("file:///etc/passwd")},
      {"/to-port", file_redirect("http://images.example:25/")},
      {"/to-nowhere", "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"},
      {"/not-modified", "HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n"},
      {"/b.pdf", file_answer("application/pdf", sim_pdf)},
  };
}

constexpr FailureCase failures[] = {
    {"http://images.example/missing?key=secret", "images.example answered 404"},
    {"http://images.example/page", "is no image and no PDF"},
    {"http://images.example/lying", "no PNG, JPEG, GIF or WebP"},
    {"http://images.example/short", "no PNG, JPEG, GIF or WebP"},
    {"http://images.example/nothing", "no PNG, JPEG, GIF or WebP"},
    {"http://images.example/svg", "is no image and no PDF"},
    {"http://images.example/untyped", "is no image and no PDF"},
    {"http://images.example/b.pdf", "no PNG, JPEG, GIF or WebP"},
    {"http://images.example/gzip", "encoded"},
    {"http://images.example/large", "limits.media_bytes"},
    {"http://images.example/unannounced", "limits.media_bytes"},
    {"http://images.example/cut", "not all of it"},
    {"http://images.example/garbage", "no proper HTTP"},
    {"http://images.example/loop", "redirects too often"},
    {"http://images.example/to-inside", "redirects to an address that leads to no public address"},
    {"http://images.example/to-metadata",
     "redirects to an address that leads to no public address"},
    {"http://images.example/to-file", "redirects to an address that"},
    {"http://images.example/to-port", "redirects to an address that has a port"},
    {"http://images.example/to-nowhere", "redirects to nowhere"},
    {"http://images.example/not-modified", "answered 304"},
    {"http://inside.example/a.png", "no public address"},
    {"http://metadata.example/a.png", "no public address"},
    {"http://both.example/a.png", "no public address"},
    {"http://six.example/a.png", "no public address"},
    {"http://nobody.example/a.png", "no public address"},
    {"http://127.0.0.1/a.png", "no public address"},
    {"http://[::1]/a.png", "no public address"},
    {"http://[::ffff:7f00:1]/a.png", "no public address"},
    {"http://169.254.169.254/latest", "no public address"},
    {"http://[64:ff9b::a9fe:a9fe]/latest", "no public address"},
    {"http://0/a.png", "neither a name nor an IPv4 address"},
    {"http://2130706433/a.png", "neither a name nor an IPv4 address"},
    {"http://images.example:25/a.png", "port"},
    {"ftp://images.example/a.png", "neither http:// nor https://"},
    {"file:///etc/passwd", "neither http:// nor https://"},
    {"http://user:secret@images.example/a.png", "user name"},
    {"http://closed.example/a.png", "can not be reached"},
    {"http://dark.example/a.png", "can not be reached"},
    {"http://silent.example/a.png", "no public address"},
};

TEST(MediaFetch, AFileThatCanNotBeHadIsTheClientsAffair) {
  Config config = with_media_urls(MediaUrls::fetch);
  config.limits.media_bytes = {100'000};
  FetchingGateway fetching(std::move(config));
  SimNet& net = fetching.gateway.net;
  fetching.files.answers = bad_answers();
  net.name("inside.example", {{"10.0.0.7"}});
  net.name("metadata.example", {{"169.254.169.254"}});
  net.name("both.example", {{files_address, "127.0.0.1"}});
  net.name("six.example", {{"::ffff:192.168.0.1"}});
  net.name("closed.example", {{"93.184.216.35"}});
  net.name("dark.example", {{"93.184.216.36"}});
  net.name("silent.example", {{}});
  net.link("93.184.216.35", 80).connect = SimLink::Connect::refuse;
  net.link("93.184.216.36", 80).connect = SimLink::Connect::black_hole;
  const FileHost inside(fetching.gateway, "10.0.0.7");
  const FileHost metadata(fetching.gateway, "169.254.169.254");
  const FileHost loopback(fetching.gateway, "127.0.0.1");
  for (const FailureCase& c : failures) {
    const std::string error = error_of(fetching, c.url);
    EXPECT_TRUE(error.contains(c.expected)) << c.url << ": " << error;
    EXPECT_TRUE(error.starts_with("media_url_")) << error;
    EXPECT_TRUE(error.contains("`image_url` in `messages[0]`")) << error;
    EXPECT_TRUE(error.contains("data: URL")) << error;
    EXPECT_FALSE(error.contains("secret")) << error;
    EXPECT_FALSE(error.contains("10.0.0.7")) << error;
    EXPECT_EQ(fetching.receipt_of("it").blame, Blame::client) << c.url;
  }
  EXPECT_EQ(fetching.asked_upstream(), 0U);
  EXPECT_TRUE(inside.asked.empty() && metadata.asked.empty() && loopback.asked.empty());
  const TimePoint now = fetching.gateway.loop.now();
  for (const size_t i : {0U, 1U}) {
    EXPECT_EQ(fetching.gateway.endpoint("one", i).breaker.standing(now).state,
              BreakerState::closed);
  }
  EXPECT_EQ(fetching.gateway.leftovers(), "");
}

// The address that was looked at is dialled, whatever the name means by then.
TEST(MediaFetch, ANameIsAskedForOnce) {
  FetchingGateway fetching;
  SimNet& net = fetching.gateway.net;
  net.name("rebound.example", {{files_address}, {"127.0.0.1"}});
  const FileHost loopback(fetching.gateway, "127.0.0.1");
  const auto request = fetching.gateway.ask(chat_about("http://rebound.example/a.png"));
  EXPECT_EQ(request->status(), 200) << request->body();
  EXPECT_EQ(net.asked_for("rebound.example"), 1U);
  // Asked again, it is looked at again.
  EXPECT_TRUE(error_of(fetching, "http://rebound.example/a.png").contains("no public address"));
  EXPECT_TRUE(loopback.asked.empty());
}

TEST(MediaFetch, AnAddressThatIsDownIsFollowedByTheNext) {
  FetchingGateway fetching;
  SimNet& net = fetching.gateway.net;
  net.name("several.example", {{"93.184.216.35", "93.184.216.36", files_address}});
  net.link("93.184.216.35", 80).connect = SimLink::Connect::refuse;
  net.link("93.184.216.36", 80).connect = SimLink::Connect::black_hole;
  EXPECT_EQ(fetching.gateway.ask(chat_about("http://several.example/a.png"))->status(), 200);
}

TEST(MediaFetch, WhatIsAllowedIsFetchedFromInside) {
  Config config = with_media_urls(MediaUrls::fetch);
  config.media.allow = {"10.0.0.0/24", "nas.internal"};
  FetchingGateway fetching(std::move(config));
  fetching.gateway.net.name("inside.example", {{"10.0.0.7"}});
  fetching.gateway.net.name("nas.internal", {{"192.168.1.5"}});
  fetching.gateway.net.name("other.internal", {{"192.168.1.5"}});
  FileHost inside(fetching.gateway, "10.0.0.7", 8080);
  FileHost nas(fetching.gateway, "192.168.1.5");
  inside.answers["/a.png"] = file_answer("image/png; charset=binary", sim_png);
  nas.answers["/a.png"] = file_answer("IMAGE/PNG", sim_png);
  EXPECT_EQ(fetching.gateway.ask(chat_about("http://inside.example:8080/a.png"))->status(), 200);
  EXPECT_EQ(fetching.gateway.ask(chat_about("http://nas.internal/a.png"))->status(), 200);
  EXPECT_TRUE(error_of(fetching, "http://other.internal/a.png").contains("no public address"));
}

TEST(MediaFetch, RedirectsAreFollowedAFewTimes) {
  FetchingGateway fetching;
  fetching.gateway.net.name("cdn.example", {{"93.184.216.40"}});
  FileHost cdn(fetching.gateway, "93.184.216.40");
  fetching.files.answers["/1"] = file_redirect("2");
  fetching.files.answers["/2"] = file_redirect("//cdn.example/3");
  cdn.answers["/3"] = file_redirect("http://images.example/a.png");
  const auto request = fetching.gateway.ask(chat_about("http://images.example/1"));
  EXPECT_EQ(request->status(), 200) << request->body();
  EXPECT_EQ(fetching.files.asked.size(), 3U);
  EXPECT_EQ(cdn.asked.size(), 1U);
}

TEST(MediaFetch, AClientThatHangsUpEndsIt) {
  FetchingGateway fetching;
  fetching.files.delay = 5s;
  for (const Duration after : {1ms, 2ms, 3ms, 4ms, 6ms, 50ms, 1000ms}) {
    const auto request = fetching.gateway.send(chat_about("http://images.example/a.png"));
    fetching.gateway.loop.run_for(after);
    request->abort();
    fetching.gateway.loop.run_for(20ms);
    EXPECT_EQ(fetching.gateway.state.media.held(), 0U) << to_ms(after);
  }
  fetching.gateway.loop.run_for(10s);
  EXPECT_EQ(fetching.gateway.net.open_connections(files_address, 80), 0U);
  EXPECT_EQ(fetching.asked_upstream(), 0U);
  EXPECT_EQ(fetching.gateway.leftovers(), "");
}

TEST(MediaFetch, ItsTimeIsLimitedAndInTheReceipt) {
  FetchingGateway fetching;
  fetching.files.delay = 700ms;
  const auto request =
      fetching.gateway.ask(chat_about("http://images.example/a.png", "x-request-id: it\r\n"));
  EXPECT_EQ(request->status(), 200);
  EXPECT_GT(to_ms(fetching.receipt_of("it").media), 700);
  EXPECT_LT(to_ms(fetching.receipt_of("it").media), 720);
  EXPECT_LT(to_ms(fetching.receipt_of("it").engine_time(fetching.gateway.loop.now())), 100);

  fetching.files.delay = 15s;
  const TimePoint begun = fetching.gateway.loop.now();
  EXPECT_TRUE(error_of(fetching, "http://images.example/a.png").contains("timeouts.media"));
  EXPECT_LT(to_ms(fetching.gateway.loop.now() - begun), 10'200);
  EXPECT_GT(to_ms(fetching.receipt_of("it").media), 9'900);

  // A body that comes and comes is no better.
  fetching.files.delay = {};
  fetching.files.endless = true;
  fetching.gateway.net.link(files_address, 80).bytes_per_second = 1000;
  fetching.files.answers["/drip"] =
      "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\n\r\n" +
      std::string(sim_png);
  EXPECT_TRUE(error_of(fetching, "http://images.example/drip").contains("timeouts.media"));
  EXPECT_EQ(fetching.gateway.leftovers(), "");
}

TEST(MediaFetch, ItsTimeCountsForTheRequest) {
  Config config = with_media_urls(MediaUrls::fetch);
  config.timeouts.total = 2s;
  FetchingGateway fetching(std::move(config));
  fetching.files.delay = 15s;
  const TimePoint begun = fetching.gateway.loop.now();
  static_cast<void>(error_of(fetching, "http://images.example/a.png"));
  EXPECT_LT(to_ms(fetching.gateway.loop.now() - begun), 2'200);
}

TEST(MediaFetch, AnEndlessBodyIsGivenUpAtTheLimit) {
  FetchingGateway fetching;
  fetching.files.endless = true;
  fetching.files.answers["/endless"] =
      "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\n\r\n" +
      std::string(sim_png);
  EXPECT_TRUE(error_of(fetching, "http://images.example/endless").contains("limits.media_bytes"));
  EXPECT_EQ(fetching.gateway.leftovers(), "");
}

TEST(MediaFetch, FilesCountAsBodies) {
  Config config = with_media_urls(MediaUrls::fetch);
  config.limits.bodies_in_flight_bytes = {200'000};
  config.limits.body_bytes = {100'000};
  FetchingGateway fetching(std::move(config));
  fetching.files.answers["/large"] =
      file_answer("image/png", std::string(sim_png) + std::string(300'000, 'x'));
  const auto request = fetching.gateway.ask(chat_about("http://images.example/large"));
  EXPECT_EQ(request->status(), 503) << request->body();
  EXPECT_TRUE(request->body().contains("overloaded"));
  EXPECT_EQ(fetching.gateway.ask(chat_about("http://images.example/a.png"))->status(), 200);
  EXPECT_EQ(fetching.gateway.leftovers(), "");
}

TEST(MediaFetch, FilesOfOneRequestShareItsBytes) {
  Config config = with_media_urls(MediaUrls::fetch);
  config.limits.media_bytes = {100'000};
  FetchingGateway fetching(std::move(config));
  const std::string sixty = std::string(sim_png) + std::string(60'000, 'x');
  fetching.files.answers["/1"] = file_answer("image/png", sixty);
  fetching.files.answers["/2"] = file_answer("image/png", sixty);
  const auto both =
      fetching.gateway.ask(chat_about_all({"http://images.example/1", "http://images.example/2"}));
  EXPECT_EQ(both->status(), 400);
  EXPECT_TRUE(both->body().contains("limits.media_bytes")) << both->body();
  EXPECT_EQ(fetching.gateway.ask(chat_about("http://images.example/1"))->status(), 200);
}

TEST(MediaFetch, SoManyAtOnceAndSoManyInOneRequest) {
  Config config = with_media_urls(MediaUrls::fetch);
  config.limits.media_fetches = 1;
  config.limits.media_urls = 2;
  FetchingGateway fetching(std::move(config));
  fetching.files.delay = 100ms;
  std::vector<std::unique_ptr<SimRequest>> requests;
  for (int i = 0; i < 3; ++i)
    requests.push_back(fetching.gateway.send(chat_about("http://images.example/a.png")));
  fetching.gateway.loop.run_for(50ms);
  EXPECT_EQ(fetching.gateway.net.open_connections(files_address, 80), 1U);
  EXPECT_EQ(fetching.gateway.state.media.held(), 1U);
  // Whoever goes gives his place to the next.
  requests[0]->abort();
  for (const size_t i : {1U, 2U}) {
    fetching.gateway.finish(*requests[i]);
    EXPECT_EQ(requests[i]->status(), 200);
  }
  const std::string url = "http://images.example/a.png";
  for (const char* query : {"?1", "?2"})
    fetching.files.answers["/a.png" + std::string(query)] = file_answer("image/png", sim_png);
  EXPECT_EQ(fetching.gateway.ask(chat_about_all({url + "?1", url + "?2", url + "?1"}))->status(),
            200);
  const auto refused = fetching.gateway.ask(chat_about_all({url + "?1", url + "?2", url}));
  EXPECT_EQ(refused->status(), 400);
  EXPECT_TRUE(refused->body().contains("limits.media_urls")) << refused->body();
  EXPECT_EQ(fetching.gateway.leftovers(), "");
}

// Seeded lives of a fetch: whatever the host does and whenever the client goes, nothing is left and
// nobody else is blamed.
TEST(MediaFetch, NothingIsLeftWhateverHappens) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Random random(seed);
    Config config = with_media_urls(MediaUrls::fetch);
    config.limits.media_fetches = 2;
    config.timeouts.media = 3s;
    FetchingGateway fetching(std::move(config));
    SimLink& link = fetching.gateway.net.link(files_address, 80);
    link.split_reads = true;
    const auto bad = bad_answers();
    fetching.files.answers.insert(bad.begin(), bad.end());
    std::vector<std::unique_ptr<SimRequest>> requests;
    for (int step = 0; step < 40; ++step) {
      auto target = fetching.files.answers.begin();
      std::advance(target,
                   static_cast<std::ptrdiff_t>(random.uniform(fetching.files.answers.size())));
      const std::string url = "http://images.example" + target->first;
      requests.push_back(fetching.gateway.send(
          chat_about_all({url, "http://images.example/a.png", "http://images.example/a.png?2"})));
      link.latency = Duration(random.uniform(50'000'000));
      link.reset_after.reset();
      if (random.uniform(4) == 0) link.reset_after = random.uniform(400);
      fetching.files.delay = Duration(random.uniform(4) == 0 ? 4'000'000'000 : 1'000'000);
      fetching.gateway.loop.run_for(Duration(random.uniform(200'000'000)));
      if (random.uniform(3) == 0) requests[random.uniform(requests.size())]->abort();
    }
    fetching.gateway.loop.run_for(30s);
    for (const auto& one : requests)
      EXPECT_TRUE(one->ended()) << "seed " << seed;
    EXPECT_EQ(fetching.gateway.leftovers(), "") << "seed " << seed;
    const TimePoint now = fetching.gateway.loop.now();
    EXPECT_EQ(fetching.gateway.endpoint("one", 0).breaker.standing(now).state, BreakerState::closed)
        << "seed " << seed;
  }
}

}  // namespace
}  // namespace rocket
