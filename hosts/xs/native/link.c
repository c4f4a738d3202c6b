/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules: found, parsed and placed as a device's linker places them.
 *
 * Every module that the program can reach by static imports is parsed into the root machine before
 * anything runs. Byte code is then rewritten as `xsl` rewrites it: function bodies and string
 * literals are used where they lie, outside the heap, and names are keys of the root. So a module
 * that is not preloaded costs the clone what a module in flash costs a device. Nothing is read from
 * files afterwards: an import that was not linked is not found, as on a device.
 */
#include "host.h"

typedef struct linkedModule linkedModule;

struct linkedModule {
	linkedModule* next;
	char* path;
	txScript script;
};

static linkedModule* modules = NULL;

extern void fxRemapIDs(txMachine* the, txByte* codeBuffer, txSize codeSize, txID* theIDs);

/* NAMES */

static linkedModule* findLinked(const char* path)
{
	linkedModule* it = modules;
	while (it && strcmp(it->path, path))
		it = it->next;
	return it;
}

/* The file that `specifier` names for `importer`: relative to it, absolute, or by the import map. */
static int resolvePath(const char* specifier, const char* importer, char* path)
{
	char joined[C_PATH_MAX];
	if (specifier[0] == '.') {
		const char* slash = importer ? strrchr(importer, '/') : NULL;
		int length = slash ? (int)(slash - importer) : 1;
		if (snprintf(joined, sizeof(joined), "%.*s/%s", length, slash ? importer : ".", specifier) >= (int)sizeof(joined))
			return 0;
		return realpath(joined, path) != NULL;
	}
	if (specifier[0] == '/')
		return realpath(specifier, path) != NULL;
	for (int i = 0; i < options.importCount; i++) {
		if (!strcmp(options.imports[i].name, specifier))
			return realpath(options.imports[i].value, path) != NULL;
	}
	return 0;
}

txID fxFindModule(txMachine* the, txSlot* realm, txID moduleID, txSlot* slot)
{
	char specifier[C_PATH_MAX];
	char path[C_PATH_MAX];
	fxToStringBuffer(the, slot, specifier, sizeof(specifier));
	if (!resolvePath(specifier, moduleID == XS_NO_ID ? NULL : fxGetKeyName(the, moduleID), path) || !findLinked(path))
		return XS_NO_ID;
	return fxNewNameC(the, path);
}

void fxLoadModule(txMachine* the, txSlot* module, txID moduleID)
{
	linkedModule* it = findLinked(fxGetKeyName(the, moduleID));
	if (it)
		fxResolveModule(the, module, moduleID, &it->script, NULL, NULL);
}

/* PARSER */

static void reportParserError(void* console, txString path, txInteger line, txString format, c_va_list arguments)
{
	char message[512];
	vsnprintf(message, sizeof(message), format, arguments);
	hostFail(EXIT_USAGE, "%s:%d: %s", path ? path : "?", line, message);
}

static void linkFile(txMachine* the, const char* path);

static void linkSpecifier(txMachine* the, const char* path, txNode* from)
{
	char resolved[C_PATH_MAX];
	txString specifier;
	if (!from)
		return;
	specifier = ((txStringNode*)from)->value;
	if (!resolvePath(specifier, path, resolved))
		hostFail(EXIT_USAGE, "cannot find module \"%s\" imported by %s", specifier, path);
	linkFile(the, resolved);
}

static void linkImports(txMachine* the, const char* path, txModuleNode* module)
{
	txSpecifierNode* specifier = module->firstEmptySpecifier;
	txDeclareNode* declaration = module->scope->firstDeclareNode;
	while (specifier) {
		linkSpecifier(the, path, specifier->from);
		specifier = specifier->nextSpecifier;
	}
	while (declaration) {
		if (declaration->importSpecifier)
			linkSpecifier(the, path, declaration->importSpecifier->from);
		declaration = declaration->nextDeclareNode;
	}
}

/* Turns code that copies strings and functions into chunks into code that uses them where they are. */
static void keepInPlace(txByte* code, txSize size)
{
	txByte* limit = code + size;
	while (code < limit) {
		txSize length = codeLength(code);
		switch ((txU1)*code) {
		case XS_CODE_CODE_1: *code = (txByte)XS_CODE_CODE_ARCHIVE_1; break;
		case XS_CODE_CODE_2: *code = (txByte)XS_CODE_CODE_ARCHIVE_2; break;
		case XS_CODE_CODE_4: *code = (txByte)XS_CODE_CODE_ARCHIVE_4; break;
		case XS_CODE_STRING_1: *code = (txByte)XS_CODE_STRING_ARCHIVE_1; break;
		case XS_CODE_STRING_2: *code = (txByte)XS_CODE_STRING_ARCHIVE_2; break;
		case XS_CODE_STRING_4: *code = (txByte)XS_CODE_STRING_ARCHIVE_4; break;
		}
		code += length;
	}
}

