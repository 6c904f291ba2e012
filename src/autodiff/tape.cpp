#include "autodiff/tape.h"

#include <algorithm>
#include <stdexcept>

namespace coopnets {

namespace {
constexpr size_t alignment = 64;  // bytes

// Bytes that a buffer takes in its arena.
size_t aligned(int64_t elements) { return (elements * sizeof(real) + alignment - 1) / alignment * alignment; }
}  // namespace

void Arena::reserve(size_t bytes) {
  if (memory_.data() && bytes > bytes_) throw std::logic_error("an arena cannot grow while it is in use");
  bytes_ = std::max(bytes_, bytes);
}

char *Arena::data() {
  if (!memory_.data()) memory_ = Memory(backend_, std::max(bytes_, alignment));
  return static_cast<char *>(memory_.data());
}

// ------------------------------------------------------------------------------------------------------- recording

Variable Tape::leaf(View external) {
  Node node;
  node.shape = external.shape;
  node.external = external.data;
  nodes_.push_back(std::move(node));
  return {int(nodes_.size()) - 1};
}

Variable Tape::record(Op op, const std::vector<Variable> &inputs, const Shape &shape) {
  if (planned_) throw std::logic_error("a planned tape cannot be extended");
  Node node;
  node.is_leaf = false;
  node.op = std::move(op);
  node.shape = shape;
  for (const Variable v : inputs) {
    if (v.id >= int(nodes_.size())) throw std::logic_error("a variable of another tape");
    node.inputs.push_back(v.id);
  }
  nodes_.push_back(std::move(node));
  return {int(nodes_.size()) - 1};
}

Tape::Gradient &Tape::gradient(std::vector<Variable> of, std::vector<Variable> wrt) {
  if (planned_) throw std::logic_error("gradients are asked for before plan()");
  for (const Variable v : wrt)
    if (!nodes_.at(v.id).is_leaf) throw std::logic_error("gradients are taken with respect to leaves");
  for (const Variable v : of)
    if (nodes_.at(v.id).is_leaf) throw std::logic_error("a leaf is no function of anything");
  gradients_.emplace_back();
  gradients_.back().outputs = std::move(of);
  gradients_.back().wrt = std::move(wrt);
  return gradients_.back();
}

// ------------------------------------------------------------------------------------------------------- planning

void Tape::plan() {
  if (!backend_) throw std::logic_error("a tape without a backend cannot be planned");
  planned_ = true;
  emit_forward();
  for (Gradient &g : gradients_) emit_gradient(g);
  for (Gradient &g : gradients_) find_forward(g);
  find_lifetimes();
  assign_offsets(*values_);
  if (gradients_arena_ != values_) assign_offsets(*gradients_arena_);
}

int Tape::new_buffer(const Shape &shape, Arena &arena) {
  buffers_.push_back({shape.size(), &arena});
  return int(buffers_.size()) - 1;
}

void Tape::emit(Instruction instruction) { program_.push_back(std::move(instruction)); }

void Tape::emit_forward() {
  Instruction end{Instruction::mark, -1, {}, false, {}, {}};
  for (int i = 0; i < int(nodes_.size()); ++i) {
    Node &node = nodes_[i];
    if (node.is_leaf) continue;
    node.buffer = new_buffer(node.shape, *values_);
    Instruction step{Instruction::forward, i, {}, false, {}, {node.buffer}};
    for (const int input : node.inputs) step.reads.push_back(value_buffer(input));
    emit(std::move(step));
    if (node.kept_until_backward) end.reads.push_back(node.buffer);
  }
  emit(std::move(end));
  forward_end_ = program_.size();
}

// Which nodes depend on these leaves: only those carry a gradient.
std::vector<bool> Tape::depend_on(const std::vector<Variable> &leaves) const {
  std::vector<bool> needed(nodes_.size(), false);
  for (const Variable v : leaves) needed[v.id] = true;
  for (size_t i = 0; i < nodes_.size(); ++i)
    for (const int input : nodes_[i].inputs)
      if (input >= 0 && needed[input]) needed[i] = true;
  return needed;
}

void Tape::emit_gradient(Gradient &g) {
  const std::vector<bool> needed = depend_on(g.wrt);
  g.first = program_.size();
  g.buffer.assign(nodes_.size(), -1);
  Instruction begin{Instruction::mark, -1, {}, false, {}, {}};
  for (const Variable v : g.outputs) {  // the outputs are read outside, and the seeds written
    begin.reads.push_back(value_buffer(v.id));
    if (g.buffer[v.id] < 0) begin.writes.push_back(g.buffer[v.id] = new_buffer(shape(v), *gradients_arena_));
  }
  emit(std::move(begin));
  for (int i = int(nodes_.size()) - 1; i >= 0; --i)
    if (needed[i] && !nodes_[i].is_leaf && g.buffer[i] >= 0) emit_backward(g, i, needed);
  Instruction end{Instruction::mark, -1, {}, false, {}, {}};
  for (const Variable v : g.wrt) {  // the results are read outside
    if (g.buffer[v.id] < 0)
      throw std::logic_error("the output does not depend on a variable that it is differentiated by");
    end.reads.push_back(g.buffer[v.id]);
  }
  emit(std::move(end));
  g.last = program_.size();
}

// The gradient of `node` is with respect to out = a(v) and becomes that with respect to v. Where one instruction alone
// made it, by an op that multiplies while it has the numbers in registers, that one does it.
void Tape::emit_derivative(Gradient &g, int node) {
  if (nodes_[node].op.activation.kind == Activation::none) return;
  const int gradient = g.buffer[node];
  Instruction *made_by = nullptr;
  int writers = 0;
  for (size_t i = g.first; i < program_.size(); ++i)
    for (const int buffer : program_[i].writes)
      if (buffer == gradient) ++writers, made_by = &program_[i];
  if (writers == 1 && made_by->kind == Instruction::backward && nodes_[made_by->node].op.multiplies &&
      nodes_[made_by->node].inputs[0] == node && made_by->d_in[0] == gradient) {
    made_by->multiplies_input = true;
    made_by->reads.push_back(nodes_[node].buffer);
  } else {
    emit({Instruction::derivative, node, {}, false, {gradient, nodes_[node].buffer}, {gradient}});
  }
}

// Gradients that an op makes one by one are an instruction each: the last input's first, so that what the bias and the
// filters need is free again when that of x is made.
void Tape::emit_backward(Gradient &g, int i, const std::vector<bool> &needed) {
  emit_derivative(g, i);
  std::vector<bool> asked;
  for (const int input : nodes_[i].inputs) asked.push_back(input >= 0 && needed[input]);
  if (!nodes_[i].op.separate) return emit_shares(g, i, asked);
  for (size_t k = asked.size(); k-- > 0;) {
    std::vector<bool> one(asked.size(), false);
    one[k] = asked[k];
    if (one[k]) emit_shares(g, i, one);
  }
}

void Tape::emit_shares(Gradient &g, int i, const std::vector<bool> &asked) {
  const Node &node = nodes_[i];
  Instruction step{Instruction::backward, i, {}, false, {g.buffer[i]}, {}};
  std::vector<Instruction> sums;
  if (node.op.reads_output) step.reads.push_back(node.buffer);
  for (size_t k = 0; k < node.inputs.size(); ++k) {
    const int input = node.inputs[k];
    if (node.op.reads(k, asked)) step.reads.push_back(value_buffer(input));
    step.d_in.push_back(asked[k] ? buffer_of_share(g, i, k) : -1);
    if (!asked[k]) continue;
    step.writes.push_back(step.d_in[k]);
    int &sum = g.buffer[input];
    if (sum < 0)
      sum = step.d_in[k];
    else
      sums.push_back({Instruction::add, input, {step.d_in[k]}, false, {step.d_in[k], sum}, {sum}});
  }
  emit(std::move(step));
  for (Instruction &sum : sums) emit(std::move(sum));
}

// Where node i writes the share that its input k has in its gradient: over its own gradient where the op can, unless that
// is a seed, or another share is there already, which this one is added to.
int Tape::buffer_of_share(const Gradient &g, int i, size_t k) {
  const Node &node = nodes_[i];
  const std::vector<int> &seeds = program_[g.first].writes;
  const bool is_seed = std::find(seeds.begin(), seeds.end(), g.buffer[i]) != seeds.end();
  const bool first = g.buffer[node.inputs[k]] < 0, fits = nodes_[node.inputs[k]].shape == node.shape;
  if (k == 0 && node.op.in_place && !is_seed && first && fits) return g.buffer[i];
  return new_buffer(nodes_[node.inputs[k]].shape, *gradients_arena_);
}

// Backwards from what the sweep itself reads: marks stand for what is read outside.
void Tape::find_forward(Gradient &g) const {
  std::vector<bool> read(buffers_.size(), false);
  const auto reads_of = [&](const Instruction &step) {
    for (const int buffer : step.reads)
      if (buffer >= 0) read[size_t(buffer)] = true;
  };
  for (size_t i = g.first; i < g.last; ++i)
    if (program_[i].kind != Instruction::mark) reads_of(program_[i]);
  for (size_t i = forward_end_; i-- > 0;) {
    if (program_[i].kind != Instruction::forward || !read[size_t(program_[i].writes[0])]) continue;
    reads_of(program_[i]);
    g.forward.insert(g.forward.begin(), i);
  }
}

// A buffer is in use from the first instruction that writes it to the last that reads or writes it; one that is kept, to
// the end of all. Two buffers may share memory if their lives do not meet.
void Tape::find_lifetimes() {
  const auto touch = [this](int buffer, int now) {
    if (buffer < 0) return;
    Buffer &b = buffers_[buffer];
    if (b.first < 0) b.first = now;
    b.last = now;
  };
  for (int now = 0; now < int(program_.size()); ++now) {
    for (const int buffer : program_[now].writes) touch(buffer, now);
    for (const int buffer : program_[now].reads) touch(buffer, now);
  }
  for (const Node &node : nodes_)
    if (node.kept && node.buffer >= 0) buffers_[node.buffer].last = int(program_.size());
}

// Largest buffer first, each at the lowest offset where it meets no buffer that is in use at the same time.
void Tape::assign_offsets(Arena &arena) {
  std::vector<int> order;
  for (size_t i = 0; i < buffers_.size(); ++i)
    if (buffers_[i].arena == &arena) order.push_back(int(i));
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return buffers_[a].elements > buffers_[b].elements; });
  std::vector<int> placed;  // by offset
  size_t needed = 0;
  for (const int i : order) {
    Buffer &buffer = buffers_[i];
    const size_t bytes = aligned(buffer.elements);
    for (const int other : placed) {
      const Buffer &o = buffers_[other];
      if (o.last < buffer.first || buffer.last < o.first) continue;
      if (buffer.offset + bytes <= o.offset) break;
      buffer.offset = std::max(buffer.offset, o.offset + aligned(o.elements));
    }
    needed = std::max(needed, buffer.offset + bytes);
    bytes_unplanned_ += bytes;
    const auto below = [&](int a, int b) { return buffers_[a].offset < buffers_[b].offset; };
    placed.insert(std::upper_bound(placed.begin(), placed.end(), i, below), i);
  }
  bytes_ += needed;
  arena.reserve(needed);
}

