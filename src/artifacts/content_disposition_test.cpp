#include "artifacts/content_disposition.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace flashpods::artifacts {
namespace {

TEST(ContentDisposition, IsPlainForPlainNames) {
  EXPECT_EQ(content_disposition("myapp"), "attachment; filename=\"myapp\"");
  EXPECT_EQ(content_disposition("a b-1.tar.gz"), "attachment; filename=\"a b-1.tar.gz\"");
}

TEST(ContentDisposition, CarriesOtherNamesInUtf8) {
  EXPECT_EQ(content_disposition("größe.txt"),
            "attachment; filename=\"gr__e.txt\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.txt");
  EXPECT_EQ(content_disposition("50%.txt"),
            "attachment; filename=\"50_.txt\"; filename*=UTF-8''50%25.txt");
}

TEST(ContentDisposition, LetsNothingOutOfTheQuotes) {
  EXPECT_EQ(content_disposition("a\"; filename=\"b\r\nX: y"),
            "attachment; filename=\"a_; filename=_b__X: y\"; "
            "filename*=UTF-8''a%22%3B%20filename%3D%22b%0D%0AX%3A%20y");
  EXPECT_TRUE(rc::check([](const std::string& name) {
    const auto header = content_disposition(name);
    RC_ASSERT(std::ranges::count(header, '"') == 2);
    RC_ASSERT(std::ranges::all_of(header, [](char c) { return c >= 0x20 && c < 0x7F; }));
  }));
}

}  // namespace
}  // namespace flashpods::artifacts
