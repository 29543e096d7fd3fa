#pragma once
// Catch2 is v2 on Debian 12 and v3 on Debian 13; tests include this and never Catch itself.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
