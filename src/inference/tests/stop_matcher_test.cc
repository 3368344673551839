#include "inference/stop_matcher.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace realm::inference {
namespace {

struct Outcome {
    std::string text;
    bool stopped = false;
    friend bool operator==(const Outcome&, const Outcome&) = default;
};

void PrintTo(const Outcome& outcome, std::ostream* out) {
    *out << '"' << outcome.text << "\" stopped=" << outcome.stopped;
}

Outcome run(const std::vector<std::string>& stops, const std::vector<std::string_view>& pieces) {
    StopMatcher matcher(stops);
    Outcome outcome;
    for (const std::string_view piece : pieces) {
        const StopMatcher::Piece out = matcher.push(piece);
        outcome.text += out.text;
        if (out.stopped) {
            outcome.stopped = true;
            return outcome;
        }
    }
    outcome.text += matcher.finish();
    return outcome;
}

TEST(StopMatcher, WithoutStopsEverythingPasses) {
    StopMatcher matcher({});
    EXPECT_EQ(matcher.push("abc").text, "abc");
    EXPECT_EQ(matcher.finish(), "");
}

TEST(StopMatcher, HoldsBackOnlyWhatMayBegin) {
    StopMatcher matcher({"END"});
    EXPECT_EQ(matcher.push("xE").text, "x");
    EXPECT_EQ(matcher.push("N").text, "");
    const StopMatcher::Piece cleared = matcher.push("Q");
    EXPECT_EQ(cleared.text, "ENQ");
    EXPECT_FALSE(cleared.stopped);
    EXPECT_EQ(matcher.push("EN").text, "");
    EXPECT_EQ(matcher.finish(), "EN");
}

TEST(StopMatcher, StopIsNotPartOfTheText) {
    EXPECT_EQ(run({"END"}, {"one E", "ND two"}), (Outcome{"one ", true}));
    EXPECT_EQ(run({"END"}, {"END"}), (Outcome{"", true}));
    EXPECT_EQ(run({"END"}, {"EN"}), (Outcome{"EN", false}));
}

TEST(StopMatcher, OverlappingBeginnings) {
    EXPECT_EQ(run({"aab"}, {"a", "a", "a", "b"}), (Outcome{"a", true}));
    EXPECT_EQ(run({"abab!"}, {"aba", "bab", "!"}), (Outcome{"ab", true}));
}

TEST(StopMatcher, TheFirstToEndDecidesThenTheLongest) {
    EXPECT_EQ(run({"abcd", "bc"}, {"abcd"}), (Outcome{"a", true}));
    EXPECT_EQ(run({"c", "abc"}, {"xabc"}), (Outcome{"x", true}));
    EXPECT_EQ(run({"\n\n", "\n"}, {"a\n\n"}), (Outcome{"a", true}));
}

TEST(StopMatcher, EveryCutGivesTheSameOutcome) {
    const std::vector<std::string> stops = {"lo w", "wor", "h\u00e9"};
    for (const std::string text :
         {"hello world", "hel lo h\u00e8 wo lo", "ab h\u00e9 x", "wolo wo"}) {
        const Outcome whole = run(stops, {text});
        for (std::size_t first = 0; first <= text.size(); ++first) {
            for (std::size_t second = first; second <= text.size(); ++second) {
                const std::string_view view(text);
                EXPECT_EQ(run(stops, {view.substr(0, first), view.substr(first, second - first),
                                      view.substr(second)}),
                          whole);
            }
        }
    }
    EXPECT_EQ(run(stops, {"hello world"}), (Outcome{"hel", true}));
    EXPECT_EQ(run(stops, {"wolo wo"}), (Outcome{"wo", true}));
}

}  // namespace
}  // namespace realm::inference
