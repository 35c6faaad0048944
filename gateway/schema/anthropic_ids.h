#pragma once

#include "schema/conversation.h"

namespace rocket {

// The id of a tool's call as Anthropic takes it: letters, digits, _ and - only. Others are
// written out in a way that can be read back, so that a call and its result still meet: the same
// id always gives the same name, and different ones different names.
[[nodiscard]] std::string anthropic_id(RawText id);

// What was written: the id itself, kept if it had to be changed.
[[nodiscard]] RawText anthropic_id_read(RawText id, KeptTexts& kept);

}  // namespace rocket
