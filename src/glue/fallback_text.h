// The JavaScript that stands in for a glue that is not there: helpers that the reader recognises,
// and imports whose name alone says what they do. Only for fallback.cc.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace realm::glue {

struct KnownImport {
    std::string_view meaning;  // the name without its prefix and hash
    std::size_t parameters;
    std::string_view body;  // GET, TAKE and ADD stand for what handles need
    bool catches = false;
};

inline constexpr std::string_view kSlabHelpers = R"js(
let wasm;
const heap = new Array(SLAB).fill(undefined);
heap.push(undefined, null, true, false);
let heap_next = heap.length;
function getObject(idx) { return heap[idx]; }
function dropObject(idx) { if (idx < SLAB + 4) return; heap[idx] = heap_next; heap_next = idx; }
function takeObject(idx) { const ret = getObject(idx); dropObject(idx); return ret; }
function addHeapObject(obj) {
    if (heap_next === heap.length) heap.push(heap.length + 1);
    const idx = heap_next;
    heap_next = heap[idx];
    heap[idx] = obj;
    return idx;
}
function passOther(value) { return addHeapObject(value); }
)js";

inline constexpr std::string_view kTableHelpers = R"js(
let wasm;
function addToTable(obj) {
    const idx = wasm.__externref_table_alloc();
    wasm.TABLE.set(idx, obj);
    return idx;
}
function takeObject(idx) {
    const value = wasm.TABLE.get(idx);
    wasm.__externref_table_dealloc(idx);
    return value;
}
function addHeapObject(obj) { return addToTable(obj); }
function passOther(value) { return value; }
)js";

inline constexpr std::string_view kCommonHelpers = R"js(
let WASM_VECTOR_LEN = 0;
let bytes = null;
function memoryBytes() {
    if (bytes === null || bytes.byteLength === 0) bytes = new Uint8Array(wasm.memory.buffer);
    return bytes;
}
let view = null;
function memoryView() {
    if (view === null || view.buffer !== wasm.memory.buffer) view = new DataView(wasm.memory.buffer);
    return view;
}
const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
const encoder = new TextEncoder();
function text(ptr, len) { return decoder.decode(memoryBytes().subarray(ptr, ptr + len)); }
function bytesAt(ptr, len) { return memoryBytes().subarray(ptr / 1, ptr / 1 + len); }
function passText(arg, malloc, realloc) {
    const buf = encoder.encode(arg);
    const ptr = malloc(buf.length, 1) >>> 0;
    memoryBytes().subarray(ptr, ptr + buf.length).set(buf);
    WASM_VECTOR_LEN = buf.length;
    return ptr;
}
function passBytes(arg, malloc) {
    const ptr = malloc(arg.length * 1, 1) >>> 0;
    memoryBytes().set(arg, ptr / 1);
    WASM_VECTOR_LEN = arg.length;
    return ptr;
}
function isLikeNone(x) { return x === undefined || x === null; }
function debugString(val) { return 'Object(' + JSON.stringify(val) + ')'; }
function handleError(f, args) {
    try { return f.apply(this, args); } catch (e) { wasm.STORE(addHeapObject(e)); }
}
function toWords(first, values) {
    const words = first;
    for (const value of values) {
        if (typeof value === 'string') {
            words.push(passText(value, wasm.MALLOC, wasm.REALLOC));
            words.push(WASM_VECTOR_LEN);
        } else if (value instanceof Uint8Array) {
            words.push(passBytes(value, wasm.MALLOC));
            words.push(WASM_VECTOR_LEN);
        } else if (typeof value === 'boolean') {
            words.push(value ? 1 : 0);
        } else if (typeof value === 'number' || typeof value === 'bigint') {
            words.push(value);
        } else if (typeof value === 'object' && value !== null && value.__wbg_ptr > 0) {
            words.push(value.__wbg_ptr);
        } else {
            words.push(passOther(value));
        }
    }
    return words;
}
function markWords(retptr) {
    memoryView().setInt32(retptr + 4 * 0, 1583242847, true);
    memoryView().setInt32(retptr + 4 * 1, 1583242847, true);
    memoryView().setInt32(retptr + 4 * 2, 1583242847, true);
    memoryView().setInt32(retptr + 4 * 3, 1583242847, true);
}
function readWords(retptr) {
    const words = [];
    for (let i = 0; i < 4; i++) {
        const word = memoryView().getInt32(retptr + 4 * i, true);
        if (word === 1583242847) return words;
        words.push(word);
    }
    return words;
}
function textOrBytes(ptr, len, kind) {
    ptr = ptr >>> 0;
    let value;
    if (kind === 'Uint8Array') {
        value = bytesAt(ptr, len).slice();
    } else {
        try {
            value = text(ptr, len);
        } catch (e) {
            value = bytesAt(ptr, len).slice();
        }
    }
    wasm.__wbindgen_free(ptr, len, 1);
    return value;
}
function fromWords(words, kind) {
    const count = words.length;
    if (count === 4) {
        if (words[3]) throw takeObject(words[2]);
        return textOrBytes(words[0], words[1], kind);
    }
    if (count === 3) {
        if (words[2]) throw takeObject(words[1]);
        return kind === 'any' ? takeObject(words[0]) : kind === 'boolean' ? words[0] !== 0 : words[0];
    }
    if (count === 2) {
        if (words[0] === 0) return undefined;
        return textOrBytes(words[0], words[1], kind);
    }
    return count === 1 ? words[0] : undefined;
}
)js";