// ------------------------------------------------------------------------------------------------------- running

View Tape::at(int buffer, const Shape &shape) const {
  if (buffer < 0) return {shape, nullptr};
  const Buffer &b = buffers_[buffer];
  return {shape, reinterpret_cast<real *>(b.arena->data() + b.offset)};
}

View Tape::value(Variable v) const {
  const Node &node = nodes_.at(v.id);
  return node.is_leaf ? View{node.shape, node.external} : at(node.buffer, node.shape);
}

View Tape::seed(const Gradient &g, size_t k) const { return at(g.buffer[g.outputs.at(k).id], shape(g.outputs[k])); }
View Tape::of(const Gradient &g, Variable wrt) const { return at(g.buffer[wrt.id], shape(wrt)); }

void Tape::forward() {
  if (!planned_) throw std::logic_error("plan() comes before forward()");
  run(0, forward_end_, nullptr);
}

void Tape::forward_for(const Gradient &g) {
  for (const size_t i : g.forward) run(i, i + 1, nullptr);
}

void Tape::backward(const Gradient &g) { run(g.first, g.last, &g); }

void Tape::run(size_t first, size_t last, const Gradient *g) {
  for (size_t i = first; i < last; ++i) {
    const Instruction &step = program_[i];
    if (step.kind == Instruction::mark) continue;
    if (observer_)
      observer_(work(step), [&] { run(step, g); });
    else
      run(step, g);
  }
}

