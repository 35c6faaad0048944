#include "testing/fake_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "testing/fake_body.h"

namespace rocket {
namespace {

using namespace std::string_view_literals;

std::vector<std::string> quarters(const std::string& body) {
  const std::size_t size = std::max<std::size_t>(1, (body.size() + 3) / 4);
  std::vector<std::string> pieces;
  for (std::size_t offset = 0; offset < body.size(); offset += size) {
    pieces.push_back(body.substr(offset, size));
  }
  return pieces;
}

std::string_view reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "Unknown";
  }
}

// A header line as that kind of server writes it.
std::string header(FakeKind kind, std::string_view name, std::string_view value) {
  std::string line(name);
  if (kind == FakeKind::vllm || kind == FakeKind::anthropic) {
    for (char& c : line)
      c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  return line.append(": ").append(value).append("\r\n");
}

std::string server_headers(FakeKind kind, bool stream) {
  switch (kind) {
    case FakeKind::llama_cpp:
      return std::string("Server: llama.cpp\r\nAccess-Control-Allow-Origin: \r\n") +
             (stream ? "X-Accel-Buffering: no\r\n" : "");
    case FakeKind::ollama: return "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n";
    case FakeKind::vllm: return "date: Thu, 01 Jan 2026 00:00:00 GMT\r\nserver: uvicorn\r\n";
    case FakeKind::lmstudio: return "X-Powered-By: Express\r\nAccess-Control-Allow-Origin: *\r\n";
    case FakeKind::anthropic:
      return "date: Thu, 01 Jan 2026 00:00:00 GMT\r\nserver: cloudflare\r\n"
             "cf-cache-status: DYNAMIC\r\n";
  }
  return {};
}

bool is_chunked(const FakeAnswer& answer, Fault fault) {
  switch (fault) {
    case Fault::bad_chunk_size:
    case Fault::overflowing_chunk_size:
    case Fault::length_and_chunked: return true;
    case Fault::two_lengths:
    case Fault::length_too_long:
    case Fault::length_too_short: return false;
    default: return answer.stream;
  }
}

std::string lengths(const FakeScript& script, std::size_t size) {
  const auto length = [&](std::size_t bytes) {
    return header(script.kind, "Content-Length", std::to_string(bytes));
  };
  switch (script.fault) {
    case Fault::two_lengths: return length(size) + length(size + 1);
    case Fault::length_too_long: return length(size + 100);
    case Fault::length_too_short: return length(5);
    default: return length(size);
  }
}

// The header line that is the fault, if it is one.
std::string bad_header(Fault fault) {
  switch (fault) {
    case Fault::head_64k: return "X-Filler: " + std::string(65536, 'a') + "\r\n";
    case Fault::nul_in_header: return std::string("X-Nul: a\0b\r\n"sv);
    case Fault::bare_lf: return "X-Bare: a\nX-Split: b\r\n";
    default: return {};
  }
}

std::string head(const FakeAnswer& answer, const FakeScript& script, bool keep_alive) {
  const Fault fault = script.fault;
  const int status = fault == Fault::status_999 ? 999 : answer.status;
  std::string text;
  if (fault == Fault::early_hints) text += "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
  for (int i = 0; fault == Fault::continue_flood && i < 5000; ++i) {
    text += "HTTP/1.1 100 Continue\r\n\r\n";
  }
  text += fmt::format("HTTP/1.1 {} {}\r\n", status, reason(status));
  text += server_headers(script.kind, answer.stream);
  text += header(script.kind, "Content-Type", answer.content_type);
  for (const auto& [name, value] : answer.headers)
    text += header(script.kind, name, value);
  text += bad_header(fault);
  const bool chunked = is_chunked(answer, fault);
  if (!chunked || fault == Fault::length_and_chunked) {
    text += lengths(script, body_of(answer).size());
  }
  if (chunked) text += header(script.kind, "Transfer-Encoding", "chunked");
  if (!keep_alive) text += header(script.kind, "Connection", "close");
  return text += "\r\n";
}

// Faults that need no answer to go wrong with.
bool plan_without_answer(FakePlan& plan, Fault fault) {
  using End = FakePlan::End;
  const auto only = [&plan](std::string bytes, End end) {
    plan = {{{{}, std::move(bytes)}}, end};
    return true;
  };
  switch (fault) {
    case Fault::hang_before_head: return only("", End::hang);
    case Fault::reset_before_head: return only("", End::reset);
    case Fault::end_before_head: return only("", End::close);
    case Fault::garbage: return only("\x16\x03\x01 no HTTP \xff\xfe\r\n\r\n", End::close);
    case Fault::http09: return only("<html>a body without a head</html>\n", End::close);
    case Fault::endless_head:
      plan.steps = {{{}, "HTTP/1.1 200 OK\r\n"},
                    {{}, "X-Filler: " + std::string(1000, 'a') + "\r\n"}};
      plan.end = End::repeat;
      return true;
    default: return false;
  }
}

// A step for each byte of those from `first` on.
void drip(FakePlan& plan, std::size_t first, std::size_t last, Duration delay) {
  std::vector<FakePlan::Step> steps(plan.steps.begin(),
                                    plan.steps.begin() + static_cast<std::ptrdiff_t>(first));
  for (std::size_t i = first; i < plan.steps.size(); ++i) {
    if (i >= last) {
      steps.push_back(plan.steps[i]);
      continue;
    }
    for (const char c : plan.steps[i].bytes)
      steps.push_back({delay, std::string(1, c)});
    if (!plan.steps[i].bytes.empty()) steps.back().says_last = plan.steps[i].says_last;
  }
  plan.steps = std::move(steps);
}

void truncate(FakePlan& plan, std::uint64_t bytes) {
  std::size_t kept = 0;
  for (; kept < plan.steps.size() && bytes > 0; ++kept) {
    FakePlan::Step& step = plan.steps[kept];
    step.says_last &= step.bytes.size() <= bytes;
    step.bytes.resize(std::min<std::size_t>(step.bytes.size(), bytes));
    bytes -= step.bytes.size();
  }
  plan.steps.resize(kept);
}

// Cuts behind `at` pieces, the head being the first step, and goes on with `bytes`.
void cut(FakePlan& plan, const FakeScript& script, std::string bytes, FakePlan::End end) {
  plan.steps.resize(std::min<std::size_t>(plan.steps.size(), script.at + 1));
  if (!bytes.empty()) plan.steps.push_back({{}, std::move(bytes)});
  plan.end = end;
}

void cut_off(FakePlan& plan, const FakeScript& script, FakePlan::End end) {
  if (!script.at_byte) return cut(plan, script, {}, end);
  truncate(plan, *script.at_byte);
  plan.end = end;
}

// Faults of the finished plan: a step for the head, one per piece, one for the last chunk.
void spoil_plan(FakePlan& plan, const FakeScript& script) {
  using End = FakePlan::End;
  switch (script.fault) {
    case Fault::drip_head: drip(plan, 0, 1, script.drip_delay); break;
    case Fault::drip_body: drip(plan, 1, plan.steps.size(), script.drip_delay); break;
    case Fault::hang_mid_stream: cut_off(plan, script, End::hang); break;
    case Fault::reset_mid_stream: cut_off(plan, script, End::reset); break;
    case Fault::end_mid_stream: cut_off(plan, script, End::close); break;
    case Fault::bad_chunk_size: cut(plan, script, "xyz\r\ntext\r\n", End::close); break;
    case Fault::overflowing_chunk_size:
      cut(plan, script, "11111111111111111111\r\ntext\r\n", End::close);
      break;
    case Fault::length_too_long:
    case Fault::close_unannounced: plan.end = End::close; break;
    default: break;
  }
}

}  // namespace

