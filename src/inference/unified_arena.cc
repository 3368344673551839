#include "inference/unified_arena.h"

#include <fmt/format.h>
#include <ggml-cpu.h>
#include <llama.h>
#include <realm_llama.h>

#include <algorithm>
#include <exception>
#include <numeric>
#include <string_view>
#include <utility>

#include "inference/llama_log.h"

namespace realm::inference {
namespace {

constexpr std::uint32_t kPage = PageTable::kPageCells;

std::unexpected<Error> no_pages() {
    return fail(ErrorType::kUnavailable, "kv_exhausted", "the KV cache has no free pages left");
}

std::unexpected<Error> move_failed() {
    return fail(ErrorType::kUnavailable, "kv_move_failed",
                "a context's KV cells could not be moved");
}

// Contexts at work and those that are kept for their beginnings.
std::uint32_t sequences_of(const EngineOptions& options) {
    return std::min(options.max_contexts + options.cached_contexts, kMostContexts);
}

// While it lives, this thread's llama.cpp calls put their tokens into these cells.
class Placement {
public:
    explicit Placement(std::span<const std::uint32_t> cells) {
        realm_kv_place(cells.data(), cells.size());
    }
    ~Placement() { realm_kv_place(nullptr, 0); }
    Placement(const Placement&) = delete;
    Placement& operator=(const Placement&) = delete;
};

// While it lives, this thread's llama.cpp calls attend to that many first rows one by one, to the
// others in tiles.
class SingleRows {
public:
    explicit SingleRows(std::size_t rows) { realm_attend_singly(static_cast<std::int32_t>(rows)); }
    ~SingleRows() { realm_attend_singly(-1); }
    SingleRows(const SingleRows&) = delete;
    SingleRows& operator=(const SingleRows&) = delete;
};

}  // namespace

// A llama_batch with its arrays and the cells of its rows, allocated once.
class UnifiedArena::Batch {
public:
    explicit Batch(std::size_t rows)
        : tokens_(rows),
          positions_(rows),
          counts_(rows, 1),
          ids_(rows),
          id_pointers_(rows),
          outputs_(rows),
          cells_(rows) {
        for (std::size_t i = 0; i < rows; ++i) {
            id_pointers_[i] = &ids_[i];
        }
    }

    void clear() { size_ = 0; }

    void add(const Row& row, std::uint32_t position, std::uint32_t cell) {
        tokens_[size_] = row.token;
        positions_[size_] = static_cast<llama_pos>(position);
        ids_[size_] = row.sequence.value;
        outputs_[size_] = row.wants_logits ? 1 : 0;
        cells_[size_] = cell;
        ++size_;
    }

