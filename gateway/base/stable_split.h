#pragma once

#include <iterator>
#include <utility>
#include <vector>

namespace rocket {

// Moves the items of which `is_first` is true in front of the others; both keep their order.
// In place of std::stable_partition, whose libstdc++ 12 does not compile with clang 19 without a
// warning.
template <class Item, class IsFirst>
void stable_split(std::vector<Item>& items, IsFirst is_first) {
  std::vector<Item> first;
  std::vector<Item> rest;
  for (Item& item : items) {
    auto& group = is_first(std::as_const(item)) ? first : rest;
    group.push_back(std::move(item));
  }
  items = std::move(first);
  items.insert(items.end(), std::make_move_iterator(rest.begin()),
               std::make_move_iterator(rest.end()));
}

}  // namespace rocket
