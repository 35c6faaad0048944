#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/io.h"
#include "wire/http_message.h"

namespace rocket {

// Writes the response to one request. Everything is written at once as far as the client takes
// it; what it does not take is kept, and the caller must await drained() before it writes more.
// That is the whole of back-pressure: who waits here does not read upstream.
//
//   fresh --send--> ended        fresh --start_stream--> streaming --write(last)--> ended
//                                                            '--cut--> ended, connection closed
class ResponseWriter {
 public:
  enum class State : unsigned char { fresh, streaming, ended };

  ResponseWriter(ByteStream& stream, const RequestHead& head, bool keep_alive, Duration write_time);

  // A whole response. `header_lines` are canonical lines ("name: value\r\n") without framing and
  // connection headers; `pieces` together are the body and must live until drained().
  void send(int status, std::string_view header_lines, std::span<const std::string_view> pieces);

  // The head of a streamed response. It leaves with the first write(). `bytes`: how long the body
  // will be, if that is known; the writes have to add up to it.
  void start_stream(int status, std::string_view header_lines,
                    std::optional<std::uint64_t> bytes = std::nullopt);
  // Bytes of a streamed body, copied as far as the client does not take them at once.
  void write(std::span<const std::string_view> pieces, bool last = false);
  // Ends a streamed response visibly broken: no last chunk, the connection is closed.
  void cut();

  // An interim response; only while fresh.
  void send_continue();

  [[nodiscard]] bool blocked() const { return !unsent_.empty(); }
  // Waits until all is taken. False: the client is gone or too slow (it took nothing for
  // write_time, or not all by `deadline`), and nothing more will be written.
  [[nodiscard]] Task<bool> drained(TimePoint deadline = never);

  [[nodiscard]] State state() const { return state_; }
  // False once the client can not be written to.
  [[nodiscard]] bool alive() const { return !failed_; }
  [[nodiscard]] bool keep_alive() const { return keep_alive_ && !failed_; }
  // Whether the connection goes on behind this response; only while fresh.
  void set_keep_alive(bool keep_alive) { keep_alive_ = keep_alive; }
  [[nodiscard]] std::uint64_t bytes_sent() const { return bytes_sent_; }
  [[nodiscard]] int status() const { return status_; }

 private:
  enum class Unsent : unsigned char { copied, borrowed };

  void append_head(int status, std::string_view header_lines);
  void put(std::span<iovec> pieces, Unsent unsent);

  ByteStream& stream_;
  Duration write_time_;
  bool keep_alive_;
  bool http_1_0_;
  bool body_wanted_;  // false for HEAD
  bool chunked_ = false;
  bool failed_ = false;
  State state_ = State::fresh;
  int status_ = 0;
  std::string head_;
  std::string copied_;
  std::vector<iovec> unsent_;
  std::uint64_t bytes_sent_ = 0;
};

}  // namespace rocket
