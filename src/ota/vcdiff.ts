// SPDX-License-Identifier: Apache-2.0
/** Placeholder until the decoder lands. */
export declare class PatchDecoder {
	patchOffset: number;
	outputOffset: number;
	push(bytes: Uint8Array, start: number, end: number): void;
}
