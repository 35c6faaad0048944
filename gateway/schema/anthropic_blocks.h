#pragma once

#include "schema/conversation.h"
#include "schema/json_pieces.h"
#include "schema/translation_loss.h"

namespace rocket {

// Writes parts as Anthropic's content blocks.
class AnthropicBlocks {
 public:
  // Of an answer, in which thinking may be unsigned: it is not ours to sign.
  enum class Place : unsigned char { request, answer };

  AnthropicBlocks(Dialect from, Place place, JsonPieces& out, TranslationLoss& loss)
      : from_(from), place_(place), out_(out), loss_(loss) {}

  // Whether the part can be written; the loss is told of one that can not. An empty text says
  // nothing, and is refused by the provider.
  [[nodiscard]] bool can_write(const Part& part);
  // Of parts that can be. `id` is for a call that has none.
  void write(const Part& part, std::string_view id);
  // Members that only the dialect they came from knows.
  void write_extra(const std::vector<Field>& extra);

 private:
  void write_media(const Media& media);
  void write_result(const Part& part);
  void write_citations(const Part& part);
  void write_members(const Part& part, std::string_view id);

  Dialect from_;
  Place place_;
  JsonPieces& out_;
  TranslationLoss& loss_;
};

}  // namespace rocket
