#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "testing/fake_script.h"
#include "wire/http_message.h"

namespace rocket {

// What a fake backend is asked.
struct FakeRequest {
  std::string method;  // "POST"
  std::string path;    // without the query
  std::string body;
  std::uint64_t number = 0;  // of the request, for ids
  HeaderList headers{};
};

// What it answers, before that is put on the wire.
struct FakeAnswer {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::string> pieces;  // of the body; if streamed an event each
  bool stream = false;

  [[nodiscard]] static FakeAnswer json(std::string body);
};

// Whether that path asks for tokens or vectors; everything else only tells about the server.
[[nodiscard]] bool asks_for_inference(const FakeRequest& request);

// What the script's kind of server answers, its faults aside. Pure: the same request and script
// give the same answer.
[[nodiscard]] FakeAnswer fake_answer(const FakeScript& script, const FakeRequest& request);

// An error in the form of that kind of server; `number` of the request, where errors name it.
[[nodiscard]] FakeAnswer fake_error(FakeKind kind, int status, std::string_view message,
                                    std::uint64_t number = 0);

}  // namespace rocket
