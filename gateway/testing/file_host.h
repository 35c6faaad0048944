#pragma once

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <string>
#include <vector>

#include "base/base64.h"
#include "telemetry/receipt.h"
#include "testing/sim_gateway.h"

// Hosts of files on the simulated network, and clients that name their files by addresses.
namespace rocket {

using namespace std::string_view_literals;

inline constexpr std::string_view sim_png = "\x89PNG\r\n\x1a\n and then the picture"sv;
inline constexpr std::string_view sim_pdf = "%PDF-1.7 and then the pages"sv;
inline constexpr const char* files_address = "93.184.216.34";  // a public one

inline std::string base64_of(std::string_view bytes) {
  Base64Encoder encoder;
  std::string text;
  EXPECT_TRUE(encoder.encode(bytes, [&](std::string_view piece) {
    text += piece;
    return true;
  }));
  return text += encoder.finish();
}

inline std::string file_answer(const std::string& type, std::string_view body,
                               const std::string& more = "") {
  return "HTTP/1.1 200 OK\r\nContent-Type: " + type + "\r\n" + more +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

inline std::string file_redirect(const std::string& to) {
  return "HTTP/1.1 302 Found\r\nLocation: " + to + "\r\nContent-Length: 0\r\n\r\n";
}

// What it answers, by target, and what it has been asked.
class FileHost {
 public:
  FileHost(SimGateway& gateway, const std::string& address, std::uint16_t port = 80)
      : loop_(gateway.loop), tasks_(gateway.loop.run_queue()) {
    gateway.net.listen(address, port, [this](std::unique_ptr<ByteStream> stream) {
      tasks_.spawn(serve(std::move(stream)));
    });
  }

  std::map<std::string, std::string> answers;
  Duration delay{};      // before it answers
  bool endless = false;  // goes on behind its answer
  std::vector<std::string> asked;

 private:
  Task<void> serve(std::unique_ptr<ByteStream> stream) {
    std::string request;
    std::array<char, 4096> buffer{};
    while (!request.contains("\r\n\r\n")) {
      const IoResult read = stream->try_read(buffer);
      if (read.status == IoResult::Status::would_block) {
        co_await stream->readable(never);
        continue;
      }
      if (read.status != IoResult::Status::done) co_return;
      request.append(buffer.data(), read.bytes);
    }
    asked.push_back(request);
    if (delay != Duration::zero()) co_await SleepUntil(loop_, loop_.now() + delay);
    const size_t begin = request.find(' ') + 1;
    const auto found = answers.find(request.substr(begin, request.find(' ', begin) - begin));
    const std::string missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    std::string bytes = found == answers.end() ? missing : found->second;
    while (!bytes.empty()) {
      std::string_view rest = bytes;
      while (!rest.empty()) {
        const iovec piece{const_cast<char*>(rest.data()), rest.size()};
        const IoResult written = stream->try_write({&piece, 1});
        if (written.status == IoResult::Status::would_block) {
          co_await stream->writable(never);
          continue;
        }
        if (written.status != IoResult::Status::done) co_return;
        rest.remove_prefix(written.bytes);
      }
      bytes = endless ? std::string(16384, 'x') : std::string();
    }
  }

  SimLoop& loop_;
  TaskGroup tasks_;
};

// How a client of each dialect names an image at a URL, which stands between `before` and `behind`.
struct FileClient {
  Dialect dialect;
  const char* path;
  const char* before;
  const char* behind;
};
inline constexpr FileClient file_clients[] = {
    {Dialect::chat, "/v1/chat/completions",
     R"("messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":")",
     R"("}}]}])"},
    {Dialect::responses, "/v1/responses",
     R"("input":[{"role":"user","content":[{"type":"input_text","text":"hi"},{"type":"input_image","image_url":")",
     R"("}]}])"},
    {Dialect::anthropic, "/v1/messages",
     R"("max_tokens":50,"messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image","source":{"type":"url","url":")",
     R"("}}]}])"},
    {Dialect::ollama, "/api/chat", R"("messages":[{"role":"user","content":"hi","images":[")",
     R"("]}])"},
    {Dialect::generate, "/api/generate", R"("prompt":"hi","images":[")", R"("])"},
};

inline std::string ask_about(
    const FileClient& client, const std::string& url, const std::string& lines = "",
    const std::string& members = R"("model":"fake-model","stream":false,)") {
  return sim_post(client.path, "{" + members + client.before + url + client.behind + "}", lines);
}
// The client of chat completions.
inline std::string chat_about(const std::string& url, const std::string& lines = "") {
  return ask_about(file_clients[0], url, lines);
}
// Several at once.
inline std::string chat_about_all(const std::vector<std::string>& urls) {
  std::string parts;
  for (const std::string& url : urls) {
    parts += std::string(parts.empty() ? "" : ",") + R"({"type":"image_url","image_url":{"url":")" +
             url + "\"}}";
  }
  return sim_post(
      "/v1/chat/completions",
      R"({"model":"fake-model","messages":[{"role":"user","content":[)" + parts + "]}]}");
}

struct FileUpstream {
  FakeKind fake;
  BackendKind kind;
};
inline constexpr FileUpstream file_upstreams[] = {
    {FakeKind::llama_cpp, BackendKind::openai},    {FakeKind::vllm, BackendKind::vllm},
    {FakeKind::lmstudio, BackendKind::lmstudio},   {FakeKind::ollama, BackendKind::ollama},
    {FakeKind::anthropic, BackendKind::anthropic},
};

inline SimGateway::BackendSpec file_backend(const std::string& name, const FileUpstream& upstream,
                                            FakeScript script = {}, size_t endpoints = 1) {
  script.kind = upstream.fake;
  return {.name = name,
          .endpoints = std::vector<FakeScript>(endpoints, script),
          .default_model = "fake-model",
          .kind = upstream.kind};
}

inline Config with_media_urls(MediaUrls media_urls) {
  Config config;
  config.media_urls = media_urls;
  return config;
}

// A gateway that fetches, in front of the backend `one` of two endpoints, and a host of files.
struct FetchingGateway {
  explicit FetchingGateway(Config config = with_media_urls(MediaUrls::fetch),
                           const FakeScript& script = {},
                           const FileUpstream& upstream = file_upstreams[0])
      : gateway(1, {file_backend("one", upstream, script, 2)}, std::move(config)),
        files(gateway, files_address) {
    gateway.net.name("images.example", {{files_address}});
    files.answers["/a.png"] = file_answer("image/png", sim_png);
    files.answers["/b.pdf"] = file_answer("application/pdf", sim_pdf);
  }

  [[nodiscard]] const Receipt& receipt_of(std::string_view id) const {
    const Receipt* const found = gateway.state.current->receipts->find(id);
    ROCKET_ASSERT(found != nullptr);
    return *found;
  }
  [[nodiscard]] std::uint64_t asked_upstream() {
    return gateway.fake("one", 0).counters().requests + gateway.fake("one", 1).counters().requests;
  }
  // The body that reached either endpoint last.
  [[nodiscard]] std::string sent_upstream() {
    std::string sent;
    for (const size_t i : {0U, 1U}) {
      for (const RecordedRequest& one : gateway.fake("one", i).recorder().requests()) {
        const bool probe = !one.head.starts_with("POST") || one.head.contains("/api/show");
        if (!probe) sent = one.body;
      }
    }
    return sent;
  }

  SimGateway gateway;
  FileHost files;
};

}  // namespace rocket
