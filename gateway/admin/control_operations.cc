#include "admin/control_operations.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace rocket {
namespace {

using nlohmann::json;

bool is_json_or_yaml(std::string_view content_type) {
  constexpr std::array<std::string_view, 5> types{"application/json", "application/yaml",
                                                  "application/x-yaml", "text/yaml", "text/x-yaml"};
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t'))
    type.remove_suffix(1);
  return std::ranges::any_of(types,
                             [&](std::string_view one) { return equals_ignoring_case(one, type); });
}

std::string describe(const std::vector<Problem>& problems) {
  json list = json::array();
  for (const Problem& problem : problems) {
    list.push_back(
        {{"path", problem.path}, {"message", problem.message}, {"remedy", problem.remedy}});
  }
  return json{{"problems", std::move(list)}}.dump(-1, ' ', false, json::error_handler_t::replace);
}

// False: it has been refused.
bool check_content_type(Call& call) {
  if (is_json_or_yaml(call.request().head.headers.find("content-type").value_or(""))) return true;
  const Problem problem{"", "the admin port takes JSON or YAML only",
                        "send the header Content-Type: application/json or application/yaml"};
  call.send_json(415, describe({problem}));
  return false;
}

Task<void> configure(Call& call, AdminDeeds deeds) {
  if (!check_content_type(call)) co_return;
  std::string text(call.request().body.text());
  const Configured done = co_await deeds.configure(std::move(text));
  if (done.status == 200) {
    call.send_json(200, R"({"revision":)" + std::to_string(done.revision) + "}");
  } else {
    call.send_json(done.status, describe(done.problems));
  }
}

Task<void> send_status(Call& call, std::function<void()> deed, std::string_view status) {
  if (!check_content_type(call)) co_return;
  deed();
  call.send_json(200, json{{"status", status}}.dump());
}

}  // namespace

void add_control_operations(Operations& operations, const AdminDeeds& deeds) {
  operations.add({Method::post, "/config", Operation::none,
                  [deeds](Call& call) { return configure(call, deeds); }});
  operations.add({Method::post, "/lame_duck", Operation::none,
                  [deeds](Call& call) { return send_status(call, deeds.lame_duck, "lame_duck"); }});
  operations.add({Method::post, "/drain", Operation::none,
                  [deeds](Call& call) { return send_status(call, deeds.drain, "draining"); }});
}

}  // namespace rocket
