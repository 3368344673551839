// Continues a prompt in several ways at once: one branch for each of the likeliest first tokens,
// all of them forks of one context, stepped together.
//
// Data: {"prompt": text, "width": 1 to 8 (4), "tokens": 1 to 256 (16), "fork": true}. With "fork"
// false each branch computes the prompt anew, which gives the same. Reply: {"branches": [{"tokens",
// "text", "log_probability" of the first token}]}, the likeliest first.
#include <nlohmann/json.hpp>
#include <realm/realm.hpp>

#include <cmath>
#include <optional>

namespace {

struct Order {
    std::string prompt;
    std::uint32_t width = 4;
    std::uint32_t tokens = 16;
    bool fork = true;
};

struct Branch {
    realm::Context context;
    std::vector<realm::Token> tokens;
    float log_probability;
};

std::optional<std::uint32_t> number(const nlohmann::json& json, const char* key,
                                    std::uint32_t standard, std::uint32_t most) {
    const auto found = json.find(key);
    if (found == json.end()) {
        return standard;
    }
    if (!found->is_number_unsigned() || *found < 1 || *found > most) {
        return std::nullopt;
    }
    return found->get<std::uint32_t>();
}

std::optional<Order> read_order() {
    const auto json = nlohmann::json::parse(realm::request_data(), nullptr, false);
    if (!json.is_object() || !json.contains("prompt") || !json["prompt"].is_string()) {
        return std::nullopt;
    }
    const auto width = number(json, "width", 4, 8);
    const auto tokens = number(json, "tokens", 16, 256);
    const auto fork = json.find("fork");
    if (!width || !tokens || (fork != json.end() && !fork->is_boolean())) {
        return std::nullopt;
    }
    return Order{.prompt = json["prompt"].get<std::string>(),
                 .width = *width,
                 .tokens = *tokens,
                 .fork = fork == json.end() || fork->get<bool>()};
}

realm::Result<std::vector<Branch>> open_branches(const Order& order, const realm::Model& model) {
    const realm::Message message{.role = "user", .content = order.prompt};
    REALM_TRY(prompt, model.chat_tokens({message}));
    const std::size_t capacity = prompt.size() + order.tokens;
    REALM_TRY(trunk, realm::Context::create(model, capacity));
    REALM_CHECK(trunk.prefill(prompt));
    REALM_TRY(candidates, trunk.top(order.width));
    std::vector<Branch> branches;
    for (const realm_candidate& candidate : candidates) {
        REALM_TRY(context,
                  order.fork ? trunk.fork(capacity) : realm::Context::create(model, capacity));
        if (!order.fork) {
            REALM_CHECK(context.prefill(prompt));
        }
        REALM_CHECK(context.prefill(std::vector{candidate.token}));
        branches.push_back({.context = std::move(context),
                            .tokens = {candidate.token},
                            .log_probability = candidate.log_probability});
    }
    return branches;
}

realm::Status continue_all(std::vector<Branch>& branches, std::uint32_t tokens) {
    std::vector<realm::Context*> contexts;
    for (Branch& branch : branches) {
        contexts.push_back(&branch.context);
    }
    for (std::uint32_t i = 1; i < tokens; ++i) {
        REALM_TRY(chosen, realm::step_many(contexts));
        for (std::size_t b = 0; b < branches.size(); ++b) {
            if (chosen[b] < 0) {
                return std::unexpected(realm::Failure{.status = chosen[b]});
            }
            branches[b].tokens.push_back(chosen[b]);
        }
    }
    return {};
}

}  // namespace

REALM_PROGRAM {
    const auto order = read_order();
    if (!order) {
        return realm::fail({.type = "invalid_request",
                            .code = "invalid_order",
                            .message = R"(wanted: {"prompt": text, "width": 1 to 8, "tokens": )"
                                       R"(1 to 256, "fork": true or false})"});
    }
    REALM_TRY(model, realm::Model::open());
    REALM_TRY(branches, open_branches(*order, model));
    REALM_CHECK(continue_all(branches, order->tokens));
    nlohmann::json reply = {{"branches", nlohmann::json::array()}};
    for (const Branch& branch : branches) {
        REALM_TRY(text, model.detokenize(branch.tokens));
        reply["branches"].push_back({{"tokens", branch.tokens},
                                     {"text", std::move(text)},
                                     {"log_probability", branch.log_probability}});
    }
    return realm::reply(reply.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}
