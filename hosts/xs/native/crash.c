/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The crash of the program: written to <directory>/crash for the run after it, and to stderr.
 *
 * Nothing here asks the dying machine for memory or runs a line of the program. Where an error was
 * made is noted in the error itself, in a field that the engine leaves unused without its debugger.
 * The file is the Node host's: reason, message, and a line for each frame.
 */
#include "host.h"
#include <fcntl.h>

enum {
	FRAME_LIMIT = 32,
	NAME_LIMIT = 96,                 /* bytes */
	MESSAGE_LIMIT = 520,             /* of which the program is told 128 characters */
	TEXT_LIMIT = MESSAGE_LIMIT + FRAME_LIMIT * (NAME_LIMIT + 100),
	NATIVE_MARGIN = 64 * 1024,
	RESOLVER_STACK = 4 * 1024 * 1024,
};

static struct {
	const char* reason;
	char message[MESSAGE_LIMIT];
	struct {
		char name[NAME_LIMIT];
		txU4 position;
		const char* path;
		int line;
	} frames[FRAME_LIMIT];
	int frameCount;
} crash;

static char former[TEXT_LIMIT];
static int isFormer = 0;

/* TEXT */

/* Copies what fits, in whole characters and one line. */
static void copyText(char* target, size_t size, const char* source)
{
	size_t length = strlen(source);
	if (length >= size) {
		length = size - 1;
		while (length && ((source[length] & 0xC0) == 0x80))
			length--;
	}
	for (size_t i = 0; i < length; i++)
		target[i] = source[i] == '\n' ? ' ' : source[i];
	target[length] = 0;
}

static void say(const char* format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char* format, ...)
{
	char text[2 * MESSAGE_LIMIT];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	copyText(crash.message, sizeof(crash.message), text);
}

/* FRAMES */

static const char* keyName(txMachine* the, txID id)
{
	txSlot* key = id == XS_NO_ID ? NULL : fxGetKey(the, id);
	return key ? key->value.key.string : "";
}

static const char* functionName(txMachine* the, txSlot* function)
{
	for (txSlot* property = function->next; property; property = property->next) {
		if ((property->ID == mxID(_name)) && ((property->kind == XS_STRING_KIND) || (property->kind == XS_STRING_X_KIND)))
			return property->value.string;
	}
	return keyName(the, mxFunctionInstanceCode(function)->ID);
}

static void addFrame(const char* name, txU4 position)
{
	/* What has neither is of the engine, and of no use. */
	if ((crash.frameCount == FRAME_LIMIT) || (!*name && !position))
		return;
	copyText(crash.frames[crash.frameCount].name, NAME_LIMIT, name);
	crash.frames[crash.frameCount++].position = position;
}

static int isFrameOfFunction(txSlot* frame)
{
	txSlot* function = frame + 3;
	return (function->kind == XS_REFERENCE_KIND) && mxIsFunction(function->value.reference);
}

/* Where a frame is: at `code` if it is the innermost, else it called and will return there. */
static txU4 positionOf(txByte* code, int called)
{
	return code ? linesPosition(code - called) : 0;
}

static void addFrames(txMachine* the)
{
	txByte* code = the->code;
	int called = 0;
	for (txSlot* frame = the->frame; frame; frame = frame->next) {
		if (isFrameOfFunction(frame))
			addFrame(functionName(the, (frame + 3)->value.reference), positionOf(code, called));
		code = frame->value.frame.code;
		called = 1;
	}
}

/* The engine calls this instead of its own wherever an error is made (xsDefaults.c is compiled so). */
void hostCaptureErrorStack(txMachine* the, txSlot* internal, txSlot* frame)
{
	txByte* code = the->code;
	int called = 0;
	txSlot* it = the->frame;
	txSlot* slot;
	fxCaptureErrorStack(the, internal, frame);
	for (; it != frame; it = it->next) {
		code = it->value.frame.code;
		called = 1;
	}
	slot = internal->value.reference->next;
	for (; it->next && slot; it = it->next) {
		if (isFrameOfFunction(it)) {
			slot->ID = XS_NO_ID;
			slot->value.key.sum = positionOf(code, called);
			slot = slot->next;
		}
		code = it->value.frame.code;
		called = 1;
	}
}

/* WHAT WAS THROWN */

static const char* findString(txMachine* the, txSlot* instance, txID id)
{
	for (; instance; instance = instance->value.instance.prototype) {
		for (txSlot* property = instance->next; property; property = property->next) {
			if ((property->ID == id) && ((property->kind == XS_STRING_KIND) || (property->kind == XS_STRING_X_KIND)))
				return property->value.string;
		}
	}
	return "";
}

static void describeInstance(txMachine* the, txSlot* instance)
{
	txSlot* internal = instance->next;
	const char* name = findString(the, instance, mxID(_name));
	const char* message = findString(the, instance, mxID(_message));
	if (!internal || (internal->kind != XS_ERROR_KIND)) {
		say("%s", *message ? message : "[object Object]");
		return;
	}
	say("%s%s%s", name, *name && *message ? ": " : "", message);
	for (txSlot* slot = internal->value.reference ? internal->value.reference->next : NULL; slot; slot = slot->next)
		addFrame(slot->value.key.string ? slot->value.key.string : "", slot->value.key.sum);
}

