// Reverse-mode automatic differentiation of a static graph: recorded once, planned once, replayed often.
//
//   Tape tape(backend, arena);
//   Variable x = tape.leaf(image), w = tape.leaf(filters);          // memory that somebody else owns
//   Variable y = conv(tape, x, w, {}, window, {});                  // ops.h
//   Tape::Gradient &g = tape.gradient({y}, {x});                    // d<seed, y>/dx, and nothing else is computed
//   tape.plan();                                                    // a program, and where its buffers lie
//   tape.forward();  fill(tape.seed(g));  tape.backward(g);  use(tape.of(g, x));
//
// An op can only take variables that exist already, so the order of recording is a topological order of the graph, and
// the reverse sweep simply walks it backwards: when a node is reached, every use of its output has added its share of
// the gradient.
#pragma once
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace coopnets {

// A node of one tape. id -1: absent (an optional input).
struct Variable {
  int id = -1;
};

using Inputs = std::vector<ConstView>;
using Gradients = std::vector<View>;

// One operation, out = a(v): v is a function of its inputs, a its activation. What it computes is given by functions:
// ops.cpp has them all.
struct Op {
  const char *name;       // "batch norm"
  Activation activation;  // a; its derivative is a function of `out` alone
  std::function<void(Backend &, const Inputs &in, View out)> forward;
  // From dv, the gradient of a scalar with respect to v: overwrites d_in[i] where its data is not null (that is what is
  // asked), d_in[0] times `derivative`; may use dv as working memory.
  std::function<void(Backend &, const Inputs &in, View dv, const Derivative &derivative, const Gradients &d_in)>
      backward;
  // What backward reads of its inputs, so that the plan may reuse everything else. asked[i]: d_in[i] is wanted.
  std::function<bool(size_t i, const std::vector<bool> &asked)> reads = [](size_t, const std::vector<bool> &) {
    return false;
  };
  bool reads_output = false;  // backward reads `out` too, which it is given as the last of `in`
  bool in_place = false;      // d_in[0] may be the very memory of dv
  bool multiplies = false;    // multiplies d_in[0] by a derivative while that is in registers; else none is given to it
  bool separate = false;  // of x, filters, bias: backward may be asked for each d_in by itself, and leaves dv as it is
  double flop = 0;  // 2 x the multiply-adds of a product, done directly; the gradient in either factor takes as many
  explicit Op(const char *name = "op") : name(name) {}
};

// Some of what is done with a net, for measurements.
struct Work {
  std::string what, layer;     // "conv, gradient of filters", "descriptor 2: conv 4x4 stride 2x2 -> 7x7 x 128"
  double flop = 0, bytes = 0;  // of products alone; what must be read and written: each tensor once
};
// Does the work by run(), once, and may time it.
using Observer = std::function<void(const Work &, const std::function<void()> &run)>;

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
  Tape() = default;  // records shapes alone: it cannot be planned
  Tape(Backend &backend, Arena &arena) : Tape(backend, arena, arena) {}
  // Values in one arena, gradients in another: what forward() computed then survives other tapes that use the second,
  // and backward() still finds it.
  Tape(Backend &backend, Arena &values, Arena &gradients)
      : backend_(&backend), values_(&values), gradients_arena_(&gradients) {}
  Tape(const Tape &) = delete;

  Variable leaf(View external);
  Variable record(Op op, const std::vector<Variable> &inputs, const Shape &shape);
  // The value stays readable until the arena is used again, even if no gradient needs it.
  void keep(Variable v) { nodes_.at(v.id).kept = true; }
  // The same between forward() and backward().
  void keep_until_backward(Variable v) { nodes_.at(v.id).kept_until_backward = true; }

  struct Gradient;
  // The vector-Jacobian product d(sum_k <seed_k, of_k>)/d(wrt), for the leaves `wrt`: the reverse sweep is cut down to
  // what they need. Owned by the tape.
  Gradient &gradient(std::vector<Variable> of, std::vector<Variable> wrt);

  void plan();
  void forward();
  // Only what this sweep reads, in place of forward(): of a layer without activation that nothing else follows the
  // gradient needs no value. What is left out, outputs above all, is undefined then.
  void forward_for(const Gradient &);
  void backward(const Gradient &);

  bool can_run() const { return backend_ != nullptr; }
  Backend &backend() const { return *backend_; }
  const Shape &shape(Variable v) const { return nodes_.at(v.id).shape; }
  View value(Variable v) const;
  View seed(const Gradient &, size_t k = 0) const;             // fill before backward(); backward() may overwrite it
  View of(const Gradient &, Variable wrt) const;               // after backward()
  size_t bytes() const { return bytes_; }                      // planned: what the arenas must hold for this tape
  size_t bytes_unplanned() const { return bytes_unplanned_; }  // what it would be without reuse

  // A step of the program that plan() writes. Buffers are numbered; -1 is none.
  struct Instruction {
    enum Kind {
      mark,        // computes nothing: buffers are written or read outside here
      forward,     // the value of `node`
      derivative,  // gradient of `node` *= a'(value of `node`)
      backward,    // the shares that the inputs of `node` have in its gradient, into d_in
      add          // gradient of `node` += d_in[0]
    } kind;
    int node;
    std::vector<int> d_in;
    bool multiplies_input;           // backward: d_in[0] times the derivative of input 0's activation
    std::vector<int> reads, writes;  // buffers
  };
  const std::vector<Instruction> &program() const { return program_; }

  // From now on each instruction runs inside `observer`, or inside none where that is empty.
  void watch(Observer observer) { observer_ = std::move(observer); }
  const Observer &observer() const { return observer_; }
  Work work(const Instruction &) const;
  // Nodes up to v that have no layer yet, leaves apart, are of this one: what Work calls it.
  void label(Variable v, const std::string &layer);

 private:
  struct Node {
    bool is_leaf = true;
    Op op;
    std::vector<int> inputs;
    Shape shape;
    real *external = nullptr;
    bool kept = false, kept_until_backward = false;
    int buffer = -1;  // of its value
    std::string layer;
  };
  struct Buffer {  // is in use from program_[first] to program_[last]
    int64_t elements = 0;
    Arena *arena = nullptr;
    int first = -1, last = -1;
    size_t offset = 0;
  };
  int new_buffer(const Shape &, Arena &);
  int value_buffer(int node) const { return node < 0 ? -1 : nodes_[node].buffer; }
  void emit(Instruction);
  void emit_forward();
  void emit_gradient(Gradient &);
  void emit_derivative(Gradient &, int node);
  void emit_backward(Gradient &, int node, const std::vector<bool> &needed);
  void emit_shares(Gradient &, int node, const std::vector<bool> &asked);
  int buffer_of_share(const Gradient &, int node, size_t input);
  std::vector<bool> depend_on(const std::vector<Variable> &) const;
  void find_forward(Gradient &) const;
  void find_lifetimes();
  void assign_offsets(Arena &);
  void run(size_t first, size_t last, const Gradient *);
  void run(const Instruction &, const Gradient *);
  View at(int buffer, const Shape &shape) const;
  Inputs inputs_of(const Node &) const;

  Backend *backend_ = nullptr;
  Arena *values_ = nullptr, *gradients_arena_ = nullptr;
  std::vector<Node> nodes_;
  std::vector<Buffer> buffers_;
  std::vector<Instruction> program_;  // the forward pass, then each gradient's sweep
  size_t forward_end_ = 0;
  std::deque<Gradient> gradients_;
  Observer observer_;
  int labelled_ = 0;  // nodes that label() has seen
  size_t bytes_ = 0, bytes_unplanned_ = 0;
  bool planned_ = false;
};

// One reverse sweep: program()[first] to program()[last - 1].
struct Tape::Gradient {
  std::vector<Variable> outputs, wrt;
  std::vector<int> buffer;  // of each node's gradient
  size_t first = 0, last = 0;
  std::vector<size_t> forward;  // what it reads of program()'s forward pass
};

}  // namespace coopnets
