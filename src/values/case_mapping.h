// Upper and lower case beyond ASCII: Latin, Greek, Cyrillic, Armenian and full-width letters.
#pragma once

#include "values/text.h"

namespace realm::values {

char32_t to_lower(char32_t point);
// Of one character; "ß" becomes two and is the caller's.
char32_t to_upper(char32_t point);

Ref<String> to_lower(Heap& heap, const String& text);
Ref<String> to_upper(Heap& heap, const String& text);

}  // namespace realm::values
