#include "sandbox/bindgen_services.h"

#include <chrono>
#include <cmath>

#include "base/bytes.h"
#include "sandbox/bindgen_memory.h"
#include "sandbox/instance.h"

namespace realm::sandbox {

double BindgenServices::wall_ms() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

double BindgenServices::steady_ms() {
    const std::chrono::duration<double, std::milli> passed = base::SteadyClock::now() - began_;
    return passed.count();
}

void BindgenServices::random(std::span<std::byte> out) {
    base::fill_random(out);
}

void BindgenServices::console(values::ConsoleLevel level, std::string_view text) {
    instance_.console(level, text);
}

std::optional<Error> BindgenServices::interrupted() {
    return instance_.interrupted();
}

std::span<std::byte> BindgenMemory::bytes() const {
    return instance_.memory_view();
}

std::optional<std::uint32_t> BindgenMemory::grow(std::uint32_t pages) {
    return instance_.grow_pages(pages);
}

}  // namespace realm::sandbox
