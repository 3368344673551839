#include "envelope/error_table.h"

#include <gtest/gtest.h>

#include <set>

namespace realm::envelope {
namespace {

TEST(ErrorTable, maps_each_type_to_http) {
    const std::pair<ErrorType, int> expected[] = {
        {ErrorType::kInvalidRequest, 400},   {ErrorType::kUnauthenticated, 401},
        {ErrorType::kPermissionDenied, 403}, {ErrorType::kNotFound, 404},
        {ErrorType::kConflict, 409},         {ErrorType::kRateLimited, 429},
        {ErrorType::kQuotaExceeded, 429},    {ErrorType::kProgramTrap, 422},
        {ErrorType::kProgramLimit, 422},     {ErrorType::kOverloaded, 503},
        {ErrorType::kDeadlineExceeded, 504}, {ErrorType::kCancelled, 499},
        {ErrorType::kUnavailable, 503},      {ErrorType::kInternal, 500}};
    ASSERT_EQ(error_table().size(), std::size(expected));
    for (const auto& [type, status] : expected) {
        EXPECT_EQ(error_row(type).type, type);
        EXPECT_EQ(error_row(type).http_status, status) << error_row(type).name;
    }
}

TEST(ErrorTable, finds_types_by_their_unique_names) {
    std::set<std::string_view> names;
    for (const ErrorRow& row : error_table()) {
        EXPECT_EQ(error_type_from_name(row.name), row.type);
        names.insert(row.name);
    }
    EXPECT_EQ(names.size(), error_table().size());
    EXPECT_EQ(error_type_from_name("Internal"), std::nullopt);
    EXPECT_EQ(error_type_from_name(""), std::nullopt);
}

TEST(ErrorTable, never_reports_an_error_as_success) {
    for (const ErrorRow& row : error_table()) {
        EXPECT_NE(row.exit_code, 0) << row.name;
    }
}

}  // namespace
}  // namespace realm::envelope
