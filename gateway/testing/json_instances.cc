#include "testing/json_instances.h"

namespace nlohmann::detail {

template class json_sax_dom_parser<json>;
template class json_sax_dom_callback_parser<json>;
template class serializer<json>;
template class lexer<json, FromString>;
template class parser<json, FromString>;
template bool parser<json, FromString>::sax_parse_internal(json_sax_dom_parser<json>*);
template bool parser<json, FromString>::sax_parse_internal(json_sax_dom_callback_parser<json>*);
template class lexer<json, FromView>;
template class parser<json, FromView>;
template bool parser<json, FromView>::sax_parse_internal(json_sax_dom_parser<json>*);
template bool parser<json, FromView>::sax_parse_internal(json_sax_dom_callback_parser<json>*);

}  // namespace nlohmann::detail

template class nlohmann::basic_json<>;
