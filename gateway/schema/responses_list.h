#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

// The items of a conversation as GET /v1/responses/{id}/input_items lists them.
namespace rocket {

// A response of the conversation: what it was asked (its `input`) and what it has said (`output`),
// as JSON that was valid.
struct ListedResponse {
  std::string_view id{};  // without its prefix; ids of items that have none are made of it
  std::string_view input{};
  std::string_view output{};
};

struct ListPage {
  size_t limit = 20;
  bool ascending = false;
  std::string_view after{};  // the id of an item; empty: from the beginning
};

// A page of the items that the last one of `conversation` was made from: all that was said before
// it, and its own input. Items are filled up to what OpenAI's clients expect of them: an id, a
// status, contents as lists. Errors: invalid_field if there is no item `page.after`.
[[nodiscard]] Result<std::string> write_item_list(std::span<const ListedResponse> conversation,
                                                  const ListPage& page);

// The item of that response, of its input or its output, that write_item_list() calls so. Empty:
// there is none, or it was written as a text only.
[[nodiscard]] std::string_view find_item(const ListedResponse& response, std::string_view id);

}  // namespace rocket
