#include "autodiff/tape.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace coopnets {

namespace {
constexpr size_t alignment = 64;  // bytes
constexpr int forever = std::numeric_limits<int>::max();

// Bytes that a buffer takes in its arena.
size_t aligned(int64_t elements) { return (elements * sizeof(real) + alignment - 1) / alignment * alignment; }

void extend(int &last, int time) { last = std::max(last, time); }
}  // namespace

void Arena::reserve(size_t bytes) {
  if (memory_.data() && bytes > bytes_) throw std::logic_error("an arena cannot grow while it is in use");
  bytes_ = std::max(bytes_, bytes);
}

char *Arena::data() {
  if (!memory_.data()) memory_ = Memory(backend_, std::max(bytes_, alignment));
  return static_cast<char *>(memory_.data());
}

Variable Tape::leaf(View external) {
  Node node;
  node.shape = external.shape;
  node.external = external.data;
  nodes_.push_back(std::move(node));
  return {static_cast<int>(nodes_.size()) - 1};
}

Variable Tape::record(std::unique_ptr<Op> op, std::vector<Variable> inputs, const Shape &shape) {
  if (planned_) throw std::logic_error("a planned tape cannot be extended");
  Node node;
  node.op = std::move(op);
  node.shape = shape;
  for (Variable v : inputs) {
    if (v.id >= static_cast<int>(nodes_.size())) throw std::logic_error("a variable of another tape");
    node.inputs.push_back(v.id);
  }
  nodes_.push_back(std::move(node));
  return {static_cast<int>(nodes_.size()) - 1};
}

Tape::Gradient &Tape::gradient(Variable of, std::vector<Variable> wrt) {
  if (planned_) throw std::logic_error("gradients are asked for before plan()");
  for (const Variable v : wrt)
    if (nodes_.at(v.id).op) throw std::logic_error("gradients are taken with respect to leaves");
  gradients_.emplace_back();
  gradients_.back().output = of;
  gradients_.back().wrt = std::move(wrt);
  return gradients_.back();
}

// Time runs 0 .. nodes-1 for the forward pass, then on through the steps of each gradient in turn. A buffer's life is
// an interval of that time; two buffers may share memory if their lives do not meet.
void Tape::plan() {
  planned_ = true;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    Node &node = nodes_[i];
    if (!node.op) continue;
    const int now = static_cast<int>(i);
    node.buffer = static_cast<int>(buffers_.size());
    buffers_.push_back({node.shape.size(), now, node.kept ? forever : now, &values_});
    for (int input : node.inputs)
      if (input >= 0 && nodes_[input].op) extend(buffers_[nodes_[input].buffer].last, now);
  }
  int time = static_cast<int>(nodes_.size());
  for (Gradient &g : gradients_) plan_gradient(g, time);
  assign_offsets(values_);
  if (&gradients_arena_ != &values_) assign_offsets(gradients_arena_);
}

void Tape::plan_gradient(Gradient &g, int &time) {
  // Which nodes depend on a variable that is asked for: only those carry a gradient.
  std::vector<bool> needed(nodes_.size(), false);
  for (const Variable v : g.wrt) needed[v.id] = true;
  for (size_t i = 0; i < nodes_.size(); ++i)
    for (int input : nodes_[i].inputs)
      if (input >= 0 && needed[input]) needed[i] = true;

  std::vector<int> uses(nodes_.size(), 0);  // that add to a node's gradient, or may
  for (int i = 0; i <= g.output.id; ++i)
    for (int input : nodes_[i].inputs)
      if (input >= 0) ++uses[input];
  const auto has_activation = [&](int i) {
    return nodes_[i].op && nodes_[i].op->activation().kind != Activation::none;
  };
  std::vector<bool> multiplied(nodes_.size(), false);

  std::vector<int> &buffer = g.buffer_of_node;
  buffer.assign(nodes_.size(), -1);
  buffer[g.output.id] = static_cast<int>(buffers_.size());
  buffers_.push_back({nodes_[g.output.id].shape.size(), time, time, &gradients_arena_});  // the seed
  extend(buffers_[nodes_[g.output.id].buffer].last, time);

  for (int i = g.output.id; i >= 0; --i) {
    Node &node = nodes_[i];
    if (!needed[i] || !node.op || buffer[i] < 0) continue;
    ++time;
    Gradient::Step step{i, has_activation(i) && !multiplied[i], false, {}, {}};
    std::vector<bool> asked;
    for (int input : node.inputs) asked.push_back(input >= 0 && needed[input]);
    buffers_[buffer[i]].last = time;
    if (step.multiply) extend(buffers_[node.buffer].last, time);
    bool in_place_free = node.op->backward_in_place() && i != g.output.id;
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      const int input = node.inputs[k];
      if (input >= 0 && nodes_[input].op && node.op->backward_reads_input(k, asked))
        extend(buffers_[nodes_[input].buffer].last, time);
      int d_in = -1, sum = -1;
      if (asked[k]) {
        if (k == 0 && node.op->backward_multiplies() && has_activation(input) && uses[input] == 1) {
          step.multiplies_input = multiplied[input] = true;
          extend(buffers_[nodes_[input].buffer].last, time);
        }
        if (k == 0 && in_place_free && buffer[input] < 0 && nodes_[input].shape == node.shape) {
          d_in = buffer[input] = buffer[i];
        } else {
          d_in = static_cast<int>(buffers_.size());
          buffers_.push_back({nodes_[input].shape.size(), time, time, &gradients_arena_});
          if (buffer[input] < 0)
            buffer[input] = d_in;
          else
            sum = buffer[input];
        }
        buffers_[buffer[input]].last = time;
      }
      step.d_in.push_back(d_in);
      step.accumulate.push_back(sum);
    }
    g.steps.push_back(std::move(step));
  }

  // A gradient that was asked for lives to the end of the sweep.
  ++time;
  for (const Variable v : g.wrt) {
    if (buffer[v.id] < 0)
      throw std::logic_error("the output does not depend on a variable that it is differentiated by");
    buffers_[buffer[v.id]].last = time;
  }
}

