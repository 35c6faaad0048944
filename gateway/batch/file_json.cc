#include "batch/file_json.h"

#include "base/json_text.h"

namespace rocket {
namespace {

void append_text(std::string& out, std::string_view name, std::string_view text) {
  out.append(name);
  append_json_string(out, text);
}

void append_number(std::string& out, std::string_view name, auto number) {
  out.append(name).append(std::to_string(number));
}

}  // namespace

std::string file_json(const StoredFile& file) {
  std::string json = R"({"object":"file")";
  append_text(json, R"(,"id":)", file.id);
  append_text(json, R"(,"purpose":)", file.purpose);
  append_text(json, R"(,"filename":)", file.filename);
  append_number(json, R"(,"bytes":)", file.bytes);
  append_number(json, R"(,"created_at":)", file.created_at);
  if (file.expires_at != 0) append_number(json, R"(,"expires_at":)", file.expires_at);
  // Clients still ask for it, though nothing else has ever been.
  return json + R"(,"status":"processed"})";
}

std::string file_list_json(const Store::Listed<StoredFile>& files) {
  std::string json = R"({"object":"list","data":[)";
  for (const StoredFile& file : files.items) {
    if (&file != &files.items.front()) json += ',';
    json += file_json(file);
  }
  json += "]";
  if (!files.items.empty()) {
    append_text(json, R"(,"first_id":)", files.items.front().id);
    append_text(json, R"(,"last_id":)", files.items.back().id);
  } else {
    json += R"(,"first_id":null,"last_id":null)";
  }
  return json + (files.more ? R"(,"has_more":true})" : R"(,"has_more":false})");
}

std::string deleted_file_json(std::string_view id) {
  std::string json;
  append_text(json, R"({"id":)", id);
  return json + R"(,"object":"file","deleted":true})";
}

}  // namespace rocket
