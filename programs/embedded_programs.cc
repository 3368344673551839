#include "embedded_programs.h"

// Takes the module in as it is; the assembler finds it through its include path.
__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    ".globl realm_chat_module_begin\n"
    ".globl realm_chat_module_end\n"
    "realm_chat_module_begin:\n"
    ".incbin \"chat.wasm\"\n"
    "realm_chat_module_end:\n"
    ".popsection\n");

extern "C" const std::byte realm_chat_module_begin[];
extern "C" const std::byte realm_chat_module_end[];

namespace realm::programs {

std::span<const std::byte> chat_module() {
    return {realm_chat_module_begin, realm_chat_module_end};
}

}  // namespace realm::programs
