/* Passes over activations in bf16 whose channels lie last: depthwise convolution, batch normalisation with its
 * activation, and channels weighted image by image. Sums are in float32 (those of a whole batch in double), in an
 * order that no number of threads changes. Built by dermbench/training/native.py where a C compiler is; without one,
 * torch computes the same.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#define LANES 16
#define TOGETHER 8    /* output columns computed side by side, so that no sum waits for itself */
#define ROWS 1024     /* rows of a table whose sums are one part */
#define SIDE_BY_SIDE 8 /* of these, rows whose sums are read and written once */
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define INLINE static inline __attribute__((always_inline))

typedef uint16_t bf16;
typedef float vec __attribute__((vector_size(4 * LANES)));
typedef int32_t ivec __attribute__((vector_size(4 * LANES)));
typedef uint32_t uvec __attribute__((vector_size(4 * LANES)));
typedef bf16 hvec __attribute__((vector_size(2 * LANES)));

INLINE vec load(const bf16 *at, int lanes) {
    hvec half = {0};
    memcpy(&half, at, 2 * lanes);
#ifdef __AVX512F__ /* one instruction, which compilers take six for */
    return (vec)((uvec)_mm512_cvtepu16_epi32((__m256i)half) << 16);
#else
    return (vec)(__builtin_convertvector(half, uvec) << 16);
#endif
}

INLINE void store(bf16 *at, vec values, int lanes) {
#ifdef __AVX512BF16__ /* the same but for numbers below 1.2e-38, which become 0 */
    __m256bh half = _mm512_cvtneps_pbh((__m512)values);
#else
    uvec bits = (uvec)values, rounded = bits + 0x7fff + ((bits >> 16) & 1);
    ivec odd = values != values; /* not a number: rounding must not carry it away */
    uvec kept = ((uvec)odd & (bits | 0x400000)) | (~(uvec)odd & rounded);
    hvec half = __builtin_convertvector(kept >> 16, hvec);
#endif
    memcpy(at, &half, 2 * lanes);
}

INLINE vec loadf(const float *at, int lanes) {
    vec values = {0};
    memcpy(&values, at, 4 * lanes);
    return values;
}

INLINE void storef(float *at, vec values, int lanes) { memcpy(at, &values, 4 * lanes); }

INLINE vec all(float value) { return value - (vec){0}; }

INLINE vec chosen(ivec mask, vec yes, vec no) { return (vec)(((ivec)yes & mask) | ((ivec)no & ~mask)); }

/* Values between two limits; what is not a number stays so. */
INLINE vec within(vec values, float low, float high) {
#ifdef __AVX512F__
    return (vec)_mm512_min_ps(_mm512_set1_ps(high), _mm512_max_ps(_mm512_set1_ps(low), (__m512)values));
#else
    values = chosen(values < low, all(low), values);
    return chosen(values > high, all(high), values);
#endif
}

/* ---- depthwise convolution ------------------------------------------------------------------------------- */

/* A tile: one image and 16 channels in float32, with a margin of zeros. */

INLINE void fill(vec *tile, const bf16 *image, int height, int width, int channels, int lanes, int top, int left,
                 int rows, int cols) {
    memset(tile, 0, sizeof(vec) * (size_t)rows * cols);
    for (int h = 0; h < height && h + top < rows; h++)
        for (int w = 0; w < width && w + left < cols; w++)
            if (h + top >= 0 && w + left >= 0)
                tile[(size_t)(h + top) * cols + w + left] = load(image + ((size_t)h * width + w) * channels, lanes);
}

INLINE void columns(int n, const vec *corner, int cols, const vec *window, bf16 *out, int channels, int lanes, int side,
                    int stride) {
    vec sum[TOGETHER] = {{0}};
    for (int i = 0; i < side; i++)
        for (int j = 0; j < side; j++) {
            vec w = window[i * side + j];
            const vec *at = corner + i * cols + j;
#define ADD(Q) if (Q < n) sum[Q] += at[Q * stride] * w;
            ADD(0) ADD(1) ADD(2) ADD(3) ADD(4) ADD(5) ADD(6) ADD(7)
        }
    for (int q = 0; q < n; q++) store(out + (size_t)q * channels, sum[q], lanes);
}

