// SPDX-License-Identifier: Apache-2.0
/** Runs on XS: tells what a stretch of a program allocated; with a collection before its end, what it keeps. */
import { Figure, native } from "../../hosts/xs/native.js";
import { PART_PREFIX } from "./figures.js";

const figures = { slots: 0, chunks: 0 };

export function begin(): void {
	native.collect();
	figures.slots = native.figure(Figure.slots);
	figures.chunks = native.figure(Figure.chunks);
}

/** @param count of what was done: the figures are those of one */
export function end(name: string, count = 1): void {
	const slots = (native.figure(Figure.slots) - figures.slots) / count;
	const chunks = (native.figure(Figure.chunks) - figures.chunks) / count;
	native.trace(`${PART_PREFIX}${JSON.stringify({ name, slots, chunks })}`);
}
