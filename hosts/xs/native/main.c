/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of the XS host, and the end of the process.
 *
 * hosts/xs/node/run.ts is what starts it. The program's lines go to stdout; what ends the process
 * goes to stderr, one line first; the heap figures, when asked for, to file 3.
 */
#include "host.h"
#include <signal.h>

/* An ESP32 leaves XS two fixed blocks of 78,848 bytes; the stack is what manifest.json asks for. */
hostOptions options = {
	.arena = 157696,
	.stack = 512,
	.directory = ".",
	.resetReason = "power-on",
	.identifier = "xs",
	.relayToken = "",
};

void hostExit(int code)
{
	fflush(stdout);
	memoryReport();
	_exit(code);
}

void hostFail(int code, const char* format, ...)
{
	va_list arguments;
	fflush(stdout);
	fputs("xs: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	hostExit(code);
}

static void addPair(hostPair* list, int* count, char* text, char separator)
{
	char* split = strchr(text, separator);
	if (!split || (*count == OPTION_LIMIT))
		hostFail(EXIT_USAGE, "option value %s: want name%cvalue, at most %d of a kind", text, separator, OPTION_LIMIT);
	*split = 0;
	list[(*count)++] = (hostPair){ text, split + 1 };
}

static void addPath(const char** list, int* count, const char* path)
{
	if (*count == OPTION_LIMIT)
		hostFail(EXIT_USAGE, "more than %d modules", OPTION_LIMIT);
	list[(*count)++] = path;
}

static void setOption(const char* name, char* value)
{
	if (!strcmp(name, "--arena"))
		options.arena = strtoul(value, NULL, 0) & ~(size_t)15;
	else if (!strcmp(name, "--stack"))
		options.stack = atoi(value);
	else if (!strcmp(name, "--seed"))
		options.seed = strtoull(value, NULL, 0);
	else if (!strcmp(name, "--directory"))
		options.directory = value;
	else if (!strcmp(name, "--reset-reason"))
		options.resetReason = value;
	else if (!strcmp(name, "--identifier"))
		options.identifier = value;
	else if (!strcmp(name, "--relay-port"))
		options.relayPort = atoi(value);
	else if (!strcmp(name, "--relay-token"))
		options.relayToken = value;
	else if (!strcmp(name, "--preload"))
		addPath(options.preloads, &options.preloadCount, value);
	else if (!strcmp(name, "--module"))
		addPath(options.modules, &options.moduleCount, value);
	else if (!strcmp(name, "--import"))
		addPair(options.imports, &options.importCount, value, '=');
	else if (!strcmp(name, "--flash"))
		addPair(options.partitions, &options.partitionCount, value, '=');
	else
		hostFail(EXIT_USAGE, "no option %s", name);
}

int main(int argc, char* argv[])
{
	txMachine* the;
	int i = 1;
	while ((i < argc) && (argv[i][0] == '-')) {
		if (!strcmp(argv[i], "--thaw"))
			options.thaw = 1;
		else if (!strcmp(argv[i], "--report"))
			options.report = 1;
		else if (i + 1 < argc) {
			setOption(argv[i], argv[i + 1]);
			i++;
		}
		else
			hostFail(EXIT_USAGE, "option %s has no value", argv[i]);
		i++;
	}
	if (i == argc)
		hostFail(EXIT_USAGE, "usage: xs [options] program.js [arguments]");
	options.program = argv[i++];
	options.arguments = argv + i;
	options.argumentCount = argc - i;
	signal(SIGPIPE, SIG_IGN);
	crashLoad();
	the = machineClone(machineCreateRoot());
	linkRun(the, options.program);
	loopRun(the);
	hostExit(0);
}
