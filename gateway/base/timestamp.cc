#include "base/timestamp.h"

namespace rocket {
namespace {

// Writes `number` into the `digits` characters that end before `end`.
void put_digits(char* end, unsigned number, int digits) {
  for (; digits > 0; --digits, number /= 10)
    *--end = static_cast<char>('0' + number % 10);
}

}  // namespace

void append_timestamp(std::string& out, WallTime time) {
  using namespace std::chrono;
  // Nanoseconds in 64 bits end in the year 2262: a year has four digits.
  const sys_time<milliseconds> cut = floor<milliseconds>(time);
  const sys_days midnight = floor<days>(cut);
  const year_month_day date(midnight);
  const hh_mm_ss clock(cut - midnight);

  char text[] = "0000-00-00T00:00:00.000Z";
  put_digits(text + 4, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put_digits(text + 7, static_cast<unsigned>(date.month()), 2);
  put_digits(text + 10, static_cast<unsigned>(date.day()), 2);
  put_digits(text + 13, static_cast<unsigned>(clock.hours().count()), 2);
  put_digits(text + 16, static_cast<unsigned>(clock.minutes().count()), 2);
  put_digits(text + 19, static_cast<unsigned>(clock.seconds().count()), 2);
  put_digits(text + 23, static_cast<unsigned>(clock.subseconds().count()), 3);
  out.append(text, sizeof text - 1);
}

}  // namespace rocket
