#pragma once

#include <string_view>
#include <vector>

#include "schema/conversation.h"
#include "schema/json_pieces.h"
#include "schema/translation_loss.h"

namespace rocket {

// What the writer carries through a request.
struct ChatWriting {
  Dialect from;
  JsonPieces& out;
  TranslationLoss& loss;
  bool additions = true;
  bool answer = false;
  std::string_view thinking_name = "reasoning_content";
  bool legacy_functions = false;  // of AnswerFrame

  // Members that only the dialect they came from knows.
  void extra(const std::vector<Field>& fields) const {
    if (from != Dialect::chat) {
      loss.drop(fields);
      return;
    }
    for (const Field& field : fields)
      out.field(field);
  }
};

// False: chat has no words for it, and it is named as lost.
[[nodiscard]] bool chat_can_write(const Part& part, const ChatWriting& to);

// What another dialect alone has, as the text that it comes to.
[[nodiscard]] Part in_chat_words(const Part& part, const ChatWriting& to);

// The value of `content`.
void write_chat_parts(const std::vector<Part>& parts, const ChatWriting& to);

}  // namespace rocket
