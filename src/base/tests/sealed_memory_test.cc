#include "base/sealed_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "base/bytes.h"

namespace realm::base {
namespace {

TEST(SealedMemory, HoldsACopyThatNobodyCanChange) {
    std::string text = "some bytes";
    const auto memory = SealedMemory::copy_of(as_bytes(text));
    ASSERT_TRUE(memory.has_value()) << memory.error().message;
    text[0] = 'x';
    EXPECT_EQ(as_text(memory->bytes()), "some bytes");
    errno = 0;
    EXPECT_EQ(::pwrite(memory->fd(), "y", 1, 0), -1);
    EXPECT_EQ(errno, EPERM);
    EXPECT_EQ(::ftruncate(memory->fd(), 4), -1);
    EXPECT_EQ(errno, EPERM);
    EXPECT_EQ(::ftruncate(memory->fd(), 400), -1);
    EXPECT_EQ(errno, EPERM);
    EXPECT_EQ(::mmap(nullptr, 10, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd(), 0), MAP_FAILED);
    EXPECT_EQ(as_text(memory->bytes()), "some bytes");
}

TEST(SealedMemory, MayBeEmpty) {
    const auto memory = SealedMemory::copy_of({});
    ASSERT_TRUE(memory.has_value()) << memory.error().message;
    EXPECT_TRUE(memory->bytes().empty());
    EXPECT_EQ(::pwrite(memory->fd(), "y", 1, 0), -1);
}

TEST(SealedMemory, MovesWithItsView) {
    auto first = SealedMemory::copy_of(as_bytes("first")).value();
    auto second = SealedMemory::copy_of(as_bytes("second")).value();
    first = std::move(second);
    EXPECT_EQ(as_text(first.bytes()), "second");
    const SealedMemory third(std::move(first));
    EXPECT_EQ(as_text(third.bytes()), "second");
}

TEST(SealedMemory, IsNotSealedWhileSomeoneMayWrite) {
    auto file = SealedMemory::create();
    ASSERT_TRUE(file.has_value());
    ASSERT_EQ(::ftruncate(file->get(), 100), 0);
    void* const writer = ::mmap(nullptr, 100, PROT_READ | PROT_WRITE, MAP_SHARED, file->get(), 0);
    ASSERT_NE(writer, MAP_FAILED);
    const auto memory = SealedMemory::seal(std::move(*file));
    ASSERT_FALSE(memory.has_value());
    EXPECT_EQ(memory.error().code, "no_memory_file");
    EXPECT_EQ(memory.error().message, "cannot seal a file in memory: Device or resource busy");
    ::munmap(writer, 100);
}

TEST(SealedMemory, AdoptsOnlyWhatIsSealed) {
    const auto sealed = SealedMemory::copy_of(as_bytes("text")).value();
    const auto adopted = SealedMemory::adopt(UniqueFd(::dup(sealed.fd())));
    ASSERT_TRUE(adopted.has_value()) << adopted.error().message;
    EXPECT_EQ(as_text(adopted->bytes()), "text");
    const auto open = SealedMemory::adopt(SealedMemory::create().value());
    ASSERT_FALSE(open.has_value());
    EXPECT_EQ(open.error().message, "cannot trust a file in memory: Operation not permitted");
    EXPECT_FALSE(SealedMemory::adopt(UniqueFd(::open("/dev/null", O_RDONLY))).has_value());
}

TEST(WriteFully, SaysWhereItCannot) {
    EXPECT_FALSE(write_fully(-1, as_bytes("x")));
    EXPECT_EQ(errno, EBADF);
    EXPECT_TRUE(write_fully(-1, {}));
}

}  // namespace
}  // namespace realm::base
