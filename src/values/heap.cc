#include "values/heap.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/limit_error.h"
#include "values/text.h"
#include "values/value.h"

namespace realm::values {

namespace {

// Fewer are not worth a search.
constexpr std::size_t kFewest = 10'000;

}  // namespace

void Value::let_go() noexcept {
    bits_.cell->release();
}

void Cell::die() noexcept {
    heap_->bury(*this);
}

void Cell::charge(std::ptrdiff_t bytes) noexcept {
    charged_ += static_cast<std::size_t>(bytes);
    heap_->bytes_ += static_cast<std::size_t>(bytes);
}

Heap::Heap(HeapLimits limits) : limits_(limits), collect_at_(kFewest) {}

Heap::~Heap() {
    collect();
}

void Heap::adopt(Cell& cell, std::size_t bytes, bool may_be_in_cycles) {
    if (may_be_in_cycles && linked_ >= collect_at_) {
        collect();
        collect_at_ = std::max(kFewest, 2 * linked_);
    }
    cell.heap_ = this;
    ++cells_;
    cell.charged_ += bytes;
    bytes_ += cell.charged_;
    if (may_be_in_cycles) {
        cell.in_cycles_ = true;
        ++linked_;
        cell.next_ = first_;
        if (first_ != nullptr) {
            first_->previous_ = &cell;
        }
        first_ = &cell;
    }
}

void Heap::unlink(Cell& cell) noexcept {
    --linked_;
    if (cell.previous_ != nullptr) {
        cell.previous_->next_ = cell.next_;
    } else {
        first_ = cell.next_;
    }
    if (cell.next_ != nullptr) {
        cell.next_->previous_ = cell.previous_;
    }
}

// What a cell holds dies after it instead of inside of it: a long chain takes no deep stack.
void Heap::bury(Cell& cell) noexcept {
    --cells_;
    bytes_ -= cell.charged_;
    if (cell.in_cycles_) {
        unlink(cell);
    }
    if (cell.interned_) {
        interned_.erase(static_cast<String*>(&cell));
    }
    cell.next_dead_ = dead_;
    dead_ = &cell;
    if (burying_) {
        return;
    }
    burying_ = true;
    while (dead_ != nullptr) {
        const std::unique_ptr<Cell> gone(dead_);
        dead_ = gone->next_dead_;
    }
    burying_ = false;
}

std::optional<Error> Heap::admit(std::size_t bytes) {
    if (!has_room(bytes)) {
        collect();
    }
    if (has_room(bytes)) {
        return std::nullopt;
    }
    if (cells_ > limits_.max_cells) {
        return limit_error(
            {.limit = "host_values", .setting = "limits.host_values", .value = limits_.max_cells},
            "the program holds more than " + std::to_string(limits_.max_cells) +
                " values of the host");
    }
    return limit_error({.limit = "host_value_bytes",
                        .setting = "limits.host_value_bytes",
                        .value = limits_.max_bytes,
                        .asked = bytes_ + bytes},
                       "the program's values of the host take more than " +
                           std::to_string(limits_.max_bytes) + " bytes");
}

// References that the cells themselves explain are subtracted; what still has some is held from
// outside, and so is all that it leads to. The rest only holds itself.
void Heap::collect() {
    if (collecting_ || burying_) {
        return;
    }
    collecting_ = true;
    for (Cell* cell = first_; cell != nullptr; cell = cell->next_) {
        cell->unexplained_ = cell->references_;
        cell->reachable_ = false;
    }
    struct Explain final : Tracer {
        void visit(const Cell& cell) override {
            // Only the heap's own marks change.
            --const_cast<Cell&>(cell).unexplained_;
        }
    } explain;
    for (Cell* cell = first_; cell != nullptr; cell = cell->next_) {
        cell->trace(explain);
    }
    struct Reach final : Tracer {
        void visit(const Cell& cell) override {
            if (cell.in_cycles_ && !cell.reachable_) {
                const_cast<Cell&>(cell).reachable_ = true;
                waiting.push_back(&cell);
            }
        }
        std::vector<const Cell*> waiting;
    } reach;
    for (Cell* cell = first_; cell != nullptr; cell = cell->next_) {
        if (cell->unexplained_ > 0) {
            reach.visit(*cell);
        }
        while (!reach.waiting.empty()) {
            const Cell* const next = reach.waiting.back();
            reach.waiting.pop_back();
            next->trace(reach);
        }
    }
    std::vector<Ref<Cell>> garbage;
    for (Cell* cell = first_; cell != nullptr; cell = cell->next_) {
        if (!cell->reachable_) {
            garbage.emplace_back(cell);
        }
    }
    for (const auto& cell : garbage) {
        cell->clear();
    }
    garbage.clear();
    collecting_ = false;
}

std::size_t Heap::TextHash::operator()(const String* text) const {
    return text->hash();
}
std::size_t Heap::TextHash::operator()(std::string_view ascii) const {
    return std::hash<std::string_view>{}(ascii);
}
bool Heap::TextEqual::operator()(const String* left, const String* right) const {
    return left->equals(*right);
}
bool Heap::TextEqual::operator()(std::string_view left, const String* right) const {
    return right->equals(left);
}
bool Heap::TextEqual::operator()(const String* left, std::string_view right) const {
    return left->equals(right);
}

Ref<String> Heap::intern(std::string_view ascii) {
    if (const auto found = interned_.find(ascii); found != interned_.end()) {
        return Ref(*found);
    }
    auto text = make<String>(std::string(ascii));
    text->interned_ = true;
    interned_.insert(text.get());
    return text;
}

Ref<String> Heap::intern(String& text) {
    if (text.interned_) {
        return Ref(&text);
    }
    const auto [found, added] = interned_.insert(&text);
    text.interned_ = added;
    return Ref(*found);
}

}  // namespace realm::values
