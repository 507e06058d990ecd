// Elementwise work of a decoder's step, fused: norms, rotations, gates, masked softmaxes, cross entropy.
// Each function does what its namesake in elementwise.py, packed.py or head.py does in PyTorch; all sums are in float32.
// Arrays are contiguous, their elements bfloat16 (suffix _bf16) or float32 (_f32); sizes are checked by the caller.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

constexpr int64_t SMALL = 1 << 15;  // elements that one thread has done before others are awake

struct bf16 {
    uint16_t bits;
};

inline float value(float x) { return x; }

inline float value(bf16 x) {
    uint32_t wide = uint32_t(x.bits) << 16;
    float result;
    std::memcpy(&result, &wide, 4);
    return result;
}

inline void put(float* place, float x) { *place = x; }

inline void put(bf16* place, float x) {  // to the nearest, to even where two are as near
    uint32_t wide;
    std::memcpy(&wide, &x, 4);
    place->bits = uint16_t((wide + 0x7fff + ((wide >> 16) & 1)) >> 16);
}

// e^x with a relative error of 2e-7, in a form that compilers make vector instructions of
inline float exponential(float x) {
    x = std::min(std::max(x, -87.0f), 88.0f);
    float power = std::floor(x * 1.44269504f + 0.5f);
    float rest = x - power * 0.693359375f + power * 2.12194440e-4f;
    float sum = 1.9875691500e-4f;
    sum = sum * rest + 1.3981999507e-3f;
    sum = sum * rest + 8.3334519073e-3f;
    sum = sum * rest + 4.1665795894e-2f;
    sum = sum * rest + 1.6666665459e-1f;
    sum = sum * rest + 5.0000001201e-1f;
    sum = sum * rest * rest + rest + 1.0f;
    int32_t exponent = (int32_t(power) + 127) << 23;
    float scale;
    std::memcpy(&scale, &exponent, 4);
    return sum * scale;
}

template <typename T>
void add_norm(const T* __restrict x, const T* __restrict y, const T* __restrict weight, T* __restrict total,
              T* __restrict normed, float* __restrict scales, int64_t rows, int64_t width, float eps) {
#pragma omp parallel for schedule(static) if (rows * width > SMALL)
    for (int64_t row = 0; row < rows; row++) {
        const T* left = x + row * width;
        if (y) {
            for (int64_t i = 0; i < width; i++) put(total + row * width + i, value(left[i]) + value(y[row * width + i]));
            left = total + row * width;
        }
        float squares = 0;
        for (int64_t i = 0; i < width; i++) squares += value(left[i]) * value(left[i]);
        float scale = 1.0f / std::sqrt(squares / float(width) + eps);
        scales[row] = scale;
        for (int64_t i = 0; i < width; i++) put(normed + row * width + i, value(left[i]) * scale * value(weight[i]));
    }
}

template <typename T>
void add_norm_backward(const T* __restrict grad, const T* __restrict of_total, const T* __restrict total,
                       const float* __restrict scales, const T* __restrict weight, T* __restrict result, int64_t rows,
                       int64_t width) {
#pragma omp parallel for schedule(static) if (rows * width > SMALL)
    for (int64_t row = 0; row < rows; row++) {
        const T *g = grad + row * width, *x = total + row * width;
        float scale = scales[row], along = 0;
        for (int64_t i = 0; i < width; i++) along += value(g[i]) * value(weight[i]) * value(x[i]);
        float share = along * scale * scale / float(width);
        for (int64_t i = 0; i < width; i++) {
            float rest = of_total ? value(of_total[row * width + i]) : 0.0f;
            put(result + row * width + i, rest + scale * (value(g[i]) * value(weight[i]) - value(x[i]) * share));
        }
    }
}

template <typename T>
void rotate(const T* __restrict states, const T* __restrict cos, const T* __restrict sin, T* __restrict result,
            int64_t tokens, int64_t heads, int64_t width, float direction) {
    int64_t half = width / 2;
#pragma omp parallel for schedule(static) if (tokens * heads * width > SMALL)
    for (int64_t token = 0; token < tokens; token++) {
        const T *c = cos + token * width, *s = sin + token * width;
        for (int64_t head = 0; head < heads; head++) {
            const T* from = states + (token * heads + head) * width;
            T* to = result + (token * heads + head) * width;
#pragma omp simd
            for (int64_t i = 0; i < half; i++) {
                float first = value(from[i]), second = value(from[half + i]);
                put(to + i, first * value(c[i]) - direction * second * value(s[i]));
                put(to + half + i, second * value(c[half + i]) + direction * first * value(s[half + i]));
            }
        }
    }
}

template <typename T>
void gate(const T* __restrict gates, const T* __restrict up, T* __restrict result, int64_t count) {
#pragma omp parallel for schedule(static) if (count > SMALL)
    for (int64_t i = 0; i < count; i++) {
        float x = value(gates[i]);
        put(result + i, x / (1.0f + exponential(-x)) * value(up[i]));
    }
}

// gates and up become the gradients of each
template <typename T>
void gate_backward(const T* __restrict grad, T* __restrict gates, T* __restrict up, int64_t count) {
#pragma omp parallel for schedule(static) if (count > SMALL)
    for (int64_t i = 0; i < count; i++) {
        float x = value(gates[i]), g = value(grad[i]), u = value(up[i]);
        float sigmoid = 1.0f / (1.0f + exponential(-x));
        put(gates + i, g * u * sigmoid * (1.0f + x * (1.0f - sigmoid)));
        put(up + i, g * x * sigmoid);
    }
}

