#include "testing/fake_body.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace rocket {
namespace {

void append_little_endian(std::string& out, std::uint64_t number, int bytes) {
  for (int i = 0; i < bytes; ++i)
    out += static_cast<char>(number >> (8 * i) & 0xffU);
}

std::uint32_t crc32(std::string_view text) {
  std::uint32_t crc = ~0U;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1U ^ (crc % 2 != 0 ? 0xedb88320U : 0U);
  }
  return ~crc;
}

// A gzip file whose blocks are stored, not compressed: any reader takes it, none is needed here.
std::string gzip(std::string_view text) {
  std::string out("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
  std::string_view left = text;
  do {
    const std::string_view block = left.substr(0, 65535);
    left.remove_prefix(block.size());
    out += left.empty() ? '\1' : '\0';
    append_little_endian(out, block.size(), 2);
    append_little_endian(out, ~block.size(), 2);
    out += block;
  } while (!left.empty());
  append_little_endian(out, crc32(text), 4);
  append_little_endian(out, text.size(), 4);
  return out;
}

// The piece behind `at`, never the last one of a stream, which is [DONE] or message_stop.
std::size_t struck(const FakeAnswer& answer, const FakeScript& script) {
  const std::size_t last = answer.pieces.size() - (answer.pieces.size() > 1 ? 2 : 1);
  return std::min<std::size_t>(script.at, last);
}

// Half of what the piece says, which has to begin: behind "event:" there may be less of it.
void break_json(std::string& piece, bool stream) {
  piece.resize(std::max(piece.size() / 2, piece.find('{') + 1));
  if (stream) piece += "\n\n";
}

// Not every event has a text.
void break_text(FakeAnswer& answer, const FakeScript& script) {
  for (std::size_t i = struck(answer, script); i < answer.pieces.size(); ++i) {
    const std::size_t word = answer.pieces[i].find(script.word);
    if (word == std::string::npos) continue;
    answer.pieces[i].insert(word, 1, '\xff');
    return;
  }
}

void fail_stream(FakeAnswer& answer, const FakeScript& script, std::size_t behind) {
  const bool anthropic = script.kind == FakeKind::anthropic;
  const FakeAnswer error = fake_error(script.kind, anthropic ? 529 : 500, "scripted failure");
  if (answer.stream && answer.content_type == "application/x-ndjson") {
    answer.pieces.resize(behind);
    answer.pieces.emplace_back("{\"error\":\"scripted failure\"}\n");
  } else if (answer.stream) {
    answer.pieces.resize(behind);
    answer.pieces.push_back((anthropic ? "event: error\ndata: " : "data: ") + error.pieces.front() +
                            "\n\n");
  } else {
    answer.pieces = error.pieces;
  }
}

}  // namespace

std::string body_of(const FakeAnswer& answer) {
  std::string body;
  for (const std::string& piece : answer.pieces)
    body += piece;
  return body;
}

void spoil_body(FakeAnswer& answer, const FakeScript& script) {
  if (answer.status != 200 || answer.pieces.empty()) return;
  std::string& piece = answer.pieces[struck(answer, script)];
  switch (script.fault) {
    case Fault::gzip_body:
      answer.headers.emplace_back("Content-Encoding", "gzip");
      answer.pieces = {gzip(body_of(answer))};
      break;
    case Fault::error_body_200:
      answer = fake_error(script.kind, 500, "scripted failure");
      answer.status = 200;
      break;
    case Fault::no_done:
      if (answer.stream) answer.pieces.pop_back();
      break;
    case Fault::error_event_first: fail_stream(answer, script, 0); break;
    case Fault::error_event_mid_stream: fail_stream(answer, script, struck(answer, script)); break;
    case Fault::broken_json: break_json(piece, answer.stream); break;
    case Fault::invalid_utf8: break_text(answer, script); break;
    case Fault::long_line:
      // White space, so that nothing else is wrong with it.
      piece.insert(answer.stream ? piece.find('{') : piece.size(), 10'000'000, ' ');
      break;
    default: break;
  }
}

}  // namespace rocket
