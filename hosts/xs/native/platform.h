/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the XS sources ask of a platform: named to them by -DXSPLATFORM.
 *
 * Linux only. Every machine of the process shares the state in host.c's files, because a process
 * has exactly two: the root that is linked and shared, and the clone that runs the program.
 */
#ifndef MOORLINE_XS_PLATFORM_H
#define MOORLINE_XS_PLATFORM_H

#undef mxLinux
#define mxLinux 1
#define mxExport extern
#define mxImport extern
#define XS_FUNCTION_NORETURN __attribute__((noreturn))

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define mxUseGCCAtomics 1
#define mxUsePOSIXThreads 1

#define mxMachinePlatform \
	int promiseJobs; \
	void* waiterCondition; \
	void* waiterData; \
	void* waiterLink;

#define mxUseDefaultBuildKeys 1
#define mxUseDefaultParseScript 1
#define mxUseDefaultSharedChunks 1

#endif
