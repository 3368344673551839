#include "sandbox/foreign_heap.h"

#include <algorithm>
#include <utility>

namespace realm::sandbox {
namespace {

using base::Task;

constexpr std::uint32_t kPage = 65536;

// The arguments of an allocator's helpers, as many as it takes; apart, since GCC 12 compiles no
// list in a coroutine.
Values allocation(std::uint32_t size, std::size_t count) {
    Values all{static_cast<std::int32_t>(size), std::int32_t{1}};
    all.resize(std::min(all.size(), count));
    return all;
}
Values deallocation(std::uint32_t pointer, std::uint32_t size, std::size_t count) {
    Values all{static_cast<std::int32_t>(pointer), static_cast<std::int32_t>(size),
               std::int32_t{1}};
    all.resize(std::min(all.size(), count));
    return all;
}
}  // namespace

Task<Result<std::uint32_t>> ForeignHeap::allocate(Guest& guest, std::uint32_t size) {
    if (allocate_.empty()) {
        if (own_size_ - own_used_ < size) {
            auto grown = guest.grow_memory(size);
            if (!grown) {
                co_return std::unexpected(std::move(grown.error()));
            }
            own_pages_ = *grown;
            own_size_ = (size + kPage - 1) / kPage * kPage;
            own_used_ = 0;
        }
        const std::uint32_t pointer = own_pages_ + own_used_;
        own_used_ = std::min(own_size_, (own_used_ + size + 15) / 16 * 16);
        co_return pointer;
    }
    const ExportInfo* const found = guest.info().find_export(allocate_);
    const std::size_t count =
        found != nullptr && found->signature ? found->signature->parameters.size() : 1;
    auto results = co_await guest.call(allocate_, allocation(size, count));
    if (!results) {
        co_return std::unexpected(std::move(results.error()));
    }
    if (results->size() != 1 || results->front().index() != 0) {
        co_return fail(ErrorType::kInvalidRequest, "bad_conventions",
                       "the allocator that is described gives no pointer");
    }
    co_return static_cast<std::uint32_t>(std::get<std::int32_t>(results->front()));
}

Task<Result<void>> ForeignHeap::release(Guest& guest, std::uint32_t pointer, std::uint32_t size) {
    const ExportInfo* const found = guest.info().find_export(release_);
    if (found == nullptr || !found->signature || size == 0) {
        co_return Result<void>();
    }
    auto results = co_await guest.call(
        release_, deallocation(pointer, size, found->signature->parameters.size()));
    co_return results ? Result<void>() : std::unexpected(std::move(results.error()));
}

}  // namespace realm::sandbox