INLINE void correlate(const vec *tile, int cols, const vec *window, bf16 *out, int height, int width, int channels,
                      int lanes, int side, int stride) {
    for (int h = 0; h < height; h++) {
        const vec *line = tile + (size_t)h * stride * cols;
        int w = 0;
#define COLUMNS(N, AGAIN)                                                                                          \
    AGAIN(w + N <= width) {                                                                                        \
        columns(N, line + w * stride, cols, window, out + ((size_t)h * width + w) * channels, channels, lanes,     \
                side, stride);                                                                                     \
        w += N;                                                                                                    \
    }
        COLUMNS(TOGETHER, while) COLUMNS(6, if) COLUMNS(4, if) COLUMNS(2, if) COLUMNS(1, if)
    }
}

INLINE void spread(vec *tile, int cols, const vec *window, const bf16 *gradient, int height, int width, int channels,
                   int lanes, int side, int stride) {
    for (int h = 0; h < height; h++)
        for (int w = 0; w < width; w++) {
            vec g = load(gradient + ((size_t)h * width + w) * channels, lanes);
            vec *corner = tile + (size_t)h * stride * cols + w * stride;
            for (int i = 0; i < side; i++)
                for (int j = 0; j < side; j++) corner[i * cols + j] += g * window[i * side + j];
        }
}

/* Every sum has a name of its own, so that it stays in a register. */
#define TAPS3(DO) DO(0, 0) DO(0, 1) DO(0, 2) DO(1, 0) DO(1, 1) DO(1, 2) DO(2, 0) DO(2, 1) DO(2, 2)
#define TAPS5(DO)                                                                                                  \
    TAPS3(DO) DO(0, 3) DO(0, 4) DO(1, 3) DO(1, 4) DO(2, 3) DO(2, 4) DO(3, 0) DO(3, 1) DO(3, 2) DO(3, 3) DO(3, 4)   \
    DO(4, 0) DO(4, 1) DO(4, 2) DO(4, 3) DO(4, 4)
#define BEGIN(I, J) vec s##I##J = window[I * side + J];
#define TAKE(I, J) s##I##J += corner[I * cols + J] * g;
#define END(I, J) window[I * side + J] = s##I##J;
#define GATHER(TAPS)                                                                                               \
    TAPS(BEGIN)                                                                                                    \
    for (int h = 0; h < height; h++)                                                                               \
        for (int w = 0; w < width; w++) {                                                                          \
            vec g = load(gradient + ((size_t)h * width + w) * channels, lanes);                                    \
            const vec *corner = tile + (size_t)h * stride * cols + w * stride;                                     \
            TAPS(TAKE)                                                                                             \
        }                                                                                                          \
    TAPS(END)

INLINE void gather(const vec *tile, int cols, vec *window, const bf16 *gradient, int height, int width, int channels,
                   int lanes, int side, int stride) {
    if (side == 3) {
        GATHER(TAPS3)
    } else {
        GATHER(TAPS5)
    }
}

typedef struct {
    int n, channels, height, width, out_height, out_width, side, stride, top, left;
} shape;

enum { FORWARD, OF_IMAGES, OF_WEIGHT };

INLINE void block(const shape *s, int what, int n, int c, int lanes, const bf16 *images, const float *weight,
                  const bf16 *gradient, bf16 *out, vec *window, vec *tile, int side, int stride) {
    int rows = (s->out_height - 1) * stride + side, cols = (s->out_width - 1) * stride + side, area = side * side;
    const bf16 *image = images + (size_t)n * s->height * s->width * s->channels + c;
    const bf16 *g = gradient + (size_t)n * s->out_height * s->out_width * s->channels + c;
    if (what != OF_WEIGHT)
        for (int t = 0; t < area; t++) window[t] = loadf(weight + (size_t)t * s->channels + c, lanes);
    if (what == FORWARD) {
        fill(tile, image, s->height, s->width, s->channels, lanes, s->top, s->left, rows, cols);
        correlate(tile, cols, window, out + (g - gradient), s->out_height, s->out_width, s->channels, lanes, side, stride);
    } else if (what == OF_WEIGHT) {
        fill(tile, image, s->height, s->width, s->channels, lanes, s->top, s->left, rows, cols);
        gather(tile, cols, window, g, s->out_height, s->out_width, s->channels, lanes, side, stride);
    } else if (stride == 1) { /* a convolution of the gradient with the window turned round */
        vec turned[25];
        for (int t = 0; t < area; t++) turned[t] = window[area - 1 - t];
        fill(tile, g, s->out_height, s->out_width, s->channels, lanes, side - 1 - s->top, side - 1 - s->left,
             s->height + side - 1, s->width + side - 1);
        correlate(tile, s->width + side - 1, turned, out + (image - images), s->height, s->width, s->channels, lanes,
                  side, 1);
    } else {
        memset(tile, 0, sizeof(vec) * (size_t)rows * cols);
        spread(tile, cols, window, g, s->out_height, s->out_width, s->channels, lanes, side, stride);
        for (int h = 0; h < s->height; h++)
            for (int w = 0; w < s->width; w++) {
                int i = h + s->top, j = w + s->left;
                vec value = i < rows && j < cols ? tile[(size_t)i * cols + j] : (vec){0};
                store(out + (image - images) + ((size_t)h * s->width + w) * s->channels, value, lanes);
            }
    }
}

