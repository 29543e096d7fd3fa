// What a PDQ hash costs beside decoding its image, in one thread. Figures compare only within one run.

#include <benchmark/benchmark.h>

#include "node/media/decode.h"
#include "protocol/signal/pdq.h"
#include "tests/node/media/pictures.h"

namespace tocsin::node {
namespace {

void pdq_of_pixels(benchmark::State& state) {
  const auto side = static_cast<std::uint32_t>(state.range(0));
  const Bytes rgb = test::picture_rgb(side, side);
  for (auto _ : state) benchmark::DoNotOptimize(protocol::pdq_of_rgb(rgb, side, side));
}
BENCHMARK(pdq_of_pixels)->Arg(512)->Arg(2048)->Unit(benchmark::kMicrosecond);

void jpeg_decode(benchmark::State& state) {
  const auto side = static_cast<std::uint32_t>(state.range(0));
  const Bytes file = test::jpeg_of(test::picture_rgb(side, side), side, side);
  const RgbRows nowhere{[](std::uint32_t, std::uint32_t) {}, [](std::span<const std::uint8_t>) {}};
  for (auto _ : state) benchmark::DoNotOptimize(decode_image(file, {}, nowhere));
}
BENCHMARK(jpeg_decode)->Arg(512)->Arg(2048)->Unit(benchmark::kMicrosecond);

void jpeg_decode_and_hash(benchmark::State& state) {
  const auto side = static_cast<std::uint32_t>(state.range(0));
  const Bytes file = test::jpeg_of(test::picture_rgb(side, side), side, side);
  for (auto _ : state) benchmark::DoNotOptimize(hash_image(file));
}
BENCHMARK(jpeg_decode_and_hash)->Arg(512)->Arg(2048)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace tocsin::node

BENCHMARK_MAIN();
