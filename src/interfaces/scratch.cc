#include "interfaces/scratch.h"

#include <algorithm>

#include "base/bytes.h"

namespace realm::interfaces {
void ScratchBytes::resize(std::uint64_t size) {
    blocks_.resize((size + kBlock - 1) / kBlock);
    const std::size_t last = size % kBlock;
    if (size < size_ && last != 0 && blocks_.back().size() > last) {
        blocks_.back().resize(last);
    }
    size_ = size;
}

std::size_t ScratchBytes::read(std::uint64_t offset, std::span<std::byte> into) const {
    if (offset >= size_) {
        return 0;
    }
    const auto length =
        static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_ - offset));
    for (std::size_t done = 0; done < length;) {
        const std::uint64_t at = offset + done;
        const auto& block = blocks_[at / kBlock];
        const std::size_t begin = at % kBlock;
        const auto part = into.subspan(done, std::min(length - done, kBlock - begin));
        const std::size_t stored =
            begin < block.size() ? std::min(part.size(), block.size() - begin) : 0;
        std::copy_n(block.begin() + static_cast<std::ptrdiff_t>(begin), stored, part.begin());
        std::ranges::fill(part.subspan(stored), std::byte{0});
        done += part.size();
    }
    return length;
}

void ScratchBytes::write(std::uint64_t offset, std::span<const std::byte> from) {
    for (std::size_t done = 0; done < from.size();) {
        const std::uint64_t at = offset + done;
        auto& block = blocks_[at / kBlock];
        const std::size_t begin = at % kBlock;
        const auto part = from.subspan(done, std::min(from.size() - done, kBlock - begin));
        if (block.size() < begin + part.size()) {
            block.resize(begin + part.size());
        }
        std::ranges::copy(part, block.begin() + static_cast<std::ptrdiff_t>(begin));
        done += part.size();
    }
}

ScratchNode::~ScratchNode() {
    left_->bytes += bytes_.size();
    ++left_->entries;
    // One after the other: a guest decides how deep its directories are.
    std::vector<std::shared_ptr<ScratchNode>> pending;
    const auto take_children = [&pending](ScratchNode& node) {
        for (auto& [name, child] : node.children_) {
            pending.push_back(std::move(child.node));
        }
        node.children_.clear();
    };
    take_children(*this);
    while (!pending.empty()) {
        const auto node = std::move(pending.back());
        pending.pop_back();
        if (node.use_count() == 1) {
            take_children(*node);
        }
    }
}

Scratch::Scratch(const ScratchQuota& quota, std::function<std::uint64_t()> now)
    : left_(std::make_shared<ScratchQuota>(quota)),
      now_(std::move(now)),
      root_(std::make_shared<ScratchNode>(left_, ScratchNode::Kind::kDirectory, ++last_id_)) {
    const std::uint64_t time = now_();
    root_->times = {.accessed = time, .modified = time, .changed = time};
}

auto Scratch::check_path(std::string_view path) -> Result<void> {
    if (path.empty()) {
        return std::unexpected(std::errc::no_such_file_or_directory);
    }
    if (path.size() > kLongestPath) {
        return std::unexpected(std::errc::filename_too_long);
    }
    if (path.contains('\0') || !base::is_utf8(path)) {
        return std::unexpected(std::errc::illegal_byte_sequence);
    }
    if (path.front() == '/') {
        return std::unexpected(std::errc::permission_denied);
    }
    return {};
}

auto Scratch::locate(const Node& from, std::string_view path) const -> Result<Place> {
    if (auto checked = check_path(path); !checked) {
        return std::unexpected(checked.error());
    }
    Place place{.directory = from, .name = {}, .slash = path.back() == '/'};
    std::size_t depth = 0;  // of place.directory below `from`
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/'), path.size());
        const std::string_view name = path.substr(0, end);
        path.remove_prefix(std::min(end + 1, path.size()));
        if (name.empty() || name == ".") {
            continue;
        }
        if (name.size() > kLongestName) {
            return std::unexpected(std::errc::filename_too_long);
        }
        if (!place.name.empty()) {
            const Node next = child(place);
            if (!next) {
                return std::unexpected(std::errc::no_such_file_or_directory);
            }
            if (!next->is_directory()) {
                return std::unexpected(std::errc::not_a_directory);
            }
            place.directory = next;
            place.name.clear();
            ++depth;
        }
        if (name != "..") {
            place.name = name;
            continue;
        }
        if (depth == 0) {
            return std::unexpected(std::errc::permission_denied);
        }
        --depth;
        place.directory = place.directory->parent_.lock();
    }
    return place;
}