    [[nodiscard]] std::size_t capacity() const { return tokens_.size(); }
    [[nodiscard]] std::span<const std::uint32_t> cells() const {
        return std::span(cells_).first(size_);
    }
    [[nodiscard]] llama_batch native() {
        return {.n_tokens = static_cast<std::int32_t>(size_),
                .token = tokens_.data(),
                .embd = nullptr,
                .pos = positions_.data(),
                .n_seq_id = counts_.data(),
                .seq_id = id_pointers_.data(),
                .logits = outputs_.data()};
    }

private:
    std::size_t size_ = 0;
    std::vector<llama_token> tokens_;
    std::vector<llama_pos> positions_;
    std::vector<std::int32_t> counts_;
    std::vector<llama_seq_id> ids_;
    std::vector<llama_seq_id*> id_pointers_;
    std::vector<std::int8_t> outputs_;
    std::vector<std::uint32_t> cells_;
};

void UnifiedArena::Deleter::operator()(llama_context* context) const {
    llama_free(context);
}

void UnifiedArena::Deleter::operator()(ggml_threadpool* pool) const {
    ggml_threadpool_free(pool);
}

UnifiedArena::UnifiedArena(std::shared_ptr<const Model> model, const EngineOptions& options)
    : model_(std::move(model)),
      kv_tokens_(options.kv_tokens),
      pages_(PageTable::pages_for(options.kv_tokens, sequences_of(options))),
      table_(sequences_of(options)),
      sharers_(PageTable::pages_for(options.kv_tokens, sequences_of(options)), 0),
      vocabulary_size_(model_->info().vocabulary_size) {}

UnifiedArena::~UnifiedArena() = default;

Result<std::unique_ptr<UnifiedArena>> UnifiedArena::create(std::shared_ptr<const Model> model,
                                                           const EngineOptions& options,
                                                           std::span<const std::uint32_t> places) {
    std::unique_ptr<UnifiedArena> arena(new UnifiedArena(std::move(model), options));
    if (auto opened = arena->open(options, places); !opened) {
        return std::unexpected(opened.error());
    }
    return arena;
}

Result<void> UnifiedArena::open(const EngineOptions& options,
                                std::span<const std::uint32_t> places) {
    const std::uint32_t batch = std::max(options.prefill_chunk, kMaxDecodeRows);
    llama_context_params params = llama_context_default_params();
    const std::uint32_t sequences = sequences_of(options);
    params.n_ctx = PageTable::pages_for(options.kv_tokens, sequences) * PageTable::kPageCells;
    params.n_batch = batch;
    params.n_ubatch = batch;
    // llama.cpp wants room for one row of each sequence from the beginning.
    params.n_outputs_max = std::max(kMaxDecodeRows, sequences + 1);
    params.n_seq_max = sequences + 1;  // one to move cells with
    params.n_threads = static_cast<std::int32_t>(options.threads);
    params.n_threads_batch = static_cast<std::int32_t>(options.threads);
    params.flash_attn_type =
        options.flash_attention ? LLAMA_FLASH_ATTN_TYPE_ENABLED : LLAMA_FLASH_ATTN_TYPE_DISABLED;
    params.kv_unified = true;
    // All caches of a model with sliding windows are as large as each other, so that the same cells
    // exist in each.
    params.swa_full = true;
    params.no_perf = true;

    const LlamaLogCapture log;
    context_.reset(llama_init_from_model(model_->native(), params));
    if (!context_) {
        return fail(ErrorType::kUnavailable, "engine_start_failed",
                    fmt::format("the model could not be given {} KV cells: {}", params.n_ctx,
                                log.problem("no reason was given")));
    }
    if (auto started = start_threads(options.threads, places); !started) {
        return started;
    }
    batch_ = std::make_unique<Batch>(batch);
    return {};
}

Result<void> UnifiedArena::start_threads(std::uint32_t threads,
                                         std::span<const std::uint32_t> places) {
    ggml_threadpool_params pool = ggml_threadpool_params_default(static_cast<int>(threads));
    // Threads that poll between steps would take the processor from the rest of the server.
    pool.poll = 0;
    // Paused, it places the computing thread at its first graph, and not this one now.
    pool.paused = true;
    pool.strict_cpu = !places.empty();
    for (const std::uint32_t place : places) {
        if (place < GGML_MAX_N_THREADS) {
            pool.cpumask[place] = true;
        }
    }
    threads_.reset(ggml_threadpool_new(&pool));
    if (!threads_) {
        return fail(ErrorType::kUnavailable, "engine_start_failed",
                    fmt::format("{} compute threads could not be started", threads));
    }
    llama_attach_threadpool(context_.get(), threads_.get(), threads_.get());
    return {};
}

std::optional<SequenceId> UnifiedArena::free_sequence() const {
    const auto free = std::ranges::find(table_, 0U, &Sequence::capacity);
    return free == table_.end()
               ? std::nullopt
               : std::optional(SequenceId{static_cast<std::int32_t>(free - table_.begin())});
}

std::optional<SequenceId> UnifiedArena::acquire(std::uint32_t capacity) {
    const auto sequence = free_sequence();
    if (!sequence || capacity > kv_tokens_ - reserved_) {
        return std::nullopt;
    }
    entry_of(*sequence) = {.capacity = capacity, .length = 0, .shared = 0};
    reserved_ += capacity;
    ++sequences_;
    return sequence;
}

void UnifiedArena::release(SequenceId sequence) {
    leave(sequence, 0);
    llama_memory_seq_rm(llama_get_memory(context_.get()), sequence.value, -1, -1);
    pages_.release(sequence);
    reserved_ -= entry_of(sequence).capacity;
    --sequences_;
    entry_of(sequence) = {};
}

void UnifiedArena::join(SequenceId sequence, std::uint32_t pages) {
    Sequence& entry = entry_of(sequence);
    for (; entry.shared < pages; ++entry.shared) {
        std::uint32_t& sharers = sharers_[pages_.page(sequence, entry.shared * kPage)];
        reserved_ += sharers == 0 ? kPage : 0;
        ++sharers;
        reserved_ -= kPage;
    }
}

void UnifiedArena::leave(SequenceId sequence, std::uint32_t pages) {
    Sequence& entry = entry_of(sequence);
    for (; entry.shared > pages; --entry.shared) {
        std::uint32_t& sharers = sharers_[pages_.page(sequence, (entry.shared - 1) * kPage)];
        --sharers;
        reserved_ += kPage;
        reserved_ -= sharers == 0 ? kPage : 0;
    }
}

std::uint32_t UnifiedArena::fork_cost(SequenceId from, std::uint32_t capacity) const {
    return capacity - entry_of(from).length / kPage * kPage;
}

bool UnifiedArena::would_fit(std::uint32_t tokens, std::span<const SequenceId> released) const {
    // What all others would still reserve; a shared page counts once.
    std::uint32_t left = 0;
    std::vector<bool> counted(sharers_.size(), false);
    for (std::size_t i = 0; i < table_.size(); ++i) {
        const SequenceId sequence{static_cast<std::int32_t>(i)};
        if (std::ranges::find(released, sequence) != released.end()) {
            continue;
        }
        const Sequence& entry = table_[i];
        left += entry.capacity - entry.shared * kPage;
        for (std::uint32_t page = 0; page < entry.shared; ++page) {
            const std::uint32_t shared = pages_.page(sequence, page * kPage);
            left += counted[shared] ? 0 : kPage;
            counted[shared] = true;
        }
    }
    return tokens <= kv_tokens_ - left;
}

std::optional<SequenceId> UnifiedArena::fork(SequenceId from, std::uint32_t capacity) {
    const auto made = free_sequence();
    if (!made || fork_cost(from, capacity) > kv_tokens_ - reserved_) {
        return std::nullopt;
    }
    const std::uint32_t length = entry_of(from).length;
    const std::uint32_t full = length / kPage;
    pages_.share(from, *made, length);
    llama_memory_seq_cp(llama_get_memory(context_.get()), from.value, made->value, -1, -1);
    entry_of(*made) = {.capacity = capacity, .length = length, .shared = 0};
    reserved_ += capacity;
    ++sequences_;
    join(from, full);
    join(*made, full);
    return made;
}

bool UnifiedArena::truncate(SequenceId sequence, std::uint32_t tokens) {
    Sequence& entry = entry_of(sequence);
    const std::uint32_t full = tokens / kPage;
    std::uint32_t more = 0;
    for (std::uint32_t page = full; page < entry.shared; ++page) {
        more += sharers_[pages_.page(sequence, page * kPage)] > 1 ? kPage : 0;
    }
    if (more > kv_tokens_ - reserved_) {
        return false;
    }
    cut(sequence, tokens);
    return true;
}

void UnifiedArena::cut(SequenceId sequence, std::uint32_t tokens) {
    Sequence& entry = entry_of(sequence);
    leave(sequence, std::min(tokens / kPage, entry.shared));
    llama_memory_seq_rm(llama_get_memory(context_.get()), sequence.value,
                        static_cast<llama_pos>(tokens), -1);
    pages_.truncate(sequence, tokens);
    entry.length = tokens;
}

void UnifiedArena::adopt(SequenceId sequence, SequenceId from, std::uint32_t tokens) {
    pages_.share(from, sequence, tokens);
    llama_memory_seq_cp(llama_get_memory(context_.get()), from.value, sequence.value, 0,
                        static_cast<llama_pos>(tokens));
    entry_of(sequence).length = tokens;
    join(from, tokens / kPage);
    join(sequence, tokens / kPage);
}

void UnifiedArena::shrink(SequenceId sequence, std::uint32_t tokens) {
    cut(sequence, tokens);
    Sequence& entry = entry_of(sequence);
    reserved_ -= entry.capacity - tokens;
    entry.capacity = tokens;
}

Result<void> UnifiedArena::make_room(SequenceId sequence, std::uint32_t more) {
    const Sequence& entry = entry_of(sequence);
    if (more > entry.capacity - entry.length) {
        return fail(ErrorType::kInternal, "bad_batch", "more rows than the sequence's capacity");
    }
    if (entry.length % kPage != 0 && pages_.users(pages_.page(sequence, entry.length - 1)) > 1) {
        if (auto owned = own_last_page(sequence); !owned) {
            return owned;
        }
    }
    const std::uint32_t tokens = entry.length + more;
    if (pages_.extend(sequence, tokens)) {
        return {};
    }
    if (entry.shared == 0) {
        return compact(sequence, tokens);
    }
    // What others have too cannot be moved; the order of the cells is given up instead.
    return pages_.extend_anywhere(sequence, tokens) ? Result<void>() : no_pages();
}

std::vector<std::uint8_t> UnifiedArena::state_of(std::int32_t sequence) {
    std::vector<std::uint8_t> state(llama_state_seq_get_size(context_.get(), sequence));
    state.resize(llama_state_seq_get_data(context_.get(), state.data(), state.size(), sequence));
    return state;
}

std::vector<std::uint8_t> UnifiedArena::take_state(std::int32_t sequence) {
    std::vector<std::uint8_t> state = state_of(sequence);
    llama_memory_seq_rm(llama_get_memory(context_.get()), sequence, -1, -1);
    return state;
}

Result<void> UnifiedArena::put_state(std::int32_t sequence, std::span<const std::uint8_t> state,
                                     std::span<const std::uint32_t> cells) {
    const Placement placement(cells);
    if (!cells.empty() &&
        (state.empty() || llama_state_seq_set_data(context_.get(), state.data(), state.size(),
                                                   sequence) != state.size())) {
        return move_failed();
    }
    return {};
}

std::vector<std::uint32_t> UnifiedArena::cells_from(SequenceId sequence,
                                                    std::uint32_t first) const {
    std::vector<std::uint32_t> cells;
    const std::uint32_t length = entry_of(sequence).length;
    for (std::uint32_t position = first; position < length; ++position) {
        cells.push_back(pages_.cell(sequence, position));
    }
    return cells;
}

Result<SavedCells> UnifiedArena::save(SequenceId sequence) {
    SavedCells saved{.bytes = state_of(sequence.value), .order = {}};
    const std::vector<std::uint32_t> cells = cells_from(sequence, 0);
    if (saved.bytes.empty() && !cells.empty()) {
        return move_failed();
    }
    saved.order.tokens = static_cast<std::uint32_t>(cells.size());
    if (!std::ranges::is_sorted(cells)) {
        // llama.cpp writes cells in ascending order.
        std::vector<std::uint32_t>& positions = saved.order.positions;
        positions.resize(cells.size());
        std::iota(positions.begin(), positions.end(), 0U);
        std::ranges::sort(positions, {}, [&](std::uint32_t position) { return cells[position]; });
    }
    return saved;
}

Result<void> UnifiedArena::load(SequenceId sequence, std::span<const std::uint8_t> bytes,
                                const SavedOrder& order) {
    if (!pages_.extend(sequence, order.tokens)) {
        return no_pages();
    }
    entry_of(sequence).length = order.tokens;
    std::vector<std::uint32_t> cells = cells_from(sequence, 0);
    for (std::size_t i = 0; i < order.positions.size(); ++i) {
        cells[i] = pages_.cell(sequence, order.positions[i]);
    }
    return put_state(sequence.value, bytes, cells);
}

Result<void> UnifiedArena::compact(SequenceId sequence, std::uint32_t tokens) {
    const auto state = take_state(sequence.value);
    if (!pages_.relocate(sequence, tokens)) {
        return no_pages();
    }
    return put_state(sequence.value, state, cells_from(sequence, 0));
}

Result<void> UnifiedArena::own_last_page(SequenceId sequence) {
    const std::uint32_t length = entry_of(sequence).length;
    const std::uint32_t first = length / kPage * kPage;
    const auto mover = static_cast<llama_seq_id>(table_.size());
    llama_memory_t memory = llama_get_memory(context_.get());
    const auto begin = static_cast<llama_pos>(first);
    llama_memory_seq_cp(memory, sequence.value, mover, begin, -1);
    llama_memory_seq_rm(memory, sequence.value, begin, -1);
    const auto state = take_state(mover);
    pages_.truncate(sequence, first);
    if (!pages_.extend(sequence, length) && !pages_.extend_anywhere(sequence, length)) {
        return no_pages();
    }
    if (auto put = put_state(mover, state, cells_from(sequence, first)); !put) {
        return put;
    }
    llama_memory_seq_cp(memory, mover, sequence.value, -1, -1);
    llama_memory_seq_rm(memory, mover, -1, -1);
    return {};
}

Result<void> UnifiedArena::compute(std::span<const Row> rows) {
    if (rows.empty() || rows.size() > batch_->capacity()) {
        return fail(ErrorType::kInternal, "bad_batch",
                    fmt::format("a batch of {} rows, at most {}", rows.size(), batch_->capacity()));
    }
    const auto first_tiled = std::ranges::find(rows, true, &Row::tiled);
    if (std::ranges::find(first_tiled, rows.end(), false, &Row::tiled) != rows.end()) {
        return fail(ErrorType::kInternal, "bad_batch", "single rows behind those in tiles");
    }
    // All room is made before any cell is noted, because it may move a sequence.
    for (std::size_t i = 0; i < rows.size();) {
        std::size_t end = i + 1;
        while (end < rows.size() && rows[end].sequence == rows[i].sequence) {
            ++end;
        }
        if (auto room = make_room(rows[i].sequence, static_cast<std::uint32_t>(end - i)); !room) {
            return room;
        }
        i = end;
    }
    batch_->clear();
    for (const Row& row : rows) {
        Sequence& entry = entry_of(row.sequence);
        batch_->add(row, entry.length, pages_.cell(row.sequence, entry.length));
        ++entry.length;
    }
    const SingleRows single(static_cast<std::size_t>(first_tiled - rows.begin()));
    return decode_batch();
}

Result<void> UnifiedArena::decode_batch() {
    const auto failed = [](std::string_view reason) {
        return fail(ErrorType::kUnavailable, "decode_failed",
                    fmt::format("the model could not be computed: {}", reason));
    };
    const LlamaLogCapture log;
    const Placement placement(batch_->cells());
    try {
        const std::int32_t status = llama_decode(context_.get(), batch_->native());
        if (status != 0) {
            return failed(log.problem(fmt::format("status {}", status)));
        }
    } catch (const std::exception& error) {
        return failed(error.what());
    }
    return {};
}

std::span<const float> UnifiedArena::logits(std::size_t index) const {
    const float* values = llama_get_logits_ith(context_.get(), static_cast<std::int32_t>(index));
    return values == nullptr ? std::span<const float>() : std::span(values, vocabulary_size_);
}

}  // namespace realm::inference
