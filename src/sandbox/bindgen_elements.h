// The types of elements in memory, as the glue and the values name them. Internal.
#pragma once

#include "glue/node.h"
#include "values/buffers.h"

namespace realm::sandbox {

constexpr values::ElementType element_type(glue::Element element) {
    using enum values::ElementType;
    switch (element) {
        case glue::Element::kI8:
            return kInt8;
        case glue::Element::kU8:
            return kUint8;
        case glue::Element::kClamped:
            return kUint8Clamped;
        case glue::Element::kI16:
            return kInt16;
        case glue::Element::kU16:
            return kUint16;
        case glue::Element::kI32:
            return kInt32;
        case glue::Element::kU32:
            return kUint32;
        case glue::Element::kI64:
            return kBigInt64;
        case glue::Element::kU64:
            return kBigUint64;
        case glue::Element::kF32:
            return kFloat32;
        case glue::Element::kF64:
            break;
    }
    return kFloat64;
}

}  // namespace realm::sandbox