auto Scratch::child(const Place& place) -> Node {
    if (place.name.empty()) {
        return place.directory;
    }
    const auto found = place.directory->children_.find(place.name);
    return found == place.directory->children_.end() ? nullptr : found->second.node;
}

bool Scratch::is_inside(Node inner, const Node& outer) {
    while (inner && inner != outer) {
        inner = inner->parent_.lock();
    }
    return inner != nullptr;
}

auto Scratch::existing(const Node& from, std::string_view path) const
    -> Result<std::pair<Place, Node>> {
    auto place = locate(from, path);
    if (!place) {
        return std::unexpected(place.error());
    }
    Node node = child(*place);
    if (!node) {
        return std::unexpected(std::errc::no_such_file_or_directory);
    }
    return std::pair(std::move(*place), std::move(node));
}

auto Scratch::find(const Node& from, std::string_view path) const -> Result<Node> {
    const auto found = existing(from, path);
    if (!found) {
        return std::unexpected(found.error());
    }
    const auto& [place, node] = *found;
    if (place.slash && !node->is_directory()) {
        return std::unexpected(std::errc::not_a_directory);
    }
    return node;
}

auto Scratch::add(const Place& place, ScratchNode::Kind kind) -> Result<Node> {
    if (!place.directory->named_) {
        return std::unexpected(std::errc::no_such_file_or_directory);
    }
    if (left_->entries == 0) {
        return std::unexpected(std::errc::no_space_on_device);
    }
    auto node = std::make_shared<ScratchNode>(left_, kind, ++last_id_);
    --left_->entries;
    node->parent_ = place.directory;
    const std::uint64_t time = now_();
    node->times = {.accessed = time, .modified = time, .changed = time};
    place.directory->children_.emplace(place.name,
                                       ScratchNode::Child{.number = ++last_number_, .node = node});
    touch(place.directory);
    return node;
}

auto Scratch::open(const Node& from, std::string_view path, const OpenFlags& flags)
    -> Result<Node> {
    const auto place = locate(from, path);
    if (!place) {
        return std::unexpected(place.error());
    }
    Node node = child(*place);
    if (!node) {
        if (!flags.create) {
            return std::unexpected(std::errc::no_such_file_or_directory);
        }
        if (flags.directory || place->slash) {
            return std::unexpected(std::errc::invalid_argument);
        }
        return add(*place, ScratchNode::Kind::kFile);
    }
    if (flags.create && flags.exclusive) {
        return std::unexpected(std::errc::file_exists);
    }
    if ((flags.directory || place->slash) && !node->is_directory()) {
        return std::unexpected(std::errc::not_a_directory);
    }
    if (flags.truncate) {
        if (node->is_directory()) {
            return std::unexpected(std::errc::is_a_directory);
        }
        if (auto cut = resize(node, 0); !cut) {
            return std::unexpected(cut.error());
        }
    }
    return node;
}

auto Scratch::make_directory(const Node& from, std::string_view path) -> Result<void> {
    const auto place = locate(from, path);
    if (!place) {
        return std::unexpected(place.error());
    }
    if (child(*place)) {
        return std::unexpected(std::errc::file_exists);
    }
    const auto added = add(*place, ScratchNode::Kind::kDirectory);
    return added ? Result<void>{} : std::unexpected(added.error());
}

auto Scratch::remove_directory(const Node& from, std::string_view path) -> Result<void> {
    const auto found = existing(from, path);
    if (!found) {
        return std::unexpected(found.error());
    }
    const auto& [place, node] = *found;
    if (!node->is_directory()) {
        return std::unexpected(std::errc::not_a_directory);
    }
    if (place.name.empty()) {
        return std::unexpected(std::errc::invalid_argument);
    }
    if (!node->children_.empty()) {
        return std::unexpected(std::errc::directory_not_empty);
    }
    detach(place, node);
    return {};
}

