// The kernels that third_party/llama/realm.patch changes, each against what it has to equal.

#include <ggml-cpu.h>
#include <ggml.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <vector>

namespace realm::inference {
namespace {

struct FreeContext {
    void operator()(ggml_context* context) const { ggml_free(context); }
};
using ContextPointer = std::unique_ptr<ggml_context, FreeContext>;

ContextPointer make_context() {
    return ContextPointer(
        ggml_init({.mem_size = std::size_t{64} << 20, .mem_buffer = nullptr, .no_alloc = false}));
}

void compute(ggml_context* context, ggml_tensor* result, int threads) {
    ggml_cgraph* const graph = ggml_new_graph(context);
    ggml_build_forward_expand(graph, result);
    ASSERT_EQ(ggml_graph_compute_with_ctx(context, graph, threads), GGML_STATUS_SUCCESS);
}

std::vector<float> normal_floats(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> floats(count);
    std::ranges::generate(floats, [&] { return normal(random); });
    return floats;
}

// ---- Products with Q4_1 weights: any number of rows and columns has the bits of one by one.

struct Weights {
    std::int64_t length = 0;
    std::int64_t rows = 0;
    std::vector<std::uint8_t> bytes;
};

Weights make_weights(std::int64_t length, std::int64_t rows) {
    const auto floats = normal_floats(static_cast<std::size_t>(length * rows), 1);
    Weights weights{.length = length, .rows = rows, .bytes = {}};
    weights.bytes.resize(ggml_row_size(GGML_TYPE_Q4_1, length) * static_cast<std::size_t>(rows));
    ggml_quantize_chunk(GGML_TYPE_Q4_1, floats.data(), weights.bytes.data(), 0, rows, length,
                        nullptr);
    return weights;
}

// llama.cpp's product of one row and one column, for each.
std::vector<float> one_by_one(const Weights& weights, const std::vector<float>& columns) {
    const auto dot = ggml_get_type_traits_cpu(GGML_TYPE_Q4_1)->vec_dot;
    const auto quantize = ggml_get_type_traits_cpu(GGML_TYPE_Q8_1)->from_float;
    const std::size_t row_bytes = ggml_row_size(GGML_TYPE_Q4_1, weights.length);
    std::vector<std::uint8_t> column(ggml_row_size(GGML_TYPE_Q8_1, weights.length));
    std::vector<float> products;
    for (std::size_t at = 0; at < columns.size(); at += static_cast<std::size_t>(weights.length)) {
        quantize(&columns[at], column.data(), weights.length);
        for (std::int64_t row = 0; row < weights.rows; ++row) {
            float product = 0;
            dot(static_cast<int>(weights.length), &product, 0,
                &weights.bytes[static_cast<std::size_t>(row) * row_bytes], 0, column.data(), 0, 1);
            products.push_back(product);
        }
    }
    return products;
}

std::vector<float> together(const Weights& weights, const std::vector<float>& columns,
                            int threads) {
    const ContextPointer context = make_context();
    ggml_tensor* const left =
        ggml_new_tensor_2d(context.get(), GGML_TYPE_Q4_1, weights.length, weights.rows);
    ggml_tensor* const right =
        ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, weights.length,
                           static_cast<std::int64_t>(columns.size()) / weights.length);
    std::memcpy(left->data, weights.bytes.data(), weights.bytes.size());
    std::memcpy(right->data, columns.data(), columns.size() * sizeof(float));
    ggml_tensor* const product = ggml_mul_mat(context.get(), left, right);
    compute(context.get(), product, threads);
    const float* const data = ggml_get_data_f32(product);
    return {data, data + ggml_nelements(product)};
}

void expect_products_equal(std::int64_t length, std::int64_t rows, std::int64_t columns) {
    SCOPED_TRACE(testing::Message() << length << " x " << rows << " by " << columns);
    const Weights weights = make_weights(length, rows);
    const auto right = normal_floats(static_cast<std::size_t>(length * columns), 2);
    const auto expected = one_by_one(weights, right);
    EXPECT_EQ(together(weights, right, 1), expected);
    EXPECT_EQ(together(weights, right, 2), expected);
}

TEST(Kernels, ProductsWithQ41WeightsHaveTheBitsOfSingleOnes) {
    for (const std::int64_t rows : {1, 2, 3, 4, 5, 16, 17, 63, 130}) {
        for (const std::int64_t columns : {1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 64, 66}) {
            expect_products_equal(576, rows, columns);
        }
    }
    expect_products_equal(32, 33, 13);
    expect_products_equal(1536, 33, 13);
}

// Beyond 1,024 blocks of 32 a row is left to llama.cpp.
TEST(Kernels, ProductsOfVeryLongRowsToo) {
    expect_products_equal(std::int64_t{32} * 1024, 5, 9);
    expect_products_equal(std::int64_t{32} * 1025, 5, 9);
}

// ---- Attention.

struct Attention {
    std::int64_t width = 64;
    std::int64_t rows = 0;
    std::int64_t cells = 0;
    std::int64_t heads = 3;
    std::int64_t cell_heads = 1;
    std::vector<float> queries = {};     // [heads][rows][width]
    std::vector<ggml_fp16_t> keys = {};  // [cell_heads][cells][width]
    std::vector<ggml_fp16_t> values = {};
    std::vector<ggml_fp16_t> mask = {};  // [rows][cells]
};

std::vector<ggml_fp16_t> halves(const std::vector<float>& floats) {
    std::vector<ggml_fp16_t> result(floats.size());
    ggml_fp32_to_fp16_row(floats.data(), result.data(), static_cast<std::int64_t>(floats.size()));
    return result;
}

// Rows that see cells up to their own, but for every third page of 64, which is another's.
Attention make_attention(std::int64_t width, std::int64_t rows, std::int64_t cells) {
    Attention attention{.width = width, .rows = rows, .cells = cells};
    const auto size = [](std::int64_t a, std::int64_t b, std::int64_t c) {
        return static_cast<std::size_t>(a * b * c);
    };
    attention.queries = normal_floats(size(attention.heads, rows, width), 3);
    attention.keys = halves(normal_floats(size(attention.cell_heads, cells, width), 4));
    attention.values = halves(normal_floats(size(attention.cell_heads, cells, width), 5));
    std::vector<float> mask;
    for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t cell = 0; cell < cells; ++cell) {
            const bool seen = cell <= cells - rows + row && cell / 64 % 3 != 1;
            mask.push_back(seen ? 0 : -std::numeric_limits<float>::infinity());
        }
    }
    attention.mask = halves(mask);
    return attention;
}

