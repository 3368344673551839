// What lies in a heap: counted references, and what the search for cycles needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace realm::values {

class Cell;
class Heap;

// Called by Cell::trace for each cell that another one holds.
class Tracer {
public:
    Tracer() = default;
    Tracer(const Tracer&) = delete;
    Tracer& operator=(const Tracer&) = delete;
    virtual ~Tracer() = default;
    virtual void visit(const Cell& cell) = 0;
};

// Made by Heap::make alone, owned by the references to it. Not thread-safe, like everything here:
// one thread at a time may use the cells of a heap.
class Cell {
public:
    Cell(const Cell&) = delete;
    Cell& operator=(const Cell&) = delete;
    virtual ~Cell() = default;

    void retain() noexcept { ++references_; }
    void release() noexcept {
        if (--references_ == 0) {
            die();
        }
    }
    [[nodiscard]] std::uint32_t references() const noexcept { return references_; }
    [[nodiscard]] Heap& heap() const noexcept { return *heap_; }

    // Names every cell that this one holds.
    virtual void trace(Tracer& /*tracer*/) const {}
    // Lets go of every cell that this one holds; it is garbage.
    virtual void clear() {}

protected:
    Cell() = default;
    // Adds to what the heap counts for this cell, or takes away.
    void charge(std::ptrdiff_t bytes) noexcept;
    // In constructors, when there is no heap yet.
    void charge_for(std::size_t bytes) noexcept { charged_ = bytes; }

private:
    friend class Heap;
    void die() noexcept;

    Heap* heap_ = nullptr;
    std::uint32_t references_ = 0;
    bool in_cycles_ = false;  // may be part of a cycle, so it is in the heap's list
    bool interned_ = false;
    union {
        std::size_t charged_ = 0;
        Cell* next_dead_;
    };
    // The heap's list of cells that may be part of cycles.
    Cell* previous_ = nullptr;
    Cell* next_ = nullptr;
    std::uint32_t unexplained_ = 0;  // while cycles are searched: references from outside
    bool reachable_ = false;
};

// A counted reference, never counted from two threads.
template <class T>
class Ref {
public:
    Ref() = default;
    explicit Ref(T* cell) noexcept : cell_(cell) {
        if (cell_ != nullptr) {
            cell_->retain();
        }
    }
    Ref(const Ref& other) noexcept : Ref(other.cell_) {}
    Ref(Ref&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
    template <class U>
        requires std::is_base_of_v<T, U> && (!std::is_same_v<T, U>)
    // NOLINTNEXTLINE(google-explicit-constructor): like the pointer it is
    Ref(const Ref<U>& other) noexcept : Ref(static_cast<T*>(other.get())) {}
    Ref& operator=(const Ref& other) noexcept {
        if (this != &other) {
            Ref copy(other);
            std::swap(cell_, copy.cell_);
        }
        return *this;
    }
    Ref& operator=(Ref&& other) noexcept {
        Ref gone(std::move(*this));
        cell_ = std::exchange(other.cell_, nullptr);
        return *this;
    }
    ~Ref() {
        if (cell_ != nullptr) {
            cell_->release();
        }
    }

    [[nodiscard]] T* get() const noexcept { return cell_; }
    T& operator*() const noexcept { return *cell_; }
    T* operator->() const noexcept { return cell_; }
    explicit operator bool() const noexcept { return cell_ != nullptr; }
    friend bool operator==(const Ref& left, const Ref& right) noexcept {
        return left.cell_ == right.cell_;
    }

private:
    T* cell_ = nullptr;
};

}  // namespace realm::values
