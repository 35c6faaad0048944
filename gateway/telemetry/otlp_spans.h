#pragma once

#include <span>
#include <string>

#include "telemetry/trace_queue.h"

namespace rocket {

// The spans of ended requests as OTLP/HTTP takes them in JSON (OTLP 1.x: the protobuf JSON mapping
// with ids in hexadecimal digits): an ExportTraceServiceRequest.
//
// Per request a SERVER span, which is the logical operation of OpenTelemetry's GenAI conventions
// with all its attempts (gen_ai.*), and per attempt a CLIENT span below it, whose phases are
// events. What has no name there is called rocket.*. All of them carry the caller's
// tracestate. Nothing of prompts or answers.
[[nodiscard]] std::string otlp_spans(std::span<const TracedRequest> requests,
                                     std::string_view version);

}  // namespace rocket
