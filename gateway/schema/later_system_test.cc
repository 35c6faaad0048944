#include "schema/later_system.h"

#include <gtest/gtest.h>

namespace rocket {
namespace {

// "u" is the user's turn, "b" that of one called Bob, "s" the system's, "d" a developer's, "a" the
// assistant's, "t" a tool's; each says its letter.
std::vector<Turn> turns_of(std::string_view letters) {
  std::vector<Turn> turns;
  for (size_t i = 0; i < letters.size(); ++i) {
    Turn turn{.parts = {Part{.text = {letters.substr(i, 1)}}}};
    switch (letters[i]) {
      case 'b': turn.name = {"bob"}; break;
      case 's': turn.role = Role::system; break;
      case 'd': turn.role = Role::developer; break;
      case 'a': turn.role = Role::assistant; break;
      case 't': turn.role = Role::tool; break;
      default: break;
    }
    turns.push_back(std::move(turn));
  }
  return turns;
}

// The turns with a space between them, each as who speaks and what its parts say.
std::string told(const std::vector<Turn>& turns) {
  std::string all;
  for (const Turn& turn : turns) {
    if (!all.empty()) all += ' ';
    all += turn.role == Role::user        ? "user:"
           : turn.role == Role::assistant ? "assistant:"
           : turn.role == Role::tool      ? "tool:"
                                          : "system:";
    for (const Part& part : turn.parts)
      all += part.text.decoded();
  }
  return all;
}

TEST(LaterSystem, IsTheUsers) {
  const struct {
    std::string_view turns;
    std::string_view said;
    std::string_view loss;
  } cases[] = {
      {"", "", ""},
      {"uau", "user:u assistant:a user:u", ""},
      {"uu", "user:u user:u", ""},
      {"us", "user:us", "emulated=system"},
      {"su", "user:su", "emulated=system"},
      {"usu", "user:usu", "emulated=system"},
      {"usdu", "user:usdu", "emulated=system"},
      {"uasa", "user:u assistant:a user:s assistant:a", "emulated=system"},
      {"uatsa", "user:u assistant:a tool:t user:s assistant:a", "emulated=system"},
      // What the users say one after the other is no business of the system's.
      {"uuasu", "user:u user:u assistant:a user:su", "emulated=system"},
      // Nobody says in Bob's name what is not his.
      {"bs", "user:b user:s", "emulated=system"},
      {"sb", "user:s user:b", "emulated=system"},
  };
  for (const auto& c : cases) {
    TranslationLoss loss;
    EXPECT_EQ(told(said_by_user(turns_of(c.turns), loss)), c.said) << c.turns;
    EXPECT_EQ(loss.to_string(), c.loss) << c.turns;
  }
}

}  // namespace
}  // namespace rocket
