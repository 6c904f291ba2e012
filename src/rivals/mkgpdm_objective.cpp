// The negative log-posterior of MK-GPDM and its gradient in closed form: with G = dL/dK, a symmetric matrix, each
// kernel element being a function of s_ij = x_i.x_j, p_i and p_j,
//   dL/dx_i = 2 sum_j G_ij (dk_ij/ds) x_j + 4 (sum_j G_ij dk_ij/dp_i) x_i,
//   dL/dln theta = sum_ij G_ij dk_ij/dln theta.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>

#include "rivals/mkgpdm.h"
#include "tensor/parallel.h"

namespace coopnets {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr double least = 1e-6, most = 1e6;

Matrix rows_of(const Matrix &m, int64_t first, int64_t count) {
  return Matrix(count, m.cols, {m.values.begin() + first * m.cols, m.values.begin() + (first + count) * m.cols});
}

double trace_of_product(const Matrix &a, const Matrix &b) {  // of symmetric matrices
  return dot(a.values.data(), b.values.data(), int64_t(a.values.size()));
}

// (dimensions/2) ln|K| + tr(K^-1 S)/2 and its derivative by K, (dimensions K^-1 - K^-1 S K^-1)/2. Infinite if K is not
// positive definite.
struct GaussianTerm {
  double value = infinite;
  Matrix inverse, by_k;
};
GaussianTerm gaussian_term(const Matrix &k, const Matrix &s, double dimensions) {
  GaussianTerm term;
  std::unique_ptr<Cholesky> root;
  try {
    root = std::make_unique<Cholesky>(k);
  } catch (const std::runtime_error &) {
    return term;
  }
  term.inverse = root->inverse();
  term.value = dimensions / 2 * root->log_determinant() + trace_of_product(term.inverse, s) / 2;
  term.by_k = multiply(multiply(term.inverse, s), term.inverse);
  for (size_t i = 0; i < term.by_k.values.size(); ++i)
    term.by_k.values[i] = (dimensions * term.inverse.values[i] - term.by_k.values[i]) / 2;
  return term;
}

// Adds the share of pairs (i, j) of the first `n` states to dL/dX: E = G * dk/ds, e_i = sum_j G_ij dk/dp_i.
void add_latent_gradient(const Matrix &e, const std::vector<double> &own, const Matrix &x, double *gradient) {
  const Matrix through_s = multiply(e, x);
  for (int64_t i = 0; i < x.rows; ++i)
    for (int64_t q = 0; q < x.cols; ++q) gradient[i * x.cols + q] += 2 * through_s(i, q) + 4 * own[i] * x(i, q);
}

double mapping_term(const MkgpdmState &m, const Matrix &yyt, int64_t pixels, std::vector<double> *gradient) {
  const Matrix &x = m.latent;
  const int64_t n = x.rows;
  const Matrix s = multiply_a_bt(x, x);
  Matrix distance(n, n), kernel(n, n);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      distance(i, j) = std::max(0.0, s(i, i) + s(j, j) - 2 * s(i, j));
      kernel(i, j) = m.mapping[1] * std::exp(-m.mapping[0] / 2 * distance(i, j));
    }
  Matrix k = kernel;
  for (int64_t i = 0; i < n; ++i) k(i, i) += 1 / m.mapping[2];
  const GaussianTerm term = gaussian_term(k, yyt, double(pixels));
  if (!gradient || term.value == infinite) return term.value;

  Matrix e(n, n);
  std::vector<double> own(n);
  double *by_log = gradient->data() + n * x.cols;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const double g = term.by_k(i, j) * kernel(i, j);
      e(i, j) = g * m.mapping[0];  // dk/ds = t1 k, dk/dp = -t1 k / 2
      own[i] -= g * m.mapping[0] / 2;
      by_log[0] -= g * m.mapping[0] / 2 * distance(i, j);
      by_log[1] += g;
    }
    by_log[2] -= term.by_k(i, i) / m.mapping[2];
  }
  add_latent_gradient(e, own, x, gradient->data());
  return term.value;
}

struct DynamicsKernels {
  std::vector<KernelDerivatives> pairs;  // [N-1, N-1]
  Matrix sum;                            // K_X with its noise
};

