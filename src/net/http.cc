#include "net/http.h"

#include <boost/beast/core/string.hpp>
#include <string_view>

namespace realm::net {

std::string_view HttpRequest::header(std::string_view name) const {
    for (const auto& [field, value] : headers) {
        if (boost::beast::iequals(field, name)) {
            return value;
        }
    }
    return {};
}

}  // namespace realm::net
