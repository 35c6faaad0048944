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


EXCHANGE = "gateway/proxy/exchange.cc"
ADMISSION = "gateway/proxy/admission.cc"
CAPACITY = "gateway/policy/capacity.h"

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
            (EXCHANGE, "    const ToldError last = told(relayed.error(), call_.id());\n", ""),
            (
                EXCHANGE,
                "    co_await reply_.break_off(attempt.interpreter().last_words(last));\n",
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
                "gateway/proxy/running_attempt.cc",
                "RunningAttempt::~RunningAttempt() {\n",
                "RunningAttempt::~RunningAttempt() {\n"
                "  if (outcome_ == Outcome::cancelled && blame_ == Blame::client) {\n"
                "    plan_.endpoint.breaker.record_failure(plan_.io.timers.now(), common_.breaker);\n"
                "  }\n",
            ),
        ),
    ),
    Broken(
        "the loser of a race is not called off",
        ((EXCHANGE, "        race_.call_off(now());\n        co_await", "        co_await"),),
        seeds=1000,
    ),
    Broken(
        "the retry budget is never empty",
        (
            (
                "gateway/policy/retry_budget.h",
                "    return false;\n  }\n  // The attempt was not made",
                "    return true;\n  }\n  // The attempt was not made",
            ),
        ),
        seeds=1000,
    ),
    Broken(
        "Retry-After is ignored",
        ((EXCHANGE, "    if (wait) {\n", "    if (wait && now() == never) {\n"),),
    ),
    Broken(
        "a place is never given back",
        ((CAPACITY, "held_.fetch_sub(1, std::memory_order_relaxed);\n      capacity_ = nullptr;",
          "held_.fetch_sub(0, std::memory_order_relaxed);\n      capacity_ = nullptr;"),),
    ),
    Broken(
        "an endpoint is given one more than it may have",
        (
            (CAPACITY, "held() >= most(lane)", "held() > most(lane)"),
            (CAPACITY, "< most(lane)) return Hold(this)", "<= most(lane)) return Hold(this)"),
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
)
