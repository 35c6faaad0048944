#include "base/error.h"

namespace rocket {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::bad_request: return "bad_request";
    case ErrorCode::invalid_json: return "invalid_json";
    case ErrorCode::invalid_field: return "invalid_field";
    case ErrorCode::unknown_backend: return "unknown_backend";
    case ErrorCode::no_model: return "no_model";
    case ErrorCode::model_not_found: return "model_not_found";
    case ErrorCode::capability_missing: return "capability_missing";
    case ErrorCode::context_length_exceeded: return "context_length_exceeded";
    case ErrorCode::media_url_refused: return "media_url_refused";
    case ErrorCode::media_url_failed: return "media_url_failed";
    case ErrorCode::path_not_found: return "path_not_found";
    case ErrorCode::path_forbidden: return "path_forbidden";
    case ErrorCode::method_not_allowed: return "method_not_allowed";
    case ErrorCode::invalid_api_key: return "invalid_api_key";
    case ErrorCode::forbidden: return "forbidden";
    case ErrorCode::rate_limit_exceeded: return "rate_limit_exceeded";
    case ErrorCode::head_timeout: return "head_timeout";
    case ErrorCode::body_timeout: return "body_timeout";
    case ErrorCode::body_too_large: return "body_too_large";
    case ErrorCode::target_too_long: return "target_too_long";
    case ErrorCode::head_too_large: return "head_too_large";
    case ErrorCode::unsupported_encoding: return "unsupported_encoding";
    case ErrorCode::unsupported_version: return "unsupported_version";
    case ErrorCode::expectation_failed: return "expectation_failed";
    case ErrorCode::client_gone: return "client_gone";
    case ErrorCode::response_not_found: return "response_not_found";
    case ErrorCode::previous_response_not_found: return "previous_response_not_found";
    case ErrorCode::file_not_found: return "file_not_found";
    case ErrorCode::batch_not_found: return "batch_not_found";
    case ErrorCode::overloaded: return "overloaded";
    case ErrorCode::no_place: return "no_place";
    case ErrorCode::draining: return "draining";
    case ErrorCode::store_unavailable: return "store_unavailable";
    case ErrorCode::store_full: return "store_full";
    case ErrorCode::store_off: return "store_off";
    case ErrorCode::internal: return "internal";
    case ErrorCode::no_backend: return "no_backend";
    case ErrorCode::connect_refused: return "connect_refused";
    case ErrorCode::connect_timeout: return "connect_timeout";
    case ErrorCode::connect_failed: return "connect_failed";
    case ErrorCode::upstream_closed: return "upstream_closed";
    case ErrorCode::upstream_garbage: return "upstream_garbage";
    case ErrorCode::upstream_too_large: return "upstream_too_large";
    case ErrorCode::upstream_status: return "upstream_status";
    case ErrorCode::upstream_unauthorized: return "upstream_unauthorized";
    case ErrorCode::upstream_unavailable: return "upstream_unavailable";
    case ErrorCode::upstream_overloaded: return "upstream_overloaded";
    case ErrorCode::upstream_loading: return "upstream_loading";
    case ErrorCode::upstream_limited: return "upstream_limited";
    case ErrorCode::upstream_error_event: return "upstream_error_event";
    case ErrorCode::load_timeout: return "load_timeout";
    case ErrorCode::first_token_timeout: return "first_token_timeout";
    case ErrorCode::idle_timeout: return "idle_timeout";
    case ErrorCode::total_timeout: return "total_timeout";
  }
  return "unknown";
}

}  // namespace rocket
