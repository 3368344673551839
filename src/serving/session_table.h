// The sessions that are open, by tenant, program and name.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/error.h"
#include "serving/session.h"

namespace realm::serving {

struct SessionKey {
    std::string tenant;
    std::string program;
    std::string name;  // as meta.session gives it
    friend auto operator<=>(const SessionKey&, const SessionKey&) = default;
};

// Thread-safe. Shared with the callbacks of its sessions' ends.
class SessionTable : public std::enable_shared_from_this<SessionTable> {
public:
    // `most`: of one tenant at a time.
    explicit SessionTable(std::size_t most) : most_(most) {}

    using Open = std::function<std::shared_ptr<Session>(std::move_only_function<void(Error)>)>;

    // The session of that key, opened with `open` where there is none. program_limit/sessions: the
    // tenant has its share already.
    Result<std::shared_ptr<Session>> obtain(const SessionKey& key, const Open& open);

    // not_found/session_not_found.
    Result<void> end(const SessionKey& key, Error reason);

    [[nodiscard]] std::size_t size() const;

private:
    struct Entry {
        std::shared_ptr<Session> session;
        std::uint64_t number = 0;
    };

    void forget(const SessionKey& key, std::uint64_t number);

    const std::size_t most_;
    mutable std::mutex mutex_;
    std::map<SessionKey, Entry> sessions_;
    std::uint64_t opened_ = 0;
};

}  // namespace realm::serving