auto Scratch::unlink(const Node& from, std::string_view path) -> Result<void> {
    const auto found = existing(from, path);
    if (!found) {
        return std::unexpected(found.error());
    }
    const auto& [place, node] = *found;
    if (node->is_directory()) {
        return std::unexpected(std::errc::is_a_directory);
    }
    if (place.slash) {
        return std::unexpected(std::errc::not_a_directory);
    }
    detach(place, node);
    return {};
}

auto Scratch::rename(const Node& from, std::string_view path, const Node& to_from,
                     std::string_view to_path) -> Result<void> {
    const auto source = locate(from, path);
    const auto target = locate(to_from, to_path);
    if (!source || !target) {
        return std::unexpected(source ? target.error() : source.error());
    }
    const Node node = child(*source);
    if (!node || !target->directory->named_) {
        return std::unexpected(std::errc::no_such_file_or_directory);
    }
    if (source->name.empty() || target->name.empty()) {
        return std::unexpected(std::errc::invalid_argument);
    }
    if (!node->is_directory() && (source->slash || target->slash)) {
        return std::unexpected(std::errc::not_a_directory);
    }
    if (is_inside(target->directory, node)) {
        return std::unexpected(std::errc::invalid_argument);
    }
    const Node replaced = child(*target);
    if (replaced == node) {
        return {};
    }
    if (replaced) {
        if (replaced->is_directory() != node->is_directory()) {
            return std::unexpected(node->is_directory() ? std::errc::not_a_directory
                                                        : std::errc::is_a_directory);
        }
        if (!replaced->children_.empty()) {
            return std::unexpected(std::errc::directory_not_empty);
        }
        detach(*target, replaced);
    }
    source->directory->children_.erase(source->name);
    touch(source->directory);
    target->directory->children_.emplace(
        target->name, ScratchNode::Child{.number = ++last_number_, .node = node});
    node->parent_ = target->directory;
    node->times.changed = now_();
    touch(target->directory);
    return {};
}

void Scratch::detach(const Place& place, const Node& node) {
    node->named_ = false;
    node->times.changed = now_();
    place.directory->children_.erase(place.name);
    touch(place.directory);
}

void Scratch::touch(const Node& node) {
    node->times.modified = node->times.changed = now_();
}

std::size_t Scratch::read(const Node& file, std::uint64_t offset, std::span<std::byte> into) {
    file->times.accessed = now_();
    return file->bytes_.read(offset, into);
}

auto Scratch::write(const Node& file, std::uint64_t offset, std::span<const std::byte> bytes)
    -> Result<std::size_t> {
    if (bytes.empty()) {
        return 0;
    }
    const std::uint64_t most = file->size() + left_->bytes;
    if (offset >= most) {
        return std::unexpected(std::errc::no_space_on_device);
    }
    const auto part =
        bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), most - offset)));
    const std::uint64_t end = offset + part.size();
    if (end > file->size()) {
        if (auto grown = resize(file, end); !grown) {
            return std::unexpected(grown.error());
        }
    }
    file->bytes_.write(offset, part);
    touch(file);
    return part.size();
}

auto Scratch::resize(const Node& file, std::uint64_t size) -> Result<void> {
    const std::uint64_t before = file->size();
    if (size > before && size - before > left_->bytes) {
        return std::unexpected(std::errc::no_space_on_device);
    }
    file->bytes_.resize(size);
    left_->bytes = left_->bytes + before - size;
    touch(file);
    return {};
}

auto Scratch::list(const Node& directory, std::uint64_t first, std::size_t most) const
    -> std::vector<Entry> {
    std::vector<Entry> entries;
    if (first == 0) {
        entries.push_back({.number = 0, .name = ".", .node = directory});
    }
    if (first <= 1) {
        const Node parent = directory->parent_.lock();
        entries.push_back({.number = 1, .name = "..", .node = parent ? parent : directory});
    }
    for (const auto& [name, found] : directory->children_) {
        if (found.number >= first) {
            entries.push_back({.number = found.number, .name = name, .node = found.node});
        }
    }
    std::ranges::sort(entries, {}, &Entry::number);
    entries.resize(std::min(entries.size(), most));
    return entries;
}

}  // namespace realm::interfaces
