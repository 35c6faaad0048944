#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

// What every test would else compile again for itself, a third of all that there is in them: it is
// compiled once, in json_instances.cc. To be precompiled (CMakeLists.txt), not to be included.
namespace nlohmann::detail {

using FromString = decltype(input_adapter(std::declval<const std::string&>()));
using FromView = decltype(input_adapter(std::declval<const std::string_view&>()));

extern template class json_sax_dom_parser<json>;
extern template class json_sax_dom_callback_parser<json>;
extern template class serializer<json>;
extern template class lexer<json, FromString>;
extern template class parser<json, FromString>;
extern template bool parser<json, FromString>::sax_parse_internal(json_sax_dom_parser<json>*);
extern template bool parser<json, FromString>::sax_parse_internal(
    json_sax_dom_callback_parser<json>*);
extern template class lexer<json, FromView>;
extern template class parser<json, FromView>;
extern template bool parser<json, FromView>::sax_parse_internal(json_sax_dom_parser<json>*);
extern template bool parser<json, FromView>::sax_parse_internal(
    json_sax_dom_callback_parser<json>*);

}  // namespace nlohmann::detail

extern template class nlohmann::basic_json<>;