Inputs Tape::inputs_of(const Node &node) const {
  Inputs in;
  for (const int input : node.inputs) in.push_back(input < 0 ? ConstView{} : ConstView(value({input})));
  return in;
}

void Tape::run(const Instruction &step, const Gradient *g) {
  const Node &node = nodes_[step.node];
  if (step.kind == Instruction::forward) return node.op.forward(*backend_, inputs_of(node), value({step.node}));
  const View dv = at(g->buffer[step.node], node.shape);
  if (step.kind == Instruction::derivative)
    return backend_->activation_backward(value({step.node}), node.op.activation, dv);
  if (step.kind == Instruction::add) return backend_->add(dv, at(step.d_in[0], node.shape), dv);
  Gradients d_in;
  for (size_t k = 0; k < node.inputs.size(); ++k)
    d_in.push_back(node.inputs[k] < 0 ? View{} : at(step.d_in[k], nodes_[node.inputs[k]].shape));
  Derivative derivative;
  if (step.multiplies_input) {
    const int input = node.inputs[0];
    derivative = {value({input}), nodes_[input].op.activation};
  }
  Inputs in = inputs_of(node);
  if (node.op.reads_output) in.push_back(value({step.node}));
  node.op.backward(*backend_, in, dv, derivative, d_in);
}

