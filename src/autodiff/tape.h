// Reverse-mode automatic differentiation of a static graph: recorded once, planned once, replayed often.
//
//   Tape tape(backend, arena);
//   Variable x = tape.leaf(image), w = tape.leaf(filters);          // memory that somebody else owns
//   Variable y = conv(tape, x, w, {}, window, {});                  // ops.h
//   Tape::Gradient &g = tape.gradient(y, {{x}});                    // d<seed, y>/dx, and nothing else is computed
//   tape.plan();                                                    // lifetimes -> offsets in the arena
//   tape.forward();  fill(tape.seed(g));  tape.backward(g);  use(tape.of(g, x));
//
// An op can only take variables that exist already, so the order of recording is a topological order of the graph, and
// the reverse sweep simply walks it backwards: when a node is reached, every use of its output has added its share of
// the gradient.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "tensor/tensor.h"

namespace coopnets {

// A node of one tape. id -1: absent (an optional input).
struct Variable {
  int id = -1;
};

// One operation, out = a(v): v is a function of its inputs, a its activation. It computes out, and from dv, the gradient
// of a scalar with respect to v, the gradients with respect to its inputs.
class Op {
 public:
  virtual ~Op() = default;
  virtual void forward(Backend &, const std::vector<ConstView> &in, View out) = 0;
  virtual Activation activation() const { return {}; }
  // Overwrites d_in[i] where its data is not null (that is what is asked), d_in[0] times `derivative`; may use dv as
  // working memory.
  virtual void backward(Backend &, const std::vector<ConstView> &in, View dv, const Derivative &derivative,
                        const std::vector<View> &d_in) = 0;
  // Does it multiply d_in[0] by a derivative while that is in registers? Otherwise none is given to it.
  virtual bool backward_multiplies() const { return false; }
  // What backward reads, so that the plan may reuse everything else. asked[i]: d_in[i] is wanted.
  virtual bool backward_reads_input(size_t i, const std::vector<bool> &asked) const = 0;
  // May d_in[0] be the very memory of dv?
  virtual bool backward_in_place() const { return false; }
};

// Working memory that several tapes use in turn: as large as the largest of them. Whatever a tape computed is lost as
// soon as another tape of the same arena runs.
class Arena {
 public:
  explicit Arena(Backend &backend) : backend_(backend) {}
  void reserve(size_t bytes);  // before the first use of data(); throws std::logic_error after it
  char *data();
  size_t bytes() const { return bytes_; }

 private:
  Backend &backend_;
  Memory memory_;
  size_t bytes_ = 0;
};

class Tape {
 public:
  Tape(Backend &backend, Arena &arena) : Tape(backend, arena, arena) {}
  // Values in one arena, gradients in another: what forward() computed then survives other tapes that use the second,
  // and backward() still finds it.
  Tape(Backend &backend, Arena &values, Arena &gradients)
      : backend_(backend), values_(values), gradients_arena_(gradients) {}
  Tape(const Tape &) = delete;

  Variable leaf(View external);
  Variable record(std::unique_ptr<Op> op, std::vector<Variable> inputs, const Shape &shape);
  // The value stays readable until the arena is used again, even if no gradient needs it.
  void keep(Variable v) { nodes_.at(v.id).kept = true; }

  struct Gradient;
  // The vector-Jacobian product d<seed, of>/d(wrt), for the leaves `wrt`: the reverse sweep is cut down to what they
  // need. Owned by the tape.
  Gradient &gradient(Variable of, std::vector<Variable> wrt);

  void plan();
  void forward();
  void backward(Gradient &);

  Backend &backend() const { return backend_; }
  const Shape &shape(Variable v) const { return nodes_.at(v.id).shape; }
  View value(Variable v) const;
  View seed(const Gradient &) const;                           // fill before backward(); backward() may overwrite it
  View of(const Gradient &, Variable wrt) const;               // after backward()
  size_t bytes() const { return bytes_; }                      // planned: what the arenas must hold for this tape
  size_t bytes_unplanned() const { return bytes_unplanned_; }  // what it would be without reuse

 private:
  struct Buffer {  // lives in its arena during [first, last] of the tape's time
    int64_t elements = 0;
    int first = 0, last = 0;
    Arena *arena = nullptr;
    size_t offset = 0;
  };
  struct Node {
    std::unique_ptr<Op> op;  // null for a leaf
    std::vector<int> inputs;
    Shape shape;
    real *external = nullptr;
    bool kept = false;
    int buffer = -1;
  };
  View at(int buffer, const Shape &shape) const;
  void assign_offsets(Arena &);
  void plan_gradient(Gradient &, int &time);

  Backend &backend_;
  Arena &values_, &gradients_arena_;
  std::vector<Node> nodes_;
  std::vector<Buffer> buffers_;
  std::deque<Gradient> gradients_;
  size_t bytes_ = 0, bytes_unplanned_ = 0;
  bool planned_ = false;
};

// The reverse sweep for one (of, wrt). With out = a(v), what a node's uses give is d_out; dv = d_out a'(v) is made of it
// by the only use, where that multiplies, and otherwise in place before the node's own step.
struct Tape::Gradient {
  struct Step {
    int node;
    bool multiply;                // d_out by a' first
    bool multiplies_input;        // gives dv of its input 0
    std::vector<int> d_in;        // buffer of each input's gradient, -1: not asked
    std::vector<int> accumulate;  // buffer that receives d_in by +=, -1: d_in is the first share itself
  };
  Variable output;
  std::vector<Variable> wrt;
  std::vector<Step> steps;
  std::vector<int> buffer_of_node;
};

}  // namespace coopnets
