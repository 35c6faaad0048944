#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "config/config.h"
#include "config/environment.h"

namespace rocket {

// The header lines that spans are sent with, "name: value\r\n" each, out of NAME=VALUE pairs as
// OpenTelemetry's OTEL_EXPORTER_OTLP_HEADERS has them: separated by commas (or line breaks, in a
// file), values percent-encoded. invalid_field: what is no such list, or would change how the
// request is framed. An error's detail holds none of it: these are secrets.
[[nodiscard]] Result<std::string> read_trace_headers(std::string_view pairs);

// Those that the configuration refers to; none if there are none.
[[nodiscard]] Result<std::string> load_trace_headers(const OtlpConfig& otlp,
                                                     const Environment& environment = {});

}  // namespace rocket