std::string FakePlan::bytes() const {
  std::string all;
  for (const Step& step : steps)
    all += step.bytes;
  return all;
}

FakePlan fake_plan(FakeAnswer answer, const FakeScript& script, bool keep_alive) {
  FakePlan plan;
  if (plan_without_answer(plan, script.fault)) {
    plan.steps.front().pause = script.head_delay;
    return plan;
  }
  spoil_body(answer, script);
  if (!answer.stream) answer.pieces = quarters(body_of(answer));
  plan.end = keep_alive ? FakePlan::End::keep : FakePlan::End::close;
  plan.steps.push_back({script.head_delay, head(answer, script, keep_alive)});
  if (answer.stream && script.fault == Fault::split_every_byte) {
    const std::string body = body_of(answer);
    answer.pieces.clear();
    for (const char c : body)
      answer.pieces.emplace_back(1, c);
  }
  const bool chunked = is_chunked(answer, script.fault);
  for (const std::string& piece : answer.pieces) {
    plan.steps.push_back({answer.stream ? script.event_delay : Duration{},
                          chunked ? fmt::format("{:x}\r\n{}\r\n", piece.size(), piece) : piece});
  }
  plan.steps.back().says_last = true;
  if (chunked) plan.steps.push_back({{}, "0\r\n\r\n"});
  spoil_plan(plan, script);
  return plan;
}

}  // namespace rocket
