// Where the values of one instance live: counted, limited, and cleared of cycles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "values/cell.h"

namespace realm::values {

class String;

struct HeapLimits {
    std::size_t max_cells = 1'000'000;
    std::size_t max_bytes = std::size_t{64} << 20;
};

// Owned by a World. A cell is freed with its last reference; cells that hold each other are found
// by collect(), which runs by itself as their number grows. Every reference from outside of the
// heap (a handle of the guest, a local of ours, a suspended coroutine's frame) keeps a cell alive,
// so there is no list of roots.
//
// Making a small cell never fails. Whoever makes something of a size that a program chose asks
// admit() first; World::check() tells, after an operation, whether the heap is beyond its limits.
class Heap {
public:
    explicit Heap(HeapLimits limits);
    Heap(const Heap&) = delete;
    Heap& operator=(const Heap&) = delete;
    ~Heap();

    template <class T, class... Arguments>
    Ref<T> make(Arguments&&... arguments) {
        auto cell = std::make_unique<T>(std::forward<Arguments>(arguments)...);
        adopt(*cell, sizeof(T), T::kMayBeInCycles);
        return Ref<T>(cell.release());
    }

    // program_limit host_values or host_value_bytes when the heap holds more than it may, or would
    // with `bytes` more.
    [[nodiscard]] std::optional<Error> admit(std::size_t bytes);
    [[nodiscard]] bool has_room(std::size_t bytes) const {
        return cells_ <= limits_.max_cells && bytes_ <= limits_.max_bytes &&
               bytes <= limits_.max_bytes - bytes_;
    }
    // Frees the cells that only hold each other.
    void collect();

    [[nodiscard]] std::size_t cells() const { return cells_; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    [[nodiscard]] const HeapLimits& limits() const { return limits_; }

    // The one string with this text that serves as a property's key.
    Ref<String> intern(std::string_view ascii);
    Ref<String> intern(String& text);

private:
    friend class Cell;
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(const String* text) const;
        std::size_t operator()(std::string_view ascii) const;
    };
    struct TextEqual {
        using is_transparent = void;
        bool operator()(const String* left, const String* right) const;
        bool operator()(std::string_view left, const String* right) const;
        bool operator()(const String* left, std::string_view right) const;
    };

    void adopt(Cell& cell, std::size_t bytes, bool may_be_in_cycles);
    void bury(Cell& cell) noexcept;
    void unlink(Cell& cell) noexcept;

    HeapLimits limits_;
    std::size_t cells_ = 0;
    std::size_t bytes_ = 0;
    std::size_t linked_ = 0;
    std::size_t collect_at_;
    Cell* first_ = nullptr;
    Cell* dead_ = nullptr;
    bool burying_ = false;
    bool collecting_ = false;
    std::unordered_set<String*, TextHash, TextEqual> interned_;
};

}  // namespace realm::values
