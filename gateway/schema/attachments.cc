#include "schema/attachments.h"

#include <algorithm>
#include <array>

#include "schema/media.h"

namespace rocket {
namespace {

using Kind = MediaUrl::Kind;
using Shape = MediaUrl::Shape;

// A tool's result has content, a document in it may have, and there it ends.
constexpr unsigned depth_max = 4;

bool begins_as_data(std::string_view raw) {
  constexpr std::string_view scheme = "data:";
  return raw.size() >= scheme.size() &&
         std::ranges::equal(raw.substr(0, scheme.size()), scheme,
                            [](char a, char b) { return (a | 0x20) == (b | 0x20); });
}

// Whether a server may take it for an address, where one is expected.
bool is_address(std::string_view raw) {
  return !raw.empty() && !begins_as_data(raw) && !begins_as_file(raw);
}

// The same where base64 is: a scheme's colon is not of its letters.
bool is_address_for_base64(std::string_view raw) {
  constexpr size_t scheme_bytes_max = 32;
  const std::string_view beginning = raw.substr(0, scheme_bytes_max);
  return beginning.contains(':') && !begins_as_data(raw);
}

// A key as those take it who do not regard case (encoding/json of Go).
bool is_called(const JsonMember& member, std::string_view name) {
  return member.key_is(name) || json_key_folds_to(member.key, name);
}

class Finder {
 public:
  Finder(std::string_view body, Attachments& found) : body_(body), found_(found) {}

  void take_turns(const JsonValue& list) {
    take_part(list, depth_max);
    for (const JsonValue& turn : json_elements(list.text)) {
      take_part(turn, depth_max);
      ++turn_;
    }
  }

  void take_images(const JsonValue& images) {
    for (const JsonValue& image : json_elements(images.text)) {
      if (image.kind != JsonKind::string || image.raw_string().empty()) continue;
      found_.images = true;
      if (!is_address_for_base64(image.raw_string())) continue;
      add({.kind = Kind::image, .shape = Shape::base64, .field = "images"}, image, image);
    }
  }

 private:
  void take_list(const JsonValue& list, unsigned depth) {
    if (list.kind != JsonKind::array) return;
    for (const JsonValue& part : json_elements(list.text))
      take_part(part, depth);
  }

  // A message, an item of an input, or a part of either: no member means one thing in one of them
  // and another in another.
  void take_part(const JsonValue& part, unsigned depth) {
    if (part.kind != JsonKind::object || depth == 0) return;
    Kind source_kind = Kind::image;
    const JsonValue* source = nullptr;
    JsonMember source_member;
    for (const JsonMember& member : json_members(part.text)) {
      const JsonValue& value = member.value;
      if (is_called(member, "type")) {
        note_type(value);
        if (value.string_is("document")) source_kind = Kind::document;
      } else if (value.kind == JsonKind::array) {
        if (is_called(member, "content") || is_called(member, "output"))
          take_list(value, depth - 1);
        if (is_called(member, "images")) take_images(value);
      } else if (is_called(member, "source")) {
        // The last one stands; of two, both are looked at.
        if (source != nullptr) take_source(*source, source_kind, depth);
        source_member = member;
        source = &source_member.value;
      } else {
        take_member(member, part, depth);
      }
    }
    if (source != nullptr) take_source(*source, source_kind, depth);
  }

  void take_member(const JsonMember& member, const JsonValue& part, unsigned depth) {
    const JsonValue& value = member.value;
    if (value.kind != JsonKind::string && value.kind != JsonKind::object) return;
    if (is_called(member, "image_url")) {
      take_url(value, {.kind = Kind::image, .field = "image_url"});
    } else if (is_called(member, "file_url")) {
      take_file_url(member, part);
    } else if (is_called(member, "file") || is_called(member, "input_audio")) {
      take_file(member);
    } else if (is_called(member, "video_url")) {
      take_url(value, {.kind = Kind::other, .field = "video_url"});
    } else if (is_called(member, "audio_url")) {
      take_url(value, {.kind = Kind::other, .field = "audio_url"});
    } else if (is_called(member, "file_data")) {
      take_base64(value, {.kind = Kind::document, .field = "file_data"});
    } else if (is_called(member, "output")) {
      take_part(value, depth - 1);
    }
  }

  void note_type(const JsonValue& type) {
    // OpenAI's chat, its Responses, Anthropic's.
    constexpr std::array<std::string_view, 3> images{"image_url", "input_image", "image"};
    found_.images |=
        std::ranges::any_of(images, [&](std::string_view one) { return type.string_is(one); });
  }

  // Some clients send the address itself instead of an object that has it.
  void take_url(const JsonValue& value, MediaUrl url) {
    if (value.kind == JsonKind::string) {
      if (url.kind == Kind::image) found_.images = true;
      if (is_address(value.raw_string())) add(url, value, value);
      return;
    }
    for (const JsonMember& member : json_members(value.text)) {
      if (is_called(member, "url") && member.value.kind == JsonKind::string) {
        take_url(member.value, url);
      }
    }
  }

  void take_base64(const JsonValue& value, const MediaUrl& url) {
    if (value.kind != JsonKind::string || !is_address_for_base64(value.raw_string())) return;
    add(url, value, value);
  }

