// What the sandbox writes at the debug level, and that it writes nothing above it.
#include <sstream>

#include "harness.h"
#include "telemetry/log.h"

namespace realm::sandbox::testing {
namespace {

using telemetry::Level;
using telemetry::LogFormat;
using telemetry::Logger;

// The records without their time and level.
std::vector<std::string> records_of(Level lowest) {
    std::ostringstream out;
    RuntimeOptions options = small_options();
    options.logger = Logger::to_stream(out, lowest, LogFormat::kText);
    {
        Harness harness({}, options);
        const auto outcome = harness.run(R"((module
            (import "env" "realm_add" (func $add (param i32 i32) (result i32)))
            (import "wbg" "table" (table 3 externref))
            (func (export "realm_abi_version") (result i32) (i32.const 0x10000))
            (memory (export "memory") 1 4)
            (table (export "functions") 7 funcref)
            (global (export "__stack_pointer") (mut i32) (i32.const 1024))
            (func (export "run") (drop (call $add (i32.const 40) (i32.const -2))))))");
        EXPECT_EQ(message_of(outcome), "");
    }
    std::vector<std::string> lines;
    std::istringstream text(out.str());
    for (std::string line; std::getline(text, line);) {
        const std::size_t at = line.find("DEBUG ");
        lines.push_back(at == std::string::npos ? line : line.substr(at + 6));
    }
    return lines;
}

TEST(DebugLog, ShowsSignaturesPointersAndSizes) {
    EXPECT_EQ(records_of(Level::kDebug),
              (std::vector<std::string>{
                  R"_(program import program=p name=env.realm_add type="(i32, i32) -> i32")_",
                  R"_(program import program=p name=wbg.table type="3.. externref")_",
                  R"_(program export program=p name=realm_abi_version type="() -> i32")_",
                  R"_(program export program=p name=memory type="1..4 pages")_",
                  R"_(program export program=p name=functions type="7.. funcref")_",
                  R"_(program export program=p name=__stack_pointer type="mut i32")_",
                  R"_(program export program=p name=run type="() -> ()")_",
                  R"_(program memory program=p pages=1..4 page_bytes=65536)_",
                  R"_(program table program=p element=funcref elements=7..)_",
                  R"_(instance memory program=p bytes=65536)_",
                  R"_(instance stack pointer program=p value=1024)_",
                  R"_(instance table program=p name=wbg.table elements=4096)_",
                  R"_(instance table program=p name=functions elements=7)_",
                  R"_(call of an export program=p name=run type="() -> ()" arguments="")_",
                  std::string(R"_(call of a host function program=p name=env.realm_add )_") +
                      R"_(type="(i32, i32) -> i32" arguments="40, -2")_"}));
}

TEST(DebugLog, IsOffAboveThatLevel) {
    EXPECT_EQ(records_of(Level::kInfo), std::vector<std::string>{});
}

}  // namespace
}  // namespace realm::sandbox::testing
