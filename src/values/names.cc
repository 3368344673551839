#include "values/names.h"

#include <string_view>

namespace realm::values {

namespace {

Ref<Symbol> well_known(Heap& heap, std::string_view description) {
    return heap.make<Symbol>(Value(make_string(heap, description)));
}

}  // namespace

Names::Names(Heap& heap)
    : length(heap, "length"),
      prototype(heap, "prototype"),
      constructor(heap, "constructor"),
      name(heap, "name"),
      message(heap, "message"),
      stack(heap, "stack"),
      cause(heap, "cause"),
      errors(heap, "errors"),
      value(heap, "value"),
      done(heap, "done"),
      next(heap, "next"),
      return_key(heap, "return"),
      then(heap, "then"),
      get(heap, "get"),
      set(heap, "set"),
      writable(heap, "writable"),
      enumerable(heap, "enumerable"),
      configurable(heap, "configurable"),
      to_string(heap, "toString"),
      value_of(heap, "valueOf"),
      to_json(heap, "toJSON"),
      index(heap, "index"),
      raw(heap, "raw"),
      to_iso_string(heap, "toISOString"),
      status(heap, "status"),
      reason(heap, "reason"),
      size(heap, "size"),
      has(heap, "has"),
      keys(heap, "keys"),
      symbols{
          well_known(heap, "Symbol.iterator"),           well_known(heap, "Symbol.asyncIterator"),
          well_known(heap, "Symbol.toStringTag"),        well_known(heap, "Symbol.toPrimitive"),
          well_known(heap, "Symbol.hasInstance"),        well_known(heap, "Symbol.species"),
          well_known(heap, "Symbol.isConcatSpreadable"), well_known(heap, "Symbol.unscopables")} {
    iterator = PropertyKey(symbols[0]);
    async_iterator = PropertyKey(symbols[1]);
    to_string_tag = PropertyKey(symbols[2]);
    to_primitive = PropertyKey(symbols[3]);
    has_instance = PropertyKey(symbols[4]);
    species = PropertyKey(symbols[5]);
    is_concat_spreadable = PropertyKey(symbols[6]);
    unscopables = PropertyKey(symbols[7]);
}

}  // namespace realm::values
