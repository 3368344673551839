// Compiles in processes that can be limited, killed and lost.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <semaphore>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "registry/compile_protocol.h"
#include "registry/compiler.h"

namespace realm::registry {

// Of one compilation; the setting behind each is named in its error.
struct CompileLimits {
    std::chrono::milliseconds cpu{10'000};                // limits.compile_cpu_ms
    std::chrono::milliseconds wall{120'000};              // limits.compile_wall_ms
    std::uint64_t memory_bytes = std::uint64_t{1} << 30;  // limits.compile_memory_bytes
    std::uint64_t code_bytes = std::uint64_t{256} << 20;  // limits.code_bytes
    std::uint32_t jobs = 2;                               // at one time: limits.compile_jobs
};

struct BrokerOptions {
    CompileLimits limits;
    // What runs run_compile_broker(); without it this executable does, with these arguments.
    std::filesystem::path executable = "/proc/self/exe";
    std::vector<std::string> arguments{"realm", "compile-broker"};
};

// Owns the broker, a process that starts the ones that compile, so that this process may give up
// the right to. Where the broker is lost it is started again, as long as that is still allowed.
//
// Errors beside invalid_module, none of which name the program: program_limit with compile_time,
// compile_memory or code_size and details {"limit", "value", "setting"}; unavailable/compiler_gone;
// internal/compiler_failed where Cranelift itself crashed on the module.
class BrokerCompiler final : public Compiler {
public:
    // Starts the broker. Fails with unavailable/compiler_gone where that is not possible.
    static Result<std::unique_ptr<BrokerCompiler>> start(BrokerOptions options);
    ~BrokerCompiler() override;
    BrokerCompiler(const BrokerCompiler&) = delete;
    BrokerCompiler& operator=(const BrokerCompiler&) = delete;

    // Waits until fewer than limits.jobs are at work.
    Result<base::SealedMemory> compile(const sandbox::CodeSettings& settings,
                                       std::span<const std::byte> wasm) override;

    // From now on this process must not start others: a broker that is lost stays lost.
    void forbid_restart();

    // The broker's process; -1 while there is none.
    [[nodiscard]] pid_t process() const;

private:
    struct Broker {
        pid_t process = -1;
        base::UniqueFd socket;
    };
    struct Sent {
        pid_t broker = -1;
        base::UniqueFd answer;
    };

    explicit BrokerCompiler(BrokerOptions options);

    [[nodiscard]] Result<Broker> spawn() const;
    Result<Sent> send(const CompileJob& job, int module, int code);
    void lose(pid_t broker);
    static void end(Broker& broker);
    [[nodiscard]] Result<CompileReply> wait_for_reply(const base::UniqueFd& answer) const;
    [[nodiscard]] Result<base::SealedMemory> result_of(const CompileReply& reply,
                                                       base::UniqueFd code) const;

    const BrokerOptions options_;
    std::counting_semaphore<> free_jobs_;
    mutable std::mutex mutex_;
    Broker broker_;  // guarded by mutex_, as is what follows
    bool restart_forbidden_ = false;
};

}  // namespace realm::registry