INLINE void one(const shape *s, int what, int n, int c, const bf16 *images, const float *weight, const bf16 *gradient,
                bf16 *out, vec *window, vec *tile) {
    int lanes = MIN(LANES, s->channels - c);
#define CASE(SIDE, STRIDE, COUNT)                                                                                  \
    if (s->side == SIDE && (STRIDE ? s->stride == STRIDE : 1) && (COUNT ? lanes == COUNT : 1)) {                   \
        block(s, what, n, c, COUNT ? COUNT : lanes, images, weight, gradient, out, window, tile, SIDE,             \
              STRIDE ? STRIDE : s->stride);                                                                        \
        return;                                                                                                    \
    }
    CASE(3, 1, LANES) CASE(3, 2, LANES) CASE(5, 1, LANES) CASE(5, 2, LANES) CASE(3, 0, 0) CASE(5, 0, 0)
}

static size_t tile_size(const shape *s) {
    size_t rows = (s->out_height - 1) * s->stride + s->side, cols = (s->out_width - 1) * s->stride + s->side;
    size_t whole = (size_t)(s->height + s->side - 1) * (s->width + s->side - 1);
    return sizeof(vec) * (rows * cols > whole ? rows * cols : whole);
}

/* weight and of_weight: (side * side, channels). Returns 0, or 1 where memory was not to be had. */
static int each(const shape *s, int what, const bf16 *images, const float *weight, const bf16 *gradient, bf16 *out,
                float *of_weight, int threads) {
    int blocks = (s->channels + LANES - 1) / LANES, area = s->side * s->side, failed = 0;
    vec *windows = aligned_alloc(sizeof(vec), sizeof(vec) * area * blocks);
    if (!windows) return 1;
    memset(windows, 0, sizeof(vec) * area * blocks);
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        vec *tile = aligned_alloc(sizeof(vec), tile_size(s));
        failed = !tile;
        if (what == OF_WEIGHT) { /* each thread has blocks of its own, and goes image by image through them */
            int parts = MIN(threads, blocks);
#pragma omp for schedule(static)
            for (int p = 0; p < parts; p++)
                for (int n = 0; n < s->n && tile; n++)
                    for (int b = blocks * p / parts; b < blocks * (p + 1) / parts; b++)
                        one(s, what, n, b * LANES, images, weight, gradient, out, windows + b * area, tile);
        } else {
            vec window[25];
#pragma omp for schedule(static)
            for (int n = 0; n < s->n; n++)
                for (int b = 0; b < blocks && tile; b++)
                    one(s, what, n, b * LANES, images, weight, gradient, out, window, tile);
        }
        free(tile);
    }
    if (what == OF_WEIGHT)
        for (int b = 0; b < blocks; b++)
            for (int t = 0; t < area; t++)
                storef(of_weight + (size_t)t * s->channels + b * LANES, windows[b * area + t],
                       MIN(LANES, s->channels - b * LANES));
    free(windows);
    return failed;
}

int depthwise(const shape *s, const bf16 *images, const float *weight, bf16 *out, int threads) {
    return each(s, FORWARD, images, weight, out, out, 0, threads);
}