// [rows][heads][width]
std::vector<float> attend(const Attention& attention, int threads) {
    const ContextPointer context = make_context();
    const auto fill = [&](ggml_type type, std::int64_t a, std::int64_t b, std::int64_t c,
                          const auto& data) {
        ggml_tensor* const tensor = ggml_new_tensor_3d(context.get(), type, a, b, c);
        std::memcpy(tensor->data, data.data(), data.size() * sizeof(data[0]));
        return tensor;
    };
    ggml_tensor* const result = ggml_flash_attn_ext(
        context.get(),
        fill(GGML_TYPE_F32, attention.width, attention.rows, attention.heads, attention.queries),
        fill(GGML_TYPE_F16, attention.width, attention.cells, attention.cell_heads, attention.keys),
        fill(GGML_TYPE_F16, attention.width, attention.cells, attention.cell_heads,
             attention.values),
        fill(GGML_TYPE_F16, attention.cells, attention.rows, 1, attention.mask),
        1.0F / std::sqrt(static_cast<float>(attention.width)), 0, 0);
    compute(context.get(), result, threads);
    const float* const data = ggml_get_data_f32(result);
    return {data, data + ggml_nelements(result)};
}

// What one row of one head attends to, in double precision.
std::vector<double> softmax_of(const Attention& attention, std::int64_t row, std::int64_t head) {
    const auto half = [](const std::vector<ggml_fp16_t>& from, std::int64_t at) {
        return static_cast<double>(ggml_fp16_to_fp32(from[static_cast<std::size_t>(at)]));
    };
    std::vector<double> sum(static_cast<std::size_t>(attention.width));
    double weights = 0;
    for (std::int64_t cell = 0; cell < attention.cells; ++cell) {
        if (std::isinf(half(attention.mask, row * attention.cells + cell))) {
            continue;
        }
        double score = 0;
        for (std::int64_t d = 0; d < attention.width; ++d) {
            const auto query =
                static_cast<std::size_t>((head * attention.rows + row) * attention.width + d);
            score += static_cast<double>(attention.queries[query]) *
                     half(attention.keys, cell * attention.width + d);
        }
        const double weight = std::exp(score / std::sqrt(static_cast<double>(attention.width)));
        weights += weight;
        for (std::int64_t d = 0; d < attention.width; ++d) {
            sum[static_cast<std::size_t>(d)] +=
                weight * half(attention.values, cell * attention.width + d);
        }
    }
    std::ranges::for_each(sum, [weights](double& entry) { entry /= weights; });
    return sum;
}

void expect_softmax(const Attention& attention) {
    SCOPED_TRACE(testing::Message() << attention.width << " wide, " << attention.rows << " rows, "
                                    << attention.cells << " cells");
    const auto attended = attend(attention, 2);
    for (std::int64_t row = 0; row < attention.rows; ++row) {
        for (std::int64_t head = 0; head < attention.heads; ++head) {
            const auto expected = softmax_of(attention, row, head);
            for (std::int64_t d = 0; d < attention.width; ++d) {
                const auto at =
                    static_cast<std::size_t>((row * attention.heads + head) * attention.width + d);
                ASSERT_NEAR(attended[at], expected[static_cast<std::size_t>(d)], 2e-3);
            }
        }
    }
}

TEST(Kernels, TiledAttentionIsASoftmaxOverTheCellsThatARowSees) {
    for (const std::int64_t rows : {64, 65, 66, 100, 128, 200}) {
        expect_softmax(make_attention(64, rows, 512));
    }
    expect_softmax(make_attention(64, 64, 500));
    expect_softmax(make_attention(72, 70, 263));
    expect_softmax(make_attention(128, 64, 64));
}

// The bits of a row depend neither on how many rows are beside it nor on the threads.
TEST(Kernels, TiledAttentionOfARowHasTheSameBitsBesideAnyOthers) {
    const Attention all = make_attention(64, 200, 512);
    const auto expected = attend(all, 1);
    EXPECT_EQ(attend(all, 2), expected);
    EXPECT_EQ(attend(all, 7), expected);
    for (const std::int64_t first : {0, 50, 136}) {
        Attention some = all;
        some.rows = 64;
        some.queries.clear();
        for (std::int64_t head = 0; head < all.heads; ++head) {
            const auto from = all.queries.begin() + (head * all.rows + first) * all.width;
            some.queries.insert(some.queries.end(), from, from + 64 * all.width);
        }
        some.mask.assign(all.mask.begin() + first * all.cells,
                         all.mask.begin() + (first + 64) * all.cells);
        const std::ptrdiff_t row_size = all.heads * all.width;
        const std::vector<float> part(expected.begin() + first * row_size,
                                      expected.begin() + (first + 64) * row_size);
        EXPECT_EQ(attend(some, 2), part);
    }
}

}  // namespace
}  // namespace realm::inference