// ------------------------------------------------------------------------------------------------------- measuring

void Tape::label(Variable v, const std::string &layer) {
  for (; labelled_ <= v.id; ++labelled_)
    if (!nodes_[labelled_].is_leaf) nodes_[labelled_].layer = layer;
}

// A bias is no factor, so its gradient takes no multiply-adds.
Work Tape::work(const Instruction &step) const {
  static const char *const inputs[] = {"input", "filters", "bias"};  // of ops that are asked one by one
  if (step.kind == Instruction::mark) return {};
  const Node &node = nodes_[step.node];
  const Op &op = node.op;
  int64_t elements = node.shape.size();
  const auto size = [&](size_t k) { return node.inputs[k] < 0 ? 0 : nodes_[node.inputs[k]].shape.size(); };
  const auto done = [&](const std::string &what, double flop) {
    return Work{what, node.is_leaf ? "an input or a parameter" : node.layer, flop, double(elements) * sizeof(real)};
  };
  if (step.kind == Instruction::derivative || step.kind == Instruction::add)
    elements *= 3;  // two are read, one written
  if (step.kind == Instruction::derivative) return done("derivative of the activation", 0);
  if (step.kind == Instruction::add) return done("sum of gradients", 0);
  if (step.kind == Instruction::forward) {
    for (size_t k = 0; k < node.inputs.size(); ++k) elements += size(k);
    return done(op.name, op.flop);
  }
  std::string what = std::string(op.name) + (op.separate ? ", gradient of " : ", gradients");
  std::vector<bool> asked;
  for (const int buffer : step.d_in) asked.push_back(buffer >= 0);
  double flop = 0;
  for (size_t k = 0; k < asked.size(); ++k) {
    elements += size(k) * (int(op.reads(k, asked)) + int(asked[k]));
    if (asked[k] && k < 2) flop += op.flop;
    if (asked[k] && op.separate) what += inputs[k];
  }
  if (op.reads_output) elements += node.shape.size();
  if (step.multiplies_input) elements += size(0);
  return done(what, flop);
}

}  // namespace coopnets