int depthwise_images(const shape *s, const bf16 *gradient, const float *weight, bf16 *out, int threads) {
    return each(s, OF_IMAGES, out, weight, gradient, out, 0, threads);
}

int depthwise_weight(const shape *s, const bf16 *images, const bf16 *gradient, float *of_weight, int threads) {
    return each(s, OF_WEIGHT, images, 0, gradient, 0, of_weight, threads);
}

/* ---- batch normalisation and activation ------------------------------------------------------------------- */

enum { IDENTITY = 0, SILU = 1, RELU = 2, RELU6 = 3 };

/* 1 / (1 + exp(-u)). exp is 2^n 2^f with n whole and |f| <= 1/2; of 2^f = exp(f log 2) six terms of the series, whose
 * relative error is below 4e-6; where |u| > 87 the result is that of 87. */
INLINE vec sigmoid(vec u) {
    vec t = within(u * -1.442695041f, -126, 126);
    vec shifted = t + 12582912; /* 1.5 * 2^23, so that the last digits are n */
    vec f = t - (shifted - 12582912);
    vec series = 1 + f * (0.69314718f + f * (0.24022651f + f * (0.05550411f + f * (0.00961813f + f * 0.00133336f))));
    return 1 / (1 + series * (vec)(((uvec)shifted << 23) + 0x3f800000));
}

INLINE vec activated(vec u, int act) {
    if (act == SILU) return within(u, -88, INFINITY) * sigmoid(u); /* below -88 it is 0 */
    if (act == RELU) u = chosen(u < 0, all(0), u);
    if (act == RELU6) u = within(u, 0, 6);
    return u;
}

INLINE vec sloped(vec g, vec u, int act) {
    if (act == SILU) {
        vec s = sigmoid(u);
        g *= s + within(u, -88, 88) * s * (1 - s);
    }
    if (act == RELU) g = chosen(u > 0, g, all(0));
    if (act == RELU6) g = chosen((u > 0) & (u < 6), g, all(0));
    return g;
}

/* Sums over the rows of one part: of d and d * d with d = x - x[0], or with a gradient of g and g * (x - mean). */
INLINE void row_sums(const bf16 *x, const bf16 *g, const bf16 *centre, const float *found, float *part, int rows,
                     int channels, int c, int lanes, int act) {
    vec s1 = loadf(part + c, lanes), s2 = loadf(part + channels + c, lanes), scale = {0}, shift = {0};
    vec middle = g ? loadf(found + c, lanes) : load(centre + c, lanes);
    if (g) {
        scale = loadf(found + 2 * (size_t)channels + c, lanes);
        shift = loadf(found + 3 * (size_t)channels + c, lanes);
    }
    for (int row = 0; row < rows; row++) {
        vec value = load(x + (size_t)row * channels + c, lanes), d = value - middle;
        vec weight = g ? sloped(load(g + (size_t)row * channels + c, lanes), value * scale + shift, act) : d;
        s1 += weight;
        s2 += weight * d;
    }
    storef(part + c, s1, lanes);
    storef(part + channels + c, s2, lanes);
}

INLINE void part_sums(const bf16 *x, const bf16 *g, const float *found, float *part, size_t first, size_t last,
                      int channels, int act) {
    memset(part, 0, sizeof(float) * 2 * channels);
    for (size_t row = first; row < last; row += SIDE_BY_SIDE) {
        int rows = MIN(SIDE_BY_SIDE, last - row), c = 0;
        const bf16 *own = x + row * channels, *of = g ? g + row * channels : 0;
        if (rows == SIDE_BY_SIDE)
            for (; c + LANES <= channels; c += LANES)
                row_sums(own, of, x, found, part, SIDE_BY_SIDE, channels, c, LANES, act);
        for (; c < channels; c += LANES) row_sums(own, of, x, found, part, rows, channels, c, MIN(LANES, channels - c), act);
    }
}

#define WITH_ACT(CALL)                                                                                             \
    if (act == RELU6) {                                                                                            \
        CALL(RELU6)                                                                                                \
    } else if (act == SILU) {                                                                                      \
        CALL(SILU)                                                                                                 \
    } else if (act == RELU) {                                                                                      \
        CALL(RELU)                                                                                                 \
    } else {                                                                                                       \
        CALL(IDENTITY)                                                                                             \
    }