static void describeThrown(txMachine* the, txSlot* thrown)
{
	switch (thrown->kind) {
	case XS_UNDEFINED_KIND: say("undefined"); break;
	case XS_NULL_KIND: say("null"); break;
	case XS_BOOLEAN_KIND: say("%s", thrown->value.boolean ? "true" : "false"); break;
	case XS_INTEGER_KIND: say("%d", (int)thrown->value.integer); break;
	case XS_NUMBER_KIND: say("%g", thrown->value.number); break;
	case XS_STRING_KIND:
	case XS_STRING_X_KIND: say("%s", thrown->value.string); break;
	case XS_REFERENCE_KIND: describeInstance(the, thrown->value.reference); break;
	default: say("(not printable)");
	}
}

/* THE END */

static void* resolveLines(void* root)
{
	for (int i = 0; i < crash.frameCount; i++) {
		if (crash.frames[i].position)
			crash.frames[i].line = linesFind(root, crash.frames[i].position, &crash.frames[i].path);
	}
	return NULL;
}

/* On a stack of its own: the one that we are on may be full. */
static void resolve(txMachine* root)
{
	pthread_attr_t attributes;
	pthread_t thread;
	root->stackLimit = NULL;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, RESOLVER_STACK);
	if (!pthread_create(&thread, &attributes, resolveLines, root))
		pthread_join(thread, NULL);
}

/* `name (module:line)`, or as much of it as is known. */
static size_t appendFrame(char* text, size_t size, int index)
{
	const char* name = crash.frames[index].name;
	const char* path = crash.frames[index].path;
	int length;
	if (crash.frames[index].line)
		length = snprintf(text, size, "%s%s(%.80s:%d)", name, *name ? " " : "", strrchr(path, '/') + 1, crash.frames[index].line);
	else
		length = snprintf(text, size, "%s", name);
	return (length < 0) || ((size_t)length >= size) ? 0 : length;
}

static void keep(void)
{
	static char text[TEXT_LIMIT];
	char path[C_PATH_MAX], new[C_PATH_MAX + 8];
	size_t length = snprintf(text, sizeof(text), "%s\n%s", crash.reason, crash.message);
	int file;
	for (int i = 0; i < crash.frameCount; i++) {
		text[length++] = '\n';
		length += appendFrame(text + length, sizeof(text) - length - 1, i);
	}
	snprintf(path, sizeof(path), "%s/crash", options.directory);
	snprintf(new, sizeof(new), "%s.new", path);
	file = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if ((file < 0) || (write(file, text, length) != (ssize_t)length) || fsync(file) || close(file) || rename(new, path))
		fprintf(stderr, "xs: %s: %s\n", path, strerror(errno));
}

static void end(txMachine* the, int code, const char* reason, const char* kind) __attribute__((noreturn));

/* @param kind precedes the message on stderr */
static void end(txMachine* the, int code, const char* reason, const char* kind)
{
	static char text[TEXT_LIMIT];
	size_t length = 0;
	txMachine* root = isClone(the) ? the->sharedMachine : the;
	crash.reason = reason;
	resolve(root);
	if (isClone(the))
		keep();
	for (int i = 0; i < crash.frameCount; i++) {
		length += snprintf(text + length, sizeof(text) - length, "\n at ");
		length += appendFrame(text + length, sizeof(text) - length, i);
	}
	text[length] = 0;
	hostFail(code, "%s%s%s%s", kind, crash.message, isClone(the) ? "" : " (preloading)", text);
}

static int isNativeStackFull(txMachine* the)
{
	char here;
	return &here < the->stackLimit + NATIVE_MARGIN;
}

void fxAbort(txMachine* the, int status)
{
	static int dying = 0;
	if (dying++)
		hostFail(EXIT_EXCEPTION, "engine stopped with status %d while it told of a crash", status);
	if ((status == XS_UNHANDLED_EXCEPTION_EXIT) || (status == XS_UNHANDLED_REJECTION_EXIT))
		describeThrown(the, &mxException);
	else
		addFrames(the);
	switch (status) {
	case XS_NOT_ENOUGH_MEMORY_EXIT:
		say("memory full: %s", memoryLack());
		end(the, EXIT_MEMORY_FULL, "memory", "");
	case XS_STACK_OVERFLOW_EXIT:
		if (isNativeStackFull(the)) {
			say("native stack overflow");
			end(the, EXIT_STACK_OVERFLOW, "native-stack", "");
		}
		say("stack overflow: %ld slots", (long)(the->stackTop - the->stackBottom));
		end(the, EXIT_STACK_OVERFLOW, "stack", "");
	case XS_NO_MORE_KEYS_EXIT:
		say("not enough keys");
		end(the, EXIT_KEYS, "engine", "");
	case XS_UNHANDLED_REJECTION_EXIT:
		end(the, EXIT_REJECTION, "rejection", "unhandled rejection: ");
	case XS_UNHANDLED_EXCEPTION_EXIT:
		end(the, EXIT_EXCEPTION, "exception", "uncaught exception: ");
	default:
		say("engine stopped with status %d", status);
		end(the, EXIT_EXCEPTION, "engine", "");
	}
}

/* THE NEXT RUN */

void crashLoad(void)
{
	char path[C_PATH_MAX];
	ssize_t length;
	int file;
	snprintf(path, sizeof(path), "%s/crash", options.directory);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return;
	length = read(file, former, sizeof(former) - 1);
	close(file);
	unlink(path);
	isFormer = length > 0;
}

/* crash(): string | undefined. Of the run before this one. */
void xs_crash(txMachine* the)
{
	if (isFormer)
		fxString(the, mxResult, former);
}
