"""Decisions of the gateway, broken on purpose: what the simulation has to notice.

Each takes back one promise. An edit is (file, what stands there once, what stands there instead);
all of it must compile without a warning. `./dev sim --broken` says which seed finds each.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Broken:
    name: str
    edits: tuple[tuple[str, str, str], ...]
    seeds: int = 400  # so many lives are enough to find it
    mutated: int = 0  # not lives but so many damaged client streams


EXCHANGE = "gateway/proxy/exchange.cc"
AFTERMATH = "gateway/proxy/aftermath.cc"
ADMISSION = "gateway/proxy/admission.cc"
RUNNING_ATTEMPT = "gateway/proxy/running_attempt.cc"
PASSED_HEADERS = "gateway/proxy/passed_headers.cc"

POLICIES = (
    Broken(
        "a stream is begun anew at another backend after its commit",
        (
            (
                EXCHANGE,
                "        co_await answer(*ended);\n        co_return;\n",
                "        co_await answer(*ended);\n"
                "        if (call_.account().outcome != Outcome::cut) co_return;\n"
                "        launch_at_ = now();\n        continue;\n",
            ),
            (
                EXCHANGE,
                "    const Error last = about_backend("
                "running.plan().backend.name, relayed.error());\n",
                "",
            ),
            (
                EXCHANGE,
                "    co_await reply_.break_off("
                "attempt.interpreter().last_words(told(last, call_.id())));\n",
                "",
            ),
            (
                EXCHANGE,
                "  running.drop_request();\n  dialog_.close();\n  call_.drop_request();\n",
                "",
            ),
        ),
    ),
    Broken(
        "a breaker never opens",
        (
            (
                "gateway/policy/circuit_breaker.cc",
                "if (in_a_row_ >= settings_.consecutive || too_many())",
                "if (in_a_row_ == UINT32_MAX && too_many())",
            ),
        ),
    ),
    Broken(
        "a client that hangs up counts against the endpoint",
        (
            (
                RUNNING_ATTEMPT,
                "RunningAttempt::~RunningAttempt() {\n",
                "RunningAttempt::~RunningAttempt() {\n"
                "  if (outcome_ == Outcome::cancelled && blame_ == Blame::client) {\n"
                "    const TimePoint now = plan_.io.timers.now();\n"
                "    plan_.endpoint.breaker.record_failure(now, now, common_.breaker);\n"
                "  }\n",
            ),
        ),
    ),
    Broken(
        "the loser of a race is not called off",
        ((EXCHANGE, "        race_.call_off(now(), ended.get());\n        co_await", "        co_await"),),
        seeds=1000,
    ),
    Broken(
        "the retry budget is never empty",
        (
            (
                EXCHANGE,
                "  if (!overall->try_spend(now())) return false;\n",
                "  if (!overall->try_spend(now())) return true;\n",
            ),
            (EXCHANGE, "  overall->refund();\n  return false;\n", "  return true;\n"),
        ),
        seeds=1000,
    ),
    Broken(
        "Retry-After is ignored",
        ((AFTERMATH, "    if (wait) {\n", "    if (wait && now() == never) {\n"),),
    ),
    Broken(
        "a place is never given back",
        (
            (
                "gateway/proxy/entrance.cc",
                "  overtaken_ = !permit;\n",
                "  static_cast<void>(\n"
                "      new Admission::Permit(admission_.take(endpoint.places, who_.lane)));\n"
                "  overtaken_ = !permit;\n",
            ),
        ),
    ),
    Broken(
        "an endpoint is given one more than it may have",
        (
            (
                "gateway/proxy/backend.cc",
                "endpoint->places.set_most(config.limits.in_flight_per_endpoint);",
                "endpoint->places.set_most(config.limits.in_flight_per_endpoint + 1);",
            ),
        ),
    ),
    Broken(
        "those who wait are forgotten when a place comes free",
        (
            (ADMISSION, "  if (!serve()) bells_.ring_others(index_);", "  bells_.ring_others(index_);"),
            (ADMISSION, "look_again);\n    look();\n", "look_again);\n"),
        ),
    ),
    Broken(
        "a joined call's answers are mixed up",
        (
            (
                "gateway/proxy/embedding_batcher.cc",
                "std::move(parts_[at])",
                "std::move(parts_[parts_.size() - 1 - at])",
            ),
        ),
    ),
    Broken(
        "only the first backend that has the model is asked",
        (
            (
                EXCHANGE,
                "  route_ = std::move(routed->route);\n",
                "  route_ = std::move(routed->route);\n  route_.candidates.resize(1);\n",
            ),
        ),
    ),
    Broken(
        "[DONE] is sent after a cut",
        (
            (
                "gateway/proxy/stream_reply.cc",
                "  const std::string_view piece = last_words;\n",
                '  last_words += "data: [DONE]\\n\\n";\n'
                "  const std::string_view piece = last_words;\n",
            ),
        ),
    ),
    Broken(
        "a body is sent twice",
        (
            (
                "gateway/proxy/attempt.cc",
                "  for (const std::string_view piece : plan_.out.pieces)\n    add(piece);\n",
                "  for (int i = 0; i < 2; ++i) {\n"
                "    for (const std::string_view piece : plan_.out.pieces)\n      add(piece);\n  }\n",
            ),
        ),
    ),
    Broken(
        "an answer that has stalled is waited for",
        (
            (
                RUNNING_ATTEMPT,
                "  if (attempt_->answered()) return now - attempt_->heard_at() >= silent_most;\n",
                "  if (attempt_->answered()) return false;\n",
            ),
        ),
        seeds=2500,
    ),
    Broken(
        "a client's hang-up is not noticed",
        (
            (
                "gateway/net/http_connection.cc",
                "                          handler_.settings().write_time);\n"
                "  const bool answered =\n"
                "      co_await Until(handler_.handle(request_, response), stream_->hangup(), stream_->hung_up());\n",
                "                          handler_.settings().write_time);\n"
                "  WaitSlot deaf(io_.timers.run_queue());\n"
                "  const bool answered = co_await Until(handler_.handle(request_, response), deaf);\n",
            ),
        ),
    ),
    Broken(
        "a connection is kept however old its address is",
        (
            (
                "gateway/proxy/loop_state.cc",
                "      pool_limits.idle_max = limits.idle_per_endpoint;\n",
                "      pool_limits.idle_max = limits.idle_per_endpoint;\n"
                "      pool_limits.age = std::chrono::hours(1);\n",
            ),
        ),
        seeds=1000,
    ),
    Broken(
        "a key may ask for one more at once than it says",
        (
            (
                "gateway/policy/key_limits.cc",
                "held >= *settings_.concurrent",
                "held > *settings_.concurrent",
            ),
        ),
    ),
    Broken(
        "a key's requests per minute are not counted",
        (
            (
                "gateway/policy/key_limits.cc",
                "  if (requests_) request = requests_->take(1, now);\n",
                "  if (requests_) request = requests_->take(0, now);\n",
            ),
        ),
    ),
    Broken(
        "a key's list of backends is not looked at",
        (
            (
                "gateway/policy/router.cc",
                "  return scope.allows_backend(input_.backends[candidate.backend].name) &&\n"
                "         (!candidate.substitute || scope.allows_model(candidate.model));\n",
                "  return !candidate.substitute || scope.allows_model(candidate.model);\n",
            ),
        ),
    ),
    Broken(
        "a translated stream does not close what it has opened",
        (
            (
                "gateway/schema/anthropic_stream_writer.cc",
                '  out() += "event: content_block_stop\\ndata: {\\"type\\":\\"content_block_stop\\",\\"index\\":";\n'
                "  out() += std::to_string(index_);\n"
                '  out() += "}\\n\\n";\n',
                "",
            ),
        ),
    ),
    Broken(
        "the client's own length goes upstream beside ours",
        ((PASSED_HEADERS, '"content-length",', '"content-lengths",'),),
        mutated=200,
    ),
    Broken(
        "a cookie goes upstream",
        ((PASSED_HEADERS, '"cookie",', '"cookies",'),),
        mutated=200,
    ),
    Broken(
        "control characters may stand in a header",
        (
            (
                "gateway/wire/http_parser.cc",
                "  llhttp_init(&llhttp_, type, &settings);\n",
                "  llhttp_init(&llhttp_, type, &settings);\n"
                "  llhttp_set_lenient_headers(&llhttp_, 1);\n",
            ),
        ),
        mutated=20_000,
    ),
)