static int sums(const bf16 *x, const bf16 *g, const float *found, double *total, size_t m, int channels, int act,
                int threads) {
    size_t parts = (m + ROWS - 1) / ROWS;
    float *part = malloc(sizeof(float) * 2 * channels * parts);
    if (!part) return 1;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t p = 0; p < parts; p++) {
        size_t first = p * ROWS, last = MIN(m, first + ROWS);
        float *own = part + 2 * channels * p;
#define SUMS(ACT)                                                                                                  \
    if (g)                                                                                                         \
        part_sums(x, g, found, own, first, last, channels, ACT);                                                   \
    else                                                                                                           \
        part_sums(x, 0, 0, own, first, last, channels, ACT);
        WITH_ACT(SUMS)
    }
    for (int c = 0; c < 2 * channels; c++) total[c] = 0;
    for (size_t p = 0; p < parts; p++)
        for (int c = 0; c < 2 * channels; c++) total[c] += part[2 * channels * p + c];
    free(part);
    return 0;
}

INLINE void rows_forward(const bf16 *x, bf16 *y, const float *found, size_t first, size_t last, int channels, int act) {
    const float *scale = found + 2 * (size_t)channels, *shift = found + 3 * (size_t)channels;
    for (size_t row = first; row < last; row++) {
        const bf16 *from = x + row * channels;
        bf16 *to = y + row * channels;
        int c = 0;
        for (; c + LANES <= channels; c += LANES)
            store(to + c, activated(load(from + c, LANES) * loadf(scale + c, LANES) + loadf(shift + c, LANES), act), LANES);
        if (c < channels) {
            int lanes = channels - c;
            store(to + c, activated(load(from + c, lanes) * loadf(scale + c, lanes) + loadf(shift + c, lanes), act), lanes);
        }
    }
}

/* y = activation of x * found[2] + found[3] */
int activate(const bf16 *x, bf16 *y, const float *found, int64_t m, int channels, int act, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t first = 0; first < m; first += ROWS) {
#define FORWARD_ROWS(ACT) rows_forward(x, y, found, first, MIN(m, first + ROWS), channels, ACT);
        WITH_ACT(FORWARD_ROWS)
    }
    return 0;
}

/* found: mean, 1 / standard deviation, factor and summand of each channel. */
int normalise(const bf16 *x, bf16 *y, const float *weight, const float *bias, float *running_mean,
              float *running_var, float *found, int64_t m, int channels, double eps, double momentum, int act,
              int threads) {
    double *total = malloc(sizeof(double) * 2 * channels);
    if (!total || sums(x, 0, 0, total, m, channels, act, threads)) {
        free(total);
        return 1;
    }
    for (int c = 0; c < channels; c++) {
        uint32_t bits = (uint32_t)x[c] << 16;
        float centre;
        memcpy(&centre, &bits, 4);
        double d = total[c] / m, var = total[channels + c] / m - d * d, mean = centre + d;
        var = var < 0 ? 0 : var;
        double rstd = 1 / sqrt(var + eps), scale = weight[c] * rstd;
        found[c] = mean;
        found[channels + c] = rstd;
        found[2 * channels + c] = scale;
        found[3 * channels + c] = bias[c] - mean * scale;
        running_mean[c] += momentum * (mean - running_mean[c]);
        running_var[c] += momentum * (var * m / (m - 1.0) - running_var[c]);
    }
    free(total);
    return activate(x, y, found, m, channels, act, threads);
}

INLINE vec of_value(vec x, vec g, vec scale, vec shift, vec a, vec b, int act) {
    return scale * sloped(g, x * scale + shift, act) + (a * x + b);
}

INLINE void rows_backward(const bf16 *x, const bf16 *g, bf16 *dx, const float *found, const float *line,
                          size_t first, size_t last, int channels, int act) {
    const float *scale = found + 2 * (size_t)channels, *shift = found + 3 * (size_t)channels;
    for (size_t row = first; row < last; row++) {
        size_t at = row * channels;
        int c = 0;
#define OF_VALUE(N)                                                                                                \
    store(dx + at + c,                                                                                             \
          of_value(load(x + at + c, N), load(g + at + c, N), loadf(scale + c, N), loadf(shift + c, N),             \
                   loadf(line + c, N), loadf(line + channels + c, N), act),                                        \
          N);
        for (; c + LANES <= channels; c += LANES) OF_VALUE(LANES)
        if (c < channels) {
            int lanes = channels - c;
            OF_VALUE(lanes)
        }
    }
}