inline constexpr std::array kKnownImports{
    KnownImport{"throw", 2, "throw new Error(text(arg0, arg1));"},
    KnownImport{"rethrow", 1, "throw TAKE(arg0);"},
    KnownImport{"string_new", 2, "return ADD(text(arg0, arg1));"},
    KnownImport{"number_new", 1, "return ADD(arg0);"},
    KnownImport{"bigint_from_i64", 1, "return ADD(arg0);"},
    KnownImport{"bigint_from_u64", 1, "return ADD(BigInt.asUintN(64, arg0));"},
    KnownImport{"error_new", 2, "return ADD(new Error(text(arg0, arg1)));"},
    KnownImport{"Error", 2, "return ADD(Error(text(arg0, arg1)));"},
    KnownImport{"object_drop_ref", 1, "takeObject(arg0);"},
    KnownImport{"object_clone_ref", 1, "return ADD(GET(arg0));"},
    KnownImport{"is_undefined", 1, "return GET(arg0) === undefined;"},
    KnownImport{"is_null", 1, "return GET(arg0) === null;"},
    KnownImport{"is_object", 1,
                "const val = GET(arg0); return typeof val === 'object' && val !== null;"},
    KnownImport{"is_function", 1, "return typeof GET(arg0) === 'function';"},
    KnownImport{"is_string", 1, "return typeof GET(arg0) === 'string';"},
    KnownImport{"is_symbol", 1, "return typeof GET(arg0) === 'symbol';"},
    KnownImport{"is_bigint", 1, "return typeof GET(arg0) === 'bigint';"},
    KnownImport{"is_array", 1, "return Array.isArray(GET(arg0));"},
    KnownImport{"isArray", 1, "return Array.isArray(GET(arg0));"},
    KnownImport{"is_falsy", 1, "return !GET(arg0);"},
    KnownImport{"in", 2, "return GET(arg0) in GET(arg1);"},
    KnownImport{"jsval_eq", 2, "return GET(arg0) === GET(arg1);"},
    KnownImport{"jsval_loose_eq", 2, "return GET(arg0) == GET(arg1);"},
    KnownImport{"typeof", 1, "return ADD(typeof GET(arg0));"},
    KnownImport{"as_number", 1, "return +GET(arg0);"},
    KnownImport{"memory", 0, "return ADD(wasm.memory);"},
    KnownImport{"string_get", 2,
                "const obj = GET(arg1); const ret = typeof obj === 'string' ? obj : undefined; "
                "var ptr1 = isLikeNone(ret) ? 0 : passText(ret, wasm.__wbindgen_malloc, "
                "wasm.__wbindgen_realloc); var len1 = WASM_VECTOR_LEN; "
                "memoryView().setInt32(arg0 + 4 * 1, len1, true); "
                "memoryView().setInt32(arg0 + 4 * 0, ptr1, true);"},
    KnownImport{"number_get", 2,
                "const obj = GET(arg1); const ret = typeof obj === 'number' ? obj : undefined; "
                "memoryView().setFloat64(arg0 + 8 * 1, isLikeNone(ret) ? 0 : ret, true); "
                "memoryView().setInt32(arg0 + 4 * 0, !isLikeNone(ret), true);"},
    KnownImport{"debug_string", 2,
                "const ptr1 = passText(debugString(GET(arg1)), wasm.__wbindgen_malloc, "
                "wasm.__wbindgen_realloc); const len1 = WASM_VECTOR_LEN; "
                "memoryView().setInt32(arg0 + 4 * 1, len1, true); "
                "memoryView().setInt32(arg0 + 4 * 0, ptr1, true);"},
    KnownImport{"json_parse", 2, "return ADD(JSON.parse(text(arg0, arg1)));"},
    KnownImport{"random", 0, "return Math.random();"},
    KnownImport{"now", 0, "return Date.now();"},
    KnownImport{"isSafeInteger", 1, "return Number.isSafeInteger(GET(arg0));"},
    KnownImport{"iterator", 0, "return ADD(Symbol.iterator);"},
    KnownImport{"entries", 1, "return ADD(Object.entries(GET(arg0)));"},
    KnownImport{"done", 1, "return GET(arg0).done;"},
    KnownImport{"value", 1, "return ADD(GET(arg0).value);"},
    KnownImport{"length", 1, "return GET(arg0).length;"},
    KnownImport{"crypto", 1, "return ADD(GET(arg0).crypto);"},
    KnownImport{"process", 1, "return ADD(GET(arg0).process);"},
    KnownImport{"versions", 1, "return ADD(GET(arg0).versions);"},
    KnownImport{"node", 1, "return ADD(GET(arg0).node);"},
    KnownImport{"msCrypto", 1, "return ADD(GET(arg0).msCrypto);"},
    KnownImport{"getRandomValues", 2, "GET(arg0).getRandomValues(GET(arg1));", true},
    KnownImport{"randomFillSync", 2, "GET(arg0).randomFillSync(TAKE(arg1));", true},
    KnownImport{"buffer", 1, "return ADD(GET(arg0).buffer);"},
    KnownImport{"subarray", 3, "return ADD(GET(arg0).subarray(arg1 >>> 0, arg2 >>> 0));"},
    KnownImport{"newwithlength", 1, "return ADD(new Uint8Array(arg0 >>> 0));"},
    KnownImport{"new_with_length", 1, "return ADD(new Uint8Array(arg0 >>> 0));"},
    KnownImport{"newwithbyteoffsetandlength", 3,
                "return ADD(new Uint8Array(GET(arg0), arg1 >>> 0, arg2 >>> 0));"},
    KnownImport{"globalThis", 0, "return ADD(globalThis.globalThis);", true},
    KnownImport{"self", 0, "return ADD(self.self);", true},
    KnownImport{"window", 0, "return ADD(window.window);", true},
    KnownImport{"global", 0, "return ADD(global.global);", true},
    KnownImport{"newnoargs", 2, "return ADD(new Function(text(arg0, arg1)));"},
    KnownImport{"call", 2, "return ADD(GET(arg0).call(GET(arg1)));", true},
    KnownImport{"call", 3, "return ADD(GET(arg0).call(GET(arg1), GET(arg2)));", true},
    KnownImport{"instanceof_Uint8Array", 1, "return GET(arg0) instanceof Uint8Array;"},
    KnownImport{"instanceof_ArrayBuffer", 1, "return GET(arg0) instanceof ArrayBuffer;"},
    KnownImport{"instanceof_Map", 1, "return GET(arg0) instanceof Map;"},
    KnownImport{"init_externref_table", 0,
                "const table = wasm.__wbindgen_externrefs; const offset = table.grow(4); "
                "table.set(0, undefined); table.set(offset + 0, undefined); "
                "table.set(offset + 1, null); table.set(offset + 2, true); "
                "table.set(offset + 3, false);"},
};

}  // namespace realm::glue
