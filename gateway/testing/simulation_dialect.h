#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "schema/dialect.h"

namespace rocket {

// How a client of each dialect asks for an answer in words, and where it finds it. The same for
// tests that expect things is testing/dialect_clients.
struct DialectClient {
  Dialect dialect;
  const char* path;
  const char* before_words;  // the members of its body up to what it says, which is quoted
  const char* after_words;
  const char* answer;  // the text of a whole answer, as a JSON pointer

  // The members that say what is asked; those for the model and the stream are all dialects' own.
  [[nodiscard]] std::string members(std::string_view words) const;
};

inline constexpr std::array dialect_clients{
    DialectClient{Dialect::chat, "/v1/chat/completions", R"("messages":[{"role":"user","content":)",
                  "}]", "/choices/0/message/content"},
    DialectClient{Dialect::responses, "/v1/responses", R"("input":)", "",
                  "/output/0/content/0/text"},
    DialectClient{Dialect::anthropic, "/v1/messages",
                  R"("max_tokens":1000,"messages":[{"role":"user","content":)", "}]",
                  "/content/0/text"},
    DialectClient{Dialect::ollama, "/api/chat", R"("messages":[{"role":"user","content":)", "}]",
                  "/message/content"},
    DialectClient{Dialect::generate, "/api/generate", R"("prompt":)", "", "/response"},
};
[[nodiscard]] const DialectClient& client_of(Dialect dialect);

// A stream as a client of its dialect hears it: all of it that has come.
struct HeardStream {
  std::string text;     // all texts together
  std::string wrong;    // what its grammar does not allow, with the event; empty: nothing
  bool ended = false;   // it has come to an end: [DONE], message_stop, ...
  bool failed = false;  // it says that it is broken
};
[[nodiscard]] HeardStream hear_stream(Dialect dialect, const std::string& body);

// What is wrong with an error that is no stream's, in the form of that dialect; empty: nothing.
[[nodiscard]] std::string fault_of_error(Dialect dialect, const std::string& body);

}  // namespace rocket