/* fixed: the statistics are not those of x, so that they pass no gradient on. */
int normalise_backward(const bf16 *x, const bf16 *g, bf16 *dx, const float *found, float *of_weight, float *of_bias,
                       int64_t m, int channels, int act, int fixed, int threads) {
    double *total = malloc(sizeof(double) * 2 * channels);
    float *line = malloc(sizeof(float) * 2 * channels);
    int failed = !total || !line || sums(x, g, found, total, m, channels, act, threads);
    if (!failed) {
        for (int c = 0; c < channels; c++) {
            double mean = found[c], rstd = found[channels + c], scale = found[2 * channels + c];
            of_bias[c] = total[c];
            of_weight[c] = total[channels + c] * rstd;
            /* dx = scale * (g - mean(g) - (x - mean) rstd^2 mean(g (x - mean))): a line in x beside scale * g */
            double slope = -scale * rstd * rstd * total[channels + c] / m;
            line[c] = fixed ? 0 : slope;
            line[channels + c] = fixed ? 0 : -scale * total[c] / m - slope * mean;
        }
#pragma omp parallel for schedule(static) num_threads(threads)
        for (int64_t first = 0; first < m; first += ROWS) {
#define BACKWARD_ROWS(ACT) rows_backward(x, g, dx, found, line, first, MIN(m, first + ROWS), channels, ACT);
            WITH_ACT(BACKWARD_ROWS)
        }
    }
    free(total);
    free(line);
    return failed;
}

/* ---- channels weighted image by image ---------------------------------------------------------------------- */

INLINE void some_sums(const bf16 *a, const bf16 *b, float *out, int rows, int channels, int c, int lanes) {
    vec sum = loadf(out + c, lanes);
    for (int row = 0; row < rows; row++) {
        vec value = load(a + (size_t)row * channels + c, lanes);
        sum += b ? value * load(b + (size_t)row * channels + c, lanes) : value;
    }
    storef(out + c, sum, lanes);
}

/* Sums over the pixels of each image of a, or of a * b; out: (n, channels). */
int image_sums(const bf16 *a, const bf16 *b, float *out, int64_t n, int64_t area, int channels, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t image = 0; image < n; image++) {
        float *own = out + image * channels;
        memset(own, 0, sizeof(float) * channels);
        for (int64_t row = 0; row < area; row += SIDE_BY_SIDE) {
            size_t at = (image * area + row) * channels;
            int rows = MIN(SIDE_BY_SIDE, area - row), c = 0;
            const bf16 *second = b ? b + at : 0;
            if (rows == SIDE_BY_SIDE)
                for (; c + LANES <= channels; c += LANES)
                    some_sums(a + at, second, own, SIDE_BY_SIDE, channels, c, LANES);
            for (; c < channels; c += LANES) some_sums(a + at, second, own, rows, channels, c, MIN(LANES, channels - c));
        }
    }
    return 0;
}

INLINE void rows_gated(const bf16 *a, const float *gate, const float *add, bf16 *out, int64_t area, int channels) {
    for (int64_t row = 0; row < area; row++) {
        const bf16 *from = a + row * channels;
        bf16 *to = out + row * channels;
        int c = 0;
#define GATED(N) store(to + c, load(from + c, N) * loadf(gate + c, N) + (add ? loadf(add + c, N) : all(0)), N);
        for (; c + LANES <= channels; c += LANES) GATED(LANES)
        if (c < channels) {
            int lanes = channels - c;
            GATED(lanes)
        }
    }
}

/* out = a * gate + add; gate and add: (n, channels). */
int gated(const bf16 *a, const float *gate, const float *add, bf16 *out, int64_t n, int64_t area, int channels,
          int threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t image = 0; image < n; image++) {
        size_t at = image * area * channels, line = image * channels;
        if (add)
            rows_gated(a + at, gate + line, add + line, out + at, area, channels);
        else
            rows_gated(a + at, gate + line, 0, out + at, area, channels);
    }
    return 0;
}