// Largest buffer first, each at the lowest offset where it meets no buffer that is alive at the same time.
void Tape::assign_offsets(Arena &arena) {
  std::vector<int> order;
  for (size_t i = 0; i < buffers_.size(); ++i)
    if (buffers_[i].arena == &arena) order.push_back(static_cast<int>(i));
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return buffers_[a].elements > buffers_[b].elements; });
  std::vector<int> placed;  // by offset
  size_t needed = 0;
  for (int i : order) {
    Buffer &buffer = buffers_[i];
    const size_t bytes = aligned(buffer.elements);
    size_t offset = 0;
    for (int other : placed) {
      const Buffer &o = buffers_[other];
      if (o.last < buffer.first || buffer.last < o.first) continue;
      if (offset + bytes <= o.offset) break;
      offset = std::max(offset, o.offset + aligned(o.elements));
    }
    buffer.offset = offset;
    needed = std::max(needed, offset + bytes);
    bytes_unplanned_ += bytes;
    placed.insert(std::upper_bound(placed.begin(), placed.end(), i,
                                   [&](int a, int b) { return buffers_[a].offset < buffers_[b].offset; }),
                  i);
  }
  bytes_ += needed;
  arena.reserve(needed);
}

View Tape::at(int buffer, const Shape &shape) const {
  if (buffer < 0) return {shape, nullptr};
  const Buffer &b = buffers_[buffer];
  return {shape, reinterpret_cast<real *>(b.arena->data() + b.offset)};
}

View Tape::value(Variable v) const {
  const Node &node = nodes_.at(v.id);
  return node.op ? at(node.buffer, node.shape) : View{node.shape, node.external};
}

View Tape::seed(const Gradient &g) const { return at(g.buffer_of_node[g.output.id], shape(g.output)); }
View Tape::of(const Gradient &g, Variable wrt) const { return at(g.buffer_of_node[wrt.id], shape(wrt)); }

void Tape::forward() {
  if (!planned_) throw std::logic_error("plan() comes before forward()");
  std::vector<ConstView> in;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node &node = nodes_[i];
    if (!node.op) continue;
    in.clear();
    for (int input : node.inputs) in.push_back(input < 0 ? ConstView{} : ConstView(value({input})));
    node.op->forward(backend_, in, value({static_cast<int>(i)}));
  }
}

void Tape::backward(Gradient &g) {
  std::vector<ConstView> in;
  std::vector<View> d_in;
  for (const Gradient::Step &step : g.steps) {
    const Node &node = nodes_[step.node];
    in.clear();
    d_in.clear();
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      const int input = node.inputs[k];
      in.push_back(input < 0 ? ConstView{} : ConstView(value({input})));
      d_in.push_back(input < 0 ? View{} : at(step.d_in[k], nodes_[input].shape));
    }
    const View dv = at(g.buffer_of_node[step.node], node.shape);
    if (step.multiply) backend_.activation_backward(value({step.node}), node.op->activation(), dv);
    Derivative derivative;
    if (step.multiplies_input) derivative = {in[0], nodes_[node.inputs[0]].op->activation()};
    node.op->backward(backend_, in, dv, derivative, d_in);
    for (size_t k = 0; k < node.inputs.size(); ++k)
      if (step.accumulate[k] >= 0) backend_.add(d_in[k], at(step.accumulate[k], d_in[k].shape));
  }
}

}  // namespace coopnets