DynamicsKernels dynamics_kernels(const MkgpdmState &m) {
  const int64_t n = m.latent.rows - 1;
  const Matrix x = rows_of(m.latent, 0, n), s = multiply_a_bt(x, x);
  DynamicsKernels d{std::vector<KernelDerivatives>(n * n), Matrix(n, n)};
  const auto row = [&](int64_t i) {
    for (int64_t j = 0; j < n; ++j) {
      KernelDerivatives &pair = d.pairs[i * n + j];
      pair = kernel_derivatives(m.kernels, s(i, j), s(i, i), s(j, j));
      for (int k = 0; k < kernel_count; ++k) d.sum(i, j) += m.weights[k] * pair.value[k];
    }
  };
  parallel_for(n, row, wake_if(n > 32));
  for (int64_t i = 0; i < n; ++i) d.sum(i, i) += 1 / m.precision;
  return d;
}

// Which kernel owns each parameter.
constexpr int owner[kernel_parameter_count] = {0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5};

double dynamics_term(const MkgpdmState &m, std::vector<double> *gradient) {
  const int64_t n = m.latent.rows - 1, latent = m.latent.cols;
  const Matrix x_in = rows_of(m.latent, 0, n), x_out = rows_of(m.latent, 1, n);
  const DynamicsKernels kernels = dynamics_kernels(m);
  const GaussianTerm term = gaussian_term(kernels.sum, multiply_a_bt(x_out, x_out), double(latent));
  if (!gradient || term.value == infinite) return term.value;

  Matrix e(n, n);
  std::vector<double> own(n);
  double *by_log = gradient->data() + m.latent.rows * latent + 3;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const KernelDerivatives &pair = kernels.pairs[i * n + j];
      const double g = term.by_k(i, j);
      for (int k = 0; k < kernel_count; ++k) {
        e(i, j) += g * m.weights[k] * pair.by_s[k];
        own[i] += g * m.weights[k] * pair.by_p[k];
      }
      for (int k = 0; k < kernel_parameter_count; ++k) by_log[k] += g * m.weights[owner[k]] * pair.by_log[k];
    }
    by_log[kernel_parameter_count] -= term.by_k(i, i) / m.precision;
  }
  add_latent_gradient(e, own, x_in, gradient->data());
  const Matrix by_out = multiply(term.inverse, x_out);
  for (size_t i = 0; i < by_out.values.size(); ++i) (*gradient)[size_t(latent) + i] += by_out.values[i];
  return term.value;
}

}  // namespace

std::vector<double> packed(const MkgpdmState &m) {
  std::vector<double> values = m.latent.values;
  for (double t : m.mapping) values.push_back(std::log(t));
  for (double t : m.kernels) values.push_back(std::log(t));
  values.push_back(std::log(m.precision));
  return values;
}

void unpack(const std::vector<double> &values, MkgpdmState &m) {
  const size_t count = m.latent.values.size();
  std::copy_n(values.begin(), count, m.latent.values.begin());
  const double *log = values.data() + count;
  const auto parameter = [&] { return std::exp(std::clamp(*log++, std::log(least), std::log(most))); };
  for (double &t : m.mapping) t = parameter();
  for (double &t : m.kernels) t = parameter();
  m.precision = parameter();
}

double mkgpdm_objective(const MkgpdmState &m, const Matrix &yyt, int64_t pixels, std::vector<double> *gradient) {
  const std::vector<double> values = packed(m);
  const size_t latents = m.latent.values.size();
  if (gradient) gradient->assign(values.size(), 0);
  double value = mapping_term(m, yyt, pixels, gradient) + dynamics_term(m, gradient);
  for (int64_t q = 0; q < m.latent.cols; ++q) {
    value += m.latent(0, q) * m.latent(0, q) / 2;
    if (gradient) (*gradient)[q] += m.latent(0, q);
  }
  for (size_t i = latents; i < values.size(); ++i) {
    value += values[i];
    if (gradient) (*gradient)[i] += 1;
  }
  return value;
}

double mkgpdm_weight_objective(const MkgpdmState &m, std::vector<double> *gradient) {
  const int64_t n = m.latent.rows - 1;
  const Matrix x_out = rows_of(m.latent, 1, n);
  const DynamicsKernels kernels = dynamics_kernels(m);
  const GaussianTerm term = gaussian_term(kernels.sum, multiply_a_bt(x_out, x_out), double(m.latent.cols));
  double norm = 0;
  for (double w : m.weights) norm += w * w;
  norm = std::sqrt(norm);
  if (gradient) {
    gradient->assign(kernel_count, 0);
    for (int k = 0; k < kernel_count && term.value != infinite; ++k) {
      (*gradient)[k] = norm > 0 ? m.weights[k] / norm : 0;
      for (int64_t i = 0; i < n * n; ++i) (*gradient)[k] += term.by_k.values[i] * kernels.pairs[i].value[k];
    }
  }
  return term.value + norm;
}

}  // namespace coopnets
