#include "schema/held_citations.h"

namespace rocket {

Result<void> HeldCitations::add(const Citation& citation) {
  bytes_ += sizeof(Held) + citation.source.inside.size() + citation.title.inside.size() +
            citation.file.inside.size() + citation.which.size();
  if (bytes_ > bytes_max) {
    return fail(ErrorCode::upstream_too_large, "the citations of a text are too many");
  }
  held_.push_back({citation.kind, std::string(citation.source.inside),
                   std::string(citation.title.inside), std::string(citation.file.inside),
                   std::string(citation.which), citation.span});
  return {};
}

Citation HeldCitations::operator[](size_t index) const {
  const Held& held = held_[index];
  Citation citation{.kind = held.kind};
  citation.source = {held.source};
  citation.title = {held.title};
  citation.file = {held.file};
  citation.which = held.which;
  citation.span = held.span;
  return citation;
}

void HeldCitations::clear() {
  held_.clear();
  bytes_ = 0;
}

}  // namespace rocket
