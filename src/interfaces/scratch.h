// A scratch directory: files in memory, with a quota, for one instance alone. No path of the host
// is ever touched, so there is nothing to traverse to and nothing to leave behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace realm::interfaces {

struct ScratchQuota {
    std::uint64_t bytes = 0;    // of all files, by their length
    std::uint32_t entries = 0;  // files and directories below the root
};

// A file's bytes. What was never written reads as zeros and takes no memory.
class ScratchBytes {
public:
    [[nodiscard]] std::uint64_t size() const { return size_; }
    void resize(std::uint64_t size);
    // The bytes from `offset` to the end of the file or of `into`; how many.
    std::size_t read(std::uint64_t offset, std::span<std::byte> into) const;
    // Inside of size() only.
    void write(std::uint64_t offset, std::span<const std::byte> from);

private:
    static constexpr std::size_t kBlock = std::size_t{64} << 10;

    std::vector<std::vector<std::byte>> blocks_;  // each shorter than kBlock where zeros follow
    std::uint64_t size_ = 0;
};

struct ScratchTimes {
    std::uint64_t accessed = 0;  // nanoseconds since the Unix epoch
    std::uint64_t modified = 0;
    std::uint64_t changed = 0;
};

// A file or a directory. It lives as long as it has a name or somebody holds it, and counts
// against the quota as long as it lives.
class ScratchNode {
public:
    enum class Kind : std::uint8_t { kFile, kDirectory };

    struct Child {
        std::uint64_t number = 0;  // in the order of creation, for listings that go on
        std::shared_ptr<ScratchNode> node;
    };

    ScratchNode(std::shared_ptr<ScratchQuota> left, Kind kind, std::uint64_t id)
        : left_(std::move(left)), kind_(kind), id_(id) {}
    ~ScratchNode();
    ScratchNode(const ScratchNode&) = delete;
    ScratchNode& operator=(const ScratchNode&) = delete;

    [[nodiscard]] bool is_directory() const { return kind_ == Kind::kDirectory; }
    [[nodiscard]] std::uint64_t id() const { return id_; }
    [[nodiscard]] std::uint64_t size() const { return bytes_.size(); }
    [[nodiscard]] bool has_name() const { return named_; }

    ScratchTimes times;

private:
    friend class Scratch;

    const std::shared_ptr<ScratchQuota> left_;
    const Kind kind_;
    const std::uint64_t id_;
    bool named_ = true;
    ScratchBytes bytes_;
    std::map<std::string, Child, std::less<>> children_;
    std::weak_ptr<ScratchNode> parent_;
};

// Not thread-safe. Paths are relative to a directory and never lead out of it: what would is
// errc::permission_denied. Names are UTF-8.
class Scratch {
public:
    using Node = std::shared_ptr<ScratchNode>;
    template <class T>
    using Result = std::expected<T, std::errc>;

    static constexpr std::size_t kLongestPath = 4096;
    static constexpr std::size_t kLongestName = 255;

    struct OpenFlags {
        bool create = false;
        bool exclusive = false;
        bool directory = false;
        bool truncate = false;
    };

    struct Entry {
        std::uint64_t number = 0;  // give number + 1 to list() to go on behind it
        std::string name;
        Node node;
    };

    // `now` gives the time for new files and changes, in nanoseconds since the Unix epoch.
    Scratch(const ScratchQuota& quota, std::function<std::uint64_t()> now);

    [[nodiscard]] const Node& root() const { return root_; }
    [[nodiscard]] const ScratchQuota& left() const { return *left_; }

    [[nodiscard]] Result<Node> find(const Node& from, std::string_view path) const;
    Result<Node> open(const Node& from, std::string_view path, const OpenFlags& flags);
    Result<void> make_directory(const Node& from, std::string_view path);
    Result<void> remove_directory(const Node& from, std::string_view path);
    Result<void> unlink(const Node& from, std::string_view path);
    // Replaces a file by a file, an empty directory by a directory.
    Result<void> rename(const Node& from, std::string_view path, const Node& to_from,
                        std::string_view to_path);

    std::size_t read(const Node& file, std::uint64_t offset, std::span<std::byte> into);
    // All of `bytes` or, where the quota ends, as much as fits; no_space_on_device when nothing
    // does.
    Result<std::size_t> write(const Node& file, std::uint64_t offset,
                              std::span<const std::byte> bytes);
    Result<void> resize(const Node& file, std::uint64_t size);
    // At most `most` entries with `first` or a higher number: ".", "..", then the children.
    [[nodiscard]] std::vector<Entry> list(const Node& directory, std::uint64_t first,
                                          std::size_t most) const;

private:
    // Where a path ends: its last name, in a directory that is there.
    struct Place {
        Node directory;
        std::string name;  // empty: the directory itself
        bool slash = false;
    };

    static Result<void> check_path(std::string_view path);
    [[nodiscard]] Result<Place> locate(const Node& from, std::string_view path) const;
    static Node child(const Place& place);
    // What a path names, and where; no_such_file_or_directory.
    [[nodiscard]] Result<std::pair<Place, Node>> existing(const Node& from,
                                                          std::string_view path) const;
    // True when `inner` is `outer` or lies below it.
    static bool is_inside(Node inner, const Node& outer);
    Result<Node> add(const Place& place, ScratchNode::Kind kind);
    void detach(const Place& place, const Node& node);
    void touch(const Node& node);

    std::shared_ptr<ScratchQuota> left_;
    std::function<std::uint64_t()> now_;
    std::uint64_t last_id_ = 0;
    std::uint64_t last_number_ = 1;  // 0 and 1 are "." and ".."
    Node root_;
};

}  // namespace realm::interfaces
