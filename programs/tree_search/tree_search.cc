// Searches for a likely continuation of a prompt, as a tree: `width` branches live at a time, begun
// with the likeliest first tokens. In each round a branch gets its first token and then greedy
// ones, `tokens` in all; its score is the sum of all its tokens' log probabilities. The `keep` best
// go on, each with its width / keep likeliest next tokens.
//
// Data: {"prompt": text or tokens, "width": 1 to 15 (8), "keep": (2), "rounds": 1 to 64 (8),
// "tokens": 1 to 64 (8), "together": true}; keep must divide width. With "together" false each
// branch of each round is computed anew in a context of its own, one token after the other, which
// gives the same. Reply: {"branches": [{"tokens", "text", "log_probability"}]} of the last round,
// the best first.
#include <nlohmann/json.hpp>
#include <realm/realm.hpp>

#include <algorithm>
#include <optional>

namespace {

using Tokens = std::vector<realm::Token>;
using Candidates = std::vector<realm_candidate>;

struct Order {
    nlohmann::json prompt;
    std::uint32_t width = 8;
    std::uint32_t keep = 2;
    std::uint32_t rounds = 8;
    std::uint32_t tokens = 8;
    bool together = true;
};

struct Branch {
    std::optional<realm::Context> context;  // only where all branches are computed together
    Tokens tokens;
    double score = 0;
    Candidates next;
};

bool read_number(const nlohmann::json& json, const char* key, std::uint32_t most,
                 std::uint32_t& number) {
    const auto found = json.find(key);
    if (found == json.end()) {
        return true;
    }
    if (!found->is_number_unsigned() || *found < 1 || *found > most) {
        return false;
    }
    number = found->get<std::uint32_t>();
    return true;
}

bool is_prompt(const nlohmann::json& json) {
    return json.is_string() ||
           (json.is_array() && std::ranges::all_of(json, [](const nlohmann::json& token) {
                return token.is_number_unsigned() && token <= INT32_MAX;
            }));
}

std::optional<Order> read_order() {
    const auto json = nlohmann::json::parse(realm::request_data(), nullptr, false);
    if (!json.is_object() || !json.contains("prompt") || !is_prompt(json["prompt"])) {
        return std::nullopt;
    }
    Order order{.prompt = json["prompt"]};
    if (!read_number(json, "width", 15, order.width) ||
        !read_number(json, "keep", 15, order.keep) || order.width % order.keep != 0 ||
        !read_number(json, "rounds", 64, order.rounds) ||
        !read_number(json, "tokens", 64, order.tokens)) {
        return std::nullopt;
    }
    if (const auto together = json.find("together"); together != json.end()) {
        if (!together->is_boolean()) {
            return std::nullopt;
        }
        order.together = together->get<bool>();
    }
    return order;
}

void append(Branch& branch, const realm_candidate& candidate) {
    branch.tokens.push_back(candidate.token);
    branch.score += static_cast<double>(candidate.log_probability);
}

// The best first; of equal ones the one that was made first.
void keep_best(std::vector<Branch>& branches, std::size_t count) {
    std::ranges::stable_sort(branches, std::ranges::greater(), &Branch::score);
    branches.erase(branches.begin() + static_cast<std::ptrdiff_t>(std::min(count, branches.size())),
                   branches.end());
}

// ---- All branches together: forks of one context, and steps of all in one batch.

class Together {
public:
    static realm::Result<Branch> begin(const realm::Model& model, const Order& order,
                                       const Tokens& prompt) {
        const std::size_t capacity = prompt.size() + std::size_t{order.rounds} * order.tokens;
        REALM_TRY(context, realm::Context::create(model, capacity));
        REALM_CHECK(context.prefill(prompt));
        REALM_TRY(next, context.top(order.width));
        return Branch{.context = std::move(context), .tokens = {}, .score = 0, .next = next};
    }

    Together(const Order& order, std::size_t prompt_tokens)
        : order_(order), capacity_(prompt_tokens + std::size_t{order.rounds} * order.tokens) {}

    // One branch for each of a parent's next tokens; the last of them takes the parent's context.
    realm::Status split(Branch& parent, std::vector<Branch>& children) const {
        for (std::size_t i = 0; i < parent.next.size(); ++i) {
            Branch child{.context = std::nullopt,
                         .tokens = parent.tokens,
                         .score = parent.score,
                         .next = {}};
            if (i + 1 < parent.next.size()) {
                REALM_TRY(fork, parent.context->fork(capacity_));
                child.context = std::move(fork);
            } else {
                child.context = std::move(parent.context);
            }
            append(child, parent.next[i]);
            children.push_back(std::move(child));
        }
        return {};
    }

    // `next`: how many candidates are wanted at the end; 0 when the search is over.
    realm::Status extend(std::vector<Branch>& branches, std::uint32_t next) const {
        REALM_CHECK(step_first(branches));
        for (std::uint32_t i = 1; i < order_.tokens; ++i) {
            for (Branch& branch : branches) {
                REALM_TRY(likeliest, branch.context->top(1));
                append(branch, likeliest.front());
            }
            REALM_CHECK(step(branches));
        }
        for (Branch& branch : branches) {
            if (next > 0) {
                REALM_TRY(candidates, branch.context->top(next));
                branch.next = std::move(candidates);
            }
        }
        return {};
    }

private:
    // A mask that leaves one token: so also the first ones are computed in one batch.
    static realm::Status step_first(std::vector<Branch>& branches) {
        for (Branch& branch : branches) {
            const auto token = static_cast<std::uint32_t>(branch.tokens.back());
            std::vector<std::uint32_t> only(token / 32 + 1);
            only.back() = 1U << token % 32;
            REALM_CHECK(branch.context->set_mask(only));
        }
        REALM_CHECK(step(branches));
        for (Branch& branch : branches) {
            REALM_CHECK(branch.context->set_mask({}));
        }
        return {};
    }

