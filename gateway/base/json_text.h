#pragma once

#include <string>
#include <string_view>

namespace rocket {

// Appends `text` as a JSON string, quotes included, that is valid whatever the bytes: what is not
// UTF-8 becomes U+FFFD. Everything that a terminal or a log reader takes for a line break or a
// control sequence is escaped (C0, DEL, C1, U+2028, U+2029), so that no input can break a line.
void append_json_string(std::string& out, std::string_view text);

}  // namespace rocket
