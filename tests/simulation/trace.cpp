#include "simulation/trace.h"

#include <cstdio>

namespace flashpods::simulation {

void Trace::add(std::string_view what, std::string_view detail) {
  if (!print_) return;
  std::printf("%5d  %.*s %.*s\n", ++line_, static_cast<int>(what.size()), what.data(),
              static_cast<int>(detail.size()), detail.data());
}

void Trace::violation(std::string what) {
  add("VIOLATION:", what);
  violations_.push_back(std::move(what));
}

}  // namespace flashpods::simulation