static void remapNames(txMachine* the, txScript* script)
{
	txByte* symbols = script->symbolsBuffer;
	txID count;
	txID* ids;
	mxDecodeID(symbols, count);
	ids = hostAllocate(count * sizeof(txID));
	ids[0] = XS_NO_ID;
	for (txID i = 1; i < count; i++) {
		ids[i] = fxNewNameC(the, (txString)symbols);
		symbols += strlen((char*)symbols) + 1;
	}
	fxRemapIDs(the, script->codeBuffer, script->codeSize, ids);
	free(ids);
	/* Without a table of symbols the engine takes the code as linked: it neither maps nor frees it. */
	script->symbolsBuffer = NULL;
	script->symbolsSize = 0;
}

/* `onTree` sees the module before code is made of it. NULL when the file cannot be read or is no module. */
txScript* linkParse(txMachine* the, const char* path, txUnsigned flags, void (*onTree)(txMachine*, const char*, txModuleNode*))
{
	txParser _parser;
	txParser* parser = &_parser;
	txParserJump jump;
	txScript* script = NULL;
	FILE* file = fopen(path, "r");
	if (!file)
		return NULL;
	fxInitializeParser(parser, the, the->parserBufferSize, the->parserTableModulo);
	parser->reportError = reportParserError;
	parser->firstJump = &jump;
	if (c_setjmp(jump.jmp_buf) == 0) {
		parser->path = fxNewParserSymbol(parser, (txString)path);
		fxParserTree(parser, file, (txGetter)fgetc, flags, NULL);
		fxParserHoist(parser);
		fxParserBind(parser);
		if (onTree)
			onTree(the, path, (txModuleNode*)parser->root);
		script = fxParserCode(parser);
	}
	fclose(file);
	fxTerminateParser(parser);
	return script;
}

static void linkFile(txMachine* the, const char* path)
{
	txScript* script;
	linkedModule* it;
	if (findLinked(path))
		return;
	it = hostAllocate(sizeof(linkedModule));
	it->path = strdup(path);
	it->next = modules;
	modules = it;
	script = linkParse(the, it->path, 0, linkImports);
	if (!script)
		hostFail(EXIT_USAGE, "cannot read %s as a module", path);
	remapNames(the, script);
	keepInPlace(script->codeBuffer, script->codeSize);
	it->script = *script;
	it->script.path = it->path;
	it->script.codeBuffer = linesPlace(it->path, script->codeBuffer, script->codeSize);
	c_free(script->codeBuffer);
}

static void linkArgument(txMachine* the, const char* path)
{
	char resolved[C_PATH_MAX];
	if (!realpath(path, resolved))
		hostFail(EXIT_USAGE, "cannot read %s: %s", path, strerror(errno));
	linkFile(the, resolved);
}

void linkModules(txMachine* the)
{
	fxBeginHost(the);
	for (int i = 0; i < options.preloadCount; i++)
		linkArgument(the, options.preloads[i]);
	for (int i = 0; i < options.moduleCount; i++)
		linkArgument(the, options.modules[i]);
	linkArgument(the, options.program);
	fxEndHost(the);
}

/* EXECUTION */

static void onImportFailed(txMachine* the)
{
	mxException = *mxArgv(0);
	fxAbort(the, XS_UNHANDLED_EXCEPTION_EXIT);
}

static void onImported(txMachine* the)
{
}

void linkRun(txMachine* the, const char* path)
{
	char resolved[C_PATH_MAX];
	if (!realpath(path, resolved))
		hostFail(EXIT_USAGE, "cannot read %s: %s", path, strerror(errno));
	fxBeginHost(the);
	{
		mxTry(the) {
			txSlot* realm = mxModuleInstanceInternal(mxProgram.value.reference)->value.module.realm;
			mxPushStringC(resolved);
			fxRunImport(the, realm, XS_NO_ID);
			mxDub();
			mxGetID(mxID(_then));
			mxCall();
			fxNewHostFunction(the, onImported, 1, XS_NO_ID, XS_NO_ID);
			fxNewHostFunction(the, onImportFailed, 1, XS_NO_ID, XS_NO_ID);
			mxRunCount(2);
			mxPop();
		}
		mxCatch(the) {
			fxAbort(the, XS_UNHANDLED_EXCEPTION_EXIT);
		}
	}
	fxEndHost(the);
}

void linkPreloads(txMachine* root)
{
	for (int i = 0; i < options.preloadCount; i++) {
		linkRun(root, options.preloads[i]);
		loopJobs(root);
	}
}
