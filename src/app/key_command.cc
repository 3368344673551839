// `realm key hash`.

#include <iostream>
#include <string>

#include "app/commands.h"
#include "envelope/envelope.h"
#include "tenancy/key.h"

namespace realm::app {
namespace {

// Shorter keys can be guessed from their hash.
constexpr std::size_t kSafeKeyBytes = 20;

}  // namespace

int key_hash_command(const CommonOptions& common, const std::optional<std::string>& key) {
    std::string text = key.value_or("");
    if (key == "-") {
        text.clear();
        std::getline(std::cin, text);
    } else if (!key) {
        text = tenancy::generate_key();
    }
    if (text.empty()) {
        return report(common,
                      fail(ErrorType::kInvalidRequest, "empty_key", "the key is empty").error());
    }
    const std::string hash = tenancy::hash_key(text);
    if (text.size() < kSafeKeyBytes) {
        std::cerr << "realm: the key is short; whoever sees its hash may guess it. "
                     "`realm key hash` without a key makes a strong one.\n";
    }
    if (common.json) {
        envelope::Json json = {{"hash", hash}};
        if (!key) {
            json["key"] = text;
        }
        std::cout << envelope::dump(json) << '\n';
    } else if (!key) {
        std::cout << "key:  " << text << "\nhash: " << hash
                  << "\nGive the key to the tenant; put the hash into the configuration.\n";
    } else {
        std::cout << hash << '\n';
    }
    return 0;
}

}  // namespace realm::app
