#include "serving/session_table.h"

#include <algorithm>
#include <utility>

#include "base/limit_error.h"

namespace realm::serving {

Result<std::shared_ptr<Session>> SessionTable::obtain(const SessionKey& key, const Open& open) {
    const std::lock_guard lock(mutex_);
    if (const auto found = sessions_.find(key); found != sessions_.end()) {
        if (!found->second.session->ending()) {
            return found->second.session;
        }
        sessions_.erase(found);
    }
    const auto held = static_cast<std::size_t>(std::ranges::count_if(
        sessions_, [&](const auto& entry) { return entry.first.tenant == key.tenant; }));
    if (held >= most_) {
        return std::unexpected(limit_error(
            {.limit = "sessions", .setting = "limits.sessions", .value = most_, .asked = most_ + 1},
            "this tenant keeps " + std::to_string(most_) + " sessions already; end one"));
    }
    const std::uint64_t number = ++opened_;
    auto session = open([table = weak_from_this(), key, number](const Error&) {
        if (const auto alive = table.lock()) {
            alive->forget(key, number);
        }
    });
    sessions_.emplace(key, Entry{.session = session, .number = number});
    return session;
}

Result<void> SessionTable::end(const SessionKey& key, Error reason) {
    std::shared_ptr<Session> session;
    {
        const std::lock_guard lock(mutex_);
        const auto found = sessions_.find(key);
        if (found == sessions_.end()) {
            return fail(ErrorType::kNotFound, "session_not_found",
                        "there is no session '" + key.name + "' of program '" + key.program + "'");
        }
        session = std::move(found->second.session);
        sessions_.erase(found);
    }
    session->end(std::move(reason));
    return {};
}

std::size_t SessionTable::size() const {
    const std::lock_guard lock(mutex_);
    return sessions_.size();
}

// By number: another session may have the key by now.
void SessionTable::forget(const SessionKey& key, std::uint64_t number) {
    std::shared_ptr<Session> released;
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(key);
    if (found != sessions_.end() && found->second.number == number) {
        released = std::move(found->second.session);
        sessions_.erase(found);
    }
}

}  // namespace realm::serving
