#include "app/errands.h"

#include <stdexcept>

#include "app/device.h"
#include "app/model_sampler.h"
#include "app/mpi_ranks.h"
#include "app/train.h"

namespace coopnets {

namespace {

enum Errand : int64_t { to_draw, to_learn, to_end };

// Words from rank 0 to the others, where they are read in the order in which they were written.
class Message {
 public:
  Message &operator<<(const std::string &word) {
    text_ += std::to_string(word.size()) + ' ' + word;
    return *this;
  }
  Message &operator<<(int64_t number) { return *this << std::to_string(number); }
  Message &operator<<(const Shape &s) { return *this << s.n << s.t << s.h << s.w << s.c; }
  Message &operator<<(const Settings &settings) {
    for (const auto &field : setting_fields()) *this << settings.get(field.name);
    return *this;
  }
  void send() {
    auto size = int64_t(text_.size());
    program_ranks().broadcast(&size, sizeof size);
    program_ranks().broadcast(text_.data(), text_.size());
  }

  static Message received() {
    Message message;
    int64_t size = 0;
    program_ranks().broadcast(&size, sizeof size);
    message.text_.resize(size_t(size));
    program_ranks().broadcast(message.text_.data(), message.text_.size());
    return message;
  }
  std::string word() {
    const size_t space = text_.find(' ', read_), size = std::stoul(text_.substr(read_, space - read_));
    read_ = space + 1 + size;
    return text_.substr(space + 1, size);
  }
  int64_t number() { return std::stoll(word()); }
  Shape shape() {
    Shape s;
    for (int64_t *axis : {&s.n, &s.t, &s.h, &s.w, &s.c}) *axis = number();
    return s;
  }
  std::vector<std::pair<std::string, std::string>> settings() {
    std::vector<std::pair<std::string, std::string>> all;
    for (const auto &field : setting_fields()) all.emplace_back(field.name, word());
    return all;
  }

 private:
  std::string text_;
  size_t read_ = 0;
};

class Shared final : public SampleSource {
 public:
  Shared(std::unique_ptr<SampleSource> own, SamplerOrder order) : own_(std::move(own)), order_(std::move(order)) {}

  int64_t at_a_time() const override { return own_->at_a_time(); }
  void draw_range(const LearningSettings &s, int64_t first, int64_t last, const Visit &visit) override {
    if (first != 0) throw std::logic_error("ranks share the samples from the first one on");
    Message message;
    message << to_draw << order_.path << order_.settings << int64_t(order_.revises) << int64_t(order_.latent.size());
    for (const Shape &shape : order_.latent) message << shape;
    message << order_.example << order_.count << int64_t(s.seed) << last;
    message.send();
    require_alike(program_ranks(), order_.model);
    own_->watch = watch;
    draw_by_ranks(program_ranks(), *own_, s, last, visit);
    own_->watch = nullptr;
  }

 private:
  std::unique_ptr<SampleSource> own_;
  const SamplerOrder order_;
};

void draw_share(Message &message, Options options) {
  options.checkpoint = message.word();
  options.experiment.clear();  // the checkpoint says it
  options.settings = message.settings();
  options.category.clear();  // a setting by now
  options.iterations = 0;
  const bool revises = message.number() != 0;
  std::vector<Shape> latent(size_t(message.number()));
  for (Shape &shape : latent) shape = message.shape();
  const Shape example = message.shape();
  const int64_t count = message.number(), seed = message.number(), last = message.number();

  const std::unique_ptr<Backend> backend = make_backend(options);
  SavedModel saved = load_model(*backend, options.checkpoint, options);
  const Alike alike = alike_of(*backend, saved);
  if (saved.chain) saved.chain->set_example(example);
  const std::unique_ptr<SampleSource> sampler = model_sampler(
      *backend, saved, options.checkpoint, revises ? saved.model.descriptor.get() : nullptr, latent, example, count);
  require_alike(program_ranks(), alike);
  draw_by_ranks(program_ranks(), *sampler, sampling_settings(saved, seed), last,
                [](int64_t, const std::vector<real> &, const std::vector<real> &) {});
}

void learn_row(Message &message, Options options) {
  options.table = 0;
  options.experiment = message.word();
  options.algorithm = message.word();
  options.name = message.word();
  options.seed = message.number();
  options.resume = message.number() != 0;
  options.settings.resize(size_t(message.number()));
  for (auto &[name, value] : options.settings) name = message.word(), value = message.word();
  train(options);
}

}  // namespace

std::unique_ptr<SampleSource> shared_by_ranks(std::unique_ptr<SampleSource> own, const SamplerOrder &order) {
  const Ranks &ranks = program_ranks();
  if (ranks.rank() > 0 || ranks.count() == 1 || !own->in_any_order()) return own;
  return std::make_unique<Shared>(std::move(own), order);
}

void have_others_train(const Options &o) {
  Message message;
  message << to_learn << o.experiment << o.algorithm << o.name << o.seed << int64_t(o.resume)
          << int64_t(o.settings.size());
  for (const auto &[name, value] : o.settings) message << name << value;
  message.send();
}

void do_errands(const Options &options) {
  for (;;) {
    Message message = Message::received();
    switch (message.number()) {
      case to_draw:
        draw_share(message, options);
        break;
      case to_learn:
        learn_row(message, options);
        break;
      default:
        return;
    }
  }
}

void end_errands() { (Message() << to_end).send(); }

}  // namespace coopnets
