#include "registry/code_cache.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "registry/tests/test_server.h"

namespace realm::registry {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kDigest(64, 'a');
const std::string kOther(64, 'b');
const std::string kFingerprint(64, '1');
constexpr std::string_view kCode = "machine code of some module";
constexpr std::size_t kEntryBytes = kCode.size() + 32;

std::string read_bytes(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write_bytes(const fs::path& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

class Cache : public ::testing::Test {
protected:
    CodeCache open(std::string fingerprint = kFingerprint, std::uint64_t max_bytes = 1 << 20) {
        return CodeCache({.directory = directory(),
                          .max_bytes = max_bytes,
                          .fingerprint = std::move(fingerprint)},
                         logger_);
    }
    [[nodiscard]] fs::path directory() const { return temporary_.path() / "programs" / "code"; }
    [[nodiscard]] fs::path entry(const std::string& digest = kDigest) const {
        return directory() / (digest + "-" + kFingerprint.substr(0, 16) + ".code");
    }
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> names;
        for (const auto& file : fs::directory_iterator(directory())) {
            names.push_back(file.path().filename());
        }
        std::ranges::sort(names);
        return names;
    }
    static std::string text_of(const std::optional<base::SealedMemory>& found) {
        return found ? std::string(base::as_text(found->bytes())) : "nothing";
    }

    test::TemporaryDirectory temporary_;
    std::ostringstream log_;
    telemetry::Logger logger_ =
        telemetry::Logger::to_stream(log_, telemetry::Level::kDebug, telemetry::LogFormat::kText);
};

TEST_F(Cache, GivesBackWhatItKeptAlsoToTheNextProcess) {
    {
        CodeCache cache = open();
        EXPECT_EQ(text_of(cache.find(kDigest)), "nothing");
        cache.store(kDigest, base::as_bytes(kCode));
        EXPECT_EQ(text_of(cache.find(kDigest)), kCode);
        EXPECT_EQ(text_of(cache.find(kOther)), "nothing");
        EXPECT_EQ(cache.counters(), (CodeCache::Counters{.hits = 1, .misses = 2, .stored = 1}));
    }
    CodeCache next = open();
    EXPECT_EQ(text_of(next.find(kDigest)), kCode);
    next.remove(kDigest);
    EXPECT_EQ(text_of(next.find(kDigest)), "nothing");
    EXPECT_THAT(names(), ElementsAre("key"));
    EXPECT_EQ(log_.str(), "");
}

TEST_F(Cache, IsPrivate) {
    CodeCache cache = open();
    cache.store(kDigest, base::as_bytes(kCode));
    const auto mode = [](const fs::path& path) {
        struct stat status{};
        EXPECT_EQ(::stat(path.c_str(), &status), 0);
        return status.st_mode & 07777;
    };
    EXPECT_EQ(mode(directory()), 0700U);
    EXPECT_EQ(mode(directory() / "key"), 0600U);
    EXPECT_EQ(mode(entry()), 0600U);
    EXPECT_EQ(read_bytes(directory() / "key").size(), 32U);
}

TEST_F(Cache, EntriesAreNotWrittenInPlace) {
    CodeCache cache = open();
    cache.store(kDigest, base::as_bytes(kCode));
    const auto found = cache.find(kDigest);
    // What was found is a copy: the file may change under it.
    write_bytes(entry(), "something else");
    EXPECT_EQ(text_of(found), kCode);
    cache.store(kDigest, base::as_bytes("new"));
    EXPECT_EQ(text_of(cache.find(kDigest)), "new");
}

TEST_F(Cache, DeletesAnEntryWithAChangedByteWhereverItIs) {
    CodeCache cache = open();
    cache.store(kDigest, base::as_bytes(kCode));
    const std::string whole = read_bytes(entry());
    ASSERT_EQ(whole.size(), kEntryBytes);
    for (std::size_t i = 0; i < whole.size(); ++i) {
        std::string changed = whole;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        write_bytes(entry(), changed);
        EXPECT_EQ(text_of(cache.find(kDigest)), "nothing") << "byte " << i;
        EXPECT_FALSE(fs::exists(entry())) << "byte " << i;
    }
    EXPECT_EQ(cache.counters().damaged, kEntryBytes);
    EXPECT_EQ(cache.counters().hits, 0U);
    EXPECT_THAT(log_.str(), HasSubstr("a damaged or foreign entry"));
    write_bytes(entry(), whole);
    EXPECT_EQ(text_of(cache.find(kDigest)), kCode);
}

TEST_F(Cache, DeletesAnEntryOfAnotherLength) {
    CodeCache cache = open();
    cache.store(kDigest, base::as_bytes(kCode));
    const std::string whole = read_bytes(entry());
    for (std::size_t length = 0; length < whole.size(); ++length) {
        write_bytes(entry(), whole.substr(0, length));
        EXPECT_EQ(text_of(cache.find(kDigest)), "nothing") << length;
        EXPECT_FALSE(fs::exists(entry())) << length;
    }
    write_bytes(entry(), whole + "x");
    EXPECT_EQ(text_of(cache.find(kDigest)), "nothing");
    EXPECT_EQ(cache.counters().damaged, kEntryBytes + 1);
}

TEST_F(Cache, AnEntryIsGoodForItsModuleFingerprintAndKeyAlone) {
    CodeCache cache = open();
    cache.store(kDigest, base::as_bytes(kCode));
    const std::string whole = read_bytes(entry());
    write_bytes(entry(kOther), whole);
    EXPECT_EQ(text_of(cache.find(kOther)), "nothing");

    // The same beginning, as file names show no more of it.
    CodeCache changed = open(kFingerprint.substr(1) + "2");
    EXPECT_EQ(text_of(changed.find(kDigest)), "nothing");
    EXPECT_FALSE(fs::exists(entry()));

    write_bytes(entry(), whole);
    fs::remove(directory() / "key");
    CodeCache rekeyed = open();
    EXPECT_EQ(text_of(rekeyed.find(kDigest)), "nothing");
    EXPECT_EQ(cache.counters().damaged, 1U);
    EXPECT_EQ(changed.counters().damaged, 1U);
    EXPECT_EQ(rekeyed.counters().damaged, 1U);
    CodeCache distant = open(std::string(64, '3'));
    EXPECT_EQ(text_of(distant.find(kDigest)), "nothing");
    EXPECT_EQ(distant.counters(), (CodeCache::Counters{.misses = 1}));
}

TEST_F(Cache, DoesNotFollowLinks) {
    CodeCache cache = open();
    cache.store(kDigest, base::as_bytes(kCode));
    fs::rename(entry(), temporary_.path() / "elsewhere");
    fs::create_symlink(temporary_.path() / "elsewhere", entry());
    EXPECT_EQ(text_of(cache.find(kDigest)), "nothing");
    EXPECT_FALSE(fs::is_symlink(entry()));
    EXPECT_EQ(cache.counters().damaged, 1U);
}

TEST_F(Cache, ReplacesAKeyThatIsNotPrivateOrNotWhole) {
    const auto key = directory() / "key";
    for (const auto& spoil : std::vector<std::function<void()>>{
             [&] { fs::permissions(key, fs::perms::group_read, fs::perm_options::add); },
             [&] { fs::resize_file(key, 31); }, [&] { fs::resize_file(key, 33); },
             [&] {
                 fs::remove(key);
                 fs::create_symlink("/dev/zero", key);
             }}) {
        CodeCache first = open();
        first.store(kDigest, base::as_bytes(kCode));
        spoil();
        CodeCache second = open();
        EXPECT_EQ(text_of(second.find(kDigest)), "nothing");
        EXPECT_EQ(second.counters().damaged, 1U);
        EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(key)));
        EXPECT_EQ(fs::file_size(key), 32U);
        EXPECT_EQ(fs::status(key).permissions(), fs::perms::owner_read | fs::perms::owner_write);
    }
    EXPECT_THAT(log_.str(), HasSubstr("it was not private or whole"));
}

