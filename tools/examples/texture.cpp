// Learns a texture by the installed library, and writes what it made last to synthesis.png:
//   c++ -std=c++17 texture.cpp $(pkg-config --cflags --libs coopnets) -o texture && ./texture gravel.png 100
#include <cstdio>
#include <cstdlib>

#include "cpu/cpu.h"
#include "data/image.h"
#include "experiments/examples.h"
#include "experiments/model.h"

using namespace coopnets;

int main(int count, char **words) {
  if (count != 3) return std::fprintf(stderr, "usage: texture PICTURE ITERATIONS\n"), 2;
  const Experiment &texture = find_experiment("texture");
  Settings settings = texture.settings("quick");
  settings.set("iterations", words[2]);
  const auto backend = make_cpu_backend(/*threads=*/0);
  const auto tell = [](const std::string &text) { std::fprintf(stderr, "%s\n", text.c_str()); };
  const auto examples = open_examples(texture, settings, words[1], /*seed=*/1, tell);
  const Model model = make_model(*backend, texture, settings, /*seed=*/1);
  Cooperative learner(*backend, model.descriptor.get(), model.generator.get(),
                      learning_settings(settings, Algorithm::cooperative, /*seed=*/1, /*examples=*/1), 1);
  for (int64_t i = 0; i < settings.iterations; ++i)
    learner.iterate(i, rate_factor(settings, i), {examples->batch(i, 1), {0}, {}});
  const ConstView x = learner.revised();
  const Image whole = to_image(values(*backend, x).data(), x.shape.h, x.shape.w, x.shape.c);
  save_png("synthesis.png", crop(whole, settings.border, settings.border, settings.size, settings.size));
}
