// layouts_bench MODEL.gguf [ROUNDS]: what llama.cpp alone takes for a decode step of 1 row and of
// 16 rows, each behind 300 tokens, in the layouts that an arena could have: one unified cache or a
// stream for each sequence, flash attention on or off, one thread or two, threads that poll between
// steps or sleep. All layouts take turns, ROUNDS times; the medians go into docs/decisions.
#include <fmt/format.h>
#include <ggml-cpu.h>
#include <llama.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int32_t kSequences = 16;
constexpr std::int32_t kTokens = 300;
constexpr int kSteps = 16;

struct Deleter {
    void operator()(llama_model* model) const { llama_model_free(model); }
    void operator()(llama_context* context) const { llama_free(context); }
    void operator()(ggml_threadpool* pool) const { ggml_threadpool_free(pool); }
};

struct Layout {
    std::string name;
    bool unified = true;
    bool flash_attention = true;
    std::int32_t threads = 2;
    std::uint32_t poll = 0;
};

class Batch {
public:
    explicit Batch(std::int32_t rows) : batch_(llama_batch_init(rows, 0, 1)) {}
    ~Batch() { llama_batch_free(batch_); }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    void clear() { batch_.n_tokens = 0; }
    void add(llama_token token, std::int32_t position, std::int32_t sequence, bool logits) {
        const std::int32_t row = batch_.n_tokens++;
        batch_.token[row] = token;
        batch_.pos[row] = position;
        batch_.n_seq_id[row] = 1;
        batch_.seq_id[row][0] = sequence;
        batch_.logits[row] = logits ? 1 : 0;
    }
    [[nodiscard]] const llama_batch& native() const { return batch_; }

private:
    llama_batch batch_;
};

class Subject {
public:
    Subject(llama_model* model, Layout layout) : layout_(std::move(layout)) {
        llama_context_params params = llama_context_default_params();
        params.n_ctx = kSequences * 1024;
        params.n_batch = 512;
        params.n_ubatch = 512;
        params.n_seq_max = kSequences;
        params.kv_unified = layout_.unified;
        params.flash_attn_type = layout_.flash_attention ? LLAMA_FLASH_ATTN_TYPE_ENABLED
                                                         : LLAMA_FLASH_ATTN_TYPE_DISABLED;
        params.n_threads = layout_.threads;
        params.n_threads_batch = layout_.threads;
        context_.reset(llama_init_from_model(model, params));
        ggml_threadpool_params pool = ggml_threadpool_params_default(layout_.threads);
        pool.poll = layout_.poll;
        pool_.reset(ggml_threadpool_new(&pool));
        if (!context_ || !pool_) {
            throw std::runtime_error("no context for " + layout_.name);
        }
        llama_attach_threadpool(context_.get(), pool_.get(), pool_.get());
        for (std::int32_t sequence = 0; sequence < kSequences; ++sequence) {
            batch_.clear();
            for (std::int32_t i = 0; i < kTokens; ++i) {
                batch_.add(100 + i * 37 % 20'000, i, sequence, false);
            }
            decode();
        }
    }

    [[nodiscard]] const std::string& name() const { return layout_.name; }

    // Milliseconds of one step.
    double steps(std::int32_t rows) {
        const auto began = Clock::now();
        for (int step = 0; step < kSteps; ++step) {
            batch_.clear();
            for (std::int32_t sequence = 0; sequence < rows; ++sequence) {
                batch_.add(200 + step, kTokens + step, sequence, true);
            }
            decode();
            llama_synchronize(context_.get());
        }
        const std::chrono::duration<double, std::milli> took = Clock::now() - began;
        for (std::int32_t sequence = 0; sequence < rows; ++sequence) {
            llama_memory_seq_rm(llama_get_memory(context_.get()), sequence, kTokens, -1);
        }
        return took.count() / kSteps;
    }

private:
    void decode() {
        if (llama_decode(context_.get(), batch_.native()) != 0) {
            throw std::runtime_error("llama_decode failed for " + layout_.name);
        }
    }

    const Layout layout_;
    Batch batch_{512};
    std::unique_ptr<ggml_threadpool, Deleter> pool_;
    std::unique_ptr<llama_context, Deleter> context_;
};

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

void measure(const char* path, int rounds) {
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    const std::unique_ptr<llama_model, Deleter> model(
        llama_model_load_from_file(path, llama_model_default_params()));
    if (!model) {
        throw std::runtime_error(fmt::format("cannot load {}", path));
    }
    std::vector<std::unique_ptr<Subject>> subjects;
    for (const Layout& layout :
         {Layout{.name = "as Realm: unified, flash attention, 2 threads that sleep"},
          Layout{.name = "a stream for each sequence", .unified = false},
          Layout{.name = "flash attention off", .flash_attention = false},
          Layout{.name = "threads that poll", .poll = 50},
          Layout{.name = "1 thread", .threads = 1}}) {
        subjects.push_back(std::make_unique<Subject>(model.get(), layout));
    }
    std::vector<std::vector<double>> one(subjects.size());
    std::vector<std::vector<double>> many(subjects.size());
    for (int round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < subjects.size(); ++i) {
            one[i].push_back(subjects[i]->steps(1));
            many[i].push_back(subjects[i]->steps(kSequences));
        }
    }
    for (std::size_t i = 0; i < subjects.size(); ++i) {
        fmt::print("{:<56} 1 row {:6.1f} ms   16 rows {:6.1f} ms\n", subjects[i]->name(),
                   median(one[i]), median(many[i]));
    }
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const int rounds = argc == 3 ? std::atoi(argv[2]) : 7;
        if ((argc == 2 || argc == 3) && rounds > 0) {
            measure(argv[1], rounds);
            return 0;
        }
        fmt::print(stderr, "usage: layouts_bench MODEL.gguf [ROUNDS]\n");
        return 2;
    } catch (const std::exception& problem) {
        fmt::print(stderr, "layouts_bench: {}\n", problem.what());
        return 1;
    }
}
