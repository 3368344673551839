/* Answers nothing. */
#include "hostile.h"

void realm_run(void) {}