    static realm::Status step(std::vector<Branch>& branches) {
        std::vector<realm::Context*> contexts;
        for (Branch& branch : branches) {
            contexts.push_back(&*branch.context);
        }
        REALM_TRY(chosen, realm::step_many(contexts));
        for (std::size_t i = 0; i < branches.size(); ++i) {
            if (chosen[i] != branches[i].tokens.back()) {
                return std::unexpected(realm::Failure{.status = std::min(chosen[i], -1)});
            }
        }
        return {};
    }

    const Order& order_;
    std::size_t capacity_;
};

// ---- The same in the plainest way, to compare with: no forks, no batches, nothing kept.

class OneByOne {
public:
    OneByOne(const Order& order, const realm::Model& model, const Tokens& prompt)
        : order_(order), model_(model), prompt_(prompt) {}

    realm::Result<Candidates> next_of(const Tokens& tokens, std::uint32_t count) const {
        REALM_TRY(context, replay(tokens));
        return context.top(count);
    }

    static void split(const Branch& parent, std::vector<Branch>& children) {
        for (const realm_candidate& candidate : parent.next) {
            Branch child{.context = std::nullopt,
                         .tokens = parent.tokens,
                         .score = parent.score,
                         .next = {}};
            append(child, candidate);
            children.push_back(std::move(child));
        }
    }

    realm::Status extend(std::vector<Branch>& branches, std::uint32_t next) const {
        for (Branch& branch : branches) {
            REALM_TRY(context, replay(branch.tokens));
            for (std::uint32_t i = 1; i < order_.tokens; ++i) {
                REALM_TRY(likeliest, context.top(1));
                append(branch, likeliest.front());
                REALM_CHECK(context.step());
            }
            if (next > 0) {
                REALM_TRY(candidates, context.top(next));
                branch.next = std::move(candidates);
            }
        }
        return {};
    }

private:
    realm::Result<realm::Context> replay(const Tokens& tokens) const {
        REALM_TRY(context,
                  realm::Context::create(
                      model_, prompt_.size() + std::size_t{order_.rounds} * order_.tokens));
        REALM_CHECK(context.share_beginning(false));
        REALM_CHECK(context.prefill(prompt_));
        for (const realm::Token& token : tokens) {
            REALM_CHECK(context.prefill({&token, 1}));
        }
        return std::move(context);
    }

    const Order& order_;
    const realm::Model& model_;
    const Tokens& prompt_;
};

// ---- The search, in either way.

realm::Result<Tokens> prompt_tokens(const realm::Model& model, const Order& order) {
    if (order.prompt.is_string()) {
        return model.tokenize(order.prompt.get_ref<const std::string&>());
    }
    return order.prompt.get<Tokens>();
}

realm::Result<std::vector<Branch>> search(const realm::Model& model, const Order& order) {
    REALM_TRY(prompt, prompt_tokens(model, order));
    const Together together(order, prompt.size());
    const OneByOne one_by_one(order, model, prompt);
    std::vector<Branch> branches;
    if (order.together) {
        REALM_TRY(trunk, Together::begin(model, order, prompt));
        branches.push_back(std::move(trunk));
    } else {
        REALM_TRY(next, one_by_one.next_of({}, order.width));
        branches.push_back({.context = std::nullopt, .tokens = {}, .score = 0, .next = next});
    }
    for (std::uint32_t round = 0; round < order.rounds; ++round) {
        keep_best(branches, order.keep);
        std::vector<Branch> children;
        for (Branch& parent : branches) {
            if (order.together) {
                REALM_CHECK(together.split(parent, children));
            } else {
                OneByOne::split(parent, children);
            }
        }
        branches = std::move(children);
        const std::uint32_t next = round + 1 < order.rounds ? order.width / order.keep : 0;
        REALM_CHECK(order.together ? together.extend(branches, next)
                                   : one_by_one.extend(branches, next));
    }
    keep_best(branches, order.width);
    return branches;
}

}  // namespace

REALM_PROGRAM {
    const auto order = read_order();
    if (!order) {
        return realm::fail(
            {.type = "invalid_request",
             .code = "invalid_order",
             .message =
                 R"(wanted: {"prompt": text or tokens, "width": 1 to 15, "keep": a divisor of )"
                 R"(it, "rounds": 1 to 64, "tokens": 1 to 64, "together": true or false})"});
    }
    REALM_TRY(model, realm::Model::open());
    REALM_TRY(branches, search(model, *order));
    nlohmann::json reply = {{"branches", nlohmann::json::array()}};
    for (const Branch& branch : branches) {
        REALM_TRY(text, model.detokenize(branch.tokens));
        reply["branches"].push_back({{"tokens", branch.tokens},
                                     {"text", std::move(text)},
                                     {"log_probability", branch.score}});
    }
    return realm::reply(reply.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}
