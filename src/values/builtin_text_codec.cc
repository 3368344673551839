// TextEncoder and TextDecoder.
#include <algorithm>
#include <array>

#include "values/builtin_specs.h"

namespace realm::values {

// Natives take their Call by value, since those that are coroutines keep it.
// NOLINTBEGIN(performance-unnecessary-value-param)

namespace {

Eventual<Value> encoder_construct(World& world, Call call) {
    if (!call.constructs()) {
        return requires_new(world, "TextEncoder");
    }
    return Value(world.heap().make<Object>(world.prototype_for(call, Builtin::kTextEncoder)));
}

Eventual<Value> encode(World& world, Call call) {
    if (call.argument(0).is_undefined()) {
        const Ref<TypedArrayObject> none = co_await make_bytes(world, {});
        co_return Value(none);
    }
    const Ref<String> text = co_await to_string(world, call.argument(0));
    co_await world.step(text->length() / 16);
    co_await world.admit(3 * text->length());
    const std::string utf8 = text->utf8();
    const Ref<TypedArrayObject> made = co_await make_bytes(world, std::as_bytes(std::span(utf8)));
    co_return Value(made);
}

// Whole characters, as many as have room.
Eventual<Value> encode_into(World& world, Call call) {
    const Ref<String> text = co_await to_string(world, call.argument(0));
    auto* const target = call.argument(1).as<TypedArrayObject>();
    if (target == nullptr || target->type() != ElementType::kUint8) {
        co_return world.type_error("The \"dest\" argument must be an instance of Uint8Array.");
    }
    co_await world.step(text->length() / 4);
    const std::span<std::byte> out = target->bytes();
    std::size_t read = 0;
    std::size_t written = 0;
    while (read < text->length()) {
        const char32_t point = text->code_point_at(read);
        std::string bytes;
        append_utf8(bytes, point >= 0xD800 && point < 0xE000 ? char32_t{0xFFFD} : point);
        if (bytes.size() > out.size() - written) {
            break;
        }
        std::ranges::copy(std::as_bytes(std::span(bytes)),
                          out.begin() + static_cast<std::ptrdiff_t>(written));
        written += bytes.size();
        read += point >= 0x10000 ? 2 : 1;
    }
    const Ref<Object> result = world.object();
    result->put(world.key("read"), Value(read));
    result->put(world.key("written"), Value(written));
    co_return Value(result);
}

Eventual<Value> encoding(World& world, Call /*call*/) {
    return world.string("utf-8");
}

class DecoderObject final : public Object {
public:
    DecoderObject(Ref<Object> prototype, bool fatal, bool ignores_mark)
        : Object(std::move(prototype)), fatal_(fatal), ignores_mark_(ignores_mark) {}
    [[nodiscard]] bool fatal() const { return fatal_; }
    [[nodiscard]] bool ignores_mark() const { return ignores_mark_; }
    // What a streaming call left behind: the beginning of a character.
    std::string& rest() { return rest_; }
    bool& is_within() { return is_within_; }

private:
    bool fatal_;
    bool ignores_mark_;
    bool is_within_ = false;  // the byte order mark was looked for
    std::string rest_;
};

Eventual<Value> decoder_construct(World& world, Call call) {
    if (!call.constructs()) {
        co_return requires_new(world, "TextDecoder");
    }
    if (!call.argument(0).is_undefined()) {
        const Ref<String> label = co_await to_string(world, call.argument(0));
        std::string name = label->utf8();
        std::ranges::transform(name, name.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        });
        if (name != "utf-8" && name != "utf8" && name != "unicode-1-1-utf-8") {
            co_return world.range_error("The \"" + label->utf8() + "\" encoding is not supported");
        }
    }
    bool fatal = false;
    bool ignores_mark = false;
    const Value& options = call.argument(1);
    if (options.is_object()) {
        const Value wants_fatal = co_await get(world, options, world.key("fatal"));
        const Value wants_mark = co_await get(world, options, world.key("ignoreBOM"));
        fatal = to_boolean(wants_fatal);
        ignores_mark = to_boolean(wants_mark);
    }
    co_return Value(world.heap().make<DecoderObject>(
        world.prototype_for(call, Builtin::kTextDecoder), fatal, ignores_mark));
}

// How many bytes at the end begin a character that is not whole.
std::size_t unfinished(std::string_view bytes) {
    for (std::size_t back = 1; back <= 3 && back <= bytes.size(); ++back) {
        const auto byte = static_cast<unsigned char>(bytes[bytes.size() - back]);
        if (byte < 0x80) {
            return 0;
        }
        if (byte >= 0xC0) {
            const std::size_t whole = byte >= 0xF0 ? 4 : (byte >= 0xE0 ? 3 : 2);
            return whole > back ? back : 0;
        }
    }
    return 0;
}

Completion<std::string> bytes_of(World& world, const Value& input) {
    std::span<std::byte> bytes;
    if (auto* const view = input.as<BufferView>()) {
        bytes = view->bytes();
    } else if (auto* const buffer = input.as<ArrayBufferObject>()) {
        bytes = buffer->bytes();
    } else if (!input.is_undefined()) {
        return world.type_error(
            "The \"list\" argument must be an instance of SharedArrayBuffer, ArrayBuffer or "
            "ArrayBufferView.");
    }
    if (auto allowed = world.admit(2 * bytes.size()); !allowed) {
        return std::unexpected(std::move(allowed.error()));
    }
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Eventual<Value> decode(World& world, Call call) {
    DecoderObject* const decoder =
        co_await receiver<DecoderObject>(world, "TextDecoder.prototype.decode", call.self);
    bool streams = false;
    if (call.argument(1).is_object()) {
        const Value stream = co_await get(world, call.argument(1), world.key("stream"));
        streams = to_boolean(stream);
    }
    const std::string input = co_await bytes_of(world, call.argument(0));
    std::string bytes = std::exchange(decoder->rest(), {}) + input;
    co_await world.step(bytes.size() / 16);
    if (streams) {
        const std::size_t rest = unfinished(bytes);
        decoder->rest() = bytes.substr(bytes.size() - rest);
        bytes.resize(bytes.size() - rest);
    }
    std::string_view rest = bytes;
    if (!decoder->is_within() && !decoder->ignores_mark() && rest.starts_with("\xEF\xBB\xBF")) {
        rest.remove_prefix(3);
    }
    decoder->is_within() = streams && (decoder->is_within() || !bytes.empty());
    if (decoder->fatal()) {
        const auto decoded = utf16_of(rest, true);
        if (!decoded) {
            auto error = world.type_error("The encoded data was not valid for encoding utf-8");
            error.error().value().object().put(world.key("code"),
                                               world.string("ERR_ENCODING_INVALID_ENCODED_DATA"));
            co_return error;
        }
        co_return world.string(*decoded);
    }
    co_return world.string(rest);
}

Eventual<Value> is_fatal(World& world, Call call) {
    DecoderObject* const decoder =
        co_await receiver<DecoderObject>(world, "TextDecoder.prototype.fatal", call.self);
    co_return Value(decoder->fatal());
}
Eventual<Value> ignores_mark(World& world, Call call) {
    DecoderObject* const decoder =
        co_await receiver<DecoderObject>(world, "TextDecoder.prototype.ignoreBOM", call.self);
    co_return Value(decoder->ignores_mark());
}

constexpr std::array kEncoderMethods{MethodSpec{"encode", encode, 0},
                                     MethodSpec{"encodeInto", encode_into, 2}};
constexpr std::array kEncoderGetters{MethodSpec{"encoding", encoding, 0}};
constexpr std::array kDecoderMethods{MethodSpec{"decode", decode, 0}};
constexpr std::array kDecoderGetters{MethodSpec{"encoding", encoding, 0},
                                     MethodSpec{"fatal", is_fatal, 0},
                                     MethodSpec{"ignoreBOM", ignores_mark, 0}};

}  // namespace

constinit const BuiltinSpec kTextEncoderSpec{.name = "TextEncoder",
                                             .construct = encoder_construct,
                                             .methods = kEncoderMethods,
                                             .getters = kEncoderGetters,
                                             .tagged = true};
constinit const BuiltinSpec kTextDecoderSpec{.name = "TextDecoder",
                                             .construct = decoder_construct,
                                             .methods = kDecoderMethods,
                                             .getters = kDecoderGetters,
                                             .tagged = true};

// NOLINTEND(performance-unnecessary-value-param)

}  // namespace realm::values
