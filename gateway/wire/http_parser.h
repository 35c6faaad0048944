#pragma once

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "wire/http_message.h"

namespace rocket {

// What reading a request and reading a response have in common: llhttp, which does the framing
// and is the strict one here, and limits, which it has not. RequestParser and ResponseParser
// are the classes to use; they add what a proxy must refuse beyond llhttp.
//
// One message at a time. The result depends on the bytes alone, never on how they were split.
class HttpParser {
 public:
  // head: not whole yet; body: the head is there and a body follows; complete: so is the body.
  enum class State : unsigned char { head, body, complete };

  // Takes bytes of one message and says how many. Stops right behind the head, so that the
  // caller can decide before any body is read, and right behind the message: what follows
  // belongs to the next one. After an error only that error comes, until reset().
  [[nodiscard]] Result<std::size_t> feed(std::string_view data);

  [[nodiscard]] State state() const { return state_; }

  // The body's bytes that the last feed() found, without chunk framing: views into its `data`.
  [[nodiscard]] std::span<const std::string_view> body() const { return body_; }
  // They have been looked at: gives back what many of them took, before whoever waits for more.
  void drop_body() {
    body_.clear();
    if (body_.capacity() > body_pieces_usual) std::vector<std::string_view>().swap(body_);
  }

  // What the header lines that have come so far take, and the pieces of a body.
  [[nodiscard]] std::size_t memory() const {
    return headers_.memory() + body_.capacity() * sizeof(std::string_view);
  }

  // Not one byte of a message has come; empty lines before it do not count.
  [[nodiscard]] bool idle() const { return !begun_; }

 protected:
  // `too_large`: the code for more bytes or lines than the limits allow.
  HttpParser(llhttp_type_t type, const llhttp_settings_t& settings, HttpLimits limits,
             ErrorCode too_large);
  HttpParser(const HttpParser&) = default;
  HttpParser& operator=(const HttpParser&) = default;
  virtual ~HttpParser() = default;

  // Called when llhttp_ and headers_ hold a whole head. Judges it, keeps it, and says what
  // follows: a body, nothing (complete), or another head (head), this one being interim.
  [[nodiscard]] virtual Result<State> finish_head() = 0;
  // Called with the name of each trailer, which llhttp has found legal.
  [[nodiscard]] virtual Result<void> judge_trailer(std::string_view name) const = 0;
  // The error for what llhttp refuses.
  [[nodiscard]] virtual Error malformed(llhttp_errno_t code, std::string_view reason) const = 0;
  // llhttp knows no such method: goes on with the name at `from`, where it stopped in `data`, and
  // says up to where. Until llhttp reads on, naming_ is set and all that comes is given to this.
  [[nodiscard]] virtual std::size_t name_method(std::string_view data, std::size_t from);
  // The error for a peer that has used up budget_.
  [[nodiscard]] virtual Error over_budget() const;

  // The callbacks that both kinds of message need.
  [[nodiscard]] static llhttp_settings_t common_settings();

  // For callbacks: remembers the error and makes llhttp stop.
  int refuse(Error error);

  // For callbacks: how many bytes came before this one, since some message began; what counts is
  // how far two of them are apart.
  [[nodiscard]] std::size_t position(const char* at) const {
    return taken_ + static_cast<std::size_t>(at - piece_);
  }
  // The other way round, of one in the piece that is read now.
  [[nodiscard]] std::size_t offset_of(std::size_t position) const { return position - taken_; }
  // Checks the name of the protocol, which may come in pieces.
  static int on_protocol(llhttp_t* llhttp, const char* at, std::size_t size);

  // Ready for the next message, with no memory held but the object's own.
  void restart(std::size_t budget);

  HttpLimits limits_;
  llhttp_t llhttp_;
  State state_ = State::head;
  bool begun_ = false;
  bool naming_ = false;
  // How many more bytes may come before the peer must have got somewhere. In a head every byte
  // spends one. In a body only framing does, while body bytes and chunks earn some: that bounds
  // chunk extensions and trailers, by header_bytes plus as much as the body itself has.
  std::int64_t budget_ = 0;
  HeaderList headers_;  // of the head being read; then the beginnings of trailers' names
  std::optional<Error> error_;
  std::vector<std::string_view> body_;

 private:
  static constexpr std::size_t body_pieces_usual = 64;

  static int on_message_begin(llhttp_t* llhttp);
  static int on_header_field(llhttp_t* llhttp, const char* at, std::size_t size);
  static int on_header_field_complete(llhttp_t* llhttp);
  static int on_header_value(llhttp_t* llhttp, const char* at, std::size_t size);
  static int on_header_value_complete(llhttp_t* llhttp);
  static int on_headers_complete(llhttp_t* llhttp);
  static int on_chunk_header(llhttp_t* llhttp);
  static int on_body(llhttp_t* llhttp, const char* at, std::size_t size);
  static int on_message_complete(llhttp_t* llhttp);

  [[nodiscard]] std::size_t run(std::string_view data);

  ErrorCode too_large_;
  const char* piece_ = nullptr;  // what llhttp reads now
  std::size_t taken_ = 0;        // of the pieces before it
};

}  // namespace rocket
