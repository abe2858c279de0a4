#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace flashpods {

/// A coroutine of ours. Rules that keep them safe: parameters by value or owned by the caller until
/// the co_await returns; never a capturing lambda (clang-tidy enforces it); name a temporary before
/// awaiting it.
template <class T>
using Awaitable = boost::asio::awaitable<T>;

using Executor = boost::asio::any_io_executor;

}  // namespace flashpods
