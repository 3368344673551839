#include "sandbox/package_export.h"

#include <fmt/format.h>

#include "sandbox/bindgen_host.h"
#include "sandbox/wording.h"
#include "values/convert.h"
#include "values/operations.h"

namespace realm::sandbox {

Result<PackageExport> find_package_export(Guest& guest, std::string_view name) {
    BindgenHost* const host = guest.bindgen();
    const auto missing = [&] {
        return fail(ErrorType::kInvalidRequest, "no_such_export",
                    fmt::format("program '{}' exports no '{}' to JavaScript", guest.program_name(),
                                shown(name)));
    };
    if (host == nullptr) {
        return missing();
    }
    values::World& world = host->world();
    world.refill_steps();
    host->on_this_stack();
    const auto exports = host->exports();
    if (!exports) {
        return std::unexpected(host->error_of(exports.error()));
    }
    const auto key = world.key(name);
    if (!values::has_property(world, **exports, key)) {
        return missing();
    }
    return PackageExport{.world = &world, .function = values::peek(world, **exports, key)};
}

Error error_of_thrown(Guest& guest, const values::Thrown& thrown) {
    return guest.bindgen()->error_of(thrown);
}

}  // namespace realm::sandbox
