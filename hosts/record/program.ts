// SPDX-License-Identifier: Apache-2.0
/**
 * A bundled module as it stands in a recording: without the map to its sources, and without the place of the one package
 * that bundles leave outside, so that it runs on another machine, and tells nothing of this one.
 */
const WS = "moorline:ws";

/** The name under which a program that is a function knows its host. */
export const FUNCTION_PARAMETER = "moorlineHost";

export function toRecording(script: string): string {
	return script.replace(/\n\/\/# sourceMappingURL=[^\n]*\s*$/, "\n").replaceAll(import.meta.resolve("ws"), WS);
}

export function fromRecording(script: string): string {
	return script.replaceAll(WS, import.meta.resolve("ws"));
}
