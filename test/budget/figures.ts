// SPDX-License-Identifier: Apache-2.0
/** What the meter in the engine tells the process that started it. */

/** Live after a collection; peaks and allocations since the figures before. Slots are counted, chunks are bytes. */
export interface Figures {
	slots: number;
	chunks: number;
	slotsPeak: number;
	chunksPeak: number;
	/** Slots of the stack. */
	stackPeak: number;
	slotsAllocated: number;
	chunksAllocated: number;
}

/** Begins a line of figures. */
export const FIGURES_PREFIX = "budget ";

/** What is at AWS: the client alone, a shadow of ten fields or of fifty without a model, ten and one service more. */
export type AwsSubject = "client" | "model" | "document" | "jobs" | "commands";

/** A lamp of ten fields without what there is for its operation, with one part of it, or with all. */
export type OperatedSubject = "bare" | "configuration" | "commands" | "log" | "heartbeat" | "trace" | "all";

/** A part of the host. */
export interface Part {
	name: string;
	slots: number;
	chunks: number;
}

/** Begins a line that tells of a part. */
export const PART_PREFIX = "part ";
