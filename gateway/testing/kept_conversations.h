#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "schema/dialect.h"

namespace rocket {

// A request of gateway/schema/conversations; its name begins with its dialect.
struct KeptConversation {
  std::string name;
  Dialect dialect;
  std::string body;
};

inline Dialect kept_dialect(std::string_view name) {
  for (const Dialect dialect : {Dialect::chat, Dialect::responses, Dialect::anthropic,
                                Dialect::ollama, Dialect::generate}) {
    if (name.starts_with(to_string(dialect))) return dialect;
  }
  ADD_FAILURE() << name << " begins with no dialect";
  return Dialect::chat;
}

inline std::vector<KeptConversation> kept_conversations() {
  std::vector<KeptConversation> kept;
  const std::filesystem::path folder = ROCKET_SOURCE_DIR "/gateway/schema/conversations";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ostringstream text;
    text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    const std::string name = entry.path().stem();
    kept.push_back({name, kept_dialect(name), text.str()});
  }
  EXPECT_GT(kept.size(), 25U);
  return kept;
}

}  // namespace rocket
