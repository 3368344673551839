#include "inference/processors.h"

#include <sched.h>

#include <algorithm>
#include <numeric>
#include <thread>

namespace realm::inference {

std::vector<std::uint32_t> usable_processors() {
    std::vector<std::uint32_t> usable;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        for (std::uint32_t i = 0; i < CPU_SETSIZE; ++i) {
            if (CPU_ISSET(i, &set)) {
                usable.push_back(i);
            }
        }
    }
    if (usable.empty()) {
        usable.resize(std::max(1U, std::thread::hardware_concurrency()));
        std::iota(usable.begin(), usable.end(), 0U);
    }
    return usable;
}

std::vector<std::uint32_t> places_for(std::uint32_t threads,
                                      const std::vector<std::uint32_t>& processors) {
    return threads == processors.size() ? processors : std::vector<std::uint32_t>{};
}

}  // namespace realm::inference