  // Responses: another member would have the file itself.
  void take_file_url(const JsonMember& member, const JsonValue& part) {
    const JsonValue& value = member.value;
    if (value.kind != JsonKind::string || !is_address(value.raw_string())) return;
    const JsonValue whole{JsonKind::string,
                          part.text.substr(member.begin, member.value_end - member.begin)};
    add({.kind = Kind::document, .shape = Shape::file_data, .field = "file_url"}, value, whole);
  }

  // OpenAI's chat: a document, or sound, as base64; some servers take addresses there.
  void take_file(const JsonMember& member) {
    const bool sound = is_called(member, "input_audio");
    const Kind kind = sound ? Kind::other : Kind::document;
    for (const JsonMember& one : json_members(member.value.text)) {
      if (is_called(one, "data")) take_base64(one.value, {.kind = kind, .field = "data"});
      if (is_called(one, "file_data")) take_base64(one.value, {.kind = kind, .field = "file_data"});
      if (is_called(one, "file_url")) take_file_url(one, member.value);
      if (is_called(one, "url")) take_url(one.value, {.kind = kind, .field = "url"});
    }
  }

  // Anthropic's.
  void take_source(const JsonValue& source, Kind kind, unsigned depth) {
    if (source.kind != JsonKind::object) return;
    for (const JsonMember& member : json_members(source.text)) {
      if (is_called(member, "content")) take_list(member.value, depth - 1);
      if (!is_called(member, "url") || member.value.kind != JsonKind::string) continue;
      if (!is_address(member.value.raw_string())) continue;
      add({.kind = kind, .shape = Shape::source, .field = "source.url"}, member.value, source);
    }
  }

  [[nodiscard]] size_t offset(std::string_view text) const {
    return static_cast<size_t>(text.data() - body_.data());
  }

  void add(MediaUrl url, const JsonValue& address, const JsonValue& replaced) {
    const bool string_stays = url.shape == Shape::data_url || url.shape == Shape::base64;
    if (found_.urls.size() == Attachments::urls_max) {
      found_.too_many = true;
      return;
    }
    url.turn = turn_;
    url.url_begin = offset(address.raw_string());
    url.url_end = url.url_begin + address.raw_string().size();
    url.begin = string_stays ? url.url_begin : offset(replaced.text);
    url.end = string_stays ? url.url_end : url.begin + replaced.text.size();
    found_.urls.push_back(url);
  }

  std::string_view body_;
  Attachments& found_;
  size_t turn_ = 0;
};

void append_file_edits(const MediaUrl& url, const MediaFile& file, std::vector<Edit>& edits) {
  std::string before;
  std::string behind;
  const std::string type(file.type);
  switch (url.shape) {
    case Shape::data_url: before = "data:" + type + ";base64,"; break;
    case Shape::source:
      before = R"({"type":"base64","media_type":")" + type + R"(","data":")";
      behind = "\"}";
      break;
    case Shape::file_data:
      before = R"("file_data":"data:)" + type + ";base64,";
      behind = "\"";
      break;
    case Shape::base64: break;
  }
  edits.push_back({url.begin, url.end, std::move(before), file.base64});
  if (!behind.empty()) edits.push_back({url.end, url.end, std::move(behind)});
}

}  // namespace

void find_attachments(std::string_view body, const JsonValue& list, Attachments& found) {
  Finder(body, found).take_turns(list);
}

void find_images(std::string_view body, const JsonValue& images, Attachments& found) {
  Finder(body, found).take_images(images);
}

void append_media_edits(std::vector<PlacedFile> files, std::vector<Edit>& edits) {
  // What has another in it first.
  std::ranges::sort(files, [](const PlacedFile& a, const PlacedFile& b) {
    return a.url->begin != b.url->begin ? a.url->begin < b.url->begin : a.url->end > b.url->end;
  });
  size_t end = 0;
  for (const auto& [url, file] : files) {
    if (url->begin < end) continue;
    end = url->end;
    append_file_edits(*url, file, edits);
  }
}

std::string_view media_type_of(std::string_view first_bytes) {
  using namespace std::string_view_literals;
  constexpr std::pair<std::string_view, std::string_view> beginnings[] = {
      {"\x89PNG\r\n\x1a\n"sv, "image/png"},
      {"\xff\xd8\xff"sv, "image/jpeg"},
      {"GIF87a"sv, "image/gif"},
      {"GIF89a"sv, "image/gif"},
      {"%PDF-"sv, "application/pdf"},
  };
  for (const auto& [beginning, type] : beginnings) {
    if (first_bytes.starts_with(beginning)) return type;
  }
  const bool webp = first_bytes.starts_with("RIFF") && first_bytes.size() >= 12 &&
                    first_bytes.substr(8, 4) == "WEBP";
  return webp ? "image/webp" : std::string_view();
}

bool is_of_kind(std::string_view type, MediaUrl::Kind kind) {
  switch (kind) {
    case Kind::image: return type.starts_with("image/");
    case Kind::document: return type == "application/pdf";
    case Kind::other: return false;
  }
  return false;
}

}  // namespace rocket
