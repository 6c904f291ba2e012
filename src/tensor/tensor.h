// Memory that owns itself: tensors, and the slots that reductions write into.
#pragma once
#include <vector>

#include "tensor/backend.h"

namespace coopnets {

// Bytes of a backend's memory, given back when it goes. Move-only.
class Memory {
 public:
  Memory() = default;
  Memory(Backend &backend, size_t bytes) : backend_(&backend), data_(backend.allocate(bytes)), bytes_(bytes) {}
  Memory(Memory &&o) noexcept { swap(o); }
  Memory &operator=(Memory &&o) noexcept {
    swap(o);
    return *this;
  }
  ~Memory() {
    if (data_) backend_->release(data_, bytes_);
  }
  void *data() const { return data_; }
  size_t bytes() const { return bytes_; }
  Backend &backend() const { return *backend_; }

 private:
  void swap(Memory &o) noexcept {
    std::swap(backend_, o.backend_);
    std::swap(data_, o.data_);
    std::swap(bytes_, o.bytes_);
  }
  Backend *backend_ = nullptr;
  void *data_ = nullptr;
  size_t bytes_ = 0;
};

// A tensor that owns its elements, filled with zeros at first. Move-only.
class Tensor {
 public:
  Tensor() = default;
  Tensor(Backend &backend, const Shape &shape);
  Tensor(Backend &backend, const Shape &shape, const std::vector<real> &values);  // throws if the sizes differ

  const Shape &shape() const { return shape_; }
  int64_t size() const { return data() ? shape_.size() : 0; }
  real *data() const { return static_cast<real *>(memory_.data()); }
  Backend &backend() const { return memory_.backend(); }
  operator View() const { return {shape_, data()}; }
  operator ConstView() const { return {shape_, data()}; }

  std::vector<real> values() const;            // copied to the host
  void set_values(const std::vector<real> &);  // copied from the host; throws if the sizes differ

 private:
  Shape shape_;
  Memory memory_;
};

// `count` doubles in the backend's memory, zero at first.
class Readings {
 public:
  // `count` slots, and room to keep their values of so many moments.
  Readings(Backend &backend, int count, int moments = 0);
  double *slot(int i) const { return static_cast<double *>(memory_.data()) + i; }
  int count() const { return count_; }
  std::vector<double> read() const;            // waits for the device
  void keep(int moment);                       // what the slots hold now, without waiting
  std::vector<double> kept(int moment) const;  // waits for the device

 private:
  Memory memory_;
  int count_;
};

using NamedViews = std::vector<std::pair<std::string, View>>;

// Copies a view to the host.
std::vector<real> values(Backend &, ConstView);

// Each element becomes its sum over the backend's ranks.
void sum_over_ranks(Backend &, const std::vector<View> &);
// A batch of `count` examples of which this rank has its share: the others' too, in `whole`, which becomes a tensor where
// there are others. Until `own` changes.
ConstView whole_batch(Backend &, ConstView own, int64_t count, Tensor &whole);

}  // namespace coopnets