TEST_F(Cache, TrustsNoKeyFromADirectoryThatOthersCouldWrite) {
    {
        CodeCache(open()).store(kDigest, base::as_bytes(kCode));
    }
    const std::string key = read_bytes(directory() / "key");
    fs::permissions(directory(), fs::perms::others_write, fs::perm_options::add);
    CodeCache cache = open();
    EXPECT_NE(read_bytes(directory() / "key"), key);
    EXPECT_EQ(fs::status(directory()).permissions(), fs::perms::owner_all);
    EXPECT_EQ(text_of(cache.find(kDigest)), "nothing");
}

TEST_F(Cache, ServersThatStartAtOnceShareOneKey) {
    constexpr int kServers = 8;
    {
        std::vector<std::jthread> servers;
        for (int i = 0; i < kServers; ++i) {
            servers.emplace_back([this, i] {
                open().store(std::string(64, static_cast<char>('a' + i)), base::as_bytes(kCode));
            });
        }
    }
    CodeCache cache = open();
    for (int i = 0; i < kServers; ++i) {
        EXPECT_EQ(text_of(cache.find(std::string(64, static_cast<char>('a' + i)))), kCode) << i;
    }
    EXPECT_EQ(names().size(), kServers + 1U);
}

TEST_F(Cache, DeletesWhatWasNotUsedForLongest) {
    const auto set_used = [&](const std::string& digest, std::int64_t seconds) {
        const std::array<timespec, 2> times{
            {{.tv_sec = seconds, .tv_nsec = 0}, {.tv_sec = seconds, .tv_nsec = 0}}};
        ASSERT_EQ(::utimensat(AT_FDCWD, entry(digest).c_str(), times.data(), 0), 0);
    };
    CodeCache cache = open(kFingerprint, 3 * kEntryBytes);
    const std::string third(64, 'c');
    const std::string fourth(64, 'd');
    cache.store(kDigest, base::as_bytes(kCode));
    cache.store(kOther, base::as_bytes(kCode));
    cache.store(third, base::as_bytes(kCode));
    EXPECT_EQ(cache.counters().evicted, 0U);
    set_used(kDigest, 1000);
    set_used(kOther, 2000);
    set_used(third, 3000);
    EXPECT_EQ(text_of(cache.find(kDigest)), kCode);  // used just now
    cache.store(fourth, base::as_bytes(kCode));
    EXPECT_EQ(cache.counters().evicted, 1U);
    EXPECT_FALSE(fs::exists(entry(kOther)));
    EXPECT_TRUE(fs::exists(entry(kDigest)));
    EXPECT_TRUE(fs::exists(entry(third)));
    EXPECT_TRUE(fs::exists(entry(fourth)));
}

