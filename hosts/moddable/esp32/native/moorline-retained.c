// SPDX-License-Identifier: Apache-2.0
/*
 * What outlives the program: RTC memory, which a reset leaves as it is and a power cut as noise. The program has most
 * of it; the rest holds how it crashed, written while it dies.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <stdio.h>
#include <string.h>
#include "esp_attr.h"
#include "esp_system.h"

enum { RETAINED_LENGTH = 4096, MESSAGE_LENGTH = 520, TEXT_LENGTH = 1400 };

#define KEPT 0x63726173
#define LEAVING 0x6c656176

/* The program restarts the chip itself. The engine does, too, and of a stack that is full without a word. */
static RTC_NOINIT_ATTR uint32_t leaving;

static RTC_NOINIT_ATTR uint8_t retained[RETAINED_LENGTH];

static RTC_NOINIT_ATTR struct {
	uint32_t kept;
	uint32_t sum;
	char text[TEXT_LENGTH];
} crash;

/* FNV-1a: noise is no text. */
static uint32_t sumOf(const char *text)
{
	uint32_t sum = 0x811c9dc5;
	while (*text)
		sum = (sum ^ (uint8_t)*text++) * 0x01000193;
	return sum;
}

/* moorline_retained(): a buffer */
void moorline_retained(xsMachine *the)
{
	xsResult = xsNewHostObject(NULL);
	xsmcSetHostBuffer(xsResult, retained, RETAINED_LENGTH);
}

/* moorline_crash_keep(directory, reason, message, stack). Allocates nothing: the engine may have nothing left. */
void moorline_crash_keep(xsMachine *the)
{
	char *c;
	int head, length;
	crash.kept = 0;
	head = snprintf(crash.text, TEXT_LENGTH, "%s\n", xsmcToString(xsArg(1)));
	snprintf(crash.text + head, MESSAGE_LENGTH, "%s", xsmcToString(xsArg(2)));
	for (c = crash.text + head; *c; c++) {
		if ('\n' == *c)
			*c = ' ';
	}
	length = strlen(crash.text);
	snprintf(crash.text + length, TEXT_LENGTH - length, "\n%s", xsmcToString(xsArg(3)));
	crash.sum = sumOf(crash.text);
	crash.kept = KEPT;
}

/* moorline_crash_leave(). To be called before each restart that is no crash. */
void moorline_crash_leave(xsMachine *the)
{
	leaving = LEAVING;
}

/* moorline_crash_take(): string | undefined. It is told once. */
void moorline_crash_take(xsMachine *the)
{
	bool isKept = KEPT == crash.kept, isSilent = (LEAVING != leaving) && (ESP_RST_SW == esp_reset_reason());
	crash.kept = 0;
	leaving = 0;
	crash.text[TEXT_LENGTH - 1] = 0;
	if (isKept && (sumOf(crash.text) == crash.sum))
		xsmcSetString(xsResult, crash.text);
	else if (isSilent)
		xsmcSetString(xsResult, "engine\nit ended without a word, as when a stack is full\n");
}
