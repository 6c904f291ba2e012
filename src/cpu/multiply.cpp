#include <algorithm>
#include <cstring>

#include "cpu/gemm.h"
#include "cpu/parallel.h"
#include "cpu/winograd.h"

namespace coopnets {

void Plan::store(int64_t split, int64_t row, int64_t rows, Range columns, const real *c, int64_t stride,
                 real *shared) const {
  if (splits == 1) return p.store(row, rows, columns.first, columns.count(), c, stride);
  for (int64_t r = 0; r < rows; ++r)
    std::memcpy(partial(split, shared) + (row + r) * p.columns + columns.first, c + r * stride,
                columns.count() * sizeof(real));
}

void Plan::add(int64_t task, real *shared) const {
  const Range rows = part(p.rows, add_tasks(), task);
  for (int64_t s = 1; s < splits; ++s) {
    real *sum = shared + rows.first * p.columns;
    const real *term = partial(s, shared) + rows.first * p.columns;
    for (int64_t i = 0; i < rows.count() * p.columns; ++i) sum[i] += term[i];
  }
  p.store(rows.first, rows.count(), 0, p.columns, shared + rows.first * p.columns, p.columns);
}

void multiply(CpuBackend &backend, const std::vector<const Product *> &products) {
  struct Planned {
    std::unique_ptr<Plan> plan;
    int64_t shared;
  };
  std::vector<Planned> all;
  int64_t own = 0, shared_size = 0;
  double work = 0;
  for (const Product *p : products) {
    if (p->rows == 0 || p->columns == 0) continue;
    std::unique_ptr<Plan> plan = plan_winograd(*p);
    if (!plan) plan = plan_on_lines(*p);
    if (!plan) plan = plan_packed(*p);
    own = std::max(own, round_up(plan->own_size, lanes));
    work += multiply_adds(*p);
    const int64_t size = round_up(plan->shared_size, lanes);
    all.push_back({std::move(plan), shared_size});
    shared_size += size;
  }
  real *const scratch = backend.scratch(own * backend.threads() + shared_size);
  real *const shared = scratch + own * backend.threads();
  const Sleepers sleep = sleepers(work);
  for_tasks(
      backend.threads(), all, [](const Planned &i) { return i.plan->pack_tasks; },
      [=](const Planned &i, int64_t task, int) { i.plan->pack(task, shared + i.shared); }, sleep);
  for_tasks(
      backend.threads(), all, [](const Planned &i) { return i.plan->tasks; },
      [=](const Planned &i, int64_t task, int thread) { i.plan->run(task, scratch + own * thread, shared + i.shared); },
      sleep);
  for_tasks(
      backend.threads(), all, [](const Planned &i) { return i.plan->add_tasks(); },
      [=](const Planned &i, int64_t task, int) { i.plan->add(task, shared + i.shared); }, sleep);
}

}  // namespace coopnets