// Softmax over a query's scores of a prefix and of own keys together. The n queries of a chunk, repeated for each head, see all
// of the prefix and all own keys but those after themselves: query i the first own - n + i + 1.
template <typename T>
void softmax(T* __restrict shared, T* __restrict own, int64_t rows, int64_t queries, int64_t shared_keys, int64_t own_keys) {
#pragma omp parallel for schedule(static) if (rows * (shared_keys + own_keys) > SMALL)
    for (int64_t row = 0; row < rows; row++) {
        T *a = shared + row * shared_keys, *b = own + row * own_keys;
        int64_t seen = own_keys - queries + row % queries + 1;
        // in a buffer of whole vectors: the rest of a row, number by number, would take longer than all before it
        static thread_local std::vector<float> buffer;
        int64_t keys = shared_keys + seen, padded = (keys + 15) / 16 * 16;
        if (int64_t(buffer.size()) < padded) buffer.resize(size_t(2 * padded));
        float* line = buffer.data();
        for (int64_t i = 0; i < shared_keys; i++) line[i] = value(a[i]);
        for (int64_t i = 0; i < seen; i++) line[shared_keys + i] = value(b[i]);
        for (int64_t i = keys; i < padded; i++) line[i] = -1.0e30f;
        float most = -1.0e30f, sum = 0;
        for (int64_t i = 0; i < padded; i++) most = std::max(most, line[i]);
        for (int64_t i = 0; i < padded; i++) {
            line[i] = exponential(line[i] - most);
            sum += line[i];
        }
        float share = 1.0f / sum;
        for (int64_t i = 0; i < shared_keys; i++) put(a + i, line[i] * share);
        for (int64_t i = 0; i < seen; i++) put(b + i, line[shared_keys + i] * share);
        for (int64_t i = seen; i < own_keys; i++) put(b + i, 0.0f);
    }
}

// grads of weights become grads of scores, in place
template <typename T>
void softmax_backward(const T* __restrict shared, const T* __restrict own, T* __restrict of_shared, T* __restrict of_own,
                      int64_t rows, int64_t queries, int64_t shared_keys, int64_t own_keys) {
#pragma omp parallel for schedule(static) if (rows * (shared_keys + own_keys) > SMALL)
    for (int64_t row = 0; row < rows; row++) {
        const T *a = shared + row * shared_keys, *b = own + row * own_keys;
        T *ga = of_shared + row * shared_keys, *gb = of_own + row * own_keys;
        int64_t seen = own_keys - queries + row % queries + 1;
        float along = 0;
        for (int64_t i = 0; i < shared_keys; i++) along += value(a[i]) * value(ga[i]);
        for (int64_t i = 0; i < seen; i++) along += value(b[i]) * value(gb[i]);
        for (int64_t i = 0; i < shared_keys; i++) put(ga + i, value(a[i]) * (value(ga[i]) - along));
        for (int64_t i = 0; i < seen; i++) put(gb + i, value(b[i]) * (value(gb[i]) - along));
        for (int64_t i = seen; i < own_keys; i++) put(gb + i, 0.0f);
    }
}

// logits become the gradient of their row's loss
template <typename T>
void cross_entropy(T* __restrict logits, const int64_t* __restrict targets, float* __restrict losses, int64_t rows,
                   int64_t vocabulary) {
#pragma omp parallel for schedule(static) if (rows * vocabulary > SMALL)
    for (int64_t row = 0; row < rows; row++) {
        T* line = logits + row * vocabulary;
        float most = -3.0e38f, sum = 0, right = value(line[targets[row]]);
        for (int64_t i = 0; i < vocabulary; i++) most = std::max(most, value(line[i]));
        for (int64_t i = 0; i < vocabulary; i++) sum += exponential(value(line[i]) - most);
        float share = 1.0f / sum;
        for (int64_t i = 0; i < vocabulary; i++) put(line + i, exponential(value(line[i]) - most) * share);
        losses[row] = std::log(sum) + most - right;
        put(line + targets[row], std::exp(right - most) * share - 1.0f);
    }
}

}  // namespace

#define EXPORT(T, suffix)                                                                                                  \
    extern "C" {                                                                                                           \
    void add_norm_##suffix(const T* x, const T* y, const T* w, T* t, T* n, float* s, int64_t r, int64_t k, float e) {      \
        add_norm(x, y, w, t, n, s, r, k, e);                                                                               \
    }                                                                                                                      \
    void add_norm_backward_##suffix(const T* g, const T* o, const T* t, const float* s, const T* w, T* out, int64_t r,     \
                                    int64_t k) {                                                                           \
        add_norm_backward(g, o, t, s, w, out, r, k);                                                                       \
    }                                                                                                                      \
    void rotate_##suffix(const T* x, const T* c, const T* s, T* out, int64_t t, int64_t h, int64_t k, float d) {           \
        rotate(x, c, s, out, t, h, k, d);                                                                                  \
    }                                                                                                                      \
    void gate_##suffix(const T* g, const T* u, T* out, int64_t n) { gate(g, u, out, n); }                                  \
    void gate_backward_##suffix(const T* g, T* x, T* u, int64_t n) { gate_backward(g, x, u, n); }                          \
    void softmax_##suffix(T* a, T* b, int64_t r, int64_t q, int64_t s, int64_t o) { softmax(a, b, r, q, s, o); }           \
    void softmax_backward_##suffix(const T* a, const T* b, T* ga, T* gb, int64_t r, int64_t q, int64_t s, int64_t o) {     \
        softmax_backward(a, b, ga, gb, r, q, s, o);                                                                        \
    }                                                                                                                      \
    void cross_entropy_##suffix(T* l, const int64_t* t, float* out, int64_t r, int64_t v) { cross_entropy(l, t, out, r, v); } \
    }

EXPORT(bf16, bf16)
EXPORT(float, f32)
