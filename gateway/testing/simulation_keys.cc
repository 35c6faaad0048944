#include "testing/simulation_keys.h"

#include <algorithm>

#include "policy/key_scope.h"

namespace rocket {
namespace {

// The gateway learns that late of what its clients do.
constexpr Duration told_after = std::chrono::milliseconds(100);
constexpr Duration minute = std::chrono::minutes(1);

constexpr std::string_view limit_words = "this API key's limit of ";

bool has_lists(const KeyConfig& key) {
  return !key.models.empty() || !key.backends.empty();
}

}  // namespace

bool SimKeys::allows(const SimAsked& asked, const std::string& backend) const {
  if (!plan_.keyed) return true;
  const KeyConfig* key = asked.key();
  return key != nullptr && (key->backends.empty() || std::ranges::count(key->backends, backend));
}

bool SimKeys::outside_its_models(const SimAsked& asked) const {
  const auto& globs = asked.key()->models;
  // Who names none is answered with a default, of which all have the same.
  return !globs.empty() && !asked.model().empty() &&
         std::ranges::none_of(
             globs, [&](const std::string& glob) { return matches_glob(glob, asked.model()); });
}

bool SimKeys::refused(const SimAsked& asked) const {
  if (!plan_.keyed) return false;
  const SimRequest& request = asked.request();
  return asked.key() == nullptr || request.status() == 403 || request.body().contains(limit_words);
}

std::string SimKeys::look(const AllAsked& all) const {
  if (!plan_.keyed) return {};
  for (const KeyConfig& key : plan_.config.keys_file.keys) {
    if (!key.concurrent) continue;
    const auto at_work = std::ranges::count_if(all, [&](const auto& one) {
      return one->key() == &key && calls_.under_way(one->id()) != 0;
    });
    if (at_work > *key.concurrent) return "upstreams work on more of a key than it may ask at once";
  }
  return {};
}

std::string SimKeys::check(const SimAsked& asked, const AllAsked& all) const {
  if (!plan_.keyed) return {};
  const int status = asked.request().status();
  const auto backends = calls_.asked_for(asked.id());
  if (asked.key() == nullptr) {
    return status == 401 && backends.empty() ? "" : "somebody without a key was let in";
  }
  if (status == 401) return "a key that is known was not let in";
  if (outside_its_models(asked) && (status < 400 || !backends.empty())) {
    return "a key was let at a model that is not on its list";
  }
  if (status == 403 && !has_lists(*asked.key())) return "a key without lists was refused";
  return asked.request().body().contains(limit_words) ? check_limit(asked, all) : "";
}

// Refused, it must have been near its limit by what it sent itself.
std::string SimKeys::check_limit(const SimAsked& asked, const AllAsked& all) const {
  const SimRequest& request = asked.request();
  const KeyConfig& key = *asked.key();
  if (request.status() != 429) return "a key's limit is not told as one";
  std::uint32_t beside = 0;
  std::uint32_t before = 0;
  for (const auto& one : all) {
    if (one.get() == &asked || one->key() != &key) continue;
    const SimRequest& other = one->request();
    if (other.sent_at() > request.ended_at()) continue;
    const bool live = !other.ended() || other.ended_at() + told_after >= request.sent_at();
    beside += live ? 1 : 0;
    before += other.sent_at() + minute + told_after >= request.sent_at() ? 1 : 0;
  }
  const bool rate = request.body().contains("requests per minute");
  const bool tokens = request.body().contains("tokens per minute");
  const bool true_told = tokens ? key.tpm.has_value()
                         : rate ? key.rpm && before + 1 >= *key.rpm
                                : key.concurrent && beside >= *key.concurrent;
  return true_told ? "" : "a key was refused within its limits: " + request.body();
}

std::string SimKeys::judge(const AllAsked& all) const {
  if (!plan_.keyed) return {};
  for (const auto& asked : all) {
    for (const std::string& backend : calls_.asked_for(asked->id())) {
      if (!allows(*asked, backend)) return "a key was let at a backend that is not on its list";
    }
  }
  for (const KeyConfig& key : plan_.config.keys_file.keys) {
    const std::string wrong = judge_rate(key, all);
    if (!wrong.empty()) return wrong;
  }
  return {};
}

// Of any stretch of time a minute's worth at once, and what has come back since.
std::string SimKeys::judge_rate(const KeyConfig& key, const AllAsked& all) const {
  if (!key.rpm) return {};
  std::vector<TimePoint> let_in;  // in their order
  for (const auto& asked : all) {
    const bool upstream = !calls_.asked_for(asked->id()).empty();
    if (asked->key() == &key && upstream) let_in.push_back(asked->request().sent_at());
  }
  const double per_second = *key.rpm / 60.0;
  for (size_t i = 0; i < let_in.size(); ++i) {
    for (size_t k = i; k < let_in.size(); ++k) {
      const auto seconds = std::chrono::duration<double>(let_in[k] - let_in[i] + told_after);
      const double most = *key.rpm + per_second * seconds.count() + 1;
      if (static_cast<double>(k - i + 1) > most) return "a key had more requests than its rate";
    }
  }
  return {};
}

}  // namespace rocket
