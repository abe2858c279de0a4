// The test program is also its own rsync hook, as flashpodsd is.

#include <string_view>
#include <unistd.h>

#include <gtest/gtest.h>

#include "uploads/rsync_hook.h"

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "--rsync-hook") {
    return flashpods::uploads::run_rsync_hook(flashpods::uploads::kHookDescriptor, environ);
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
