// SPDX-License-Identifier: Apache-2.0
/** What tests on the engine tell the parent, line by line. */

export interface TestResult {
	/** The names of the enclosing tests and its own. */
	path: string[];
	skipped?: boolean;
	/** Message and stack; absent when the test passed. */
	error?: string;
}

export const RESULT_PREFIX = "#result ";
/** Written when all tests were run: without it the process ended too early. */
export const END_LINE = "#end";
