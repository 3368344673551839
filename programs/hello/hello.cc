// The first program: lets the model say hello, token by token.
#include <realm/realm.hpp>

REALM_PROGRAM {
    REALM_TRY(model, realm::Model::open());
    REALM_TRY(tokens, model.chat_tokens({{"system", "You are a helpful assistant."},
                                         {"user", "Say hello to the world."}}));
    REALM_TRY(context, realm::Context::create(model, tokens.size() + 32));
    REALM_CHECK(context.prefill(tokens));
    REALM_TRY(answer, context.generate(32));
    for (const realm::GeneratedToken& token : answer) {
        REALM_CHECK(realm::emit_text(token.text));
    }
    return answer.status();
}