TEST_F(Cache, KeepsNothingThatIsLargerThanAllOfIt) {
    CodeCache exact = open(kFingerprint, kEntryBytes);
    exact.store(kDigest, base::as_bytes(kCode));
    EXPECT_EQ(text_of(exact.find(kDigest)), kCode);
    exact.remove(kDigest);
    CodeCache small = open(kFingerprint, kEntryBytes - 1);
    small.store(kDigest, base::as_bytes(kCode));
    EXPECT_THAT(names(), ElementsAre("key"));
    EXPECT_EQ(small.counters(), CodeCache::Counters{});
}

TEST_F(Cache, RemovesWhatADeadProcessLeftUnfinished) {
    CodeCache cache = open();
    write_bytes(directory() / ".new-0123456789abcdef", "half");
    write_bytes(directory() / ".new-fedcba9876543210", "half");
    const std::array<timespec, 2> long_ago{};
    ASSERT_EQ(
        ::utimensat(AT_FDCWD, (directory() / ".new-0123456789abcdef").c_str(), long_ago.data(), 0),
        0);
    cache.store(kDigest, base::as_bytes(kCode));
    EXPECT_THAT(names(), ElementsAre(".new-fedcba9876543210", entry().filename(), "key"));
}

TEST_F(Cache, WorksAsAnEmptyOneWhereTheDirectoryCannotBe) {
    write_bytes(temporary_.path() / "programs", "a file");
    CodeCache cache = open();
    cache.store(kDigest, base::as_bytes(kCode));
    cache.remove(kDigest);
    EXPECT_EQ(text_of(cache.find(kDigest)), "nothing");
    EXPECT_EQ(cache.counters(), CodeCache::Counters{});
    EXPECT_THAT(log_.str(), HasSubstr("machine code is not kept"));
}

// While it lives files of this process can have so many bytes, as on a disk that is full.
class FullDisk {
public:
    explicit FullDisk(rlim_t bytes) {
        previous_ = std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &limit_);
        const rlimit small{.rlim_cur = bytes, .rlim_max = limit_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &small);
    }
    ~FullDisk() {
        ::setrlimit(RLIMIT_FSIZE, &limit_);
        std::signal(SIGXFSZ, previous_);
    }
    FullDisk(const FullDisk&) = delete;
    FullDisk& operator=(const FullDisk&) = delete;

private:
    rlimit limit_{};
    void (*previous_)(int) = nullptr;
};

TEST_F(Cache, AFullDiskIsSaidOnceAndLeavesNothingBehind) {
    CodeCache cache = open();
    {
        const FullDisk full(kEntryBytes - 1);
        cache.store(kDigest, base::as_bytes(kCode));
        const std::string said = log_.str();
        EXPECT_THAT(said, HasSubstr("machine code is not kept"));
        EXPECT_THAT(said, HasSubstr("File too large"));
        cache.store(kDigest, base::as_bytes(kCode));
        EXPECT_EQ(log_.str(), said);
    }
    EXPECT_EQ(cache.counters(), CodeCache::Counters{.failed = 2});
    EXPECT_THAT(names(), ElementsAre("key"));
    cache.store(kDigest, base::as_bytes(kCode));
    EXPECT_EQ(text_of(cache.find(kDigest)), kCode);
}

TEST_F(Cache, LogsNoSecret) {
    CodeCache cache = open();
    cache.store(kDigest, base::as_bytes(kCode));
    write_bytes(entry(), "short");
    EXPECT_EQ(text_of(cache.find(kDigest)), "nothing");
    EXPECT_THAT(log_.str(),
                Not(HasSubstr(base::to_hex(base::as_bytes(read_bytes(directory() / "key"))))));
}

}  // namespace
}  // namespace realm::registry
