// Every file of the corpora once, without libFuzzer: what was found before stays found.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fuzz/target.h"

namespace flashpods::fuzz {
namespace {

namespace fs = std::filesystem;

struct Seed {
  Target target;
  fs::path file;
};

fs::path corpus_of(const Target& target) { return fs::path(FLASHPODS_FUZZ_CORPUS) / target.name; }

std::vector<Seed> all_seeds() {
  std::vector<Seed> seeds;
  for (const Target& target : targets()) {
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator(corpus_of(target), absent))
      seeds.push_back({target, entry.path()});
  }
  std::ranges::sort(seeds, {}, &Seed::file);
  return seeds;
}

/// GoogleTest takes letters, digits and '_' in names.
std::string name_of(const testing::TestParamInfo<Seed>& info) {
  std::string name = info.param.target.name.data() + std::string("__");
  for (const char c : info.param.file.filename().string())
    name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
}

class FuzzReplay : public testing::TestWithParam<Seed> {};

TEST_P(FuzzReplay, Holds) {
  std::ifstream file(GetParam().file, std::ios::binary);
  ASSERT_TRUE(file);
  const std::string input{std::istreambuf_iterator<char>(file), {}};
  GetParam().target.run(input);
}

INSTANTIATE_TEST_SUITE_P(Corpus, FuzzReplay, testing::ValuesIn(all_seeds()), name_of);

TEST(FuzzCorpus, HasSeedsForEachTarget) {
  EXPECT_FALSE(targets().empty());
  for (const Target& target : targets())
    EXPECT_TRUE(fs::is_directory(corpus_of(target))) << target.name;
}

}  // namespace
}  // namespace flashpods::fuzz
