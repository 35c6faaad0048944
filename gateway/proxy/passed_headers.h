#pragma once

#include <string>
#include <string_view>

#include "wire/http_message.h"

namespace rocket {

// Appends the client's header lines that an upstream may see: all but those of the connection,
// of the body's framing and type, credentials, cookies, what proxies and browsers add, and our
// own. (x-request-id is written anew.) Of a trace's headers: those that do not stand beside ours.
enum class PassedTrace : unsigned char { all, state, none };
struct PassedRequest {
  PassedTrace trace = PassedTrace::all;
  bool betas = true;  // anthropic-beta too: the upstream hears the client's own dialect
};
void append_passed_request_headers(std::string& out, const HeaderList& headers,
                                   PassedRequest passed = {});
void add_passed_request_headers(HeaderList& out, const HeaderList& headers,
                                PassedRequest passed = {});

// Behind another Rocket: what that one has lost and what it warns of is the client's to know too.
// Adds what there is of it to ours, each loss once. Who says so need not be one: so much of it at
// most, and a warning scrubbed like any words of an upstream that is asked with `secret`.
void add_translation(std::string& ours, const HeaderList& headers);
void add_warning(std::string& ours, const HeaderList& headers, std::string_view secret);

// Appends the upstream's header lines that a client may see: a short list, since most of what
// servers say concerns their own connection or network. `limits`: what it says of its rate limits
// too, which must not stand beside ours.
enum class UpstreamLimits : unsigned char { kept, passed };
void append_passed_answer_headers(std::string& out, const HeaderList& headers,
                                  UpstreamLimits limits = UpstreamLimits::passed);

}  // namespace rocket
