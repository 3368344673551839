// Contexts and sampling: token sequences in a model's memory, as a program drives them.
#pragma once

#include <realm/realm.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>

#include "interfaces/call_state.h"
#include "interfaces/generation.h"
#include "interfaces/model.h"
#include "sandbox/host_function.h"

namespace realm::interfaces {

// One context of an instance. Callbacks of the engine hold it too; the guest stands still while
// they write.
struct ContextRecord {
    inference::Engine* engine = nullptr;  // null until it was asked to make the context
    inference::ContextId id;
    std::uint32_t capacity = 0;
    std::uint32_t length = 0;  // without a generation that runs
    std::uint32_t reused = 0;  // of its tokens, not computed for it
    bool refused = false;      // create failed: the handle was never given
    inference::SamplingParams sampling;
    std::shared_ptr<const inference::TokenMask> mask;  // null: every token
    std::uint32_t min_tokens = 0;                      // of each generation
    std::shared_ptr<Generation> generation;
};

struct ContextLimits {
    std::uint32_t contexts = 16;                     // at one time
    std::uint32_t kv_tokens = 32'768;                // of all contexts, by their capacity
    std::uint32_t operations = 16;                   // at one time
    std::uint32_t prefill_tokens = 32'768;           // of one call
    std::size_t stop_bytes = std::size_t{16} << 10;  // of one call
};

// The contexts of one instance; drops them all with it. Used from executor threads, by one call
// at a time.
class ContextTable {
public:
    explicit ContextTable(const ContextLimits& limits) : limits_(limits) {}
    ~ContextTable();
    ContextTable(const ContextTable&) = delete;
    ContextTable& operator=(const ContextTable&) = delete;

    // A new handle and its record; program_limit when the instance has its share already.
    Result<std::pair<std::int32_t, std::shared_ptr<ContextRecord>>> add(std::uint32_t capacity);
    // program_limit when as many generations run as there may be operations.
    [[nodiscard]] Result<void> check_operation() const;
    [[nodiscard]] std::shared_ptr<ContextRecord> find(std::int32_t handle) const;
    void remove(std::int32_t handle);
    // The record of a context on which an operation may start now. not_found, conflict/generating,
    // program_limit/operations.
    [[nodiscard]] Result<std::shared_ptr<ContextRecord>> idle(std::int32_t handle) const;
    // The same for a call that suspends; null: it was answered with why not.
    [[nodiscard]] std::shared_ptr<ContextRecord> idle(std::int32_t handle, CallState& state,
                                                      sandbox::Completion& completion) const;
    [[nodiscard]] const ContextLimits& limits() const { return limits_; }

private:
    void forget_refused();
    static void release(const ContextRecord& record);

    const ContextLimits limits_;
    std::int32_t next_ = 0;
    std::unordered_map<std::int32_t, std::shared_ptr<ContextRecord>> records_;
};

class ContextInterface {
public:
    // `account`: to whom the model's time goes.
    ContextInterface(std::shared_ptr<ModelTable> models, std::shared_ptr<ContextTable> contexts,
                     inference::Account account, std::shared_ptr<CallState> state)
        : models_(std::move(models)),
          contexts_(std::move(contexts)),
          account_(std::move(account)),
          state_(std::move(state)) {}

    void create(std::int32_t model, std::uint32_t capacity, sandbox::Completion completion);
    void prefill(std::int32_t context, std::span<const std::int32_t> tokens,
                 sandbox::Completion completion);
    std::int32_t length(std::int32_t context);
    std::int32_t reused(std::int32_t context);
    std::int32_t share(std::int32_t context, std::uint32_t shared);
    std::int32_t priority(std::int32_t context, std::int32_t priority);
    std::int32_t drop(std::int32_t context);
    void fork(std::int32_t context, std::uint32_t capacity, sandbox::Completion completion);
    void truncate(std::int32_t context, std::uint32_t tokens, sandbox::Completion completion);
    void step(std::int32_t context, sandbox::Completion completion);
    std::int32_t generate(std::int32_t context, std::uint32_t max_tokens, std::string_view stop);
    void next(std::int32_t context, sandbox::Completion completion);
    void stop(std::int32_t context, sandbox::Completion completion);

private:
    std::shared_ptr<ModelTable> models_;
    std::shared_ptr<ContextTable> contexts_;
    inference::Account account_;  // its priority is that of new contexts
    std::shared_ptr<CallState> state_;
};

}  // namespace realm::interfaces
