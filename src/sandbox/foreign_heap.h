// Where arguments go in the memory of a module that was not written for Realm. Internal.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/task.h"
#include "sandbox/conventions.h"
#include "sandbox/guest.h"

namespace realm::sandbox {

// The module's own allocator, else pages that the host adds to its memory and uses again for each
// call. Of one guest; used by its jobs.
class ForeignHeap {
public:
    explicit ForeignHeap(const Conventions& conventions)
        : allocate_(conventions.allocate), release_(conventions.release) {}

    // What the call before was lent is free again, where it lay in pages of the host's.
    void begin_call() { own_used_ = 0; }

    // Not checked: an allocator may lie.
    base::Task<Result<std::uint32_t>> allocate(Guest& guest, std::uint32_t size);
    base::Task<Result<void>> release(Guest& guest, std::uint32_t pointer, std::uint32_t size);

private:
    std::string allocate_;
    std::string release_;
    std::uint32_t own_pages_ = 0;
    std::uint32_t own_size_ = 0;
    std::uint32_t own_used_ = 0;
};

}  // namespace realm::sandbox
