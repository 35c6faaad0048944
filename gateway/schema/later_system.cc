#include "schema/later_system.h"

namespace rocket {

bool is_of_system(const Turn& turn) {
  return turn.role == Role::system || turn.role == Role::developer;
}

std::vector<Turn> said_by_user(std::span<const Turn> turns, TranslationLoss& loss) {
  std::vector<Turn> said;
  bool mixed = false;  // The last one has something of the system's.
  for (const Turn& turn : turns) {
    const bool system = is_of_system(turn);
    if (system) loss.emulate("system");
    const bool joins = (system || (mixed && turn.role == Role::user)) && turn.name.empty() &&
                       !said.empty() && said.back().role == Role::user && said.back().name.empty();
    mixed = system || joins;
    if (joins) {
      loss.drop(turn.extra);
      said.back().parts.insert(said.back().parts.end(), turn.parts.begin(), turn.parts.end());
      continue;
    }
    said.push_back(turn);
    if (system) said.back().role = Role::user;
  }
  return said;
}

}  // namespace rocket
